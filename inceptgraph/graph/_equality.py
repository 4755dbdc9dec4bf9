"""Equality of graphs up to the names of their nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from inceptgraph.graph._graph import Graph

__all__ = ["correspondence"]


def correspondence(one: Graph, other: Graph) -> dict[str, str] | None:
    """The node of another graph that each node of a graph corresponds to; None where the two
    differ in more than names.

    Inputs correspond by their place, and outputs do. Since operands have an order as well, the
    nodes that an output corresponds to leave no choice: the one candidate is walked to from the
    outputs, each node once, and holds or does not. networkx's ``is_isomorphic`` knows no such
    order and searches: it gives the same answer, in time that can grow exponentially.

    Steps that no output needs are not compared. With no result to start from they would have to be
    searched for: matching them is as hard as isomorphism of any graphs.
    """
    if _trained(one) != _trained(other):
        return None
    if len(one.inputs) != len(other.inputs):
        return None
    pending = [(a.name, b.name) for a, b in zip(one.inputs, other.inputs, strict=True)]
    pending += [(a.node, b.node) for a, b in zip(one.outputs, other.outputs, strict=True)]
    found: dict[str, str] = {}
    back: dict[str, str] = {}
    while pending:
        mine, its = pending.pop()
        if mine in found or its in back:
            if found.get(mine) != its or back.get(its) != mine:
                return None  # shared here and computed twice there
            continue
        a, b = one.nodes[mine], other.nodes[its]
        if (a.op, a.shape, len(a.inputs)) != (b.op, b.shape, len(b.inputs)):
            return None
        found[mine], back[its] = its, mine
        pending += zip(a.inputs, b.inputs, strict=True)
    held = {(one.owner(mine), other.owner(its)) for mine, its in found.items()}
    alike = len(held) == len({mine for mine, _ in held}) == len({its for _, its in held})
    return found if alike else None


def _trained(graph: Graph) -> list[tuple[bool, str, float]]:
    """What training makes of each output."""
    return [(output.training_only, output.loss, output.loss_weight) for output in graph.outputs]
