"""Marks of what happened to each node, for a picture of both networks in one."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.compare._changes import Kind
from inceptgraph.compare._stages import renamed_stages
from inceptgraph.compare._tree import Parts
from inceptgraph.graph import Graph, Node

__all__ = ["mark"]


def mark(before: Graph, after: Graph) -> tuple[dict[str, str], Graph]:
    """Mark the nodes of two networks.

    Args:
        before: with shapes.
        after: likewise.

    Returns:
        ``added``, ``changed`` or ``removed`` by the path of each node to which that happened, and
        the network before with its stages called as they are after.
    """
    renamed: dict[str, str] = {}
    for olds, news in ((before.stages, after.stages), (before.heads, after.heads)):
        paths = ([scope.path for scope in scopes] for scopes in (olds, news))
        renamed |= renamed_stages(Parts(before), Parts(after), *paths)
    former = _with_names(before, {old: new for new, old in renamed.items()})
    both = {*former.nodes} & {*after.nodes}
    marks = {}
    for name, node in after.nodes.items():
        old = former.nodes.get(name)
        if old is None:
            marks[name] = Kind.ADDED
            continue
        rewired = old.inputs != node.inputs and {*old.inputs, *node.inputs} <= both
        if rewired or old.op != node.op or after.stage_of(name) in renamed:
            marks[name] = Kind.CHANGED
    marks |= {name: Kind.REMOVED for name in former.nodes if name not in after.nodes}
    return {name: kind.value for name, kind in marks.items()}, former


def _with_names(graph: Graph, names: dict[str, str]) -> Graph:
    """The same graph, stages called otherwise."""

    def called(path: str) -> str:
        stage, dot, rest = path.partition(".")
        return f"{names.get(stage, stage)}{dot}{rest}"

    def node_called(node: Node) -> Node:
        return replace(node, name=called(node.name), inputs=tuple(map(called, node.inputs)))

    scopes = (
        replace(scope, path=called(scope.path), output=called(scope.output))
        for scope in graph.scopes.values()
    )
    return replace(
        graph,
        nodes={called(name): node_called(node) for name, node in graph.nodes.items()},
        outputs=tuple(replace(o, node=called(o.node)) for o in graph.outputs),
        scopes={scope.path: scope for scope in scopes},
        sections={n: (called(a), called(b)) for n, (a, b) in graph.sections.items()},
    )
