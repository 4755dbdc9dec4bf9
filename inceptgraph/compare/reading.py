"""What a comparison reads off a graph: what stages are given, and what they read."""

from __future__ import annotations

from typing import Any

from inceptgraph.graph import Graph, Scope

__all__ = ["arguments", "given", "sources", "stage_of"]


def arguments(graph: Graph, scope: Scope) -> dict[str, Any]:
    """What a stage's block is given; of a chain of copies what each is given, and their number."""
    first = graph.scopes.get(f"{scope.path}.0") if scope.copies else None
    return {**(first.arguments if first else {}), **scope.arguments}


def given(graph: Graph, scope: Scope) -> dict[str, Any]:
    """Those of the arguments that are written."""
    first = graph.scopes.get(f"{scope.path}.0") if scope.copies else None
    written = {*scope.given, *(first.given if first else ())}
    return {n: value for n, value in arguments(graph, scope).items() if n in written}


def sources(graph: Graph, path: str) -> list[str]:
    """What a stage reads, as stages or inputs, in order."""
    own = {node.name for node in graph.within(path)}
    reads = (o for node in graph.within(path) for o in node.inputs if o not in own)
    return list(dict.fromkeys(stage_of(graph, name) for name in reads))


def stage_of(graph: Graph, name: str) -> str:
    """The stage whose result a node is; else the node itself."""
    stage = graph.scopes.get(name.partition(".")[0])
    return stage.path if stage is not None and stage.output == name else name
