"""Layers that specs can ask for and ``torch.nn`` does not have.

Each stands alone, on torch and ``same_padding`` only: a built ``model.py`` carries the source of
those that it uses.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.ops.window import same_padding

__all__ = [
    "Affine",
    "Crop",
    "PaddedAvgPool2d",
    "PaddedConv2d",
    "PaddedMaxPool2d",
    "PartialBatchNorm1d",
    "PartialBatchNorm2d",
    "Scale",
]


class PaddedConv2d(nn.Conv2d):
    """A convolution whose padding differs between sides, or depends on the size of the map.

    ``border`` is ``"same"`` as TensorFlow defines it, or (top, bottom, left, right).
    """

    def __init__(self, *args, border="same", **kwargs):
        super().__init__(*args, **kwargs)
        self.border = border

    def forward(self, x: Tensor) -> Tensor:
        if self.border == "same":
            height, width = x.shape[-2:]
            top, bottom = same_padding(
                height, self.kernel_size[0], self.stride[0], self.dilation[0]
            )
            left, right = same_padding(width, self.kernel_size[1], self.stride[1], self.dilation[1])
        else:
            top, bottom, left, right = self.border
        return super().forward(F.pad(x, (left, right, top, bottom)))

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, border={self.border}"


class PaddedMaxPool2d(nn.Module):
    """Max pooling whose padding differs between sides, or depends on the size of the map."""

    def __init__(self, kernel_size, stride, border="same", ceil_mode=False):
        super().__init__()
        self.kernel_size, self.stride, self.border = kernel_size, stride, border
        self.ceil_mode = ceil_mode

    def forward(self, x: Tensor) -> Tensor:
        before_after, windows = _borders(self, x.shape[-2:])
        (top, bottom), (left, right) = before_after
        # One pixel at the end, as in most networks, is what ceil mode does without a copy.
        overhang = top == left == 0 and all(
            pad < step for pad, step in zip((bottom, right), self.stride)
        )
        if overhang:
            pooled = F.max_pool2d(x, self.kernel_size, self.stride, ceil_mode=True)
            if pooled.shape[-2:] == windows:
                return pooled
        x = F.pad(x, (left, right, top, bottom), value=float("-inf"))
        return F.max_pool2d(x, self.kernel_size, self.stride)[..., : windows[0], : windows[1]]

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, border={self.border}"


class PaddedAvgPool2d(nn.Module):
    """Average pooling whose padding differs between sides, or depends on the size of the map."""

    def __init__(
        self, kernel_size, stride, border="same", ceil_mode=False, count_include_pad=False
    ):
        super().__init__()
        self.kernel_size, self.stride, self.border = kernel_size, stride, border
        self.ceil_mode, self.count_include_pad = ceil_mode, count_include_pad

    def forward(self, x: Tensor) -> Tensor:
        before_after, windows = _borders(self, x.shape[-2:])
        (top, bottom), (left, right) = before_after
        ones = x.new_ones(1, 1, *x.shape[-2:])
        if self.count_include_pad:
            # What the spec pads counts; what only ceil mode reaches does not.
            after = [self.border[1], self.border[3]] if self.border != "same" else [bottom, right]
            ones = F.pad(ones, (left, after[1], top, after[0]), value=1.0)
            counts = F.pad(ones, (0, max(right - after[1], 0), 0, max(bottom - after[0], 0)))
        else:
            counts = F.pad(ones, (left, right, top, bottom))
        sums = F.pad(x, (left, right, top, bottom))
        total, count = (
            F.avg_pool2d(t, self.kernel_size, self.stride, divisor_override=1)
            for t in (sums, counts)
        )
        return (total / count)[..., : windows[0], : windows[1]]

    def extra_repr(self) -> str:
        return f"{self.kernel_size}, stride={self.stride}, border={self.border}"


def _borders(pool, extents):
    """Padding before and after each axis so that plain pooling has just the right windows."""
    borders, windows = [], []
    for axis in (0, 1):
        extent, kernel, stride = extents[axis], pool.kernel_size[axis], pool.stride[axis]
        if pool.border == "same":
            before, after = same_padding(extent, kernel, stride)
        else:
            before, after = pool.border[2 * axis : 2 * axis + 2]
        room = extent + before + after - kernel
        steps = -(-room // stride) if pool.ceil_mode else room // stride
        if pool.ceil_mode and steps * stride >= extent + before:
            steps -= 1
        borders.append((before, max(steps * stride + kernel - extent - before, after)))
        windows.append(steps + 1)
    return borders, tuple(windows)


class PartialBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation with a learned shift but no scale, or the other way round."""

    def __init__(self, channels, eps=1e-5, momentum=0.1, scale=True, shift=True):
        super().__init__(channels, eps, momentum)
        if not scale:
            self.register_parameter("weight", None)
        if not shift:
            self.register_parameter("bias", None)


class PartialBatchNorm1d(nn.BatchNorm1d):
    """Batch normalisation of vectors with a learned shift but no scale, or the other way round."""

    def __init__(self, channels, eps=1e-5, momentum=0.1, scale=True, shift=True):
        super().__init__(channels, eps, momentum)
        if not scale:
            self.register_parameter("weight", None)
        if not shift:
            self.register_parameter("bias", None)


class Affine(nn.Module):
    """A learned factor and offset for each channel."""

    def __init__(self, channels, scale=True, shift=True):
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

    def __init__(self, factor=1.0, offset=0.0):
        super().__init__()
        self.factor, self.offset = factor, offset

    def forward(self, x: Tensor) -> Tensor:
        return x * self.factor + self.offset

    def extra_repr(self) -> str:
        return f"{self.factor}, offset={self.offset}"


class Crop(nn.Module):
    """Cuts (top, bottom, left, right) pixels off the borders."""

    def __init__(self, border):
        super().__init__()
        self.border = border

    def forward(self, x: Tensor) -> Tensor:
        top, bottom, left, right = self.border
        return x[..., top : x.shape[-2] - bottom, left : x.shape[-1] - right]

    def extra_repr(self) -> str:
        return f"{self.border}"
