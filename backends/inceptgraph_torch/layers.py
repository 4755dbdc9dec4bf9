"""Layers that specs can ask for and ``torch.nn`` does not have.

Each stands alone, on torch, ``same_padding`` and the functions of this file: a built ``model.py``
carries the source of those that it uses. So annotations name nothing but builtins and torch.

``border`` is ``"same"`` as TensorFlow defines it, or pixels before and after each axis, in order:
of an image (top, bottom, left, right).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.ops import same_padding

__all__ = [
    "Affine",
    "Channels",
    "Crop",
    "LocalResponseNorm",
    "PaddedAvgPool1d",
    "PaddedAvgPool2d",
    "PaddedAvgPool3d",
    "PaddedConv1d",
    "PaddedConv2d",
    "PaddedConv3d",
    "PaddedMaxPool1d",
    "PaddedMaxPool2d",
    "PaddedMaxPool3d",
    "Scale",
    "ScaleChannels",
    "partial_batch_norm_1d",
    "partial_batch_norm_2d",
    "partial_batch_norm_3d",
]


def border_pixels(
    x: Tensor,
    border: str | tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...] | None = None,
) -> tuple[int, ...]:
    """A border in pixels for this map, before and after each axis, the last axis first: the order
    of ``F.pad``."""
    pixels: tuple[int, ...] = ()
    for axis in range(-1, -len(kernel) - 1, -1):
        if isinstance(border, str):
            spread = dilation[axis] if dilation else 1
            pixels += same_padding(x.shape[axis], kernel[axis], stride[axis], spread)
        else:
            pixels += (border[2 * axis], border[2 * axis + 1])
    return pixels


class _PaddedConv(nn.Module):
    """The common part of padded convolutions, beside torch's own."""

    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, ...],
        stride: int | tuple[int, ...] = 1,
        dilation: int | tuple[int, ...] = 1,
        groups: int = 1,
        bias: bool = True,
        border: str | tuple[int, ...] = "same",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, 0, dilation, groups, bias)
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.border = border

    def forward(self, x: Tensor) -> Tensor:
        pixels = border_pixels(x, self.border, self.kernel_size, self.stride, self.dilation)
        y: Tensor = super().forward(F.pad(x, pixels))
        return y

    def extra_repr(self) -> str:
        sizes = f"kernel_size={self.kernel_size}, stride={self.stride}, dilation={self.dilation}"
        rest = f"groups={self.groups}, bias={self.bias is not None}, border={self.border}"
        return f"{self.in_channels}, {self.out_channels}, {sizes}, {rest}"


class PaddedConv1d(_PaddedConv, nn.Conv1d):
    """A convolution of sequences whose padding differs between sides, or depends on the length."""


class PaddedConv2d(_PaddedConv, nn.Conv2d):
    """A convolution whose padding differs between sides, or depends on the size of the map."""


class PaddedConv3d(_PaddedConv, nn.Conv3d):
    """A convolution of volumes whose padding differs between sides, or depends on their size."""


