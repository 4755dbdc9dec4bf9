"""Memory for activations: what is alive at once when a network runs.

What training keeps for the backward pass is :attr:`inceptgraph.analysis.Cost.activations`, the sum
over all steps. Inference needs less, since a value can go when its last reader has run.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from inceptgraph.graph import Graph

__all__ = ["Peak", "peak"]


@dataclass(frozen=True, slots=True)
class Peak:
    """The most that is alive at once, for one sample.

    Attributes:
        elements: of all tensors alive then; four bytes each in float32.
        step: the first node during which it is so.
    """

    elements: int
    step: str


def peak(graph: Graph) -> Peak:
    """The most activations that are alive at once in inference.

    Steps run in the graph's order. While one runs, its operands, its result and all that is read
    later are alive. Inputs are alive from the start; outputs stay to the end; any other value goes
    when its last reader has run, or at once where it has none. Every step makes a new tensor:
    nothing is computed in place, and a view counts as a copy. Weights, the batch and what a kernel
    needs for itself do not count.

    Args:
        graph: with shapes; take ``graph.phase("eval")`` for the network without heads.

    >>> import inceptgraph
    >>> peak(inceptgraph.to_graph("googlenet").phase("eval"))
    Peak(elements=1605632, step='conv1.relu')
    """
    size = {name: prod(graph.shape(name)) for name in graph.nodes}
    kept = {output.node for output in graph.outputs}
    last_use = {name: name for name in graph.nodes}
    for node in graph.nodes.values():
        last_use.update(dict.fromkeys(node.inputs, node.name))
    alive = sum(size[node.name] for node in graph.inputs)
    highest = Peak(alive, graph.inputs[0].name)
    for node in graph.nodes.values():
        if node.inputs:
            alive += size[node.name]
        if alive > highest.elements:
            highest = Peak(alive, node.name)
        finished = {name for name in (*node.inputs, node.name) if last_use[name] == node.name}
        alive -= sum(size[name] for name in finished - kept)
    return highest
