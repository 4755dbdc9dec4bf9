"""The points of a sweep as a table: as text, Markdown, CSV and JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from inceptgraph.diagnostics import Findings, Source
from inceptgraph.report import (
    GAP,
    Column,
    Row,
    Style,
    draw,
    exact,
    human,
    one_line,
    painter,
    short,
)
from inceptgraph.source import parse, to_plain
from inceptgraph.sweep._figures import BYTES, FIGURES, Figure
from inceptgraph.sweep._points import Point

__all__ = ["Table", "tabulate", "to_csv", "to_json", "to_markdown", "to_text"]

FINDING = Column("finding")
SHORTEST = 20
"""Characters of a finding that stay in the narrowest table."""


@dataclass(frozen=True, slots=True)
class Table:
    """The points of a sweep with what their columns need.

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
        """A point's cells in the columns of values."""
        return tuple(one_line(point.values[path]) for path in self.varied)

    def figures(self, point: Point) -> tuple[str, ...]:
        """A point's cells in the columns of figures."""
        return tuple(self._figure(point, figure) for figure in FIGURES.values())

    def _figure(self, point: Point, figure: Figure) -> str:
        numbers = figure.read(point.figures, self.element) if point.figures else None
        return "×".join(map(human if self.rounded else exact, numbers or ()))

    def keys(self, figure: Figure) -> dict[str, None]:
        """The keys of a figure in all points; of an image where none has it."""
        known = (figure.of(point.figures) for point in self.points if point.figures)
        counts = {len(numbers) for numbers in known if numbers} or {min(2, len(figure.keys))}
        return dict.fromkeys(key for count in sorted(counts) for key in figure.keys[count])

    def numbers(self, point: Point) -> dict[str, int | None]:
        """A point's figures by their keys."""
        found: dict[str, int | None] = {}
        for figure in FIGURES.values():
            found |= dict.fromkeys(self.keys(figure))
            numbers = figure.read(point.figures, self.element) if point.figures else None
            if numbers:
                found |= zip(figure.keys[len(numbers)], numbers, strict=True)
        return found


def tabulate(
    title: str,
    options: Mapping[str, Sequence[str]],
    points: Iterable[Point],
    *,
    left_out: int = 0,
    dtype: str = "float32",
    rounded: bool = False,
) -> Table:
    """The table of a sweep's points.

    Args:
        title: the spec as readers call it.
        options: the values that were tried, by path; a path with one makes no column.
        points: the rows, in the order to show them.
        left_out: how many points are not among them.
        dtype: of an element of an activation, one of :data:`BYTES`.
        rounded: round figures, for people.

    >>> from inceptgraph.sweep import sweep
    >>> grid = {"classes": ["10", "100"]}
    >>> tabulate("lenet5", grid, sweep("lenet5", grid)).varied
    ['classes']
    """
    return Table(
        title=title,
        fixed={path: values[0] for path, values in options.items() if len(values) == 1},
        varied=[path for path, values in options.items() if len(values) > 1],
        points=tuple(points),
        left_out=left_out,
        element=BYTES[dtype],
        rounded=rounded,
    )


def _finding(point: Point) -> str:
    """Why a point has no figures."""
    first = next(iter(point.errors), None)
    return f"{first.code}: {one_line(first.message)}" if first else ""


# -- for people ------------------------------------------------------------------------------


