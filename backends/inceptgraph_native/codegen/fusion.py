"""Units: what one call of a kernel computes, a step with those behind it that cost nothing there.

What a kernel takes upon itself is said where its rule is; see :func:`fusing`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import Flag, auto
from itertools import pairwise
from math import inf, prod
from typing import Any, TypeVar

from inceptgraph.graph import Graph, Node
from inceptgraph.ops import Input, Operation
from inceptgraph.ops.activation import Relu, Relu6
from inceptgraph.ops.merge import Add, Concat
from inceptgraph.ops.norm import Affine
from inceptgraph.ops.shape import Channels, Flatten, Identity

__all__ = ["Cut", "Fuses", "Unit", "fuses", "fusing", "is_alias", "units"]

R = TypeVar("R", bound=Callable[..., Any])


class Fuses(Flag):
    """What a kernel takes upon itself beside its step."""

    NOTHING = 0
    BOUNDS = auto()
    """To bound its result, as ReLU does: ``Unit.low`` and ``Unit.high``."""

    AFFINE = auto()
    """To scale and shift its channels: ``Unit.affine``."""

    SUM = auto()
    """To add another value to its result: ``Unit.residual``."""

    CUTS = auto()
    """To write ranges of its channels to several places: ``Unit.cuts``."""


def fusing(what: Fuses) -> Callable[[R], R]:
    """Says of a rule what its kernel fuses; nothing unless said."""

    def mark(rule: R) -> R:
        rule.fuses = what  # type: ignore[attr-defined]
        return rule

    return mark


def fuses(rule: Callable[..., Any]) -> Fuses:
    """What the kernel of a rule fuses."""
    return getattr(rule, "fuses", Fuses.NOTHING)


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
        affine: a step that scales or shifts channels.
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
    return node.op.random or isinstance(node.op, Identity | Channels)


def units(graph: Graph, can: Callable[[type[Operation]], Fuses]) -> list[Unit]:
    """The calls that compute a graph, in order; neither inputs, nor concatenations, nor steps that
    are only another view of their operand.

    Args:
        graph: with shapes, without auxiliary heads.
        can: what the kernel of an operation fuses.
    """
    found: dict[str, Unit] = {}
    done: set[str] = set()
    for node in graph.nodes.values():
        if node.name in done or isinstance(node.op, Input | Concat) or is_alias(graph, node):
            continue
        unit = Unit(node, node.name)
        able = can(type(node.op))
        for longer in _grown(graph, unit, able, done):
            unit = longer
        unit = replace(unit, cuts=_cuts(graph, unit, able))
        found[unit.end] = unit
        done |= {unit.end, *(cut.name for cut in unit.cuts)}
    return [found[name] for name in graph.nodes if name in found]


def _grown(graph: Graph, unit: Unit, able: Fuses, done: set[str]) -> Iterator[Unit]:
    """The unit with one reader more at a time, which are marked as done."""
    while (reader := graph.sole_reader(unit.end)) is not None and reader.name not in done:
        longer = _with_reader(graph, unit, reader, able)
        if longer is None:
            return
        done.add(unit.end)
        unit = longer
        yield unit


def _with_reader(graph: Graph, unit: Unit, reader: Node, able: Fuses) -> Unit | None:
    if unit.bounded:
        return None
    match reader.op:
        case Relu() if Fuses.BOUNDS in able:
            return replace(unit, end=reader.name, low=0.0)
        case Relu6() if Fuses.BOUNDS in able:
            return replace(unit, end=reader.name, low=0.0, high=6.0)
        case Affine() if Fuses.AFFINE in able and unit.affine is None:
            return replace(unit, end=reader.name, affine=reader)
        case Add() if Fuses.SUM in able and unit.residual is None:
            others = [name for name in reader.inputs if name != unit.end]
            shapes = {graph.shape(name) for name in (reader.name, *reader.inputs)}
            if len(reader.inputs) == 2 and len(others) == 1 and len(shapes) == 1:
                return replace(unit, end=reader.name, residual=others[0])
    return None


def _cuts(graph: Graph, unit: Unit, able: Fuses) -> tuple[Cut, ...]:
    """The ranges of channels that readers take of a value, where nobody reads it whole."""
    whole = (Cut(unit.end, 0, graph.shape(unit.end)[0]),)
    readers = [graph.nodes[name] for name in graph.users[unit.end]]
    returned = any(output.node == unit.end for output in graph.outputs)
    if returned or Fuses.CUTS not in able or not readers:
        return whole
    cuts = []
    for reader in readers:
        if not isinstance(reader.op, Channels):
            return whole
        cuts.append(Cut(reader.name, *reader.op.extent))
    cuts.sort(key=lambda cut: cut.start)
    apart = all(a.stop <= b.start for a, b in pairwise(cuts))
    return tuple(cuts) if apart else whole
