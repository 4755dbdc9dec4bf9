"""Convolutions that read the same input: which of them can become one, and what that saves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from inceptgraph.graph import Graph, Node
from inceptgraph.ops import Sides, sides
from inceptgraph.ops.activation import Relu
from inceptgraph.ops.conv import Conv, Conv2d
from inceptgraph.passes._base import Target

__all__ = ["Kin", "Window", "activation", "families", "saving"]


@dataclass(frozen=True, slots=True)
class Kin:
    """The traits that siblings share, whatever their windows are.

    Attributes:
        inputs: what they read.
        stride: of their windows.
        dilation: of their windows.
        activated: whether a ReLU alone reads each.
    """

    inputs: tuple[str, ...]
    stride: tuple[int, ...]
    dilation: tuple[int, ...]
    activated: bool


@dataclass(frozen=True, slots=True)
class Window:
    """A kernel with the pixels of padding before and after each axis of the input."""

    kernel: tuple[int, ...]
    border: Sides


def families(graph: Graph) -> dict[Kin, dict[Window, list[Node]]]:
    """Dense convolutions by what they read and how, then by their windows."""
    found: dict[Kin, dict[Window, list[Node]]] = {}
    for node in graph.nodes.values():
        op = node.op
        if not isinstance(op, Conv | Conv2d) or op.groups > 1:
            continue
        _, *extents = graph.shape(node.inputs[0])
        border = sides(op.padding, tuple(extents), op.kernel, op.stride, op.dilation)
        activated = activation(graph, node) is not None
        kin = Kin(node.inputs, op.stride, op.dilation, activated)
        found.setdefault(kin, {}).setdefault(Window(op.kernel, border), []).append(node)
    return found


def activation(graph: Graph, conv: Node) -> Node | None:
    """The ReLU behind a convolution, where nothing else reads that."""
    reader = graph.sole_reader(conv.name)
    return reader if reader is not None and isinstance(reader.op, Relu) else None


def saving(graph: Graph, siblings: Sequence[Node], target: Target) -> float:
    """Multiply-adds' worth of time that one convolution for all saves; less than 0 if it costs.

    Args:
        graph: with shapes.
        siblings: of one family, with equal windows or ones that are made so.
        target: what a call costs, and the copy of an element.
    """
    calls = 2 if activation(graph, siblings[0]) and not target.fuses_activations else 1
    saved = (len(siblings) - 1) * calls * target.call_cost
    copied = sum(prod(graph.shape(node.name)) for node in siblings)
    return saved - copied * target.batch * target.copy_cost
