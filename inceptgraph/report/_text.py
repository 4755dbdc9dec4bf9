"""Text for all formats: safe to show, with places and colours."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from enum import StrEnum
from typing import NamedTuple

from inceptgraph.diagnostics import Diagnostic, Span

__all__ = ["Paint", "Region", "Style", "details", "one_line", "painter", "place", "region"]
__all__ += ["visible", "width"]


def visible(text: str) -> str:
    """Text in which nothing hides: what has no picture of its own is written as its code point.

    Escape sequences cannot reach the terminal, bidirectional controls cannot reorder a line, and
    the no-break space that breaks a spec can be seen.

    >>> visible("op:\\u00a0relu")
    'op:<U+00A0>relu'
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else f"<U+{ord(c):04X}>" for c in text)


def one_line(text: str) -> str:
    """Visible text on one line."""
    return " ".join(visible(line.strip()) for line in text.splitlines())


def width(text: str) -> int:
    """Terminal columns that visible text takes: two for wide characters, none for combining ones.

    >>> width("3×3"), width("卷积")
    (3, 4)
    """
    if text.isascii():
        return len(text)
    return sum(map(_columns, text))


def _columns(char: str) -> int:
    if unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


class Region(NamedTuple):
    """A range of a text as people and other programs count: from 1, the end exclusive."""

    line: int
    column: int
    end_line: int
    end_column: int


def region(span: Span) -> Region | None:
    """The region of a span; None where the source has no text, such as a file that is missing."""
    if not span.source.text:
        return None
    start = (max(span.line, 0) + 1, max(span.column, 0) + 1)
    end = (max(span.end_line, 0) + 1, max(span.end_column, 0) + 1)
    return Region(*start, *max(start, end))


def place(span: Span) -> str:
    """The beginning of a span, as editors and terminals make it a link: ``file:line:column``."""
    at = region(span)
    name = one_line(span.source.name)
    return f"{name}:{at.line}:{at.column}" if at else name


def details(diagnostic: Diagnostic) -> Iterator[str]:
    """The lines of a finding beyond its message, for formats that show no source."""
    for label in diagnostic.labels[1:]:
        yield f"{place(label.span)}: {one_line(label.text)}".removesuffix(": ")
    for note in diagnostic.notes:
        yield f"note: {one_line(note)}"
    if diagnostic.help:
        yield f"help: {one_line(diagnostic.help)}"


class Style(StrEnum):
    """The ANSI codes that the formats for people use."""

    ERROR = "1;31"
    WARNING = "1;33"
    FRAME = "1;34"
    STRONG = "1"
    ADDED = "32"
    REMOVED = "31"
    CHANGED = "33"


Paint = Callable[[str, Style], str]
"""Gives a text a style, or leaves it alone."""


def painter(color: bool) -> Paint:
    """A function that paints, or one that does not."""
    if color:
        return lambda text, style: f"\x1b[{style}m{text}\x1b[0m" if text else text
    return lambda text, style: text
