"""Projections move before average pooling: both are linear, and the pool then has less to do."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from inceptgraph.graph import Graph, Node
from inceptgraph.ops.conv import Conv, Conv2d
from inceptgraph.ops.norm import Affine
from inceptgraph.ops.pool import AvgPool
from inceptgraph.passes._base import Pass, Property, Target
from inceptgraph.passes._names import free_name
from inceptgraph.passes._siblings import activation

__all__ = ["project_before_average"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Project to fewer channels before an average pool of stride 1, not after it."""
    nodes = dict(graph.nodes)
    for conv in graph.nodes.values():
        pool = graph.nodes[conv.inputs[0]] if conv.inputs else conv
        if _commutes(graph, pool, conv) and _pays(graph, pool, conv, target):
            _swap(graph, nodes, pool, conv)
    return graph if nodes == graph.nodes else graph.rewrite(nodes.values())


def _commutes(graph: Graph, pool: Node, conv: Node) -> bool:
    return (
        isinstance(pool.op, AvgPool)
        and isinstance(conv.op, Conv | Conv2d)
        and graph.sole_reader(pool.name) is not None
        and max(conv.op.kernel + conv.op.stride) == 1
        and conv.op.padding in ("valid", "same")
        # the same work for the convolution, and less for the pool
        and graph.shape(pool.name)[1:] == graph.shape(pool.inputs[0])[1:]
        and conv.op.out < graph.shape(pool.name)[0]
    )


def _pays(graph: Graph, pool: Node, conv: Node, target: Target) -> bool:
    """Whether what the pool no longer reads is worth more than what the convolution no longer does
    on its way: add a bias, where it has to follow the pool, and apply a ReLU."""
    if not target.fuses_activations:
        return True
    left = int(_apart(pool, conv)) + int(activation(graph, conv) is not None)
    before, after = graph.shape(pool.name), graph.shape(conv.name)
    assert isinstance(pool.op, AvgPool)
    spared = (before[0] - after[0]) * prod(pool.op.kernel) * target.pool_cost
    return spared > after[0] * left * target.copy_cost


def _apart(pool: Node, conv: Node) -> bool:
    """Whether the bias has to follow the pool: where a window counts padding, its mean of a
    constant is not that constant."""
    assert isinstance(conv.op, Conv | Conv2d)
    assert isinstance(pool.op, AvgPool)
    return conv.op.bias and pool.op.count_include_pad


def _swap(graph: Graph, nodes: dict[str, Node], pool: Node, conv: Node) -> None:
    assert isinstance(conv.op, Conv | Conv2d)
    recipes = dict(graph.recipes(conv))
    apart = _apart(pool, conv)
    bias = recipes.pop("bias") if apart else None
    op = conv.op.model_copy(update={"bias": False}) if apart else conv.op
    shape = graph.shape(conv.name)
    first = free_name(f"{conv.name}_projection", nodes)
    nodes[first] = Node(first, op, pool.inputs, shape, conv.origin, recipes)
    if bias is None:
        del nodes[pool.name]
        nodes[conv.name] = Node(conv.name, pool.op, (first,), shape, pool.origin)
    else:
        shift = Affine(scale=False)
        nodes[pool.name] = replace(pool, inputs=(first,), shape=shape)
        nodes[conv.name] = Node(conv.name, shift, (pool.name,), shape, conv.origin, {"bias": bias})


project_before_average = Pass(
    "project-before-average", _rewrite, requires=frozenset({Property.NO_BATCH_NORM})
)
