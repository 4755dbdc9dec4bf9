"""Reshapes, transposes, slices, sums of products: layers that ``torch.nn`` does not have, and the
rules that give them.

A built ``model.py`` carries the source of those that it uses.
"""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from inceptgraph.ops import Operation, arrange, product, reshape
from inceptgraph.ops.merge import broadcast
from inceptgraph.types import Shape
from inceptgraph_torch.described import Layer

__all__ = ["RULES", "Dot", "Reshape", "Slice", "Transpose"]


class Reshape(nn.Module):
    """The numbers of each sample in another shape, of which one extent may be -1 for what is left.
    Those that are None are as in a second map."""

    def __init__(self, size: tuple[int | None, ...]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor, like: Tensor | None = None) -> Tensor:
        shape = (x if like is None else like).shape[1:]
        size = [shape[axis] if n is None else n for axis, n in enumerate(self.size)]
        return x.reshape(x.shape[0], *size)

    def extra_repr(self) -> str:
        return f"{self.size}"


class Transpose(nn.Module):
    """The axes in another order."""

    def __init__(self, dims: tuple[int, ...]) -> None:
        super().__init__()
        self.dims = dims

    def forward(self, x: Tensor) -> Tensor:
        return x.permute(self.dims)

    def extra_repr(self) -> str:
        return f"{self.dims}"


class Slice(nn.Module):
    """From ``start`` to ``stop`` along an axis, without the last, every ``step``."""

    def __init__(self, dim: int, start: int, stop: int | None = None, step: int = 1) -> None:
        super().__init__()
        self.dim, self.start, self.stop, self.step = dim, start, stop, step

    def forward(self, x: Tensor) -> Tensor:
        taken = slice(self.start, self.stop, self.step)
        return x[(*[slice(None)] * self.dim, taken)]

    def extra_repr(self) -> str:
        return f"{self.dim}, {self.start}, {self.stop}, {self.step}"


class Dot(nn.Module):
    """Sum over some axes, which stay with an extent of 1, of the products of two maps."""

    def __init__(self, dim: tuple[int, ...]) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return (x * y).sum(self.dim, keepdim=True)

    def extra_repr(self) -> str:
        return f"{self.dim}"


def _reshape(op: reshape.Reshape, *inputs: Shape) -> Layer:
    """What a second operand says is asked of it, and what is left is counted, at any size."""
    given = op.given()
    size = (given.get(name) for name in op.asked(*inputs))
    return Layer(Reshape, (tuple(-1 if n == "rest" else n for n in size),))


def _transpose(op: arrange.Transpose, *inputs: Shape) -> Layer:
    return Layer(Transpose, ((0, *(axis + 1 for axis in op.axes(inputs[0]))),))


def _slice(op: arrange.Slice, *inputs: Shape) -> Layer:
    settings = {"stop": op.stop} if op.stop is not None else {}
    settings |= {"step": op.step} if op.step > 1 else {}
    return Layer(Slice, (op.axis(inputs[0]) + 1, op.start), settings)


def _dot(op: product.Dot, *inputs: Shape) -> Layer:
    axes = op.axes(broadcast(op.op, inputs))
    return Layer(Dot, (tuple(axis + 1 for axis in axes),))


RULES: dict[type[Operation], Callable[..., Layer]] = {
    reshape.Reshape: _reshape,
    arrange.Transpose: _transpose,
    arrange.Slice: _slice,
    product.Dot: _dot,
}
