"""Nodes that compute with the same tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inceptgraph.graph._graph import Graph

__all__ = ["owners"]


def owners(graph: Graph) -> Mapping[str, str]:
    """For each node with shared weights, the name under which they are held.

    Steps of a spec say what they share. What passes make of them is told by recipes: two that were
    rewritten alike still have the same tensors, and two that were not do no longer.
    """
    if graph.rewritten_from is None and not any(node.shares for node in graph.nodes.values()):
        return {}
    groups: dict[Any, list[str]] = {}
    for node in graph.nodes.values():
        if recipes := graph.recipes(node):
            groups.setdefault((node.op, tuple(recipes.items())), []).append(node.name)
    found: dict[str, str] = {}
    taken: set[str] = set()
    for group in groups.values():
        named = graph.nodes[group[0]].original
        # the owner's name, which the weights have in a file, unless it is now another step's
        is_free = named in group or (named not in graph.nodes and named not in taken)
        owner = named if is_free else group[0]
        taken.add(owner)
        found.update(dict.fromkeys(group, owner))
    return found  # those of one owner in the order of the graph
