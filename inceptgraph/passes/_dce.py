"""Steps that nothing reads any more."""

from __future__ import annotations

from inceptgraph.graph import Graph

__all__ = ["eliminate_dead_code"]


def eliminate_dead_code(graph: Graph) -> Graph:
    """The graph without the steps that no output needs."""
    kept = graph.leading_to(graph.outputs)
    return graph if len(kept) == len(graph.nodes) else graph.rewrite(kept.values())
