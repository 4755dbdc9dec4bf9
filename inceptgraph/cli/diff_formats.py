"""A comparison as text, Markdown and data."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape
from typing import Any

import click

from inceptgraph.analysis import Cost
from inceptgraph.cli import console
from inceptgraph.compare import (
    MARKS,
    TOTALS,
    Change,
    Comparison,
    Kind,
    Named,
    StageChange,
    StepChange,
    Teller,
    Told,
    run,
    size,
    totals,
)
from inceptgraph.report import change, exact, one_line

__all__ = ["as_json", "as_markdown", "as_text"]

_HUES = {
    Kind.ADDED: "green",
    Kind.REMOVED: "red",
    Kind.CHANGED: "yellow",
    Kind.RENAMED: "yellow",
    Kind.FOLLOWS: None,
}


# -- text ------------------------------------------------------------------------------------


def as_text(found: Comparison, everything: bool = False) -> str:
    """Lines for a terminal; ``everything`` lists what follows in size, too."""
    if found.equal:
        cost: Cost = found.cost.after
        figures = f"{exact(cost.params)} parameters, {exact(cost.macs)} multiply-adds"
        return f"no differences: both have {figures}"
    return "\n".join(_text(found, everything))


def _text(found: Comparison, everything: bool) -> Iterator[str]:
    teller = Teller(found, code=one_line)
    yield console.strong(" → ".join(map(one_line, dict.fromkeys(found.name))))
    yield ""
    edits = list(teller.edits())
    if everything:
        edits += [Told(Kind.FOLLOWS, (s.name,), (size([s]),)) for s in teller.follows()]
    column = max([8, *(len(_heading(told)) for told in edits)]) + 2
    for title, facts in teller.facts():
        if facts:
            yield f"  {title:<{column}}{', '.join(facts)}"
    for told in edits:
        heading = f"{MARKS[told.kind]} {_heading(told):<{column}}"
        hue = _HUES[told.kind]
        first, *rest = told.lines
        painted = click.style(heading, fg=hue) if hue and console.colored() else heading
        yield (painted + first).rstrip()
        yield from (f"  {'':<{column}}{line}" for line in rest)
    if (summary := teller.summary()) and not everything:
        yield f"  {summary}; --all lists them"
    yield ""
    rows = totals(found)
    width = max(len(title) for title, _, _ in rows) + 2
    for title, before, after in rows:
        if before != after:
            figures = f"{exact(before)} → {exact(after)}  {change(before, after)}"
            yield f"  {title:<{width}}{figures}"
        elif title in ("params", "MACs"):
            yield f"  {title:<{width}}{exact(after)}, as before"


def _heading(told: Told) -> str:
    return f"{told.what} {run(list(told.names))}".strip()


# -- Markdown --------------------------------------------------------------------------------


def as_markdown(found: Comparison, everything: bool = False) -> str:
    """Markdown for a pull request; ``everything`` unfolds what follows in size."""
    return "\n".join(_markdown(found, everything))


def _markdown(found: Comparison, everything: bool) -> Iterator[str]:
    teller = Teller(found, code=_code)
    yield f"### {' → '.join(map(_code, dict.fromkeys(found.name)))}"
    yield ""
    if found.equal:
        yield "No differences."
        yield ""
    for title, facts in teller.facts():
        if facts:
            yield f"- {title}: {', '.join(facts)}"
    for told in teller.edits():
        names = run([_code(name) for name in told.names])
        first, *rest = told.lines
        about = f": {first}" if first else ""
        yield f"- {_WORDS[told.kind]} {told.what}{' ' if told.what else ''}{names}{about}"
        yield from (f"  - {line}" for line in rest)
    if follows := teller.follows():
        summary = Teller(found, code=escape).summary()  # Markdown is not read inside HTML
        yield from ("", f"<details{' open' if everything else ''}><summary>{summary}</summary>", "")
        yield from (f"- {_code(stage.name)}: {size([stage])}" for stage in follows)
        yield from ("", "</details>")
    yield ""
    yield "| | before | after | difference |"
    yield "| --- | ---: | ---: | ---: |"
    for title, before, after in totals(found):
        told_change = change(before, after) if before != after else "none"
        yield f"| {title} | {exact(before)} | {exact(after)} | {told_change} |"


_WORDS = {
    Kind.ADDED: "added",
    Kind.REMOVED: "removed",
    Kind.CHANGED: "changed",
    Kind.RENAMED: "renamed",
}


def _code(text: str) -> str:
    """Text as it stands, whatever Markdown would make of it.

    >>> _code("a|b"), _code("a`b")
    ('`a|b`', '`` a`b ``')
    """
    text = one_line(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    if not longest:
        return f"`{text or ' '}`"
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}"


# -- JSON ------------------------------------------------------------------------------------


def as_json(found: Comparison) -> dict[str, Any]:
    """Everything, as data."""
    return {
        "equal": found.equal,
        "name": _change(found.name),
        "inputs": _changes(found.inputs),
        "outputs": _changes(found.outputs),
        "params": _changes(found.params),
        "defaults": _changes(found.defaults),
        "blocks": [
            {
                "name": block.name,
                "uses": block.uses,
                "changed": block.changed,
                "steps": [_step(step) for step in block.steps],
            }
            for block in found.blocks
        ],
        "stages": [_stage(stage) for stage in found.stages],
        "aux_heads": [_stage(head) for head in found.heads],
        "totals": {
            f"{field}{suffix}": _change(Change(*(getattr(cost, field) for cost in costs)))
            for suffix, costs in (("", found.cost), ("_with_aux", found.cost_with_heads))
            for _, field in TOTALS
        },
    }


def _stage(stage: StageChange) -> dict[str, Any]:
    costs = {
        field: {side: getattr(its, field) for side, its in stage.cost._asdict().items() if its}
        for _, field in TOTALS
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
            {**_step(step), "block": step.block, "told_of_block": step.shared}
            for step in stage.steps
        ],
    }


def _step(step: StepChange) -> dict[str, Any]:
    return {
        "name": step.path,
        "kind": step.kind.value,
        "op": _change(step.op),
        "arguments": _changes(step.arguments),
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
