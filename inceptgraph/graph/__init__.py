"""The graph of a network: the one thing that every pass and every backend reads."""

from inceptgraph.graph._graph import Graph
from inceptgraph.graph._nodes import InvalidGraph, Node, Output, Scope, ScopeKind
from inceptgraph.graph._serialize import from_json, meaning, to_json, to_text
from inceptgraph.graph._stages import source_of, sources
from inceptgraph.source import Origin

__all__ = [
    "Graph",
    "InvalidGraph",
    "Node",
    "Origin",
    "Output",
    "Scope",
    "ScopeKind",
    "from_json",
    "meaning",
    "source_of",
    "sources",
    "to_json",
    "to_text",
]
