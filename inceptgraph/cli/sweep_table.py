"""The rows of ``sweep`` as a table, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inceptgraph.cli import console
from inceptgraph.cli.figures import FIGURES, Figure
from inceptgraph.diagnostics import Findings, Source
from inceptgraph.report import GAP, Column, Row, draw, exact, human, one_line, short
from inceptgraph.source import parse, to_plain
from inceptgraph.sweep import Point

__all__ = ["FORMATS", "FOR_PROGRAMS", "Table"]

FINDING = Column("finding")
SHORTEST = 20
"""Characters of a finding that stay in the narrowest table."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is to be printed.

    Attributes:
        title: the spec as messages call it.
        fixed: the values that all points share, by path.
        varied: the paths that make columns.
        points: the rows.
        left_out: how many rows the bounds left out.
        element: bytes of an element of a tensor.
        rounded: round figures, for people.
    """

    title: str
    fixed: Mapping[str, str]
    varied: Sequence[str]
    points: Sequence[Point]
    left_out: int
    element: int
    rounded: bool

    def values(self, point: Point) -> tuple[str, ...]:
        """What a point has in the columns of values."""
        return tuple(one_line(point.values[path]) for path in self.varied)

    def figures(self, point: Point) -> tuple[str, ...]:
        """What a point has in the columns of figures."""
        return tuple(self._figure(point, figure) for figure in FIGURES.values())

    def _figure(self, point: Point, figure: Figure) -> str:
        numbers = figure.read(point.figures, self.element) if point.figures else None
        return "×".join(map(human if self.rounded else exact, numbers or ()))

    def numbers(self, point: Point) -> dict[str, int | None]:
        """A point's figures by their keys."""
        found: dict[str, int | None] = {}
        for figure in FIGURES.values():
            numbers = figure.read(point.figures, self.element) if point.figures else None
            found |= dict(zip(figure.keys, numbers or [None] * len(figure.keys), strict=True))
        return found


def _finding(point: Point) -> str:
    """Why a point has no figures."""
    first = next(iter(point.errors), None)
    return f"{first.code}: {one_line(first.message)}" if first else ""


# -- for people ------------------------------------------------------------------------------


def _as_table(table: Table) -> None:
    if not table.points:
        return
    columns, rows = _cells(table)
    room = console.room()
    if room is not None and columns[-1] is FINDING:
        rest = draw(columns[:-1], [Row(cells[:-1]) for cells in rows]).splitlines()
        left = max(room - max(map(len, rest)) - GAP, SHORTEST)
        rows = [(*cells[:-1], short(cells[-1], left)) for cells in rows]
    text = draw(columns, [Row(cells) for cells in rows], room=room, color=console.colored())
    fixed = "".join(f", {path}={value}" for path, value in table.fixed.items())
    console.data("\n".join((console.strong(one_line(table.title + fixed)), "", text)))


def _cells(table: Table) -> tuple[list[Column], list[tuple[str, ...]]]:
    """The columns, and a row for each point; a column of findings only where there are some."""
    columns = [Column(path, right=True) for path in table.varied]
    columns += [Column(figure.title, right=True, rank=figure.rank) for figure in FIGURES.values()]
    rows = [(*table.values(point), *table.figures(point)) for point in table.points]
    if any(point.figures is None for point in table.points):
        columns.append(FINDING)
        rows = [(*row, _finding(p)) for row, p in zip(rows, table.points, strict=True)]
    return columns, rows


def _as_markdown(table: Table) -> None:
    columns, rows = _cells(table)
    console.data("\n".join(_markdown(columns, rows)))


def _markdown(columns: Sequence[Column], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield _bars([column.title for column in columns])
    yield _bars(["---:" if column.right else "---" for column in columns])
    for row in rows:
        yield _bars(row)


def _bars(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


# -- for programs ----------------------------------------------------------------------------


def _as_csv(table: Table) -> None:
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    keys = [key for figure in FIGURES.values() for key in figure.keys]
    writer.writerow([*table.varied, *keys, "code", "message"])
    for point in table.points:
        first = next(iter(point.errors), None)
        why = (first.code.value, first.message) if first else ("", "")
        values = [point.values[path] for path in table.varied]
        writer.writerow([*values, *table.numbers(point).values(), *why])
    console.data(file.getvalue())


def _as_json(table: Table) -> None:
    rows = []
    for point in table.points:
        values = {path: _plain(point.values[path]) for path in table.varied}
        findings = [{"code": d.code.value, "message": d.message} for d in point.errors]
        rows.append({"values": values, **table.numbers(point), "findings": findings})
    fixed = {path: _plain(value) for path, value in table.fixed.items()}
    console.send_json(
        {"spec": table.title, "fixed": fixed, "left_out": table.left_out, "rows": rows}
    )


def _plain(text: str) -> Any:
    """A value as JSON has it; one that is not YAML stays a text."""
    node = parse(Source("value", text), findings := Findings())
    return text if node is None or findings.errors else to_plain(node)


FORMATS: dict[str, Callable[[Table], None]] = {
    "table": _as_table,
    "csv": _as_csv,
    "json": _as_json,
    "md": _as_markdown,
}
FOR_PROGRAMS = ("csv", "json")
