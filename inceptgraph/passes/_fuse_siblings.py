"""Convolutions that read the same input in the same way become one.

One convolution of their sum of channels does the work of several with fewer calls and one reading
of the input; each takes its channels of the result. Whether that pays depends on what the cut
channels cost, which the target tells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

from inceptgraph.graph import Graph, Node
from inceptgraph.graph.recipes import Full, Join, Recipe
from inceptgraph.ops.conv import Conv, Conv2d
from inceptgraph.ops.shape import Channels
from inceptgraph.passes._base import Pass, Property, Target
from inceptgraph.passes._names import free_name
from inceptgraph.passes._siblings import activation, families, saving

__all__ = ["fuse_siblings"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Make one convolution of those that read the same input with the same window."""
    nodes = dict(graph.nodes)
    for windows in families(graph).values():
        for siblings in windows.values():
            if len(siblings) > 1 and saving(graph, siblings, target) > 0:
                _fuse(graph, nodes, siblings)
    return graph if nodes == graph.nodes else graph.rewrite(nodes.values())


def _fuse(graph: Graph, nodes: dict[str, Node], siblings: Sequence[Node]) -> None:
    first = siblings[0]
    assert isinstance(first.op, Conv | Conv2d)
    outs = [graph.shape(node.name)[0] for node in siblings]
    biased = any("bias" in graph.recipes(node) for node in siblings)
    recipes: dict[str, Recipe] = {}
    recipes["weight"] = Join(tuple(graph.recipes(n)["weight"] for n in siblings), 0)
    if biased:
        parts = (
            graph.recipes(node).get("bias", Full((out,), 0.0))
            for node, out in zip(siblings, outs, strict=True)
        )
        recipes["bias"] = Join(tuple(parts), 0)
    op = first.op.model_copy(update={"out": sum(outs), "bias": biased})
    shape = (sum(outs), *graph.shape(first.name)[1:])
    name = free_name(f"{first.name}_and_siblings", nodes)
    nodes[name] = Node(name, op, first.inputs, shape, first.origin, recipes)
    whole = name
    activations = [activation(graph, node) for node in siblings]
    if activations[0] is not None:
        whole = free_name(f"{name}_relu", nodes)
        nodes[whole] = Node(whole, activations[0].op, (name,), shape, activations[0].origin)
    for node, act, (start, stop) in zip(
        siblings, activations, pairwise(accumulate(outs, initial=0)), strict=True
    ):
        last = act or node
        del nodes[node.name]
        cut = Channels(start=start, stop=stop)
        nodes[last.name] = replace(last, op=cut, inputs=(whole,), recipes=None, shares=None)


fuse_siblings = Pass(
    "fuse-siblings", _rewrite, requires=frozenset({Property.INFERENCE, Property.NO_BATCH_NORM})
)
