"""Convolutions by Winograd's minimal filtering, forward and backward.

The gradient of the input is a convolution, too, with kernels turned round. That of the weights is
the transpose of the forward pass: y = Aᵀ(Gw ∘ Bᵀx) gives dw = Gᵀ(A·dy ∘ Bᵀx), along both axes.
Products are float32's where maps are bfloat16.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from inceptgraph_native.codegen.winograd import matrix
from inceptgraph_native.training.kernels import (
    Filter,
    Kernels,
    call,
    channels_last,
    lanes,
    maps,
    takes,
    vectors,
)

__all__ = ["FilteredConv2d"]

TILE = 6
"""Inputs of a tile along an axis."""

TRANSFORM = 20.0
"""Multiply-adds done in the time that a number of a tile takes to be transformed, which goes
through the second cache."""

WEIGHT = 90.0
"""Multiply-adds done in the time that a weight takes to be transformed, which is done anew in each
step, and read by every thread."""


class FilteredConv2d(nn.Conv2d):
    """A convolution of stride 1 that takes fewer products, where that pays."""

    @classmethod
    def fits(cls, conv: nn.Conv2d) -> bool:
        """Whether a convolution is one that has tiles; of a map it depends whether they pay."""
        return type(conv) is nn.Conv2d and _has_tiles(conv)

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
        if self.training and self._takes(maps_in := _under_autocast(x)):
            border: Any = self.padding
            found: Tensor = _Convolution.apply(maps_in, self.weight, self.bias, border)  # type: ignore[no-untyped-call]
            return found
        return super().forward(x)

    def _takes(self, x: Tensor) -> bool:
        return (
            takes(x, self.weight, self.bias)
            and vectors(len(self.weight), self.bias)
            and x.shape[1] == self.weight.shape[1]
            and _has_tiles(self)
            and _pays(x, self.weight, self.padding)
        )


def _under_autocast(x: Tensor) -> Tensor:
    """What torch's convolution would compute with: autocast leaves float64 alone."""
    if torch.is_autocast_enabled("cpu") and x.dtype is torch.float32:
        return x.to(torch.get_autocast_dtype("cpu"))
    return x


def _has_tiles(conv: nn.Conv2d) -> bool:
    """Whether a convolution is one that has tiles, as it is now: callers change its attributes, as
    those who dilate a network, and a copy may run on a processor with longer vectors."""
    return (
        conv.weight.shape[2:] in ((3, 3), (5, 5))
        and (conv.stride, conv.dilation, conv.groups) == ((1, 1), (1, 1), 1)
        and isinstance(conv.padding, tuple)
        and max(conv.padding) < conv.weight.shape[2]
        and conv.padding_mode == "zeros"
        and _whole(conv.weight)
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
    if x.dtype is torch.bfloat16:
        direct /= 2  # its products take half the time, but for those of tiles
    return bool(min(height, width) > 0 and filtered < direct)


class _Convolution(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, padding: tuple[int, int]
    ) -> Tensor:
        x = channels_last(x)
        ctx.save_for_backward(x, weight)
        ctx.padding = padding
        return _filtered(x, weight.transpose(0, 1), bias, padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        g = channels_last(gradients[0])
        dx = None
        if ctx.needs_input_grad[0]:
            border = [taps - 1 - p for taps, p in zip(weight.shape[2:], ctx.padding, strict=True)]
            dx = _filtered(g, weight, None, border, turned=True)
        dweight = _correlated(x, g, weight, ctx.padding) if ctx.needs_input_grad[1] else None
        dbias = g.sum((0, 2, 3), dtype=weight.dtype) if ctx.needs_input_grad[2] else None
        return dx, dweight, dbias, None


def _filtered(
    x: Tensor, kernels: Tensor, bias: Tensor | None, padding: Any, *, turned: bool = False
) -> Tensor:
    """The convolution of maps.

    Args:
        x: the maps, channels last.
        kernels: of shape (inputs, outputs, taps, taps).
        bias: for each output channel.
        padding: above and left, and as much below and right.
        turned: whether kernels are turned round.
    """
    inputs, outputs, taps, _ = kernels.shape
    height, width = (n + 2 * p + 1 - taps for n, p in zip(x.shape[2:], padding, strict=True))
    products = kernels.new_empty(TILE * TILE, inputs, outputs)
    _transform("kernels", kernels, products, turned)
    y = maps(x, (len(x), outputs, height, width))
    shape = Filter(len(x), inputs, outputs, *x.shape[2:], height, width, taps, *padding)
    call("filter", x.dtype, x, products, bias, y, shape)
    return y


def _correlated(x: Tensor, g: Tensor, weight: Tensor, padding: Any) -> Tensor:
    """The gradient of weights, which lies as they do.

    Args:
        x: the input, channels last.
        g: the gradient of the output, channels last.
        weight: of shape (outputs, inputs, taps, taps).
        padding: above and left.
    """
    outputs, inputs, taps, _ = weight.shape
    sums = weight.new_zeros(TILE * TILE, outputs, inputs)
    shape = Filter(len(x), inputs, outputs, *x.shape[2:], *g.shape[2:], taps, *padding)
    call("filter_gradient", x.dtype, x, g, sums, shape)
    gradient = torch.empty_like(weight)
    _transform("kernels_gradient", gradient, sums)
    return gradient


def _transform(direction: str, kernels: Tensor, products: Tensor, turned: bool = False) -> None:
    """Between kernels of shape (rows, columns, taps, taps) and what tiles are multiplied by, of
    shape (products, rows, columns)."""
    rows, columns, taps, _ = kernels.shape
    row, column, *steps = kernels.stride()
    start = (taps - 1) * sum(steps) if turned else 0
    if turned:
        steps = [-step for step in steps]
    lies = Kernels(rows, columns, taps, start, row, column, *steps)
    call(direction, kernels.dtype, kernels, products, _points(taps, kernels.dtype), lies)


@cache
def _points(taps: int, dtype: torch.dtype) -> Tensor:
    """From the taps along an axis to the products of a tile."""
    return torch.from_numpy(matrix(taps)).to(dtype)
