"""A pass that drops what only training needs."""

from __future__ import annotations

from inceptgraph.graph import Graph
from inceptgraph.ops import Operation
from inceptgraph.passes._base import Pass, Property, Target

__all__ = ["drop_training"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Drop auxiliary heads, dropout, and steps that hand on what they read."""
    inference = graph.phase("eval")
    replaced = {n.name: n.inputs[0] for n in inference.nodes.values() if _does_nothing(n.op)}
    if not replaced and len(inference.nodes) == len(graph.nodes):
        return graph
    kept = [node for name, node in inference.nodes.items() if name not in replaced]
    return inference.rewrite(kept, replaced)


def _does_nothing(op: Operation) -> bool:
    return op.is_identity() or op.random


drop_training = Pass("drop-training", _rewrite, ensures=frozenset({Property.INFERENCE}))
