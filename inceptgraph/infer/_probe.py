"""A network at other extents of its free axes: its shapes there, or the step that does not fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.graph import Graph, Node
from inceptgraph.ops import FAR, Input, Operation, format_size
from inceptgraph.types import Shape

__all__ = ["Misfit", "Probe"]


@dataclass(frozen=True)
class Misfit(Exception):
    """A step that cannot be computed at some size."""

    node: Node
    error: ShapeError


class Probe:
    """Shapes of a network at other sizes of its free axes.

    Args:
        graph: as it is at the size of the figures.
        written: the nodes as they were before their operations were settled for that size.
    """

    def __init__(self, graph: Graph, written: Mapping[str, Node]) -> None:
        self.graph = graph
        self.written = written
        self.known: dict[tuple[int, tuple[Shape, ...]], Shape] = {}

    def shapes(self, sizes: Mapping[str, int], alike: bool = False) -> dict[str, Shape]:
        """The shape of every node; where they must be ``alike``, arguments and weights are as at
        the size of the figures.

        Raises:
            Misfit: at the first step that does not fit.
        """
        found: dict[str, Shape] = {}
        for name, node in self.graph.nodes.items():
            if isinstance(node.op, Input):
                found[name] = node.op.at(sizes).shape
                continue
            operands = tuple(found[operand] for operand in node.inputs)
            try:
                found[name] = self.shape(node.op, operands)
                if alike:
                    self.same_arguments(node, operands)
                    self.same_weights(node, operands)
            except ShapeError as error:
                raise Misfit(node, error) from None
        return found

    def shape(self, op: Operation, operands: tuple[Shape, ...]) -> Shape:
        key = id(op), operands  # steps that are alike share their operation
        if key not in self.known:
            self.known[key] = op.infer(*operands)
        return self.known[key]

    def same_arguments(self, node: Node, operands: tuple[Shape, ...]) -> None:
        """Refuse arguments, such as channels counted from the end, that mean something else than at
        the size of the figures."""
        now = self.written[node.name].op.settled(*operands)
        if now != node.op:
            raise ShapeError(
                Code.SPATIAL_MISMATCH,
                f"`{node.op.op}` would be something else, {now.label()} for {node.op.label()}",
                help="count from the start, or give what it reads one size",
            )

    def same_weights(self, node: Node, operands: tuple[Shape, ...]) -> None:
        """Refuse weights of another shape than at the size of the figures."""
        now = {name: weight.shape for name, weight in node.op.weights(*operands).items()}
        for name, weight in self.graph.weights(node).items():
            if now[name] != weight.shape:
                raise ShapeError(
                    Code.SPATIAL_MISMATCH,
                    f"`{name}` of `{node.op.op}` would have another shape, {format_size(now[name])}"
                    f" for {format_size(weight.shape)}",
                    help="put an adaptive or a global pool before it",
                )

    def misfit(self, sizes: Mapping[str, int], alike: bool = False) -> Misfit | None:
        """What does not fit at a size."""
        try:
            self.shapes(sizes, alike)
        except Misfit as misfit:
            return misfit
        return None

    def period(self, axis: str, extent: int) -> int:
        """Extents after which everything repeats itself; no more than are tried.

        Raises:
            Misfit: the arguments or weights of a step depend on the extent.
        """
        far = self.shapes({axis: extent + FAR}, alike=True)
        rates = (
            Fraction(b - a, FAR)
            for name, shape in self.shapes({axis: extent}).items()
            for a, b in zip(shape, far[name], strict=True)
        )
        return lcm(*(rate.denominator for rate in rates))
