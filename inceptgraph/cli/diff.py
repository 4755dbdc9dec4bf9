"""``diff``: what changed between two networks, in the lines that a person would write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import click

from inceptgraph.cli import console, failures
from inceptgraph.cli.group import verb
from inceptgraph.cli.options import SPEC, json_option, overrides, set_option
from inceptgraph.cli.specs import load
from inceptgraph.cli.words import change, counted, exact, pretty, value
from inceptgraph.compare import Change, Comparison, Kind, Named, StageChange, StepChange, compare
from inceptgraph.cost import Cost
from inceptgraph.report.text import one_line
from inceptgraph.types import format_shape

__all__ = ["diff"]

EXAMPLES = """
inceptgraph diff old.yaml new.yaml
inceptgraph diff googlenet my.yaml --all
git show main:my.yaml | inceptgraph diff - my.yaml
inceptgraph diff googlenet googlenet --set stages.inception_3a.3x3=192
"""

_MARKS = {
    Kind.ADDED: ("+", "green"),
    Kind.REMOVED: ("-", "red"),
    Kind.CHANGED: ("~", "yellow"),
    Kind.RENAMED: ("~", "yellow"),
    Kind.FOLLOWS: (" ", None),
}
_NOTHING = Cost()


@verb("diff", examples=EXAMPLES)
@click.argument("before", metavar="A", type=SPEC)
@click.argument("after", metavar="B", type=SPEC)
@click.option("--all", "everything", is_flag=True, help="List stages whose size follows, too.")
@json_option
@click.option(
    "--set-a",
    "values_a",
    multiple=True,
    metavar="PATH=VALUE",
    callback=overrides,
    help="Replace a value of A.",
)
@set_option
def diff(
    before: str,
    after: str,
    everything: bool,
    as_json: bool,
    values_a: dict[str, str],
    values: dict[str, str],
) -> int:
    """Show what changed between two specs.

    Compares what the networks compute, from A to B; comments do not count. --set applies to B. The
    exit code is 0 where nothing changed and 1 where something did.
    """
    if before == after == "-":
        raise click.UsageError("only one of the two can be stdin")
    found = compare(load(before, values_a).analysis, load(after, values).analysis)
    if as_json:
        console.send_json(_as_json(found))
    elif found.equal:
        cost: Cost = found.cost.after
        figures = f"{exact(cost.params)} parameters, {exact(cost.macs)} multiply-adds"
        console.message(f"no differences: both have {figures}")
    else:
        console.data("\n".join(_lines(found, everything)))
    return 0 if found.equal else failures.DIFFERENT


# -- text ------------------------------------------------------------------------------------


def _lines(found: Comparison, everything: bool) -> Iterator[str]:
    name = found.name
    title = name.after if name.before == name.after else f"{name.before} → {name.after}"
    yield console.strong(one_line(title))
    yield ""
    edits = [*_groups(s for s in found.stages if s.kind is not Kind.FOLLOWS)]
    edits += _groups(h for h in found.heads if h.kind is not Kind.FOLLOWS)
    follows = [s for s in (*found.stages, *found.heads) if s.kind is Kind.FOLLOWS]
    shown = edits + ([[stage] for stage in follows] if everything else [])
    column = max([8, *(len(_names(group)) for group in shown)]) + 2
    for title, changes in (
        ("input", {n: _shapes(c) for n, c in found.inputs.items()}),
        ("params", found.params),
        ("outputs", found.outputs),
    ):
        if changes:
            yield f"  {title:<{column}}{_named(changes)}"
    for group in shown:
        first, *rest = _group_lines(group)
        mark, hue = _MARKS[group[0].kind]
        heading = f"{mark} {_names(group):<{column}}"
        yield (click.style(heading, fg=hue) if hue and console.colored() else heading) + first
        yield from (f"  {'':<{column}}{line}" for line in rest)
    if follows and not everything:
        names = _run([stage.name for stage in follows])
        others = "other stage" if edits else "stage"
        verb_form = "follows" if len(follows) == 1 else "follow"
        yield f"  {counted(len(follows), others)} {verb_form} in size ({names}); --all lists them"
    yield ""
    yield from _totals(found)


def _groups(stages: Iterable[StageChange]) -> Iterator[list[StageChange]]:
    """Stages that were edited in the same way go together."""
    groups: dict[str, list[StageChange]] = {}
    for stage in stages:
        if stage.kind is not Kind.CHANGED:
            groups[stage.name] = [stage]
            continue
        op = stage.op if stage.op.before != stage.op.after else None
        steps = sorted(set(_step_texts(stage.steps, short=True)))
        groups.setdefault(repr((op, stage.arguments, steps)), []).append(stage)
    yield from groups.values()


def _names(group: list[StageChange]) -> str:
    return _run([stage.name for stage in group])


def _run(names: list[str]) -> str:
    return ", ".join(names) if len(names) < 3 else f"{names[0]} … {names[-1]}"


def _group_lines(group: list[StageChange]) -> Iterator[str]:
    """What happened to stages, then what it does to their size."""
    stage = group[0]
    lines = []
    if len(group) > 2:
        lines.append(counted(len(group), "stage"))
    if stage.kind is Kind.RENAMED:
        lines.append(f"renamed from {stage.place}")
    if stage.kind is Kind.REMOVED:
        yield f"{_operation(stage.op.before)}, {_size(group)}"
        return
    if stage.op.before != stage.op.after:
        former = f"{_operation(stage.op.before)} → " if stage.op.before else ""
        given = "".join(
            f", {n}: {value(c.after)}" for n, c in stage.arguments.items() if c.before is None
        )
        reads = f", reads {stage.place}" if stage.place else ""
        lines.append(f"{former}{_operation(stage.op.after)}{given}{reads}")
    elif stage.arguments:
        lines.append(_named(stage.arguments))
    lines += dict.fromkeys(_step_texts(stage.steps, short=len(group) > 1))
    size = _size(group)
    lines += [size] if size else []
    yield from lines or [""]


def _operation(name: str | None) -> str:
    return pretty(name) if name else "steps"


def _step_texts(steps: Iterable[StepChange], short: bool) -> Iterator[str]:
    """Steps, those that changed alike in one line."""
    alike: dict[tuple[str, str], list[str]] = {}
    for step in steps:
        alike.setdefault((step.path.rpartition(".")[2], _step_text(step)), []).append(step.path)
    for (last, text), paths in alike.items():
        name = paths[0] if len(paths) == 1 and not short else last
        times = f" (×{len(paths)})" if len(paths) > 1 and not short else ""
        yield text.replace("\0", name + times)


def _step_text(step: StepChange) -> str:
    """What happened to a step; its name stands as NUL."""
    if step.kind is Kind.ADDED:
        given = "".join(f", {n}: {value(c.after)}" for n, c in step.arguments.items())
        return f"+ \0: {pretty(step.op.after)}{given}"
    if step.kind is Kind.REMOVED:
        return f"- \0: {pretty(step.op.before)}"
    if step.op.before != step.op.after:
        return f"\0: {pretty(step.op.before)} → {pretty(step.op.after)}"
    return f"\0: {_named(step.arguments)}"


def _named(changes: Named) -> str:
    return ", ".join(f"{n}: {value(c.before)} → {value(c.after)}" for n, c in changes.items())


def _shapes(shapes: Change) -> Change:
    return Change(*(format_shape(shape) if shape else None for shape in shapes))


def _size(group: list[StageChange]) -> str:
    """Shapes where there is one stage, and what all of them cost more or less."""
    parts = []
    shape = _shapes(group[0].shape)
    if len(group) == 1 and shape.before and shape.after and shape.before != shape.after:
        parts.append(f"{shape.before} → {shape.after}")
    elif len(group) == 1 and not (shape.before and shape.after):
        parts.append(shape.before or shape.after)
    for title, field in (("params", "params"), ("MACs", "macs")):
        old, new = (
            sum(getattr(stage.cost[side] or _NOTHING, field) for stage in group) for side in (0, 1)
        )
        if old != new:
            parts.append(f"{title} {change(old, new)}")
    return ", ".join(parts)


def _totals(found: Comparison) -> Iterator[str]:
    old, new = found.cost
    rows = [(title, getattr(old, f), getattr(new, f)) for title, f in _TOTALS]
    old, new = found.cost_with_heads
    if (old, new) != tuple(found.cost):
        rows += [(f"{t} with heads", getattr(old, f), getattr(new, f)) for t, f in _TOTALS[:2]]
    width = max(len(title) for title, _, _ in rows) + 2
    for title, before, after in rows:
        if before != after:
            figures = f"{exact(before)} → {exact(after)}  {change(before, after)}"
            yield f"  {title:<{width}}{figures}"
        elif title in ("params", "MACs"):
            yield f"  {title:<{width}}{exact(after)}, as before"


_TOTALS = (("params", "params"), ("MACs", "macs"), ("depth", "depth"))


# -- JSON ------------------------------------------------------------------------------------


def _as_json(found: Comparison) -> dict[str, Any]:
    return {
        "equal": found.equal,
        "name": _change(found.name),
        "inputs": _changes(found.inputs),
        "outputs": _changes(found.outputs),
        "params": _changes(found.params),
        "stages": [_stage(stage) for stage in found.stages],
        "aux_heads": [_stage(head) for head in found.heads],
        "totals": {
            f"{field}{suffix}": _change(Change(*(getattr(cost, field) for cost in costs)))
            for suffix, costs in (("", found.cost), ("_with_aux", found.cost_with_heads))
            for _, field in _TOTALS
        },
    }


def _stage(stage: StageChange) -> dict[str, Any]:
    costs = {
        field: {side: getattr(its, field) for side, its in stage.cost._asdict().items() if its}
        for _, field in _TOTALS
    }
    return {
        "name": stage.name,
        "kind": stage.kind.value,
        **({"renamed_from": stage.place} if stage.kind is Kind.RENAMED else {}),
        "op": _change(stage.op),
        "arguments": _changes(stage.arguments),
        "out": _change(stage.shape),
        **costs,
        "steps": [
            {
                "name": step.path,
                "kind": step.kind.value,
                "op": _change(step.op),
                "arguments": _changes(step.arguments),
            }
            for step in stage.steps
        ],
    }


def _changes(changes: Named) -> dict[str, Any]:
    return {name: _change(each) for name, each in changes.items()}


def _change(each: Change) -> dict[str, Any]:
    return {side: _plain(value) for side, value in each._asdict().items()}


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value
