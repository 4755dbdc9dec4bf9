"""Steps that nothing reads any more."""

from __future__ import annotations

from inceptgraph.graph import Graph
from inceptgraph.ops import Input

__all__ = ["without_dead"]


def without_dead(graph: Graph) -> Graph:
    """The graph without the steps that no output needs."""
    needed = {output.node for output in graph.outputs}
    for node in reversed(graph.nodes.values()):
        if node.name in needed:
            needed.update(node.inputs)
    kept = [n for n in graph.nodes.values() if n.name in needed or isinstance(n.op, Input)]
    return graph if len(kept) == len(graph.nodes) else graph.rewrite(kept)