class _PaddedPool(nn.Module):
    """The common part of padded pools; ``pool`` is torch's function."""

    pool: Callable[..., Tensor]

    def __init__(
        self,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        border: str | tuple[int, ...] = "same",
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride
        self.border, self.ceil_mode = border, ceil_mode

    def cropped(self, y: Tensor, x: Tensor, pixels: tuple[int, ...]) -> Tensor:
        """The pooled ``y`` without the windows that ceil mode adds past the map ``x``."""
        if not self.ceil_mode:
            return y
        # A window must start on the map or on the padding before it, as torch has it.
        ends = [
            -(-(x.shape[axis] + pixels[-2 * axis - 2]) // self.stride[axis])
            for axis in range(-len(self.stride), 0)
        ]
        return y[(slice(None), slice(None), *map(slice, ends))]

    def extra_repr(self) -> str:
        ceil = ", ceil_mode=True" if self.ceil_mode else ""
        return f"{self.kernel_size}, stride={self.stride}, border={self.border}{ceil}"


class _PaddedMaxPool(_PaddedPool):
    """The common part of padded max pools."""

    def forward(self, x: Tensor) -> Tensor:
        pixels = border_pixels(x, self.border, self.kernel_size, self.stride)
        if self.border == "same" and all(
            s > 1 or k % 2 for k, s in zip(self.kernel_size, self.stride, strict=True)
        ):
            # At most one pixel more at the end: ceil mode reaches it without a copy of the map.
            before = pixels[-2::-2]
            return self.pool(x, self.kernel_size, self.stride, before, ceil_mode=True)
        y = F.pad(x, pixels, value=float("-inf"))
        y = self.pool(y, self.kernel_size, self.stride, ceil_mode=self.ceil_mode)
        return self.cropped(y, x, pixels)


class PaddedMaxPool1d(_PaddedMaxPool):
    """Max pooling of sequences whose padding differs between ends, or depends on the length."""

    pool = staticmethod(F.max_pool1d)


class PaddedMaxPool2d(_PaddedMaxPool):
    """Max pooling whose padding differs between sides, or depends on the size of the map."""

    pool = staticmethod(F.max_pool2d)


class PaddedMaxPool3d(_PaddedMaxPool):
    """Max pooling of volumes whose padding differs between sides, or depends on their size."""

    pool = staticmethod(F.max_pool3d)


class _PaddedAvgPool(_PaddedPool):
    """The common part of padded average pools."""

    def __init__(
        self,
        kernel_size: tuple[int, ...],
        stride: tuple[int, ...],
        border: str | tuple[int, ...] = "same",
        ceil_mode: bool = False,
        count_include_pad: bool = False,
    ) -> None:
        super().__init__(kernel_size, stride, border, ceil_mode)
        self.count_include_pad = count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        pixels = border_pixels(x, self.border, self.kernel_size, self.stride)
        if self.count_include_pad:
            return self.average(x, pixels)
        # The average of ones is the share of a window that lies on the map.
        return self.average(x, pixels) / self.average(torch.ones_like(x[:1, :1]), pixels)

    def average(self, x: Tensor, pixels: tuple[int, ...]) -> Tensor:
        y = F.pad(x, pixels)
        y = self.pool(y, self.kernel_size, self.stride, ceil_mode=self.ceil_mode)
        return self.cropped(y, x, pixels)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, count_include_pad={self.count_include_pad}"


class PaddedAvgPool1d(_PaddedAvgPool):
    """Average pooling of sequences whose padding differs between ends, or depends on the length."""

    pool = staticmethod(F.avg_pool1d)


class PaddedAvgPool2d(_PaddedAvgPool):
    """Average pooling whose padding differs between sides, or depends on the size of the map."""

    pool = staticmethod(F.avg_pool2d)


class PaddedAvgPool3d(_PaddedAvgPool):
    """Average pooling of volumes whose padding differs between sides, or depends on their size."""

    pool = staticmethod(F.avg_pool3d)


class LocalResponseNorm(nn.LocalResponseNorm):
    """torch's, but in float32 where the map is in half precision: a square overflows float16 from
    256 on, and torch has no such kernel for the CPU.

    Of maps with their channels last, which torch would copy, a 1×1 convolution adds the squares:
    its matrix is a band. A compiler makes one loop of torch's own steps, in less time than such a
    convolution takes.
    """

    def forward(self, x: Tensor) -> Tensor:
        return response_norm(x, self.size, self.alpha, self.beta, self.k, self.training)


@torch.fx.wrap  # one step for tracers, to whom nothing is known of the map
def response_norm(
    x: Tensor, size: int, alpha: float, beta: float, k: float, training: bool
) -> Tensor:
    """What :class:`LocalResponseNorm` computes."""
    if x.dtype in (torch.float16, torch.bfloat16):
        return response_norm(x.float(), size, alpha, beta, k, training).to(x.dtype)
    compiled = torch.compiler.is_compiling() and not training
    if x.dim() == 5:
        x = x.contiguous()  # torch fails where a volume is in another order
    if compiled or not channels_are_last(x):
        return F.local_response_norm(x, size, alpha, beta, k)
    factors = x.new_full((x.shape[1], x.shape[1]), alpha / size)
    band = factors.triu(-(size // 2)).tril((size - 1) // 2)
    with torch.autocast(x.device.type, enabled=False):
        scales = F.conv2d(x * x, band[:, :, None, None], x.new_full(x.shape[1:2], k))
        return x * scales**-beta


def channels_are_last(x: Tensor) -> bool:
    """Whether the maps are in that order and in no other: vmap has strides, but no answer."""
    if x.dim() != 4 or x.is_contiguous():
        return False
    dense = 1
    for axis in (1, 3, 2):
        if x.shape[axis] != 1 and x.stride(axis) != dense:
            return False
        dense *= x.shape[axis]
    return True


def partial(norm: nn.Module, scale: bool, shift: bool) -> nn.Module:
    """A normalisation without its scale, or without its shift, unless they are asked for. It is
    torch's own layer, which tools know."""
    if not scale:
        norm.register_parameter("weight", None)
    if not shift:
        norm.register_parameter("bias", None)
    return norm


def partial_batch_norm_2d(
    channels: int,
    eps: float = 1e-5,
    momentum: float = 0.1,
    scale: bool = True,
    shift: bool = True,
) -> nn.Module:
    """Batch normalisation of maps with a learned shift but no scale, or the other way round."""
    return partial(nn.BatchNorm2d(channels, eps, momentum), scale, shift)


def partial_batch_norm_1d(
    channels: int,
    eps: float = 1e-5,
    momentum: float = 0.1,
    scale: bool = True,
    shift: bool = True,
) -> nn.Module:
    """Likewise, of vectors or sequences."""
    return partial(nn.BatchNorm1d(channels, eps, momentum), scale, shift)


def partial_batch_norm_3d(
    channels: int,
    eps: float = 1e-5,
    momentum: float = 0.1,
    scale: bool = True,
    shift: bool = True,
) -> nn.Module:
    """Likewise, of volumes."""
    return partial(nn.BatchNorm3d(channels, eps, momentum), scale, shift)


class Affine(nn.Module):
    """A learned factor and offset for each channel."""

    def __init__(self, channels: int, scale: bool = True, shift: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels)) if scale else None
        self.bias = nn.Parameter(torch.zeros(channels)) if shift else None

    def forward(self, x: Tensor) -> Tensor:
        view = (1, -1) + (1,) * (x.dim() - 2)
        if self.weight is not None:
            x = x * self.weight.view(view)
        return x if self.bias is None else x + self.bias.view(view)


class Scale(nn.Module):
    """Multiplies by a constant and adds another."""

    def __init__(self, factor: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.factor, self.offset = factor, offset

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor + self.offset

    def extra_repr(self) -> str:
        return f"{self.factor}, offset={self.offset}"


class ScaleChannels(nn.Module):
    """Multiplies each channel by a constant and adds another."""

    factor: Tensor
    offset: Tensor

    def __init__(self, factor: tuple[float, ...], offset: tuple[float, ...]) -> None:
        super().__init__()
        for name, values in (("factor", factor), ("offset", offset)):
            numbers = torch.tensor(values, dtype=torch.float64, device="cpu")
            self.register_buffer(name, numbers, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        view = (1, -1) + (1,) * (x.dim() - 2)
        return x * self.factor.to(x).view(view) + self.offset.to(x).view(view)


class Channels(nn.Module):
    """The channels ``start`` to ``stop``, without the last."""

    def __init__(self, start: int, stop: int) -> None:
        super().__init__()
        self.start, self.stop = start, stop

    def forward(self, x: Tensor) -> Tensor:
        return x[:, self.start : self.stop]

    def extra_repr(self) -> str:
        return f"{self.start}, {self.stop}"


class Crop(nn.Module):
    """Cuts pixels off the borders, before and after each axis."""

    def __init__(self, border: tuple[int, ...]) -> None:
        super().__init__()
        self.border = border

    def forward(self, x: Tensor) -> Tensor:
        kept = [
            slice(self.border[2 * axis], x.shape[axis] - self.border[2 * axis + 1])
            for axis in range(-(len(self.border) // 2), 0)
        ]
        return x[(slice(None), slice(None), *kept)]

    def extra_repr(self) -> str:
        return f"{self.border}"
