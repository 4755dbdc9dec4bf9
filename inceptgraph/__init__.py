"""InceptGraph: networks defined in YAML, compiled to ``torch.fx`` and to diagrams.

>>> import inceptgraph
>>> graph = inceptgraph.to_graph("googlenet")
>>> graph.shape("inception_3a.merge")
(256, 28, 28)

``inceptgraph.compile("googlenet")`` gives the model, ``inceptgraph.load("model")`` reads one back
that ``inceptgraph build`` wrote.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from inceptgraph.analysis import Outline
    from inceptgraph.compare import Comparison, diff
    from inceptgraph.diagnostics import Diagnostic, Source, SpecError
    from inceptgraph.graph import Graph, Node
    from inceptgraph.pipeline import Analysis, analyze, compile, load, read, summary, to_graph

__all__ = [
    "Analysis",
    "Comparison",
    "Diagnostic",
    "Graph",
    "Node",
    "Outline",
    "Source",
    "SpecError",
    "analyze",
    "compile",
    "diff",
    "load",
    "read",
    "summary",
    "to_graph",
]

_HOMES = {
    **dict.fromkeys(
        ("Analysis", "analyze", "compile", "load", "read", "summary", "to_graph"),
        "inceptgraph.pipeline",
    ),
    **dict.fromkeys(("Comparison", "diff"), "inceptgraph.compare"),
    "Outline": "inceptgraph.analysis",
    **dict.fromkeys(("Diagnostic", "Source", "SpecError"), "inceptgraph.diagnostics"),
    **dict.fromkeys(("Graph", "Node"), "inceptgraph.graph"),
}


def __getattr__(name: str) -> Any:
    """Import on first use: a command that needs one module should not pay for all."""
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
