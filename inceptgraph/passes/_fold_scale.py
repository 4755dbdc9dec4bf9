"""A scale goes into the weights of the layer that reads it, such as the first convolution behind
what a network over pixels begins with.

``W·(s·x + t) = (W·s)·x + Σ W·t``, as long as a window sees what is scaled and nothing else. A
border of zeros that the layer adds is no ``s·x + t``, so that an offset stays where there is one.
"""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.graph import Graph, Node
from inceptgraph.graph.recipes import Full, Join, Product, Recipe, Sum, Total, along
from inceptgraph.ops import sides
from inceptgraph.ops.conv import Convolution
from inceptgraph.ops.linear import Linear
from inceptgraph.ops.shape import Scale
from inceptgraph.passes._base import Pass, Property, Target

__all__ = ["fold_scale"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Fold scales into the convolution or linear layer that alone reads them, where it is exact."""
    nodes = dict(graph.nodes)
    for node in graph.nodes.values():
        reader = graph.sole_reader(node.name)
        if isinstance(node.op, Scale) and reader is not None and _is_exact(graph, node.op, reader):
            nodes[reader.name] = _folded(graph, node, nodes[reader.name])
            del nodes[node.name]
    return graph if len(nodes) == len(graph.nodes) else graph.rewrite(nodes.values())


def _is_exact(graph: Graph, scale: Scale, layer: Node) -> bool:
    """Whether a layer reads all inputs with each of its outputs, and nothing but a scale."""
    if not isinstance(layer.op, Convolution):
        return isinstance(layer.op, Linear)
    channels, *extents = graph.shape(layer.inputs[0])
    op = layer.op
    border = sides(op.padding, tuple(extents), op.kernel, op.stride, op.dilation)
    _, groups = op.channels(channels)
    return groups == 1 and not (scale.offset and any(border))


def _folded(graph: Graph, scale: Node, layer: Node) -> Node:
    """``layer`` over what ``scale`` reads."""
    assert isinstance(scale.op, Scale)
    recipes = dict(graph.recipes(layer))
    weight = recipes["weight"]
    factor, offset = (
        along(_each(graph.shape(scale.name)[0], number), 1, len(weight.shape))
        for number in (scale.op.factor, scale.op.offset)
    )
    recipes["weight"] = Product(weight, factor)
    op = layer.op
    if scale.op.offset:
        shift, bias = Total(Product(weight, offset)), recipes.get("bias")
        recipes["bias"] = shift if bias is None else Sum(bias, shift)
        op = op.having(bias=True)
    return replace(layer, op=op, inputs=scale.inputs, recipes=recipes)


def _each(channels: int, number: float | tuple[float, ...]) -> Recipe:
    """A number for each channel."""
    if isinstance(number, tuple):
        return Join(tuple(Full((1,), each) for each in number), 0)
    return Full((channels,), number)


fold_scale = Pass("fold-scale", _rewrite, requires=frozenset({Property.INFERENCE}))
