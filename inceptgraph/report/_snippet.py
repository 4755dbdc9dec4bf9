"""One line of a source with its labels drawn underneath, as rows of text at columns.

A line is shown whole where it fits. A longer one is cut to a window around its labels, and shown
once for each group of labels that lie too far apart for one window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from inceptgraph.diagnostics import Label
from inceptgraph.report._text import one_line, visible, width

__all__ = ["Excerpt", "Mark", "Piece", "excerpts", "mark"]

_TAB = "    "
_CUT = "…"
_CONTEXT = 24  # columns kept before the first label of a line that is cut


@dataclass(frozen=True, slots=True)
class Mark:
    """A label on one line: the characters it underlines and what it says of them."""

    line: int
    start: int
    end: int
    text: str
    primary: bool


@dataclass(frozen=True, slots=True)
class Piece:
    """Text at a column under a source line."""

    column: int
    text: str
    primary: bool


@dataclass(frozen=True, slots=True)
class Excerpt:
    """The part of a source line that is shown, and the rows under it, each from left to right."""

    text: str
    rows: Sequence[Sequence[Piece]]

    @property
    def width(self) -> int:
        """Columns that the widest row takes."""
        ends = (row[-1].column + width(row[-1].text) for row in self.rows)
        return max(width(self.text), *ends, 0)


def mark(label: Label, lines: Sequence[str], *, primary: bool) -> Mark:
    """The place where a label is drawn: on its first line, at least one column wide, at
    most one past the end of the line."""
    # Span.first_line would split the whole source again for each label.
    span = label.span
    line = max(span.line, 0)
    text = lines[line] if line < len(lines) else ""
    start = min(max(span.column, 0), len(text))
    end = span.end_column if span.end_line <= span.line else len(text.rstrip())
    end = max(min(end, len(text)), start + 1)
    return Mark(line, start, end, one_line(label.text), primary)


def excerpts(text: str, marks: Sequence[Mark], room: int) -> Iterator[Excerpt]:
    """A line with its marks in at most ``room`` columns: one excerpt, or one for each group of
    marks that share a window."""
    marks = sorted(marks, key=lambda m: (m.start, not m.primary))
    if len(text) <= room:
        whole = _draw(text, marks, 0, len(text), room)
        if whole.width <= room:
            yield whole
            return
    for group in _groups(marks, room // 2) or [[]]:
        first = group[0].start if group else 0
        yield _draw(text, group, *_window(text, first, room - len(_CUT)), room)


def _groups(marks: Sequence[Mark], reach: int) -> list[list[Mark]]:
    """Marks in runs that start within ``reach`` characters of the first of the run."""
    groups: list[list[Mark]] = []
    for each in marks:
        if groups and each.start - groups[-1][0].start <= reach:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _window(text: str, first: int, room: int) -> tuple[int, int]:
    """The characters to show so that the one at ``first`` has some context before it."""
    start, used = first, len(_CUT)
    while start > 0 and (cells := _cells(text[start - 1])) + used <= _CONTEXT:
        start, used = start - 1, used + cells
    end, used = start, len(_CUT) if start else 0
    while end < len(text) and (cells := _cells(text[end])) + used <= room:
        end, used = end + 1, used + cells
    return start, end


def _shown(char: str) -> str:
    return _TAB if char == "\t" else visible(char)


@lru_cache(1024)
def _cells(char: str) -> int:
    """Columns to reckon with for a character: never none, so that a window always has an end."""
    return max(width(_shown(char)), 1)


def _draw(text: str, marks: Sequence[Mark], start: int, end: int, room: int) -> Excerpt:
    """Characters ``start`` to ``end`` of a line, and the rows that point at them."""
    shown = [_CUT] if start else []
    columns = [0] * (end - start + 1)  # where each character begins, and where the last one ends
    columns[0] = column = len(shown)
    for index, char in enumerate(text[start:end], start=1):
        shown.append(_shown(char))
        columns[index] = column = column + width(shown[-1])
    if end < len(text):
        shown.append(_CUT)

    def at(character: int) -> int:
        return columns[min(max(character - start, 0), end - start)]

    placed = [(m, at(m.start), max(at(m.end), at(m.start) + 1)) for m in marks]
    return Excerpt("".join(shown).rstrip(), _rows(placed, room) if placed else ())


_Placed = tuple[Mark, int, int]


def _rows(placed: Sequence[_Placed], room: int) -> list[list[Piece]]:
    """The underlines; beside them the text of the last label, if nothing is in its way; then,
    hung below and from right to left, the other texts."""
    rows = [_underlines(placed)]
    last, column, end = placed[-1]
    hung = [(m, begin) for m, begin, _ in placed if m.text]
    alone = all(other_end <= column for _, _, other_end in placed[:-1])
    if last.text and alone and end + 1 + width(last.text) <= room:
        rows[0].append(Piece(end + 1, last.text, last.primary))
        hung.pop()
    if hung:
        rows.append(_bars(hung))
    while hung:
        each, column = hung.pop()
        left = _bars([(m, begin) for m, begin in hung if begin < column])
        rows.append([*left, Piece(column, each.text, each.primary)])
    return rows


def _underlines(placed: Sequence[_Placed]) -> list[Piece]:
    """Carets under the primary label, dashes under the others; the shorter of two is on top."""
    cells: dict[int, bool] = {}
    for each, begin, end in sorted(placed, key=lambda p: (p[1] - p[2], p[0].primary)):
        cells.update(dict.fromkeys(range(begin, end), each.primary))
    pieces = []
    # Along a run of neighbours, the column and its place in the order grow together.
    runs = groupby(enumerate(sorted(cells)), key=lambda c: (c[1] - c[0], cells[c[1]]))
    for (_, primary), run in runs:
        columns = [column for _, column in run]
        pieces.append(Piece(columns[0], ("^" if primary else "-") * len(columns), primary))
    return pieces


def _bars(hung: Sequence[tuple[Mark, int]]) -> list[Piece]:
    """A bar at each column that a text hangs from."""
    columns = {column: each.primary for each, column in reversed(hung)}
    return [Piece(column, "|", columns[column]) for column in sorted(columns)]
