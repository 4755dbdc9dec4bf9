"""Rewrites of the graph that compute the same, faster."""

from __future__ import annotations

from collections.abc import Callable

from inceptgraph.graph import Graph
from inceptgraph.passes.base import Pass, Property, Step, Target, run
from inceptgraph.passes.drop_training import drop_training
from inceptgraph.passes.flatten_concat import flatten_concat
from inceptgraph.passes.fold_norm import fold_norm
from inceptgraph.passes.fuse_siblings import fuse_siblings
from inceptgraph.passes.merge_pad import merge_pad
from inceptgraph.passes.project_before_average import project_before_average
from inceptgraph.passes.relu_after_max_pool import relu_after_max_pool
from inceptgraph.passes.share_equal import share_equal

__all__ = ["FOR_INFERENCE", "Pass", "Property", "Step", "Target", "optimize", "run"]

FOR_INFERENCE = (
    drop_training,
    share_equal,
    merge_pad,
    fold_norm,
    flatten_concat,
    project_before_average,
    relu_after_max_pool,
    fuse_siblings,
)
"""Every pass that is built in, in the order in which they help one another."""


def optimize(
    graph: Graph, target: Target | None = None, observe: Callable[[Step], None] = lambda step: None
) -> Graph:
    """The network as it runs in evaluation, rewritten for speed.

    Args:
        graph: with shapes.
        target: what it is to run on; torch on a CPU, a sample at a time, unless given.
        observe: told of each pass.

    Returns:
        A graph with the same outputs that loads the same weights; see :mod:`inceptgraph.recipes`.
    """
    return run(FOR_INFERENCE, graph, target or Target(), observe)
