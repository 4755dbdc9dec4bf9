"""Rewrites of the graph that compute the same, faster."""

from inceptgraph.passes._base import Optimize, Pass, Property, Step, Target, asked, run
from inceptgraph.passes._from_pixels import from_pixels
from inceptgraph.passes._names import free_name
from inceptgraph.passes._order import (
    BUILT_IN,
    ENTRY_POINTS,
    chosen,
    in_order,
    installed,
    optimize,
)

__all__ = [
    "BUILT_IN",
    "ENTRY_POINTS",
    "Optimize",
    "Pass",
    "Property",
    "Step",
    "Target",
    "asked",
    "chosen",
    "free_name",
    "from_pixels",
    "in_order",
    "installed",
    "optimize",
    "run",
]
