"""Networks on images of other sizes than the spec's."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

from inceptgraph.diagnostics import Findings
from inceptgraph.graph import Graph
from inceptgraph.infer import infer
from inceptgraph.ops import Axis, Extent, Input
from inceptgraph.types import Shape

__all__ = ["axes", "numbers", "resized"]


def resized(graph: Graph, height: int, width: int) -> tuple[Graph, Findings]:
    """The same operations on images of this size, as shapes are inferred in whole numbers."""
    nodes = dict(graph.nodes)
    for node in graph.inputs:
        channels, *image = graph.shape(node.name)
        shape = (channels, height, width) if image else (channels,)
        nodes[node.name] = replace(node, op=Input(shape=shape))
    findings = Findings()
    return infer(graph.with_nodes(nodes), findings), findings


def axes(free: Graph) -> tuple[Axis, Axis]:
    """Height and width of a graph whose images may be of any size."""
    shapes = (cast("tuple[Any, ...]", free.shape(node.name)) for node in free.inputs)
    _, height, width = next(shape for shape in shapes if len(shape) == 3)
    return height.axis, width.axis


def numbers(shape: Shape, height: int, width: int) -> Shape:
    """A shape for images of this size."""
    size = {"height": height, "width": width}

    def number(extent: Any) -> int:
        if isinstance(extent, Extent):
            return (size[extent.axis.name] + extent.offset) // extent.stride
        return int(extent)

    return tuple(map(number, shape))
