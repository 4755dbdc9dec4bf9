"""Convolutions by Winograd's minimal filtering, forward and backward to the input.

The gradient of the input is a convolution, too, with kernels turned round. That of the weights is
torch's.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from inceptgraph_native.training.kernels import (
    Filter,
    call,
    channels_last,
    lanes,
    maps,
    takes,
    vectors,
)
from inceptgraph_native.winograd import TRANSFORM, matrix

__all__ = ["FilteredConv2d"]

TILE = 6
"""Inputs of a tile along an axis."""

WEIGHT = 40.0
"""Multiply-adds done in the time that a weight takes to be transformed and read, which is done anew
in each step."""


class FilteredConv2d(nn.Conv2d):
    """A convolution of stride 1 that takes fewer products, where that pays."""

    @classmethod
    def fits(cls, conv: nn.Conv2d) -> bool:
        """Whether a convolution is one that has tiles; of a map it depends whether they pay."""
        return (
            type(conv) is nn.Conv2d
            and conv.kernel_size in ((3, 3), (5, 5))
            and (conv.stride, conv.dilation, conv.groups) == ((1, 1), (1, 1), 1)
            and not isinstance(conv.padding, str)
            and max(conv.padding) < conv.kernel_size[0]
            and conv.padding_mode == "zeros"
            and _whole(conv.weight)
        )

    def __init__(self, conv: nn.Conv2d) -> None:
        """Args:
        conv: whose weights it takes over.
        """
        super().__init__(
            conv.in_channels,
            conv.out_channels,
            conv.kernel_size,  # type: ignore[arg-type]
            padding=conv.padding,  # type: ignore[arg-type]
            bias=conv.bias is not None,
            device="meta",
        )
        self._parameters = conv._parameters

    def forward(self, x: Tensor) -> Tensor:
        if self.training and self._takes(x):
            border: Any = self.padding
            found: Tensor = _Convolution.apply(x, self.weight, self.bias, border)  # type: ignore[no-untyped-call]
            return found
        return super().forward(x)

    def _takes(self, x: Tensor) -> bool:
        if x.dtype is torch.bfloat16 or torch.is_autocast_enabled("cpu"):
            return False  # which halves the time of products, but not of these
        return (
            takes(x, self.weight, self.bias)
            and vectors(len(self.weight), self.bias)
            and x.shape[1] == self.weight.shape[1]
            and _whole(self.weight)  # a copy may run on a processor with longer vectors
            and _pays(x, self.weight, self.padding)
        )


def _whole(weight: Tensor) -> bool:
    """Whether inputs and outputs are whole vectors."""
    return all(channels % lanes() == 0 for channels in weight.shape[:2])


def _pays(x: Tensor, weight: Tensor, padding: Any) -> bool:
    """Whether it takes less time, by a model of products, transforms and weights."""
    outputs, inputs, taps, _ = weight.shape
    height, width = (n + 2 * p + 1 - taps for n, p in zip(x.shape[2:], padding, strict=True))
    made = TILE + 1 - taps
    tiles = len(x) * -(-height // made) * -(-width // made)
    transforms = TRANSFORM * tiles * (inputs + outputs)
    filtered = TILE**2 * (tiles * inputs * outputs + transforms + WEIGHT * inputs * outputs)
    direct = len(x) * height * width * weight.numel()
    return bool(min(height, width) > 0 and filtered < direct)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]
    ) -> Tensor:
        x = channels_last(x)
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return _filtered(x, weight.permute(2, 3, 1, 0), bias, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        g = channels_last(gradients[0])
        dx = None
        if ctx.needs_input_grad[0]:
            turned = weight.flip(2, 3).permute(2, 3, 0, 1)
            border = [taps - 1 - p for taps, p in zip(weight.shape[2:], ctx.padding, strict=True)]
            dx = _filtered(g, turned, None, border)
        wanted = [False, *ctx.needs_input_grad[1:3]]
        _, dweight, dbias = torch.ops.aten.convolution_backward(
            *(g, x, weight, weight.shape[:1] if wanted[2] else None),
            *([1, 1], ctx.padding, [1, 1], False, [0, 0], 1, wanted),
        )
        return dx, dweight, dbias, None


def _filtered(x: Tensor, kernels: Tensor, bias: Tensor | None, padding: Any) -> Tensor:
    """The convolution of maps.

    Args:
        x: the maps, channels last.
        kernels: of shape (rows, columns, inputs, outputs).
        bias: for each output channel.
        padding: above and left, and as much below and right.
    """
    taps, _, inputs, outputs = kernels.shape
    height, width = (n + 2 * p + 1 - taps for n, p in zip(x.shape[2:], padding, strict=True))
    with torch.autocast("cpu", enabled=False):  # the backward pass may run under the caller's
        transformed = _both_axes(taps, x.dtype) @ kernels.reshape(taps * taps, -1)
    y = maps(x, (len(x), outputs, height, width))
    shape = Filter(len(x), inputs, outputs, *x.shape[2:], height, width, taps, *padding)
    call("filter", x.dtype, x, transformed, bias, y, shape)
    return y


@cache
def _both_axes(taps: int, dtype: torch.dtype) -> Tensor:
    """From the taps of a kernel to the products of a tile."""
    one = torch.from_numpy(matrix(taps))
    return torch.kron(one, one).to(dtype)
