"""A concatenation of concatenations is one."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.graph import Graph
from inceptgraph.ops.merge import Concat
from inceptgraph.passes._base import Pass, Target
from inceptgraph.passes._dce import eliminate_dead_code

__all__ = ["flatten_concat"]


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Join what concatenations join, where nothing else reads the inner ones."""
    nodes = dict(graph.nodes)
    for node in graph.nodes.values():
        if not isinstance(node.op, Concat):
            continue
        operands: list[str] = []
        for operand in node.inputs:
            inner = nodes[operand]
            merged = isinstance(inner.op, Concat) and graph.sole_reader(operand) is not None
            operands += inner.inputs if merged else [operand]
        nodes[node.name] = replace(node, inputs=tuple(operands))
    return graph if nodes == graph.nodes else eliminate_dead_code(graph.rewrite(nodes.values()))


flatten_concat = Pass("flatten-concat", _rewrite, in_training=True)
