"""A spec to a graph: blocks become their steps, parameters their values, names their paths."""

from __future__ import annotations

from inceptgraph.expand._budget import MAX_DEPTH, MAX_STEPS
from inceptgraph.expand._network import expand
from inceptgraph.expand._operation import operation

__all__ = ["MAX_DEPTH", "MAX_STEPS", "expand", "operation"]
