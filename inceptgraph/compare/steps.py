"""How the steps inside a stage differ."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from inceptgraph.compare import reading
from inceptgraph.compare.changes import Change, Kind, Named, StepChange, differences
from inceptgraph.graph import Graph, Node

__all__ = ["compare_steps", "explained"]


def compare_steps(old: Graph, new: Graph, before: str, after: str) -> tuple[StepChange, ...]:
    olds = {node.name[len(before) :]: node for node in old.within(before)}
    news = {node.name[len(after) :]: node for node in new.within(after)}
    found = []
    old_places, new_places = _places(olds), _places(news)
    for path, node in news.items():
        if path not in olds:
            top = _top(path, old_places)
            found.append(_whole(new, after, top, node, Kind.ADDED))
        elif (change := _edited(path.removeprefix("."), olds[path], node)) is not None:
            found.append(change)
    for path, node in olds.items():
        if path not in news:
            top = _top(path, new_places)
            found.append(_whole(old, before, top, node, Kind.REMOVED))
    found = list({(step.path, step.kind): step for step in reversed(found)}.values())[::-1]
    if not any(step.kind is not Kind.CHANGED for step in found):
        # what the whole stage reads is told of the stage, unless that is the same
        same = reading.sources(old, before) == reading.sources(new, after)
        old_reads, new_reads = (
            {path: _reads(g, node, stage, outside=same) for path, node in nodes.items()}
            for g, nodes, stage in ((old, olds, before), (new, news, after))
        )
        found += _rewired_steps(news, old_reads, new_reads)
    return tuple(found)


def _places(nodes: Iterable[str]) -> set[str]:
    """The paths of nodes, and all that they lie in."""
    found = set()
    for path in nodes:
        while path not in found:
            found.add(path)
            path = path.rpartition(".")[0]
    return found


def _top(path: str, others: set[str]) -> str:
    """The outermost part around a step that the other network does not have."""
    top = path
    while (outer := top.rpartition(".")[0]) not in others:
        top = outer
    return top


def _whole(graph: Graph, stage: str, path: str, node: Node, kind: Kind) -> StepChange:
    """A step that only one side has, or the block that it came with."""
    scope = graph.scopes.get(stage + path)
    if scope is not None and stage + path != node.name:
        op, given = scope.block or "steps", reading.given(graph, scope)
    else:
        written = node.origin.arguments if node.origin else node.op.arguments()
        op, given = node.op.op, {n: v for n, v in dict(node.op).items() if n in written}
    return StepChange(
        path.removeprefix("."),
        kind,
        Change(None, op) if kind is Kind.ADDED else Change(op, None),
        {n: Change(None, v) if kind is Kind.ADDED else Change(v, None) for n, v in given.items()},
    )


def _edited(path: str, old: Node, new: Node) -> StepChange | None:
    """How a step that both sides have differs; None where it does not."""
    op = Change(old.op.op, new.op.op)
    if old.op == new.op:
        return None
    same_kind = type(old.op) is type(new.op)
    arguments = differences(dict(old.op), dict(new.op)) if same_kind else {}
    return StepChange(path, Kind.CHANGED, op, arguments)


def _rewired_steps(
    nodes: Mapping[str, Node], before: Mapping[str, list[str]], after: Mapping[str, list[str]]
) -> list[StepChange]:
    """Steps that read something else, where all steps are still there."""
    found = []
    for path, reads in differences(before, after).items():
        op = Change(nodes[path].op.op, nodes[path].op.op)
        found.append(StepChange(path[1:], Kind.CHANGED, op, {"from": reads}))
    return found


def _reads(graph: Graph, node: Node, stage: str, outside: bool) -> list[str]:
    """The operands of a node: those in its stage by their path in it, others by their stage."""
    start = stage + "."
    return [
        name.removeprefix(start) if name.startswith(start) else reading.stage_of(graph, name)
        for name in node.inputs
        if outside or name.startswith(start)
    ]


def explained(step: StepChange, arguments: Named) -> bool:
    """Whether a step differs only in what the arguments of its block say."""
    if step.kind is not Kind.CHANGED or not step.arguments or "from" in step.arguments:
        return False
    pairs = [(_pair(c.before), _pair(c.after)) for c in arguments.values()]
    return all((_pair(c.before), _pair(c.after)) in pairs for c in step.arguments.values())


def _pair(value: Any) -> Any:
    """A size as it is once an operation has read it."""
    if type(value) is int:
        return (value, value)
    return tuple(value) if isinstance(value, list) else value
