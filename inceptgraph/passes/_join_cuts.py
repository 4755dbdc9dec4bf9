"""Cuts of one value that a concatenation puts together again become one cut, or the value."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.graph import Graph, Node
from inceptgraph.ops.merge import Concat
from inceptgraph.ops.shape import Channels
from inceptgraph.passes._base import Pass, Target
from inceptgraph.passes._dce import eliminate_dead_code
from inceptgraph.passes._names import free_name

__all__ = ["join_cuts"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Let a concatenation take neighbouring channels of a value at once."""
    nodes = dict(graph.nodes)
    replaced: dict[str, str] = {}
    for node in graph.nodes.values():
        if not isinstance(node.op, Concat):
            continue
        operands = _joined(graph, nodes, node)
        if len(operands) == 1 < len(node.inputs):
            replaced[node.name] = operands[0]
        else:
            nodes[node.name] = replace(node, inputs=operands)
    if nodes == graph.nodes and not replaced:
        return graph
    # until here, since others may join what is replaced, or cuts of it
    kept = [node for node in nodes.values() if node.name not in replaced]
    return eliminate_dead_code(graph.rewrite(kept, replaced))


def _joined(graph: Graph, nodes: dict[str, Node], concat: Node) -> tuple[str, ...]:
    operands: list[str] = []
    for name in concat.inputs:
        cut = nodes[name]
        before = nodes[operands[-1]] if operands else None
        if before is not None and _touch(before, cut):
            operands[-1] = _both(graph, nodes, before, cut)
        else:
            operands.append(name)
    return tuple(operands)


def _touch(first: Node, second: Node) -> bool:
    """Whether one cut goes on where another ends."""
    return (
        isinstance(first.op, Channels)
        and isinstance(second.op, Channels)
        and first.inputs == second.inputs
        and first.op.extent[1] == second.op.extent[0]
    )


def _both(graph: Graph, nodes: dict[str, Node], first: Node, second: Node) -> str:
    """The name of what holds the channels of two cuts that touch."""
    assert isinstance(first.op, Channels)
    assert isinstance(second.op, Channels)
    whole = nodes[first.inputs[0]]
    shape = graph.shape(whole.name)
    start, stop = first.op.extent[0], second.op.extent[1]
    if (start, stop) == (0, shape[0]):
        return whole.name
    name = free_name(f"{whole.name}_{start}_{stop}", nodes)
    op = Channels(start=start, stop=stop)
    cut = Node(name, op, first.inputs, (stop - start, *shape[1:]), second.origin)
    nodes[name] = cut
    return name


join_cuts = Pass("join-cuts", _rewrite, in_training=True)
