"""Convolutions that read the same input in the same way become one.

One convolution of their sum of channels does the work of several with fewer calls and one reading
of the input; each takes its channels of the result. Whether that pays depends on what the cut
channels cost, which the target tells.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise
from math import prod

from inceptgraph.graph import Graph, Node
from inceptgraph.ops.activation import Relu
from inceptgraph.ops.conv import Conv2d
from inceptgraph.ops.shape import Channels
from inceptgraph.ops.window import sides
from inceptgraph.passes.base import Pass, Property, Target
from inceptgraph.passes.names import free_name
from inceptgraph.recipes import Full, Join, Recipe

__all__ = ["fuse_siblings"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Make one convolution of those that read the same input with the same window."""
    nodes = dict(graph.nodes)
    for siblings in _families(graph):
        if _pays(graph, siblings, target):
            _fuse(graph, nodes, siblings)
    return graph if nodes == graph.nodes else graph.rewrite(nodes.values())


def _families(graph: Graph) -> Iterable[list[Node]]:
    """Dense convolutions over one input with one window, where there are several."""
    found: dict[object, list[Node]] = {}
    for node in graph.nodes.values():
        op = node.op
        if not isinstance(op, Conv2d) or op.groups > 1:
            continue
        _, height, width = graph.shape(node.inputs[0])
        border = sides(op.padding, (height, width), op.kernel, op.stride, op.dilation)
        window = (op.kernel, op.stride, border, op.dilation)
        activated = _activation(graph, node) is not None
        found.setdefault((node.inputs, window, activated), []).append(node)
    return (family for family in found.values() if len(family) > 1)


def _activation(graph: Graph, conv: Node) -> Node | None:
    """The ReLU behind a convolution, where nothing else reads that."""
    reader = graph.sole_reader(conv.name)
    return reader if reader is not None and isinstance(reader.op, Relu) else None


def _pays(graph: Graph, siblings: Sequence[Node], target: Target) -> bool:
    calls = 2 if _activation(graph, siblings[0]) and not target.fuses_activations else 1
    saved = (len(siblings) - 1) * calls * target.call_cost
    elements = sum(prod(graph.shape(node.name)) for node in siblings)
    return saved > elements * target.batch * target.copy_cost


def _fuse(graph: Graph, nodes: dict[str, Node], siblings: Sequence[Node]) -> None:
    first = siblings[0]
    assert isinstance(first.op, Conv2d)
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
    activations = [_activation(graph, node) for node in siblings]
    if activations[0] is not None:
        whole = free_name(f"{name}_relu", nodes)
        nodes[whole] = Node(whole, activations[0].op, (name,), shape, activations[0].origin)
    for node, act, (start, stop) in zip(
        siblings, activations, pairwise(accumulate(outs, initial=0)), strict=True
    ):
        last = act or node
        del nodes[node.name]
        cut = Channels(start=start, stop=stop)
        nodes[last.name] = replace(last, op=cut, inputs=(whole,), recipes=None)


fuse_siblings = Pass(
    "fuse-siblings", _rewrite, requires=frozenset({Property.INFERENCE, Property.NO_BATCH_NORM})
)
