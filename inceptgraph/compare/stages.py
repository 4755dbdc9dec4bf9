"""How the stages of two networks differ."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from inceptgraph.compare import reading
from inceptgraph.compare.changes import Change, Kind, StageChange, differences
from inceptgraph.compare.steps import compare_steps, explained
from inceptgraph.cost import cost
from inceptgraph.graph import Graph, Scope

__all__ = ["compare_stages"]


def compare_stages(
    old: Graph, new: Graph, before: Iterable[Scope], after: Iterable[Scope]
) -> tuple[StageChange, ...]:
    """What happened to the stages, or to the heads, in the order of the network after."""
    olds, news = {s.path: s for s in before}, {s.path: s for s in after}
    gone = [path for path in olds if path not in news]
    renamed = _renamed(old, new, gone, [path for path in news if path not in olds])
    found: list[StageChange | None] = []
    for path, scope in news.items():
        former = renamed.get(path, path)
        if former in olds:
            found.append(_changed(old, new, olds[former], scope))
        else:
            found.append(_one_sided(new, scope, Kind.ADDED))
    lost = [path for path in gone if path not in renamed.values()]
    found += [_one_sided(old, olds[path], Kind.REMOVED) for path in lost]
    return tuple(change for change in found if change is not None)


def _renamed(old: Graph, new: Graph, gone: list[str], come: list[str]) -> dict[str, str]:
    """Stages that are what another was, under a new name: the old name by the new one."""
    left = {path: _content(old, path) for path in gone}
    found = {}
    for path in come:
        content = _content(new, path)
        former = next((name for name, its in left.items() if its == content), None)
        if former is not None:
            del left[former]
            found[path] = former
    return found


def _content(graph: Graph, path: str) -> tuple[Any, ...]:
    return tuple((node.name[len(path) :], node.op, node.shape) for node in graph.within(path))


def _one_sided(graph: Graph, scope: Scope, kind: Kind) -> StageChange:
    def side(value: Any) -> Change:
        return Change(None, value) if kind is Kind.ADDED else Change(value, None)

    arguments = {n: side(v) for n, v in reading.given(graph, scope).items()}
    reads = ", ".join(reading.sources(graph, scope.path))
    shape, its_cost = graph.shape(scope.output), cost(graph, graph.within(scope.path))
    op = side(scope.block)
    return StageChange(scope.path, kind, op, arguments, (), side(shape), side(its_cost), reads)


def _changed(old: Graph, new: Graph, before: Scope, after: Scope) -> StageChange | None:
    """How a stage differs; None where it does not."""
    steps = compare_steps(old, new, before.path, after.path)
    olds, news = reading.arguments(old, before), reading.arguments(new, after)
    if before.block != after.block:
        # something else altogether: what it is given says it, its steps need no comparison
        arguments = {name: Change(None, value) for name, value in reading.given(new, after).items()}
        steps = ()
    elif before.path in old.nodes and after.path in new.nodes:
        # a single operation: its step says it all, defaults included
        arguments = dict(steps[0].arguments) if steps else {}
        steps = ()
    else:
        arguments = differences(olds, news)
        steps = tuple(step for step in steps if not explained(step, arguments))
    arguments |= _rewired(old, new, before.path, after.path)
    arguments |= differences(_loss_weight(old, before), _loss_weight(new, after))
    op = Change(before.block, after.block)
    shape = Change(old.shape(before.output), new.shape(after.output))
    costs = Change(cost(old, old.within(before.path)), cost(new, new.within(after.path)))
    if before.path != after.path:
        kind, former = Kind.RENAMED, before.path
    elif arguments or steps or op.before != op.after:
        kind, former = Kind.CHANGED, ""
    elif shape.before != shape.after or costs.before != costs.after:
        kind, former = Kind.FOLLOWS, ""
    else:
        return None
    return StageChange(after.path, kind, op, arguments, steps, shape, costs, former)


def _loss_weight(graph: Graph, scope: Scope) -> dict[str, float]:
    weights = {o.name: o.loss_weight for o in graph.outputs}
    weight = weights.get(scope.path)
    return {} if weight is None else {"loss_weight": weight}


def _rewired(old: Graph, new: Graph, before: str, after: str) -> dict[str, Change]:
    """``from``, where a stage reads other stages and both those and the former ones still exist:
    otherwise what was inserted or removed explains it."""
    change = Change(reading.sources(old, before), reading.sources(new, after))
    if change.before == change.after:
        return {}
    known = _tops(old.nodes) & _tops(new.nodes)
    return {"from": change} if _tops((*change.before, *change.after)) <= known else {}


def _tops(names: Iterable[str]) -> set[str]:
    return {name.partition(".")[0] for name in names}
