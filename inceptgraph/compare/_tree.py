"""A graph as the tree of parts that its spec names: stages, steps and branches within them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from inceptgraph.graph import Graph, Scope
from inceptgraph.source import Origin, to_plain

__all__ = ["Part", "Parts"]


@dataclass(frozen=True, slots=True)
class Part:
    """The part at a path.

    Attributes:
        op: the block or operation that it uses; None for a body of its own.
        arguments: what that is given, defaults included; of a chain of copies what each is given,
            and their number as ``repeat``.
        written: the arguments that the use itself writes, as it writes them.
        block: whether ``op`` is a block, whose definition holds what is inside.
        copies: how many copies stand inside; None where there is no ``repeat:``.
        any_rank: the operation that is this one on images.
    """

    op: str | None
    arguments: dict[str, Any]
    written: dict[str, Any]
    block: bool = False
    copies: int | None = None
    any_rank: str | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The values of what is written."""
        return {name: value for name, value in self.arguments.items() if name in self.written}


class Parts:
    """The parts of one graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.shared = cache(graph.shared)  # which each step in a part asks of the part

    def children(self, path: str) -> dict[str, None]:
        """The names of the parts one level below, in the order of the graph."""
        return dict.fromkeys(c.rpartition(".")[2] for c in self.graph.children(path))

    def part(self, path: str) -> Part:
        """The part at a path."""
        part, share = self._part(path), self._share(path)
        if share is None:
            return part
        arguments, written = {**part.arguments, "share": share}, {**part.written, "share": share}
        return replace(part, arguments=arguments, written=written)

    def _share(self, path: str) -> str | None:
        """Whose weights a part uses as its definition has it: in what is another part once more,
        that one's says it; and a use of a block calls its steps by their path in it."""
        around = path
        while around := around.rpartition(".")[0]:
            if owner := self.shared(around):
                path = around = owner + path.removeprefix(around)
        share, use = self.shared(path), self.use(path)
        return share.removeprefix(f"{use.path}.") if share and use else share

    def _part(self, path: str) -> Part:
        node = self.graph.nodes.get(path)
        if node is not None:
            written = _written(node.origin)
            arguments = dict(node.op)
            # a graph without a spec has no texts: all that is not a default counts as written
            known = node.op.arguments() if node.origin is None else {}
            any_rank = node.op.any_rank or type(node.op)
            return Part(node.op.op, arguments, {**known, **written}, any_rank=any_rank.op)
        scope = self.graph.scopes.get(path)
        if scope is None:
            return Part(None, {}, {})
        if scope.copies is not None:
            each = self._part(f"{path}.0")
            repeat = {"repeat": scope.copies}
            written = {
                **each.written,
                **{k: v for k, v in _written(scope.origin).items() if k in repeat},
            }
            arguments = {**each.arguments, **repeat}
            return replace(each, arguments=arguments, written=written, copies=scope.copies)
        texts = _written(scope.origin)
        written = {name: texts.get(name) for name in scope.given}
        return Part(scope.block, dict(scope.arguments), written, scope.block is not None)

    def use(self, path: str) -> Scope | None:
        """The innermost use of a block around a path."""
        while path := path.rpartition(".")[0]:
            scope = self.graph.scopes.get(path)
            if scope is not None and scope.block is not None and scope.copies is None:
                return scope
        return None

    def uses(self) -> dict[str, str]:
        """The block that each use of one names, by path."""
        return {
            path: scope.block
            for path, scope in self.graph.scopes.items()
            if scope.block is not None and scope.copies is None and path not in self.graph.nodes
        }

    def content(self, path: str) -> list[tuple[Any, ...]]:
        """The content at or below a path, without its own name and what it reads outside."""
        return [
            (node.name[len(path) :], node.op, tuple(self._inner(node.inputs, path)), node.shares)
            for node in self.graph.within(path)
        ]

    def _inner(self, names: tuple[str, ...], path: str) -> Iterator[str]:
        for name in names:
            inside = name.startswith(f"{path}.")
            yield name[len(path) :] if inside else ""


def _written(origin: Origin | None) -> dict[str, Any]:
    if origin is None:
        return {}
    return {name: to_plain(entry.value) for name, entry in origin.written.items()}
