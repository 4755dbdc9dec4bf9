"""Steps that compute the same are computed once."""

from __future__ import annotations

from typing import Any

from inceptgraph.graph import Graph
from inceptgraph.ops import Input
from inceptgraph.ops.norm import BatchNorm
from inceptgraph.passes._base import Pass, Target

__all__ = ["cse"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Compute equal steps over equal operands once (common subexpressions)."""
    first: dict[Any, str] = {}
    replaced: dict[str, str] = {}
    for node in graph.nodes.values():
        if isinstance(node.op, Input) or node.op.random:  # two draws are two
            continue
        operands = tuple(replaced.get(name, name) for name in node.inputs)
        if node.shares is not None and isinstance(node.op, BatchNorm):
            continue  # in training it counts its statistics once more
        recipes = tuple(graph.recipes(node).items())
        same = first.setdefault((node.op, operands, recipes), node.name)
        if same != node.name:
            replaced[node.name] = same
    if not replaced:
        return graph
    return graph.rewrite([n for n in graph.nodes.values() if n.name not in replaced], replaced)


cse = Pass("cse", _rewrite, in_training=True)
