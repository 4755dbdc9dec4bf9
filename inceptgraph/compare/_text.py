"""A comparison as text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inceptgraph.analysis import Cost
from inceptgraph.compare._changes import Kind
from inceptgraph.compare._comparison import Comparison
from inceptgraph.compare._narrate import MARKS, Teller, Told, run, size, totals
from inceptgraph.report import Paint, Style, change, exact, one_line, painter

__all__ = ["to_text"]

_STYLES: Final = {
    Kind.ADDED: Style.ADDED,
    Kind.REMOVED: Style.REMOVED,
    Kind.CHANGED: Style.CHANGED,
    Kind.RENAMED: Style.CHANGED,
    Kind.FOLLOWS: None,
}


def to_text(found: Comparison, *, everything: bool = False, color: bool = False) -> str:
    """The lines of a comparison for a terminal, without a newline at the end.

    Args:
        found: the comparison.
        everything: list the stages whose size follows, too.
        color: use ANSI colours.

    >>> import inceptgraph
    >>> print(to_text(inceptgraph.diff("googlenet", "googlenet")))
    no differences: both have 6,998,552 parameters, 1,582,671,872 multiply-adds
    """
    if found.equal:
        cost: Cost = found.cost.after
        figures = f"{exact(cost.params)} parameters, {exact(cost.macs)} multiply-adds"
        return f"no differences: both have {figures}"
    return "\n".join(_lines(found, everything, painter(color)))


def _lines(found: Comparison, everything: bool, paint: Paint) -> Iterator[str]:
    teller = Teller(found, code=one_line)
    yield paint(" → ".join(map(one_line, dict.fromkeys(found.name))), Style.STRONG)
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
        style = _STYLES[told.kind]
        first, *rest = told.lines
        yield ((paint(heading, style) if style else heading) + first).rstrip()
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
