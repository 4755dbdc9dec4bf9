"""Steps that only move, cut or scale by constants become one with the step before them."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.graph import Graph
from inceptgraph.ops import Operation, Sides
from inceptgraph.ops.activation import Relu
from inceptgraph.ops.shape import Channels, Crop, Pad, Scale
from inceptgraph.passes._base import Pass, Target
from inceptgraph.passes._dce import eliminate_dead_code

__all__ = ["fold_constants"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Make one step of two scales, borders, cuts or ReLUs in a row."""
    nodes = dict(graph.nodes)
    for node in graph.nodes.values():
        if len(node.inputs) != 1:
            continue
        before = nodes[node.inputs[0]]
        both = _composed(before.op, node.op)
        if both is not None:
            nodes[node.name] = replace(node, op=both, inputs=before.inputs)
    return graph if nodes == graph.nodes else eliminate_dead_code(graph.rewrite(nodes.values()))


def _composed(first: Operation, second: Operation) -> Operation | None:
    """One operation for two in a row; None where there is none."""
    match first, second:
        case Scale(), Scale():
            return first.then(second)
        case Pad(mode="constant"), Pad(mode="constant") if first.value == second.value:
            return Pad(border=_sum(first.border, second.border), value=first.value)
        case Crop(), Crop():
            return Crop(border=_sum(first.border, second.border))
        case Channels(), Channels():
            (begin, _), (start, stop) = first.extent, second.extent
            return Channels(start=begin + start, stop=begin + stop)
        case Relu(), Relu():
            return second
    return None


def _sum(a: Sides, b: Sides) -> Sides:
    return tuple(x + y for x, y in zip(a, b, strict=True))


fold_constants = Pass("fold-constants", _rewrite, in_training=True)
