"""A pass: shuffles of one group do nothing."""

from inceptgraph.graph import Graph
from inceptgraph.passes import Pass, Target
from inceptgraph_shuffle.operation import GroupShuffle


def _rewrite(graph: Graph, target: Target) -> Graph:
    """Drop group shuffles that leave the channels where they are."""
    replaced = {
        node.name: node.inputs[0]
        for node in graph.nodes.values()
        if isinstance(node.op, GroupShuffle) and node.op.groups == 1
    }
    if not replaced:
        return graph
    return graph.rewrite([n for n in graph.nodes.values() if n.name not in replaced], replaced)


merge_shuffles = Pass("merge-shuffles", _rewrite, in_training=True, after=("fold-constants",))
