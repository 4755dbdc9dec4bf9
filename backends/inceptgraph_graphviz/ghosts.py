"""Ghosts: what an earlier graph had, put back where it stood, so that it can be drawn."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from inceptgraph.graph import Graph, Node

__all__ = ["with_ghosts"]

_Slot = tuple[str, int]
"""An operand: the node that reads it, and which of its operands it is."""


def with_ghosts(graph: Graph, before: Graph) -> Graph:
    """A graph with the nodes that it lost wired in where they stood.

    Only a picture can use it: shapes behind a ghost are those of the graph without it.

    Args:
        graph: as it is.
        before: as it was; nodes are the same if they have one name.
    """
    inputs = {name: list(node.inputs) for name, node in graph.nodes.items()}
    for node in before.nodes.values():
        if node.name in graph.nodes:
            for slot, operand in enumerate(node.inputs):
                if operand not in graph.nodes:
                    _lead_through(operand, node, slot, graph, before, inputs)
    nodes: dict[str, Node] = {}
    for name in _interleaved(graph.nodes, before.nodes):
        node = graph.nodes.get(name) or before.nodes[name]
        wired = inputs.get(name, node.inputs)
        if any(operand not in nodes for operand in wired):  # where steps were put in another order
            wired = [operand for operand in node.inputs if operand in nodes]
        nodes[name] = replace(node, inputs=tuple(wired))
    scopes = {
        path: graph.scopes.get(path) or before.scopes[path]
        for path in _interleaved(graph.scopes, before.scopes)
    }
    return replace(graph, nodes=nodes, scopes=scopes)


def _lead_through(
    ghost: str, reader: Node, slot: int, graph: Graph, before: Graph, inputs: dict[str, list[str]]
) -> None:
    """Let what came in a ghost's place read the ghost; else its former reader, beside the rest."""
    base = _base(ghost, graph, before)
    reads = graph.nodes[reader.name].inputs
    found = list(_readers(base, (reader.name, slot), graph, before)) if slot < len(reads) else []
    for name, at in found:
        inputs[name][at] = ghost
    if not found and len(reader.inputs) > len(reads):
        inputs[reader.name].insert(slot, ghost)


def _base(ghost: str, graph: Graph, before: Graph) -> str | None:
    """The node above a ghost that is still there."""
    name: str | None = ghost
    while name is not None and name not in graph.nodes:
        name = next(iter(before.nodes[name].inputs), None)
    return name


def _readers(base: str | None, start: _Slot, graph: Graph, before: Graph) -> Iterator[_Slot]:
    """Where ``base`` is read above an operand, by that or through nodes that are new."""
    pending, seen = [start], {start}
    while pending:
        name, at = pending.pop()
        operand = graph.nodes[name].inputs[at]
        if operand == base:
            yield name, at
        elif operand not in before.nodes:
            above = {(operand, i) for i in range(len(graph.nodes[operand].inputs))}
            pending += above - seen
            seen |= above


def _interleaved(after: Iterable[str], before: Mapping[str, object]) -> Iterator[str]:
    """The names of both: those of ``after`` in order, each with what is gone from behind it."""
    names = dict.fromkeys(after)
    gone: dict[str | None, list[str]] = {}
    last = None
    for name in before:
        if name in names:
            last = name
        else:
            gone.setdefault(last, []).append(name)
    yield from gone.get(None, ())
    for name in names:
        yield name
        yield from gone.get(name, ())
