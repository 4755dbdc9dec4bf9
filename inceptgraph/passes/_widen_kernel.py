"""A small kernel becomes a larger one with zeros around it, so that siblings can become one.

The zeros are multiplied like any weight: it pays only on small maps, where the call that is spared
costs more than they do. The target tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from inceptgraph.analysis import node_cost
from inceptgraph.graph import Graph, Node
from inceptgraph.graph.recipes import Padded
from inceptgraph.ops import pairs
from inceptgraph.ops.conv import Conv, Conv2d
from inceptgraph.passes._base import Pass, Property, Target
from inceptgraph.passes._siblings import Window, families, saving

__all__ = ["widen_kernel"]

Borders = tuple[tuple[int, int], ...]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Give a convolution the window of a larger sibling where one call for both is cheaper."""
    nodes = dict(graph.nodes)
    for windows in families(graph).values():
        ordered = sorted(windows, key=lambda window: prod(window.kernel))
        for index, small in enumerate(ordered):
            for large in ordered[index + 1 :]:
                borders = _zeros_around(small, large)
                if borders and _pays(graph, windows[small], windows[large], target):
                    widened = [_widened(graph, n, large, borders) for n in windows[small]]
                    nodes.update((node.name, node) for node in widened)
                    windows[large] += widened
                    break
    return graph if nodes == graph.nodes else graph.rewrite(nodes.values())


def _zeros_around(small: Window, large: Window) -> Borders | None:
    """Zeros before and after each axis of a kernel that make it the larger one; None where the two
    do not lie over each other."""
    more = tuple(more - less for more, less in zip(large.border, small.border, strict=True))
    borders = pairs(more)
    grown = tuple(taps + sum(zeros) for taps, zeros in zip(small.kernel, borders, strict=True))
    return borders if grown == large.kernel and min(more) >= 0 else None


def _pays(graph: Graph, small: Sequence[Node], large: Sequence[Node], target: Target) -> bool:
    apart = sum(max(0.0, saving(graph, nodes, target)) for nodes in (small, large))
    together = saving(graph, [*small, *large], target)
    return together - apart > target.batch * _zeros(graph, small, large[0])


def _zeros(graph: Graph, small: Sequence[Node], large: Node) -> float:
    """Multiply-adds by zero, for a sample."""
    assert isinstance(large.op, Conv | Conv2d)
    total = 0.0
    for node in small:
        assert isinstance(node.op, Conv | Conv2d)
        macs = node_cost(graph, node).macs
        total += macs * (prod(large.op.kernel) / prod(node.op.kernel) - 1)
    return total


def _widened(graph: Graph, node: Node, window: Window, borders: Borders) -> Node:
    recipes = dict(graph.recipes(node))
    recipes["weight"] = Padded(recipes["weight"], ((0, 0), (0, 0), *borders))
    op = node.op.model_copy(update={"kernel": window.kernel, "padding": window.border})
    return replace(node, op=op, recipes=recipes)


widen_kernel = Pass(
    "widen-kernel", _rewrite, requires=frozenset({Property.INFERENCE, Property.NO_BATCH_NORM})
)
