"""Values of a graph of ATen operations: those that depend on data, and constants.

A value is constant where nothing but weights leads to it: the weights themselves, and what is
computed from them, such as a transposed matrix or the factors of a frozen batch normalisation.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import fx
from torch.fx.experimental.symbolic_shapes import statically_known_true

from inceptgraph.types import Shape

__all__ = ["FLOATS", "Constant", "Data", "Unreadable", "constants", "is_same", "value"]

FLOATS = {
    torch.float32: "float32",
    torch.bfloat16: "bfloat16",
    torch.float16: "float16",
}
"""The types of data that engines take, and what they call them."""


class Unreadable(Exception):
    """No operation of ours does what a node does; the message says why."""


@dataclass(frozen=True)
class _Value:
    node: fx.Node

    @property
    def tensor(self) -> torch.Tensor:
        """A fake one: it has a shape and a type and no numbers."""
        found: torch.Tensor = self.node.meta["val"]
        return found


@dataclass(frozen=True)
class Constant(_Value):
    """A tensor that depends on weights alone."""

    @cached_property
    def extents(self) -> tuple[int, ...]:
        return tuple(int(extent) for extent in self.tensor.shape)


@dataclass(frozen=True)
class Data(_Value):
    """A tensor that depends on what comes in: a feature map or a vector a sample.

    Its first axis is the batch, which may be symbolic.
    """

    @property
    def batch(self) -> int | torch.SymInt:
        return self.tensor.shape[0]

    @cached_property
    def shape(self) -> Shape:
        """Shape of a sample. A symbolic size becomes the number that it is now, and Dynamo then
        compiles anew for another."""
        return tuple(int(extent) for extent in self.tensor.shape[1:])


def value(node: fx.Node, fixed: Collection[fx.Node]) -> Constant | Data:
    """A node as rules see it.

    Args:
        node: of any kind.
        fixed: the constants.

    Raises:
        Unreadable: it is neither a constant nor a batch of feature maps or vectors.
    """
    tensor = node.meta.get("val")
    if not isinstance(tensor, torch.Tensor):
        raise Unreadable("it takes or gives what is no tensor")
    if node in fixed:
        return Constant(node)
    if tensor.dtype not in FLOATS:
        raise Unreadable(f"it computes with {_short(tensor.dtype)}")
    if tensor.dim() not in (2, 4):
        raise Unreadable(f"it computes with tensors of {tensor.dim()} axes")
    return Data(node)


def constants(graph: fx.Graph, weights: Collection[fx.Node]) -> set[fx.Node]:
    """The nodes whose value depends on weights alone.

    Args:
        graph: of ATen operations, functional.
        weights: the placeholders that hold weights.
    """
    found = set(weights)
    for node in graph.nodes:
        operands = node.all_input_nodes
        if node.op == "call_function" and operands and _is_pure(node.target):
            found.update([node] if found.issuperset(operands) else [])
    return found


def _is_pure(target: Any) -> bool:
    """Whether a function gives the same for the same, and changes nothing."""
    if not isinstance(target, torch._ops.OpOverload):
        return getattr(target, "__module__", None) == "_operator"
    return torch.Tag.nondeterministic_seeded not in target.tags and not target._schema.is_mutable


def is_same(a: int | torch.SymInt, b: int | torch.SymInt) -> bool:
    """True where two sizes are equal whatever the symbols in them stand for."""
    return bool(statically_known_true(a == b))


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
