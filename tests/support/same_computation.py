"""Two graphs that compute the same, and how a step's weights start."""

from __future__ import annotations

from typing import Any

import facts
from canonical import Computations, first_difference

from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph
from inceptgraph.ops import Operation
from inceptgraph.pipeline import to_graph

__all__ = ["assert_same_computation", "start", "translated"]


def translated(known: dict[str, Any]) -> Graph:
    return to_graph(Source("facts.yaml", facts.spec_text(known)))


def assert_same_computation(ours: Graph, theirs: Graph) -> None:
    computations = Computations()
    same = computations.outputs(ours) == computations.outputs(theirs)
    assert same, f"first difference: {first_difference(ours, theirs)}"


def start(op: Operation, argument: str) -> Any:
    found = getattr(op, argument)
    if found.scheme == "constant":
        return found.value
    if found.scheme == "normal":
        return found.std, found.bound
    return found.mode, found.scale, found.distribution
