"""Exact counts: parameters, multiply-adds, depth and activations of a graph or a part of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from inceptgraph.graph import Graph, Node
from inceptgraph.types import Family

__all__ = ["Cost", "cost", "node_cost", "total"]

_LAYERS = (Family.CONV, Family.LINEAR)


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of a part of a network, for one sample.

    Attributes:
        params: trainable parameters.
        buffers: elements of statistics that are kept but not trained.
        macs: multiply-adds of convolutions, linear layers and products, without biases.
        depth: layers with weights (convolutions and linear layers) on the longest path.
        activations: elements of all outputs.
    """

    params: int = 0
    buffers: int = 0
    macs: int = 0
    depth: int = 0
    activations: int = 0


def node_cost(graph: Graph, node: Node) -> Cost:
    """The cost of one step; weights count in the first that has them."""
    weights = graph.own_weights(node).values()
    activations = 1
    for extent in graph.shape(node.name):
        activations *= extent
    return Cost(
        params=sum(weight.size for weight in weights if weight.trainable),
        buffers=sum(weight.size for weight in weights if not weight.trainable),
        macs=node.op.macs(*graph.operands(node)),
        depth=int(node.op.family in _LAYERS),
        activations=activations if node.inputs else 0,
    )


def cost(graph: Graph, nodes: Iterable[Node]) -> Cost:
    """The cost of a part of a graph.

    Args:
        graph: with shapes.
        nodes: of the part, in the graph's order.

    >>> import inceptgraph
    >>> graph = inceptgraph.to_graph("googlenet")
    >>> cost(graph, graph.within("inception_3a")).depth
    2
    """
    params = buffers = macs = deepest = activations = 0
    depth: dict[str, int] = {}
    for node in nodes:
        own = node_cost(graph, node)
        params += own.params
        buffers += own.buffers
        macs += own.macs
        activations += own.activations
        before = max((depth.get(operand, 0) for operand in node.inputs), default=0)
        depth[node.name] = before + own.depth
        deepest = max(deepest, depth[node.name])
    return Cost(params, buffers, macs, deepest, activations)


def total(graph: Graph) -> Cost:
    """The cost of what a graph's outputs need; take ``graph.phase("eval")`` for the network without
    heads.

    >>> import inceptgraph
    >>> total(inceptgraph.to_graph("googlenet").phase("eval")).params
    6998552
    """
    return graph.once(_total)


def _total(graph: Graph) -> Cost:
    return cost(graph, graph.leading_to(graph.outputs).values())
