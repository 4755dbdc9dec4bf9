"""What the stages of a graph read."""

from __future__ import annotations

from inceptgraph.graph._graph import Graph

__all__ = ["sources", "stage_of"]


def sources(graph: Graph, path: str) -> list[str]:
    """The stages or inputs that a stage reads, in order."""
    own = {node.name for node in graph.within(path)}
    reads = (o for node in graph.within(path) for o in node.inputs if o not in own)
    return list(dict.fromkeys(stage_of(graph, name) for name in reads))


def stage_of(graph: Graph, name: str) -> str:
    """The stage whose result a node is; else the node itself."""
    stage = graph.scopes.get(name.partition(".")[0])
    return stage.path if stage is not None and stage.output == name else name
