"""Layers of sliding windows, for maps of any rank: what a person would write for them."""

from __future__ import annotations

from typing import Any, TypeVar

from torch import nn

from inceptgraph.ops import Sides, pairs
from inceptgraph.ops.conv import Convolution
from inceptgraph.ops.pool import AvgPool, MaxPool
from inceptgraph.ops.shape import Pad
from inceptgraph_torch import layers
from inceptgraph_torch.described import Layer

__all__ = ["brief", "convolution", "pad", "pool"]

T = TypeVar("T")

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
_PADDED_CONVOLUTIONS = (layers.PaddedConv1d, layers.PaddedConv2d, layers.PaddedConv3d)
_POOLS: dict[type[MaxPool | AvgPool], tuple[type[nn.Module], ...]] = {
    MaxPool: (nn.MaxPool1d, nn.MaxPool2d, nn.MaxPool3d),
    AvgPool: (nn.AvgPool1d, nn.AvgPool2d, nn.AvgPool3d),
}
_PADDED_POOLS: dict[type[MaxPool | AvgPool], tuple[type[nn.Module], ...]] = {
    MaxPool: (layers.PaddedMaxPool1d, layers.PaddedMaxPool2d, layers.PaddedMaxPool3d),
    AvgPool: (layers.PaddedAvgPool1d, layers.PaddedAvgPool2d, layers.PaddedAvgPool3d),
}
_PADS: dict[str, tuple[type[nn.Module], ...]] = {
    "constant": (nn.ConstantPad1d, nn.ConstantPad2d, nn.ConstantPad3d),
    "reflect": (nn.ReflectionPad1d, nn.ReflectionPad2d, nn.ReflectionPad3d),
    "replicate": (nn.ReplicationPad1d, nn.ReplicationPad2d, nn.ReplicationPad3d),
    "circular": (nn.CircularPad1d, nn.CircularPad2d, nn.CircularPad3d),
}


def brief(size: tuple[T, ...]) -> T | tuple[T, ...]:
    """3 for (3, 3): what a person writes."""
    return size[0] if len(set(size)) == 1 else size


def _static_padding(
    padding: str | Sides,
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...],
) -> tuple[int, ...] | None:
    """Padding that is equal on opposite sides and for every size of map, if it is."""
    if padding == "valid":
        return (0,) * len(kernel)
    if padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if any(r and (s > 1 or r % 2) for r, s in zip(reach, stride, strict=True)):
            return None
        return tuple(each // 2 for each in reach)
    assert not isinstance(padding, str)
    alike = all(before == after for before, after in pairs(padding))
    return padding[::2] if alike else None


def convolution(op: Convolution, inputs: int) -> Layer:
    """The layer of a convolution of so many channels."""
    (out, groups), rank = op.channels(inputs), len(op.kernel)
    kwargs: dict[str, Any] = {}
    if max(op.stride) > 1:
        kwargs["stride"] = brief(op.stride)
    padding = _static_padding(op.padding, op.kernel, op.stride, op.dilation)
    if padding is not None and any(padding):
        kwargs["padding"] = brief(padding)
    if max(op.dilation) > 1:
        kwargs["dilation"] = brief(op.dilation)
    if groups != 1:
        kwargs["groups"] = groups
    if not op.bias:
        kwargs["bias"] = False
    if padding is None:
        padded = _PADDED_CONVOLUTIONS[rank - 1]
        return Layer(padded, (inputs, out, brief(op.kernel)), {**kwargs, "border": op.padding})
    return Layer(_CONVOLUTIONS[rank - 1], (inputs, out, brief(op.kernel)), kwargs)


def pool(op: MaxPool | AvgPool, extents: tuple[int, ...], **extra: Any) -> Layer:
    """The layer of a pool, with what else it takes where there is padding."""
    rank = len(op.kernel)
    padding = _static_padding(op.padding, op.kernel, op.stride, (1,) * rank)
    # `same` leaves nothing to round
    ceil = {"ceil_mode": True} if op.ceil and op.padding != "same" else {}
    # torch refuses a padding of more than half the kernel, and to average volumes that are smaller
    # than the kernel before they are padded (findings/torch-avg-pool3d-padding.sh)
    thick = any(2 * p > k for p, k in zip(padding or (), op.kernel, strict=False))
    small = type(op) is AvgPool and rank == 3 and any(padding or ())
    small = small and any(n < k for n, k in zip(extents, op.kernel, strict=True))
    if padding is None or thick or small:
        border = {"border": op.padding}
        return Layer(
            _PADDED_POOLS[type(op)][rank - 1], (op.kernel, op.stride), {**border, **ceil, **extra}
        )
    plain, sizes = _POOLS[type(op)][rank - 1], (brief(op.kernel), brief(op.stride))
    if not any(padding):
        return Layer(plain, sizes, ceil)
    return Layer(plain, sizes, {"padding": brief(padding), **ceil, **extra})


def pad(op: Pad) -> Layer:
    """The layer that adds a border; torch names the last axis first."""
    last_first = tuple(pixels for sides in reversed(pairs(op.border)) for pixels in sides)
    kind = _PADS[op.mode][len(op.border) // 2 - 1]
    return Layer(kind, (last_first, op.value) if op.mode == "constant" else (last_first,))
