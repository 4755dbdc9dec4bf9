"""Reductions and powers: layers that ``torch.nn`` does not have, and the rules that give them.

A built ``model.py`` carries the source of those that it uses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.ops import Operation, pointwise, reduce
from inceptgraph.types import Shape
from inceptgraph_torch.described import Layer

__all__ = ["RULES", "Abs", "L2Norm", "L2Normalize", "Max", "Mean", "Power", "Sum"]


class _Reduction(nn.Module):
    """The common part of reductions over some axes, which stay with an extent of 1."""

    def __init__(self, dim: tuple[int, ...]) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"{self.dim}"


class Mean(_Reduction):
    """Mean over some axes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(self.dim, keepdim=True)


class Sum(_Reduction):
    """Sum over some axes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(self.dim, keepdim=True)


class Max(_Reduction):
    """Largest number along some axes."""

    def forward(self, x: Tensor) -> Tensor:
        return x.amax(self.dim, keepdim=True)


class L2Norm(_Reduction):
    """Root of the sum of squares over some axes."""

    def forward(self, x: Tensor) -> Tensor:
        norm: Tensor = torch.linalg.vector_norm(x, dim=self.dim, keepdim=True)
        return norm


class L2Normalize(_Reduction):
    """Divides by the root of the sum of squares over some axes, or by ``eps`` if that is more."""

    def __init__(self, dim: tuple[int, ...], eps: float = 1e-12) -> None:
        super().__init__(dim)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return F.normalize(x, dim=self.dim, eps=self.eps)  # type: ignore[arg-type]

    def extra_repr(self) -> str:
        return f"{self.dim}, eps={self.eps}"


class Abs(nn.Module):
    """The number without its sign."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class Power(nn.Module):
    """A power of each number."""

    def __init__(self, exponent: float) -> None:
        super().__init__()
        self.exponent = exponent

    def forward(self, x: Tensor) -> Tensor:
        return x.pow(self.exponent)

    def extra_repr(self) -> str:
        return f"{self.exponent}"


_KINDS: dict[type[Operation], type[nn.Module]] = {
    reduce.Mean: Mean,
    reduce.Sum: Sum,
    reduce.Max: Max,
    reduce.L2Norm: L2Norm,
}


def _dim(op: Any, shape: Shape) -> tuple[int, ...]:
    """The axes of a batch."""
    return tuple(axis + 1 for axis in op.axes(shape))


def _reduction(op: Operation, *inputs: Shape) -> Layer:
    return Layer(_KINDS[type(op)], (_dim(op, inputs[0]),))


def _normalize(op: reduce.L2Normalize, *inputs: Shape) -> Layer:
    settings = {} if op.eps == 1e-12 else {"eps": op.eps}
    return Layer(L2Normalize, (_dim(op, inputs[0]),), settings)


RULES: dict[type[Operation], Callable[..., Layer]] = {
    **dict.fromkeys(_KINDS, _reduction),
    reduce.L2Normalize: _normalize,
    pointwise.Abs: lambda op, *inputs: Layer(Abs),
    pointwise.Power: lambda op, *inputs: Layer(Power, (op.exponent,)),
}