def to_text(table: Table, *, room: int | None = None, color: bool = False) -> str:
    """The table as aligned columns, without a newline at the end; empty where it has no rows.

    Args:
        table: the points.
        room: columns of characters that it may take; what does not fit is left out or cut short.
            None for any width.
        color: use ANSI colours.

    >>> from inceptgraph.sweep import sweep
    >>> grid = {"classes": ["10", "100"]}
    >>> print(to_text(tabulate("lenet5", grid, sweep("lenet5", grid))).splitlines()[-1])
        100  69,400  424,080      5       60,880   23,520      16×16
    """
    if not table.points:
        return ""
    columns, rows = _cells(table)
    if room is not None and columns[-1] is FINDING:
        rest = draw(columns[:-1], [Row(cells[:-1]) for cells in rows]).splitlines()
        left = max(room - max(map(len, rest)) - GAP, SHORTEST)
        rows = [(*cells[:-1], short(cells[-1], left)) for cells in rows]
    text = draw(columns, [Row(cells) for cells in rows], room=room, color=color)
    fixed = "".join(f", {path}={value}" for path, value in table.fixed.items())
    return "\n".join((painter(color)(one_line(table.title + fixed), Style.STRONG), "", text))


def _cells(table: Table) -> tuple[list[Column], list[tuple[str, ...]]]:
    """The columns, and a row for each point; a column of findings only where there are some."""
    columns = [Column(path, right=True) for path in table.varied]
    columns += [Column(figure.title, right=True, rank=figure.rank) for figure in FIGURES.values()]
    rows = [(*table.values(point), *table.figures(point)) for point in table.points]
    if any(point.figures is None for point in table.points):
        columns.append(FINDING)
        rows = [(*row, _finding(p)) for row, p in zip(rows, table.points, strict=True)]
    return columns, rows


def to_markdown(table: Table) -> str:
    """The table as Markdown, without a newline at the end.

    >>> from inceptgraph.sweep import sweep
    >>> grid = {"classes": ["10", "100"]}
    >>> print(to_markdown(tabulate("lenet5", grid, sweep("lenet5", grid))).splitlines()[-1])
    | 100 | 69,400 | 424,080 | 5 | 60,880 | 23,520 | 16×16 |
    """
    columns, rows = _cells(table)
    return "\n".join(_markdown(columns, rows))


def _markdown(columns: Sequence[Column], rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    yield _bars([column.title for column in columns])
    yield _bars(["---:" if column.right else "---" for column in columns])
    for row in rows:
        yield _bars(row)


def _bars(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


# -- for programs ----------------------------------------------------------------------------


def to_csv(table: Table) -> str:
    """The table as CSV: exact numbers, units in the names of columns, a line each with its end.

    >>> from inceptgraph.sweep import sweep
    >>> grid = {"classes": ["10", "100"]}
    >>> print(to_csv(tabulate("lenet5", grid, sweep("lenet5", grid))).splitlines()[1])
    10,61750,416520,5,60520,23520,16,16,,
    """
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    keys = [key for figure in FIGURES.values() for key in table.keys(figure)]
    writer.writerow([*table.varied, *keys, "code", "message"])
    for point in table.points:
        first = next(iter(point.errors), None)
        why = (first.code.value, first.message) if first else ("", "")
        values = [point.values[path] for path in table.varied]
        writer.writerow([*values, *table.numbers(point).values(), *why])
    return file.getvalue()


def to_json(table: Table) -> dict[str, Any]:
    """The data of the table as plain dicts and lists, which ``json`` writes.

    >>> from inceptgraph.sweep import sweep
    >>> grid = {"classes": ["10", "1000"]}
    >>> [row["params"] for row in to_json(tabulate("lenet5", grid, sweep("lenet5", grid)))["rows"]]
    [61750, 145900]
    """
    rows = []
    for point in table.points:
        values = {path: _plain(point.values[path]) for path in table.varied}
        findings = [{"code": d.code.value, "message": d.message} for d in point.errors]
        rows.append({"values": values, **table.numbers(point), "findings": findings})
    fixed = {path: _plain(value) for path, value in table.fixed.items()}
    return {"spec": table.title, "fixed": fixed, "left_out": table.left_out, "rows": rows}


def _plain(text: str) -> Any:
    """A value as JSON has it; one that is not YAML stays a text."""
    node = parse(Source("value", text), findings := Findings())
    return text if node is None or findings.errors else to_plain(node)
