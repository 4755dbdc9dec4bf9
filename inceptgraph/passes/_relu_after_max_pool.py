"""ReLU moves behind max pooling: both are monotone, so they commute, and less is left to do."""

from __future__ import annotations

from dataclasses import replace
from math import prod

from inceptgraph.graph import Graph
from inceptgraph.ops.activation import Relu
from inceptgraph.ops.pool import MaxPool
from inceptgraph.passes._base import Pass, Target

__all__ = ["relu_after_max_pool"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Pool before ReLU where that leaves fewer elements for it."""
    if target.fuses_activations:
        return graph  # behind the convolution it costs nothing
    nodes = dict(graph.nodes)
    for pool in graph.nodes.values():
        relu = graph.nodes[pool.inputs[0]] if pool.inputs else pool
        if not (isinstance(pool.op, MaxPool) and isinstance(relu.op, Relu)):
            continue
        alone = graph.sole_reader(relu.name) is not None
        if alone and prod(graph.shape(pool.name)) < prod(graph.shape(relu.name)):
            nodes[relu.name] = replace(relu, op=pool.op, shape=pool.shape, origin=pool.origin)
            nodes[pool.name] = replace(pool, op=relu.op, origin=relu.origin)
    return graph if nodes == graph.nodes else graph.rewrite(nodes.values())


relu_after_max_pool = Pass("relu-after-max-pool", _rewrite, in_training=True)
