"""The rules that every graph keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inceptgraph.diagnostics import ShapeError
from inceptgraph.graph._digraph import check_order, reached
from inceptgraph.graph._nodes import InvalidGraph, Node

if TYPE_CHECKING:
    from inceptgraph.graph._graph import Graph

__all__ = ["verify"]


def verify(graph: Graph) -> None:
    """Check a graph; see :meth:`inceptgraph.graph.Graph.verify`.

    Raises:
        InvalidGraph: with the node and the rule that it breaks.
    """
    for name, node in graph.nodes.items():
        if node.name != name:
            raise InvalidGraph(f"{name}: the node stored here calls itself {node.name}")
    check_order(graph.digraph)
    for node in graph.nodes.values():
        _verify_node(graph, node)
    _verify_shared(graph)
    computed = reached(graph.digraph, (node.name for node in graph.inputs))
    for output in graph.outputs:
        if output.node not in graph.nodes:
            raise InvalidGraph(f"the output {output.name} names no node: {output.node}")
        if output.node not in computed:
            raise InvalidGraph(f"the output {output.name} depends on no input")
    for section, ends in graph.sections.items():
        if missing := [end for end in ends if end not in graph.scopes]:
            raise InvalidGraph(f"the section {section} names no stage: {missing[0]}")
    if strange := graph.preprocessing.keys() - {node.name for node in graph.inputs}:
        raise InvalidGraph(f"there is preprocessing of {min(strange)}, which is no input")
    if len({output.name for output in graph.outputs}) < len(graph.outputs):
        raise InvalidGraph("two outputs have one name")
    for scope in graph.scopes.values():
        if scope.output not in graph.nodes:
            raise InvalidGraph(f"the scope {scope.path} ends in no node: {scope.output}")


def _verify_node(graph: Graph, node: Node) -> None:
    least, most = node.op.arity
    if not least <= len(node.inputs) <= (len(node.inputs) if most is None else most):
        raise InvalidGraph(f"{node.name}: {node.op.op} cannot take {len(node.inputs)} operands")
    if node.shape is None:
        return
    operands = graph.operands(node)
    try:
        settled = node.op.settled(*operands)
        inferred = settled.infer(*operands)
    except ShapeError as error:
        raise InvalidGraph(f"{node.name}: its operands do not fit it: {error}") from error
    if node.shape != inferred:
        raise InvalidGraph(f"{node.name}: its shape is not what {node.op.op} infers")
    if settled is not node.op and settled != node.op:  # pydantic compares itself with itself, too
        raise InvalidGraph(f"{node.name}: it is not `settled` on its operands: use {settled!r}")
    if node.recipes is not None:
        _verify_recipes(graph, node)


def _verify_shared(graph: Graph) -> None:
    """Nodes that share weights can do so. Who has them may be gone: training alone computed it."""
    first: dict[str, Node] = {}
    for node in graph.nodes.values():
        if node.shares is not None and node.recipes is not None:
            raise InvalidGraph(f"{node.name}: it shares weights and has recipes for its own")
        owner = None if node.shares is None else graph.nodes.get(node.shares)
        if owner is not None and owner.shares is not None:
            raise InvalidGraph(f"{node.name}: {owner.name} has no weights of its own to share")
        if node.recipes is not None:
            continue
        other = first.setdefault(node.original, node)
        if other is node:
            continue
        same = node.op == other.op if graph.rewritten_from is None else True
        if type(node.op) is not type(other.op) or not same:
            raise InvalidGraph(f"{node.name}: {node.op.op} cannot share what {other.name} has")
        if None not in (node.shape, other.shape) and graph.weights(node) != graph.weights(other):
            raise InvalidGraph(f"{node.name}: its weights are not those that {other.name} has")


def _verify_recipes(graph: Graph, node: Node) -> None:
    from inceptgraph.graph.recipes import originals  # which no spec needs

    wanted = {name: weight.shape for name, weight in graph.weights(node).items()}
    made = {name: recipe.shape for name, recipe in graph.recipes(node).items()}
    if made != wanted:
        raise InvalidGraph(f"{node.name}: its recipes make {made}, but it has {wanted}")
    for recipe in graph.recipes(node).values():
        for name in originals(recipe):
            if name not in graph.originals:
                raise InvalidGraph(f"{node.name}: there is no original weight {name}")
