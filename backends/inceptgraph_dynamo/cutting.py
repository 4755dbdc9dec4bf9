"""Pieces of an fx graph: cut out as functions, and replaced by calls of modules."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from torch import fx, nn
from torch.fx.passes.tools_common import stable_topological_sort

__all__ = ["Call", "cut", "leading_to", "replace"]


def leading_to(outputs: Iterable[fx.Node], inputs: Collection[fx.Node] = ()) -> set[fx.Node]:
    """The nodes that some nodes need, up to ``inputs``, without these."""
    needed: set[fx.Node] = set()
    pending = list(outputs)
    while pending:
        node = pending.pop()
        if node not in needed and node not in inputs:
            needed.add(node)
            pending.extend(node.all_input_nodes)
    return needed


def cut(
    module: fx.GraphModule, inputs: Sequence[fx.Node], outputs: Sequence[fx.Node]
) -> fx.GraphModule:
    """The function from some nodes to others, as a module that returns a tuple.

    Args:
        module: with the nodes.
        inputs: among them all placeholders that the outputs need, unless other inputs hide these.
        outputs: in order.
    """
    graph = fx.Graph()
    copies = {node: graph.placeholder(node.name) for node in inputs}
    needed = leading_to(outputs, copies)
    for node in module.graph.nodes:
        if node in needed:
            copies[node] = graph.node_copy(node, copies.__getitem__)
    graph.output(tuple(copies[node] for node in outputs))
    return fx.GraphModule(module, graph)


@dataclass(frozen=True)
class Call:
    """A module in the place of nodes.

    Attributes:
        module: what is called; it returns a tuple.
        arguments: the nodes that it gets.
        outputs: the nodes that its results stand for.
    """

    module: nn.Module
    arguments: Sequence[fx.Node]
    outputs: Sequence[fx.Node]


def replace(module: fx.GraphModule, calls: Sequence[Call]) -> None:
    """Put calls in the place of nodes, and drop what nothing needs any more.

    Args:
        module: changed in place.
        calls: none of which may need, by way of others, what it makes itself.
    """
    results: dict[fx.Node, fx.Node] = {}
    for index, call in enumerate(calls):
        name = f"part_{index}"
        module.add_submodule(name, call.module)
        with module.graph.inserting_before(call.outputs[0]):
            called = module.graph.call_module(name, tuple(call.arguments))
            for place, node in enumerate(call.outputs):
                results[node] = module.graph.call_function(operator.getitem, (called, place))
                results[node].meta.update(node.meta)
    for node, result in results.items():
        node.replace_all_uses_with(result)
    stable_topological_sort(module)
    module.graph.eliminate_dead_code()
    module.recompile()
