"""What a graph amounts to: its costs, memory, receptive fields and outline."""

from inceptgraph.analysis._cost import Cost, cost, node_cost, total
from inceptgraph.analysis._expectations import check_expectations
from inceptgraph.analysis._memory import Peak, peak
from inceptgraph.analysis._outline import EVERYTHING, Head, Network, Part, describe
from inceptgraph.analysis._receptive_field import largest_field, receptive_fields

__all__ = [
    "EVERYTHING",
    "Cost",
    "Head",
    "Network",
    "Part",
    "Peak",
    "check_expectations",
    "cost",
    "describe",
    "largest_field",
    "node_cost",
    "peak",
    "receptive_fields",
    "total",
]
