"""Differences between the stages of two networks."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable
from typing import Any

from inceptgraph.analysis import cost
from inceptgraph.compare._changes import Change, Kind, StageChange, differences
from inceptgraph.compare._step_changes import StepComparison
from inceptgraph.compare._tree import Parts
from inceptgraph.graph import Graph, Scope, sources

__all__ = ["compare_stages", "renamed_stages"]


def compare_stages(
    steps: StepComparison, before: Iterable[Scope], after: Iterable[Scope]
) -> tuple[StageChange, ...]:
    """The changes of the stages, or of the heads, in the order of the network after."""
    olds, news = {s.path: s for s in before}, {s.path: s for s in after}
    renamed = renamed_stages(steps.old, steps.new, olds, news)
    found: list[StageChange | None] = []
    for path, scope in news.items():
        former = renamed.get(path, path)
        if former in olds:
            found.append(_changed(steps, olds[former], scope))
        else:
            found.append(_one_sided(steps.new, scope, Kind.ADDED))
    gone = [path for path in olds if path not in news and path not in renamed.values()]
    found += [_one_sided(steps.old, olds[path], Kind.REMOVED) for path in gone]
    return tuple(change for change in found if change is not None)


def renamed_stages(
    old: Parts, new: Parts, before: Iterable[str], after: Iterable[str]
) -> dict[str, str]:
    """Stages that are what another was, under a new name: the old name by the new one."""
    olds, news = dict.fromkeys(before), dict.fromkeys(after)
    left: dict[Hashable, deque[str]] = {}
    for path in olds:
        if path not in news:
            left.setdefault(_look(old, path), deque()).append(path)
    found = {}
    for path in news:
        alike = left.get(_look(new, path)) if path not in olds else None
        if alike:
            found[path] = alike.popleft()
    return found


def _look(parts: Parts, path: str) -> Hashable:
    return tuple(parts.content(path)), tuple(node.shape for node in parts.graph.within(path))


def _one_sided(parts: Parts, scope: Scope, kind: Kind) -> StageChange:
    def side(value: Any) -> Change:
        return Change(None, value) if kind is Kind.ADDED else Change(value, None)

    graph, path = parts.graph, scope.path
    arguments = {n: side(v) for n, v in parts.part(path).given.items()}
    reads = sources(graph, path)
    behind = graph.scopes.get(reads[0]) if len(reads) == 1 else None
    return StageChange(
        path,
        kind,
        side(scope.block),
        arguments,
        (),
        side(graph.shape(scope.output)),
        side(cost(graph, graph.within(path))),
        ", ".join(reads),
        behind.block if behind else None,
    )


def _changed(steps: StepComparison, before: Scope, after: Scope) -> StageChange | None:
    """How a stage differs; None where it does not."""
    old, new = steps.old.graph, steps.new.graph
    inside, own, op = steps.compare(before.path, after.path)
    arguments = {**own, **_rewired(steps, before.path, after.path)}
    arguments |= differences(_loss(old, before), _loss(new, after))
    shape = Change(old.shape(before.output), new.shape(after.output))
    costs = Change(cost(old, old.within(before.path)), cost(new, new.within(after.path)))
    if before.path != after.path:
        kind, former = Kind.RENAMED, before.path
    elif arguments or inside or op.before != op.after:
        kind, former = Kind.CHANGED, ""
    elif shape.before != shape.after or costs.before != costs.after:
        kind, former = Kind.FOLLOWS, ""
    else:
        return None
    return StageChange(after.path, kind, op, arguments, tuple(inside), shape, costs, former)


def _loss(graph: Graph, scope: Scope) -> dict[str, Any]:
    """What a head says of its loss; nothing for a stage."""
    heads = {output.name: output for output in graph.outputs if output.training_only}
    head = heads.get(scope.path)
    return {} if head is None else {"loss": head.loss, "loss_weight": head.loss_weight}


def _rewired(steps: StepComparison, before: str, after: str) -> dict[str, Change]:
    """``from``, where a stage reads other stages and both those and the former ones still exist:
    otherwise what was inserted or removed explains it."""
    change = Change(sources(steps.old.graph, before), sources(steps.new.graph, after))
    if change.before == change.after:
        return {}
    known = _tops(steps.old.graph.nodes) & _tops(steps.new.graph.nodes)
    return {"from": change} if _tops((*change.before, *change.after)) <= known else {}


def _tops(names: Iterable[str]) -> set[str]:
    return {Graph.stage_of(name) for name in names}
