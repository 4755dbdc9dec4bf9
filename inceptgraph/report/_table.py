"""Tables as text: aligned columns for a terminal, a file or a golden test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inceptgraph.report._text import Style, painter, width

__all__ = ["GAP", "RULE", "Column", "Row", "draw"]

GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        title: its heading; it breaks at spaces where the cells are narrower.
        right: align to the right, as numbers are.
        rank: 0 for a column that always stays; of the others, the highest rank goes first where
            the table is wider than its room.
    """

    title: str
    right: bool = False
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table.

    Attributes:
        cells: one text for each column.
        style: how to paint it where colours are on.
        spill: its texts widen no column: they run over the empty cells to their right.
    """

    cells: tuple[str, ...]
    style: Style | None = None
    spill: bool = False


RULE = Row(())
"""A line across the table."""


def draw(
    columns: Sequence[Column],
    rows: Sequence[Row],
    *,
    room: int | None = None,
    color: bool = False,
) -> str:
    """A table as text, without a newline at the end and without trailing spaces.

    Args:
        columns: all of them, from left to right.
        rows: with a cell for each column.
        room: how wide the table may be; None for any width.
        color: paint the heading and the rows.

    >>> print(draw([Column("stage"), Column("size", right=True)], [Row(("conv1", "7×7"))]))
    stage  size
    conv1   7×7
    """
    kept = _fitting(columns, rows, room)
    columns = [columns[index] for index in kept]
    rows = [
        row if row is RULE else Row(tuple(row.cells[i] for i in kept), row.style, row.spill)
        for row in rows
    ]
    widths = _widths(columns, rows)
    heads = [_wrapped(column.title, size) for column, size in zip(columns, widths, strict=True)]
    tallest = max(map(len, heads), default=0)
    headings = zip(*([""] * (tallest - len(head)) + head for head in heads), strict=True)
    paint = painter(color)
    lines = [paint(_line(heading, columns, widths), Style.STRONG) for heading in headings]
    for row in rows:
        if row is RULE:
            lines.append("─" * (sum(widths) + GAP * (len(widths) - 1)))
            continue
        line = _line(row.cells, columns, widths)
        lines.append(paint(line, row.style) if row.style else line)
    return "\n".join(lines)


def _fitting(columns: Sequence[Column], rows: Sequence[Row], room: int | None) -> list[int]:
    """The columns that fit, by position."""
    widths = _widths(columns, rows)
    kept = list(range(len(columns)))
    for rank in sorted({column.rank for column in columns if column.rank}, reverse=True):
        if room is None or sum(widths[i] for i in kept) + GAP * (len(kept) - 1) <= room:
            break
        kept = [i for i in kept if columns[i].rank != rank]
    return kept


def _widths(columns: Sequence[Column], rows: Sequence[Row]) -> list[int]:
    widths = [max(map(width, column.title.split()), default=0) for column in columns]
    for row in rows:
        if row is RULE or row.spill:
            continue
        widths = [max(size, width(cell)) for size, cell in zip(widths, row.cells, strict=True)]
    for row in rows:
        if row.spill:  # numbers cannot run over: they would end in another column
            for index, column in enumerate(columns):
                if column.right:
                    widths[index] = max(widths[index], width(row.cells[index]))
    return widths


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    line, start, used = "", 0, 0
    for cell, column, size in zip(cells, columns, widths, strict=True):
        own = width(cell)
        if cell:
            target = start + (size - own if column.right else 0)
            space = max(target - used, 1 if line else 0)
            line += " " * space + cell
            used += space + own
        start += size + GAP
    return line


def _wrapped(title: str, size: int) -> list[str]:
    return list(_lines_of(title.split(), size))


def _lines_of(words: Sequence[str], size: int) -> Iterator[str]:
    line = ""
    for word in words:
        if line and width(line) + 1 + width(word) > size:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    if line:
        yield line
