"""Shapes of nodes while a spec is expanded, for values that ask for an extent."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from inceptgraph.graph import Node
from inceptgraph.ops import FAR, Input
from inceptgraph.types import FreeShape, Shape

__all__ = ["Inferred", "Shapes"]

Inferred = tuple[Shape | None, ...]
"""The shapes of some nodes, so far as they were asked for."""


class Shapes:
    """The shapes of nodes, each inferred once, when one is asked for.

    What cannot be inferred is None: :mod:`inceptgraph.infer`, which goes over the whole graph,
    tells why.

    Args:
        nodes: by name, to which more may come.
        more: how much larger than they are declared free extents of inputs are.

    Attributes:
        free: whether an input may have any extents, so that what is inferred is one case of many.
    """

    free = False

    def __init__(self, nodes: Mapping[str, Node], more: int = 0) -> None:
        self.nodes = nodes
        self.more = more
        self.known: dict[str, Shape | None] = {}
        self.far: tuple[Shapes, Shapes] | None = None

    def some(self, name: str) -> Shape | None:
        """The shape of a node at some extents of inputs: those declared, or far larger ones."""
        return next((shape for shape in self._cases(name) if shape is not None), None)

    def varies(self, name: str, axis: int) -> bool:
        """Whether an extent of a node depends on those that are free."""
        return len({shape[axis] for shape in self._cases(name) if shape is not None}) > 1

    def fixed(self, name: str) -> FreeShape | None:
        """The shape of a node, with None for the extents that depend on those that are free."""
        *_, one, other = self._cases(name) if self.free else [self(name)] * 2
        if one is None or other is None:
            return None
        return tuple(a if a == b else None for a, b in zip(one, other, strict=True))

    def _cases(self, name: str) -> Iterator[Shape | None]:
        """The shape of a node at the extents that are declared, and where some are free, at larger
        and yet larger ones: at their own little may fit."""
        yield self(name)
        if self.free:
            self.far = self.far or (Shapes(self.nodes, FAR), Shapes(self.nodes, 2 * FAR))
            yield from (shapes(name) for shapes in self.far)

    def __call__(self, name: str) -> Shape | None:
        pending = [name]
        while pending:
            node = self.nodes[pending[-1]]
            before = [operand for operand in node.inputs if operand not in self.known]
            if before:
                pending += before
            else:
                self.known[pending.pop()] = self._infer(node)
        return self.known[name]

    def of(self, names: Iterable[str | None]) -> Inferred:
        """Shapes that were asked for before."""
        return tuple(self.known.get(name) for name in names if name is not None)

    def _infer(self, node: Node) -> Shape | None:
        shapes = [self.known[operand] for operand in node.inputs]
        known = tuple(shape for shape in shapes if shape is not None)
        op = node.op
        if self.more and isinstance(op, Input):
            return op.at({axis: op.extent(axis) + self.more for axis in op.free}).shape
        try:
            return op.infer(*known) if len(known) == len(shapes) else None
        except Exception:  # a ShapeError, or what a plug-in raises
            return None
