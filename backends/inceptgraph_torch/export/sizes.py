"""Sizes that a program of torch takes."""

from __future__ import annotations

from typing import Any, cast

from torch.export import Dim

from inceptgraph.graph import Graph
from inceptgraph.infer import at_any_size
from inceptgraph.ops import Axis, Extent
from inceptgraph_torch.names import argument_names
from inceptgraph_torch.rules import rule

__all__ = ["dynamic_shapes", "traceable_at_any_size"]


def traceable_at_any_size(graph: Graph) -> Graph | None:
    """The graph with shapes for images of any size from where every map has two pixels on, since
    torch takes one pixel for another case; None where something depends on the size."""
    free = at_any_size(graph)
    if free is None:
        return None
    try:
        is_same = all(
            rule(node.op, *free.operands(node)) == rule(node.op, *graph.operands(node))
            for node in graph.nodes.values()
            if node.inputs
        )
        shapes = (cast("tuple[Any, ...]", free.shape(name)) for name in graph.nodes)
        has_two = all(each > 1 for shape in shapes for each in shape if isinstance(each, Extent))
    except Exception:  # one pixel, or a rule needs a number: a package's may say so in any way
        return None
    return free if is_same and has_two else None


def dynamic_shapes(graph: Graph) -> dict[str, dict[int, Any]]:
    """The axes of each input that may be of any size: its batch, and what the graph leaves open."""
    batch = Dim("batch", min=1)
    open_axes: dict[Axis, Any] = {}
    found: dict[str, dict[int, Any]] = {}
    for node, name in argument_names(graph).items():
        found[name] = {0: batch}
        for place, extent in enumerate(cast("tuple[Any, ...]", graph.shape(node)), 1):
            if isinstance(extent, Extent):
                axis = extent.axis
                found[name][place] = open_axes.setdefault(axis, Dim(axis.name, min=axis.least))
    return found
