"""Figures of a graph: its costs, memory, receptive fields and outline."""

from inceptgraph.analysis._cost import Cost, cost, node_cost, total
from inceptgraph.analysis._expectations import check_expectations as check_expectations
from inceptgraph.analysis._memory import Peak, peak
from inceptgraph.analysis._outline import Free, Head, Outline, Part, free_axes, outline, to_json
from inceptgraph.analysis._outline_text import free_sizes, to_text
from inceptgraph.analysis._receptive_field import Field, largest_field, receptive_fields

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
