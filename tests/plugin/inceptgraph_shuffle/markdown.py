"""A backend: the network as a Markdown table."""

from typing import Any

from inceptgraph.analysis import node_cost
from inceptgraph.graph import Graph
from inceptgraph.ops import Operation
from inceptgraph.types import format_shape


class MarkdownBackend:
    name = "markdown"

    def supports(self, operation: type[Operation]) -> bool:
        return True

    def lower(self, graph: Graph, **options: Any) -> str:
        rows = ["| step | operation | output | parameters |", "| --- | --- | --- | ---: |"]
        for node in graph.nodes.values():
            shape = format_shape(graph.shape(node.name))
            params = node_cost(graph, node).params
            rows.append(f"| {node.name} | {node.op.label()} | {shape} | {params:,} |")
        return "\n".join(rows) + "\n"
