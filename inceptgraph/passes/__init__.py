"""Rewrites of the graph that compute the same, faster."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeGuard

from inceptgraph import plugins
from inceptgraph.graph import Graph
from inceptgraph.passes._base import Pass, Property, Step, Target, run
from inceptgraph.passes._cse import cse
from inceptgraph.passes._drop_training import drop_training
from inceptgraph.passes._flatten_concat import flatten_concat
from inceptgraph.passes._fold_constants import fold_constants
from inceptgraph.passes._fold_norm import fold_norm
from inceptgraph.passes._fuse_siblings import fuse_siblings
from inceptgraph.passes._join_cuts import join_cuts
from inceptgraph.passes._merge_pad import merge_pad
from inceptgraph.passes._names import free_name
from inceptgraph.passes._project_before_average import project_before_average
from inceptgraph.passes._relu_after_max_pool import relu_after_max_pool
from inceptgraph.passes._widen_kernel import widen_kernel

__all__ = [
    "BUILT_IN",
    "ENTRY_POINTS",
    "Pass",
    "Property",
    "Step",
    "Target",
    "free_name",
    "installed",
    "optimize",
    "run",
]

ENTRY_POINTS = "inceptgraph.passes"

BUILT_IN = (
    drop_training,
    cse,
    fold_constants,
    merge_pad,
    fold_norm,
    flatten_concat,
    project_before_average,
    relu_after_max_pool,
    widen_kernel,
    fuse_siblings,
    join_cuts,
)
"""In the order in which they help one another."""


def installed() -> tuple[Pass, ...]:
    """The passes that are built in, then those of installed packages by name.

    Raises:
        SpecError: a package's cannot be loaded, or is no pass.
    """
    offered = plugins.points(ENTRY_POINTS).values()
    return (*BUILT_IN, *(plugins.loaded(p, _is_pass, "pass", "what makes one") for p in offered))


def _is_pass(offered: object) -> TypeGuard[Pass]:
    return isinstance(offered, Pass)


def optimize(
    graph: Graph,
    target: Target | None = None,
    observe: Callable[[Step], None] = lambda step: None,
    *,
    train: bool = False,
) -> Graph:
    """The network rewritten for speed: as it runs in evaluation, unless it is to be trained.

    Args:
        graph: with shapes.
        target: what it is to run on (default: torch on a CPU, a sample at a time).
        observe: told of each pass.
        train: run only the passes that are exact in training; the weights stay as they are.

    Returns:
        A graph with the same outputs that loads the same weights; see
        :mod:`inceptgraph.graph.recipes`.

    Raises:
        InvalidGraph: a pass broke the graph.
        SpecError: an installed package's pass cannot be loaded.

    >>> import inceptgraph
    >>> graph = inceptgraph.to_graph("googlenet_bn")
    >>> len(graph.nodes), len(optimize(graph).nodes)
    (216, 131)
    """
    chosen = [each for each in installed() if each.in_training or not train]
    return run(chosen, graph, target or Target(), observe)
