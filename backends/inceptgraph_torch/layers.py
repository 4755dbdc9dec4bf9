"""Layers that specs can ask for and ``torch.nn`` does not have.

Each stands alone, on torch, ``same_padding`` and the functions of this file: a built ``model.py``
carries the source of those that it uses. So annotations name nothing but builtins and torch.

``border`` is ``"same"`` as TensorFlow defines it, or (top, bottom, left, right).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.ops import same_padding

__all__ = [
    "Affine",
    "Channels",
    "Crop",
    "LocalResponseNorm",
    "PaddedAvgPool2d",
    "PaddedConv2d",
    "PaddedMaxPool2d",
    "PartialBatchNorm1d",
    "PartialBatchNorm2d",
    "Scale",
]


def border_pixels(
    x: Tensor,
    border: str | tuple[int, int, int, int],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...] = (1, 1),
) -> tuple[int, int, int, int]:
    """A border as (left, right, top, bottom) pixels for this map, in the order of ``F.pad``."""
    if isinstance(border, str):
        top, bottom = same_padding(x.shape[-2], kernel[0], stride[0], dilation[0])
        left, right = same_padding(x.shape[-1], kernel[1], stride[1], dilation[1])
    else:
        top, bottom, left, right = border
    return left, right, top, bottom


class PaddedConv2d(nn.Conv2d):
    """A convolution whose padding differs between sides, or depends on the size of the map."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int | tuple[int, int] = 1,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        border: str | tuple[int, int, int, int] = "same",
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, 0, dilation, groups, bias)
        self.border = border

    def forward(self, x: Tensor) -> Tensor:
        pixels = border_pixels(x, self.border, self.kernel_size, self.stride, self.dilation)
        return super().forward(F.pad(x, pixels))

    def extra_repr(self) -> str:
        sizes = f"kernel_size={self.kernel_size}, stride={self.stride}, dilation={self.dilation}"
        rest = f"groups={self.groups}, bias={self.bias is not None}, border={self.border}"
        return f"{self.in_channels}, {self.out_channels}, {sizes}, {rest}"


class _PaddedPool2d(nn.Module):
    """The common part of padded pools."""

    def __init__(
        self,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        border: str | tuple[int, int, int, int] = "same",
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size, self.stride = kernel_size, stride
        self.border, self.ceil_mode = border, ceil_mode

    def cropped(self, y: Tensor, x: Tensor, pixels: tuple[int, int, int, int]) -> Tensor:
        """The pooled ``y`` without the windows that ceil mode adds past the map ``x``."""
        if not self.ceil_mode:
            return y
        # A window must start on the map or on the padding before it, as torch has it.
        rows = -(-(x.shape[-2] + pixels[2]) // self.stride[0])
        columns = -(-(x.shape[-1] + pixels[0]) // self.stride[1])
        return y[..., :rows, :columns]

    def extra_repr(self) -> str:
        ceil = ", ceil_mode=True" if self.ceil_mode else ""
        return f"{self.kernel_size}, stride={self.stride}, border={self.border}{ceil}"


class PaddedMaxPool2d(_PaddedPool2d):
    """Max pooling whose padding differs between sides, or depends on the size of the map."""

    def forward(self, x: Tensor) -> Tensor:
        pixels = border_pixels(x, self.border, self.kernel_size, self.stride)
        if self.border == "same" and pixels[0] == pixels[2] == 0 and min(self.stride) > 1:
            # At most one pixel, at the end: ceil mode reaches it without a copy of the map.
            return F.max_pool2d(x, self.kernel_size, self.stride, ceil_mode=True)
        y = F.pad(x, pixels, value=float("-inf"))
        y = F.max_pool2d(y, self.kernel_size, self.stride, ceil_mode=self.ceil_mode)
        return self.cropped(y, x, pixels)


class PaddedAvgPool2d(_PaddedPool2d):
    """Average pooling whose padding differs between sides, or depends on the size of the map."""

    def __init__(
        self,
        kernel_size: tuple[int, int],
        stride: tuple[int, int],
        border: str | tuple[int, int, int, int] = "same",
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
        ones = x.new_ones(1, 1, x.shape[-2], x.shape[-1])
        return self.average(x, pixels) / self.average(ones, pixels)

    def average(self, x: Tensor, pixels: tuple[int, int, int, int]) -> Tensor:
        y = F.pad(x, pixels)
        y = F.avg_pool2d(y, self.kernel_size, self.stride, ceil_mode=self.ceil_mode)
        return self.cropped(y, x, pixels)

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, count_include_pad={self.count_include_pad}"


class LocalResponseNorm(nn.LocalResponseNorm):
    """torch's, but in float32 where the map is in half precision: a square overflows float16 from
    256 on, and torch has no such kernel for the CPU.

    Of maps with their channels last, which torch would copy, a 1×1 convolution adds the squares:
    its matrix is a band. A compiler makes one loop of torch's own steps, in less time than such a
    convolution takes.
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.dtype in (torch.float16, torch.bfloat16):
            return self.forward(x.float()).to(x.dtype)
        compiled = torch.compiler.is_compiling() and not self.training
        last = not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
        if compiled or not last:
            return super().forward(x)
        factors = x.new_full((x.shape[1], x.shape[1]), self.alpha / self.size)
        band = factors.triu(-(self.size // 2)).tril((self.size - 1) // 2)
        with torch.autocast(x.device.type, enabled=False):
            scales = F.conv2d(x * x, band[:, :, None, None], x.new_full(x.shape[1:2], self.k))
            return x * scales**-self.beta


class _PartialBatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation with a learned shift but no scale, or the other way round."""

    def __init__(
        self,
        channels: int,
        eps: float = 1e-5,
        momentum: float = 0.1,
        scale: bool = True,
        shift: bool = True,
    ) -> None:
        super().__init__(channels, eps, momentum)
        if not scale:
            self.register_parameter("weight", None)
        if not shift:
            self.register_parameter("bias", None)


class PartialBatchNorm2d(_PartialBatchNorm, nn.BatchNorm2d):
    """Of feature maps."""


class PartialBatchNorm1d(_PartialBatchNorm, nn.BatchNorm1d):
    """Of vectors."""


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
    """Cuts (top, bottom, left, right) pixels off the borders."""

    def __init__(self, border: tuple[int, int, int, int]) -> None:
        super().__init__()
        self.border = border

    def forward(self, x: Tensor) -> Tensor:
        top, bottom, left, right = self.border
        return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]

    def extra_repr(self) -> str:
        return f"{self.border}"
