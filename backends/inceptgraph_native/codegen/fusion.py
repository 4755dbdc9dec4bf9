"""What one call of a kernel computes: a step, with the steps behind it that cost nothing there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from math import inf, prod

from inceptgraph.graph import Graph, Node
from inceptgraph.ops import Input
from inceptgraph.ops.activation import Relu, Relu6
from inceptgraph.ops.conv import Conv2d, DepthwiseConv2d
from inceptgraph.ops.linear import Linear
from inceptgraph.ops.merge import Add, Concat, Multiply
from inceptgraph.ops.norm import Affine, BatchNorm
from inceptgraph.ops.pool import (
    AdaptiveAvgPool,
    AdaptiveMaxPool,
    AvgPool,
    GlobalAvgPool,
    GlobalMaxPool,
    MaxPool,
)
from inceptgraph.ops.shape import Channels, Dropout, Flatten, Identity, Scale

__all__ = ["Cut", "Unit", "is_alias", "units"]

_SUMS = (Conv2d, Linear)
"""What can add another value to its result."""

_POOLS = (MaxPool, AvgPool, AdaptiveAvgPool, AdaptiveMaxPool, GlobalAvgPool, GlobalMaxPool)
_BOUNDED = (*_SUMS, *_POOLS, DepthwiseConv2d, Add, Multiply, Affine, BatchNorm, Scale)
"""What can bound its result, as ReLU does."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A range of a unit's channels that is a value of its own."""

    name: str
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Unit:
    """A step and what is fused with it.

    Attributes:
        node: what is computed first.
        end: the step whose value is the result.
        residual: a value that is added before the bounds.
        affine: a step behind a pool that scales or shifts channels.
        low: the result is at least this,
        high: and at most this.
        cuts: the values that the result is handed on as: itself, or ranges of its channels.
    """

    node: Node
    end: str
    residual: str | None = None
    affine: Node | None = None
    low: float = -inf
    high: float = inf
    cuts: tuple[Cut, ...] = ()

    @property
    def operands(self) -> tuple[str, ...]:
        return (*self.node.inputs, *([self.residual] if self.residual else []))

    @property
    def bounded(self) -> bool:
        return (self.low, self.high) != (-inf, inf)


def is_alias(graph: Graph, node: Node) -> bool:
    """Whether a step's value lies where its operand's does, or within."""
    if isinstance(node.op, Flatten):
        return prod(graph.shape(node.inputs[0])[1:]) == 1
    return isinstance(node.op, Identity | Dropout | Channels)


def units(graph: Graph) -> list[Unit]:
    """The calls that compute a graph, in order; neither inputs, nor concatenations, nor steps that
    are only another view of their operand."""
    found: dict[str, Unit] = {}
    done: set[str] = set()
    for node in graph.nodes.values():
        if node.name in done or isinstance(node.op, Input | Concat) or is_alias(graph, node):
            continue
        unit = Unit(node, node.name)
        for longer in _grown(graph, unit, done):
            unit = longer
        unit = replace(unit, cuts=_cuts(graph, unit))
        found[unit.end] = unit
        done |= {unit.end, *(cut.name for cut in unit.cuts)}
    return [found[name] for name in graph.nodes if name in found]


def _grown(graph: Graph, unit: Unit, done: set[str]) -> Iterator[Unit]:
    """The unit with one reader more at a time, which are marked as done."""
    while (reader := graph.sole_reader(unit.end)) is not None and reader.name not in done:
        longer = _with_reader(unit, reader)
        if longer is None:
            return
        done.add(unit.end)
        unit = longer
        yield unit


def _with_reader(unit: Unit, reader: Node) -> Unit | None:
    if unit.bounded:
        return None
    match reader.op:
        case Relu() if isinstance(unit.node.op, _BOUNDED):
            return replace(unit, end=reader.name, low=0.0)
        case Relu6() if isinstance(unit.node.op, _BOUNDED):
            return replace(unit, end=reader.name, low=0.0, high=6.0)
        case Affine() if isinstance(unit.node.op, _POOLS) and unit.affine is None:
            return replace(unit, end=reader.name, affine=reader)
        case Add() if isinstance(unit.node.op, _SUMS) and unit.residual is None:
            others = [name for name in reader.inputs if name != unit.end]
            if len(reader.inputs) == 2 and len(others) == 1:
                return replace(unit, end=reader.name, residual=others[0])
    return None


def _cuts(graph: Graph, unit: Unit) -> tuple[Cut, ...]:
    """The ranges of channels that readers take of a dense layer, where nobody reads it whole."""
    whole = (Cut(unit.end, 0, graph.shape(unit.end)[0]),)
    readers = [graph.nodes[name] for name in graph.users[unit.end]]
    returned = any(output.node == unit.end for output in graph.outputs)
    if returned or not isinstance(unit.node.op, _SUMS) or not readers:
        return whole
    cuts = []
    for reader in readers:
        if not isinstance(reader.op, Channels):
            return whole
        cuts.append(Cut(reader.name, reader.op.start, reader.op.stop))
    cuts.sort(key=lambda cut: cut.start)
    apart = all(a.stop <= b.start for a, b in pairwise(cuts))
    return tuple(cuts) if apart else whole
