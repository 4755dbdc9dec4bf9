"""What the stages of a graph read."""

from __future__ import annotations

from inceptgraph.graph._graph import Graph

__all__ = ["source_of", "sources"]


def sources(graph: Graph, path: str) -> list[str]:
    """The stages or inputs that a stage reads, in order."""
    own = {node.name for node in graph.within(path)}
    reads = (o for node in graph.within(path) for o in node.inputs if o not in own)
    return list(dict.fromkeys(source_of(graph, name) for name in reads))


def source_of(graph: Graph, name: str) -> str:
    """The stage whose result a node is, as its readers call it; else the node itself."""
    stage = graph.scopes.get(graph.stage_of(name))
    return stage.path if stage is not None and stage.output == name else name
