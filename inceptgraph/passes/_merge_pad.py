"""A border of zeros goes into the padding of the convolution that reads it."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.diagnostics import ShapeError
from inceptgraph.graph import Graph
from inceptgraph.ops import Operation, sides
from inceptgraph.ops.conv import Convolution
from inceptgraph.ops.shape import Pad
from inceptgraph.passes._base import Pass, Target
from inceptgraph.passes._dce import eliminate_dead_code

__all__ = ["merge_pad"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Let convolutions pad by themselves where a step adds a border of zeros before them."""
    nodes = dict(graph.nodes)
    for node in graph.nodes.values():
        if not isinstance(node.op, Convolution):
            continue
        before = graph.nodes[node.inputs[0]]
        if not isinstance(before.op, Pad) or (before.op.mode, before.op.value) != ("constant", 0):
            continue
        op = node.op
        _, *extents = graph.shape(before.name)
        own = sides(op.padding, tuple(extents), op.kernel, op.stride, op.dilation)
        total = tuple(a + b for a, b in zip(own, before.op.border, strict=True))
        merged = op.model_copy(update={"padding": total})
        try:
            merged.infer(graph.shape(before.inputs[0]))
        except ShapeError:  # a border that is the whole of what some windows meet
            continue
        # a copy is the same step over another operand: its weights stay those of its name
        nodes[node.name] = replace(node, op=merged, inputs=before.inputs)
    ops: dict[str, set[Operation]] = {}
    for name, node in nodes.items():
        ops.setdefault(graph.owner(name), set()).add(node.op)
    # what shares weights stays one layer: all of its uses pad by themselves, or none
    nodes.update((n, node) for n, node in graph.nodes.items() if len(ops[graph.owner(n)]) > 1)
    return graph if nodes == graph.nodes else eliminate_dead_code(graph.rewrite(nodes.values()))


merge_pad = Pass("merge-pad", _rewrite, in_training=True)
