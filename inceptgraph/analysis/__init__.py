"""Figures of a graph: its costs, memory, receptive fields and outline."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from inceptgraph.analysis._classes import check_classes as check_classes
from inceptgraph.analysis._cost import Cost, cost, node_cost, total
from inceptgraph.analysis._expectations import check_expectations as check_expectations
from inceptgraph.analysis._memory import Peak, peak
from inceptgraph.analysis._receptive_field import Field, largest_field, receptive_fields

if TYPE_CHECKING:
    from inceptgraph.analysis._outline import Free, Head, Outline, Part, free_axes, outline, to_json
    from inceptgraph.analysis._outline_text import free_sizes, to_text

__all__ = [
    "Cost",
    "Field",
    "Free",
    "Head",
    "Outline",
    "Part",
    "Peak",
    "cost",
    "free_axes",
    "free_sizes",
    "largest_field",
    "node_cost",
    "outline",
    "peak",
    "receptive_fields",
    "to_json",
    "to_text",
    "total",
]

_HOMES = {
    **dict.fromkeys(
        ("Free", "Head", "Outline", "Part", "free_axes", "outline", "to_json"), "_outline"
    ),
    **dict.fromkeys(("free_sizes", "to_text"), "_outline_text"),
}


def __getattr__(name: str) -> Any:
    """Import on first use: a `check` has no outline."""
    if name in _HOMES:
        return getattr(import_module(f"inceptgraph.analysis.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
