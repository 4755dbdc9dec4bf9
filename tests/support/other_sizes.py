"""Networks on images of other sizes than the spec's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from inceptgraph.diagnostics import Findings
from inceptgraph.graph import Graph
from inceptgraph.infer import infer
from inceptgraph.ops import Axis, Extent, Input
from inceptgraph.types import AXES, Shape

__all__ = ["axes", "numbers", "resized"]


def resized(graph: Graph, *size: int) -> tuple[Graph, Findings]:
    """The same operations on maps of this size, as shapes are inferred in whole numbers."""
    nodes = dict(graph.nodes)
    for node in graph.inputs:
        channels, *extents = graph.shape(node.name)
        shape = (channels, *size) if extents else (channels,)
        nodes[node.name] = replace(node, op=Input(shape=shape))
    findings = Findings()
    return infer(graph.with_nodes(nodes), findings), findings


def axes(free: Graph) -> tuple[Axis, ...]:
    """The axes of a graph whose maps may be of any size."""
    shapes = (cast("tuple[Any, ...]", free.shape(node.name)) for node in free.inputs)
    return tuple(extent.axis for extent in next(shape for shape in shapes if shape[1:])[1:])


def numbers(shape: Shape, *extents: int) -> Shape:
    """A shape for maps of this size."""
    size = dict(zip(AXES[len(extents)], extents, strict=True))

    def number(extent: Any) -> int:
        if isinstance(extent, Extent):
            return (size[extent.axis.name] + extent.offset) // extent.stride
        return int(extent)

    return tuple(map(number, shape))
