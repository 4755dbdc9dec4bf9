"""The results of ``bench`` as a table for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from inceptgraph.bench import Report, Row, Status, doubts
from inceptgraph.cli import console
from inceptgraph.measure import Spread
from inceptgraph.report import RULE, Column, Style, draw, one_line
from inceptgraph.report import Row as TableRow

__all__ = ["as_text"]

AUTO = "*"

_BAD = {Status.WRONG: "is wrong", Status.FAILED: "fails"}


@dataclass(frozen=True, slots=True)
class _Figure:
    """A column of figures; an empty cell is what was not measured."""

    column: Column
    of: Callable[[Row], str]


def as_text(report: Report) -> str:
    """The report with its facts above the table and what is to be said below."""
    rows = report.rows
    lines = [console.strong(one_line(report.network)), *_facts(report), ""]
    if rows:
        names = _names(rows)
        shown = [*names, *(each for each in FIGURES if any(map(each.of, rows)))]
        drawn = [
            line
            for _, group in groupby(rows, lambda row: row.job.setting.batch)
            for line in (RULE, *(_line(row, shown) for row in group))
        ]
        color, room = console.colored(), console.room()
        columns = [figure.column for figure in shown]
        lines.append(draw(columns, drawn[1:], room=room, color=color))
    notes = list(_notes(report))
    return "\n".join((*lines, *([""] if notes else []), *notes))


def _facts(report: Report) -> Iterator[str]:
    yield from (f"{name}: {value}" for name, value in report.facts.items())
    if counts := sorted({row.seconds.count for row in report.rows if row.seconds}):
        yield f"rounds: {', '.join(map(str, counts))}"
    if report.peaks:
        told = ", ".join(f"{dtype} {_rate(peak)}" for dtype, peak in report.peaks.items())
        yield f"measured peak: {told}"


def _names(rows: Sequence[Row]) -> list[_Figure]:
    """The columns that tell rows apart."""
    found = [_Figure(Column("engine"), _name)]
    if len({row.job.setting.dtype for row in rows}) > 1:
        found.append(_Figure(Column("dtype"), lambda row: row.job.setting.dtype))
    if len({row.job.setting.batch for row in rows}) > 1:
        batch = Column("batch", right=True)
        found.insert(0, _Figure(batch, lambda row: str(row.job.setting.batch)))
    return found


def _line(row: Row, figures: Sequence[_Figure]) -> TableRow:
    cells = tuple(figure.of(row) for figure in figures)
    return TableRow(cells, Style.STRONG if _starred(row) else None)


def _name(row: Row) -> str:
    return f"{row.job.label} {AUTO}" if _starred(row) else row.job.label


def _starred(row: Row) -> bool:
    """Whether `auto` picks it, and nothing was found to be wrong with it."""
    return row.auto and row.status not in _BAD


def _time(row: Row) -> str:
    return _milliseconds(row.seconds.median) if row.seconds else row.status.value


def _quartiles(spread: Spread | None, shown: Callable[[float], str]) -> str:
    return f"{shown(spread.low)}…{shown(spread.high)}" if spread else ""


def _milliseconds(seconds: float) -> str:
    return _digits(seconds * 1e3)


def _digits(value: float) -> str:
    """Three digits, or all before the point.

    >>> _digits(3.14159), _digits(31.4159), _digits(3141.59)
    ('3.14', '31.4', '3,142')
    """
    decimals = 2 if value < 9.995 else 1 if value < 99.95 else 0
    return f"{value:,.{decimals}f}"


def _rate(flops: float) -> str:
    return f"{_digits(flops / 1e12)} TFLOP/s" if flops >= 1e12 else f"{flops / 1e9:.0f} GFLOP/s"


def _optional(value: float | None, shown: Callable[[float], str]) -> str:
    return "" if value is None else shown(value)


FIGURES = (
    _Figure(Column("ms", right=True), _time),
    _Figure(
        Column("quartiles", right=True, rank=5), lambda r: _quartiles(r.seconds, _milliseconds)
    ),
    _Figure(
        Column("images/s", right=True, rank=4), lambda r: _optional(r.samples_per_second, _digits)
    ),
    _Figure(
        Column("speed-up", right=True),
        lambda r: f"{r.speedup.median:.2f}" if r.speedup else "",
    ),
    _Figure(Column("of peak", right=True, rank=2), lambda r: _optional(r.share, "{:.0%}".format)),
    _Figure(Column("error", right=True, rank=1), lambda r: _optional(r.error, "{:.1e}".format)),
    _Figure(
        Column("memory (MB)", right=True, rank=3),
        lambda r: _optional(r.memory, lambda b: f"{b / 1e6:,.0f}"),
    ),
    _Figure(
        Column("first result (s)", right=True, rank=6),
        lambda r: _optional(r.first, _digits),
    ),
)
"""Of a row, from left to right."""


def _notes(report: Report) -> Iterator[str]:
    """What the figures do not say, a line each."""
    yield from _reasons(report.rows)
    if any(map(_starred, report.rows)):
        yield f"{AUTO} is what `auto` picks."
    for row in report.rows:
        if row.auto and row.status in _BAD:
            yield f"warning: `auto` would pick {row.job}, which {_BAD[row.status]} here"
    yield from (f"not installed: {name} ({how})" for name, how in report.missing.items())
    yield from (f"warning: {remark}" for remark in (*report.remarks, *doubts(report)))


def _reasons(rows: Sequence[Row]) -> Iterator[str]:
    """Each reason once, with the settings that it holds for, unless those are all."""
    told: dict[tuple[str, Status, str], list[Row]] = {}
    for row in rows:
        if row.reason is not None:
            told.setdefault((row.job.label, row.status, one_line(row.reason)), []).append(row)
    for (label, status, reason), those in told.items():
        every = len(those) == sum(row.job.label == label for row in rows)
        who = label if every else "; ".join(str(row.job) for row in those)
        yield f"{who}: {'WRONG: ' if status is Status.WRONG else ''}{reason}"
