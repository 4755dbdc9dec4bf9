"""Shapes of nodes while a spec is expanded, for values that ask for an extent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from inceptgraph.graph import Node
from inceptgraph.types import Shape

__all__ = ["Inferred", "Shapes"]

Inferred = tuple[Shape | None, ...]
"""The shapes of some nodes, so far as they were asked for."""


class Shapes:
    """The shapes of nodes, each inferred once, when one is asked for.

    What cannot be inferred is None: :mod:`inceptgraph.infer`, which goes over the whole graph,
    tells why.

    Args:
        nodes: by name, to which more may come.

    Attributes:
        free: whether an input may have any extents, so that what is inferred is one case of many.
    """

    free = False

    def __init__(self, nodes: Mapping[str, Node]) -> None:
        self.nodes = nodes
        self.known: dict[str, Shape | None] = {}

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
        try:
            return node.op.infer(*known) if len(known) == len(shapes) else None
        except Exception:  # a ShapeError, or what a plug-in raises
            return None
