"""Batch normalisation and learned or constant scales go into the weights before them.

With the statistics fixed, batch normalisation is ``y = s·x + t`` for each channel, with
``s = γ / √(σ² + ε)`` and ``t = β - μ·s`` (Ioffe & Szegedy 2015, algorithm 2), and a convolution
that ends in it is one with other weights.
"""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.graph import Graph, Node
from inceptgraph.graph.recipes import (
    Difference,
    Full,
    InverseRoot,
    Join,
    Product,
    Recipe,
    Sum,
    along,
)
from inceptgraph.ops import Operation
from inceptgraph.ops.conv import Convolution
from inceptgraph.ops.linear import Linear
from inceptgraph.ops.norm import Affine, BatchNorm
from inceptgraph.ops.shape import Scale
from inceptgraph.passes._base import Pass, Property, Target

__all__ = ["fold_norm"]

_WEIGHTED = (Convolution, Linear)
_CHANNELWISE = (BatchNorm, Affine, Scale)


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Fold batch normalisation and scales into the convolution or linear layer before them."""
    nodes = dict(graph.nodes)
    replaced: dict[str, str] = {}
    for node in graph.nodes.values():
        if not isinstance(node.op, _CHANNELWISE):
            continue
        before = nodes[replaced.get(node.inputs[0], node.inputs[0])]
        if isinstance(before.op, _WEIGHTED) and graph.sole_reader(node.inputs[0]) is not None:
            nodes[before.name] = _folded(graph, before, node)
            replaced[node.name] = before.name
            del nodes[node.name]
        elif isinstance(node.op, BatchNorm):
            scale, shift = _factors(graph, node)
            recipes = {"weight": scale, "bias": shift}
            nodes[node.name] = replace(node, op=Affine(), recipes=recipes)
    return graph if nodes == graph.nodes else graph.rewrite(nodes.values(), replaced)


def _folded(graph: Graph, layer: Node, node: Node) -> Node:
    """``layer`` with ``node``'s factor and offset in its weights."""
    scale, shift = _factors(graph, node)
    recipes = dict(graph.recipes(layer))
    weight = recipes["weight"]
    recipes["weight"] = Product(weight, along(scale, 0, len(weight.shape)))
    bias = recipes.get("bias")
    recipes["bias"] = shift if bias is None else Sum(Product(bias, scale), shift)
    return replace(layer, op=_with_bias(layer.op), recipes=recipes)


def _with_bias(op: Operation) -> Operation:
    return op.model_copy(update={"bias": True})


def _factors(graph: Graph, node: Node) -> tuple[Recipe, Recipe]:
    """``s`` and ``t`` of ``y = s·x + t``, each of shape (channels,)."""
    channels = (graph.shape(node.name)[0],)
    if isinstance(node.op, Scale):
        return _constant(channels, node.op.factor), _constant(channels, node.op.offset)
    recipes = graph.recipes(node)
    scale = recipes.get("weight", Full(channels, 1.0))
    shift = recipes.get("bias", Full(channels, 0.0))
    if isinstance(node.op, BatchNorm):
        scale = Product(scale, InverseRoot(recipes["running_var"], node.op.eps))
        shift = Difference(shift, Product(recipes["running_mean"], scale))
    return scale, shift


def _constant(channels: tuple[int], values: float | tuple[float, ...]) -> Recipe:
    if isinstance(values, tuple):
        return Join(tuple(Full((1,), value) for value in values), 0)
    return Full(channels, values)


fold_norm = Pass(
    "fold-norm",
    _rewrite,
    requires=frozenset({Property.INFERENCE}),
    ensures=frozenset({Property.NO_BATCH_NORM}),
)
