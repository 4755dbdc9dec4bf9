"""Backends: their protocols, and how one is found.

A backend turns a graph into something else (a model, a drawing, a file), or something else into a
graph, or both. A package offers one through the entry-point group ``inceptgraph.backends``; the
entry point's name is the backend's.
"""

from __future__ import annotations

from inceptgraph.backend._find import (
    ENTRY_POINTS,
    MODEL,
    find,
    find_able,
    find_export,
    find_model,
    find_reader,
    find_weights,
    names,
)
from inceptgraph.backend._protocols import (
    Backend,
    ExportBackend,
    Exported,
    Held,
    ModelBackend,
    Progress,
    ReadingBackend,
    Trained,
    WeightsBackend,
)
from inceptgraph.backend._rules import check_support, find_rule, has_rule_in
from inceptgraph.expand import operation

__all__ = [
    "ENTRY_POINTS",
    "MODEL",
    "Backend",
    "ExportBackend",
    "Exported",
    "Held",
    "ModelBackend",
    "Progress",
    "ReadingBackend",
    "Trained",
    "WeightsBackend",
    "check_support",
    "find",
    "find_able",
    "find_export",
    "find_model",
    "find_reader",
    "find_rule",
    "find_weights",
    "has_rule_in",
    "names",
    "operation",
]
