"""Normalisation within a sample, and stochastic depth: the layers that ``torch.nn`` does not have,
and the rules that give them.

A built ``model.py`` carries the source of those that it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.ops import Operation, sample_norm, shape
from inceptgraph.types import Shape
from inceptgraph_torch.described import Layer
from inceptgraph_torch.layers import partial

__all__ = [
    "RULES",
    "ChannelLayerNorm",
    "ChannelRMSNorm",
    "SampleLayerNorm",
    "SampleRMSNorm",
    "StochasticDepth",
]


class ChannelLayerNorm(nn.LayerNorm):
    """Layer normalisation of the channels of each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class ChannelRMSNorm(nn.RMSNorm):
    """Division of the channels of each pixel by the root of their mean square."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.movedim(1, -1)).movedim(-1, 1)


class SampleLayerNorm(nn.Module):
    """Layer normalisation of a whole sample, which learns nothing and so takes any size."""

    def __init__(self, eps: float = 1e-5) -> None:
        super().__init__()
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.layer_norm(x, x.shape[1:], eps=self.eps)

    def extra_repr(self) -> str:
        return f"eps={self.eps}"


class SampleRMSNorm(SampleLayerNorm):
    """Division of a whole sample by the root of its mean square, likewise."""

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, x.shape[1:], eps=self.eps)


def partial_group_norm(
    groups: int, channels: int, eps: float = 1e-5, scale: bool = True, shift: bool = True
) -> nn.Module:
    """Group normalisation with a learned shift but no scale, or the other way round."""
    return partial(nn.GroupNorm(groups, channels, eps), scale, shift)


def partial_instance_norm(
    rank: int, channels: int, eps: float = 1e-5, scale: bool = True, shift: bool = True
) -> nn.Module:
    """Likewise, instance normalisation of maps with so many axes."""
    kinds = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
    return partial(kinds[rank - 1](channels, eps, affine=True), scale, shift)


def shifted_layer_norm(shape: int | tuple[int, ...], eps: float = 1e-5) -> nn.Module:
    """Layer normalisation with a learned shift but no scale."""
    return partial(nn.LayerNorm(shape, eps), False, True)


def shifted_channel_layer_norm(channels: int, eps: float = 1e-5) -> nn.Module:
    """Likewise, of the channels of each pixel."""
    return partial(ChannelLayerNorm(channels, eps), False, True)


class StochasticDepth(nn.Module):
    """In training, sets samples to zero at random and scales up the rest: of a residual branch,
    which is then left out (Huang et al. 2016)."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        kept = x.new_empty((x.shape[0],) + (1,) * (x.dim() - 1)).bernoulli_(1 - self.p)
        return x * kept.div_(1 - self.p)

    def extra_repr(self) -> str:
        return f"p={self.p}"


_INSTANCE_NORMS = (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)


def _group(op: sample_norm.GroupNorm, *inputs: Shape) -> Layer:
    args, settings = (op.groups, inputs[0][0]), _eps(op, 1e-5)
    if op.scale != op.shift:
        return Layer(partial_group_norm, args, {**settings, "scale": op.scale, "shift": op.shift})
    return Layer(nn.GroupNorm, args, settings | ({} if op.scale else {"affine": False}))


def _instance(op: sample_norm.InstanceNorm, *inputs: Shape) -> Layer:
    (channels, *extents), settings = inputs[0], _eps(op, 1e-5)
    if op.scale != op.shift:
        kept = {**settings, "scale": op.scale, "shift": op.shift}
        return Layer(partial_instance_norm, (len(extents), channels), kept)
    kind = _INSTANCE_NORMS[len(extents) - 1]
    return Layer(kind, (channels,), settings | ({"affine": True} if op.scale else {}))


def _layer(op: sample_norm.LayerNorm, *inputs: Shape) -> Layer:
    extents, settings = op.weight_shape(inputs[0]), _eps(op, 1e-5)
    args = (extents[0] if len(extents) == 1 else extents,)
    per_pixel = len(extents) < len(inputs[0])
    if not (op.scale or op.shift or per_pixel):
        return Layer(SampleLayerNorm, (), settings)
    if op.shift and not op.scale:
        shifted = shifted_channel_layer_norm if per_pixel else shifted_layer_norm
        return Layer(shifted, args, settings)
    settings |= {} if op.scale else {"elementwise_affine": False}
    settings |= {"bias": False} if op.scale and not op.shift else {}
    return Layer(ChannelLayerNorm if per_pixel else nn.LayerNorm, args, settings)


def _rms(op: sample_norm.RmsNorm, *inputs: Shape) -> Layer:
    extents = op.weight_shape(inputs[0])
    per_pixel = len(extents) < len(inputs[0])
    if not (op.scale or per_pixel):
        return Layer(SampleRMSNorm, (), {"eps": op.eps})
    settings = {"eps": op.eps} | ({} if op.scale else {"elementwise_affine": False})
    kind = ChannelRMSNorm if per_pixel else nn.RMSNorm
    return Layer(kind, (extents[0] if len(extents) == 1 else extents,), settings)


def _eps(op: Any, usual: float) -> dict[str, Any]:
    return {} if op.eps == usual else {"eps": op.eps}


RULES: dict[type[Operation], Callable[..., Layer]] = {
    sample_norm.GroupNorm: _group,
    sample_norm.InstanceNorm: _instance,
    sample_norm.LayerNorm: _layer,
    sample_norm.RmsNorm: _rms,
    shape.StochasticDepth: lambda op, *inputs: Layer(StochasticDepth, (op.rate,)),
}
