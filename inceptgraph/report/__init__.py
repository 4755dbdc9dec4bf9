"""Findings as text, for people and for programs.

Each format is one module here, named after the word that users say, and is imported when it is
asked for: ``check`` has a third of a second in all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from inceptgraph.diagnostics import Diagnostic, Severity
from inceptgraph.report._json import dumps
from inceptgraph.report._table import GAP, RULE, Column, Row, draw
from inceptgraph.report._text import Paint, Style, one_line, painter
from inceptgraph.report._wording import change, counted, exact, human, pretty, short, value

__all__ = [
    "FORMATS",
    "GAP",
    "RULE",
    "Column",
    "Paint",
    "Row",
    "Style",
    "change",
    "counted",
    "draw",
    "dumps",
    "exact",
    "human",
    "one_line",
    "painter",
    "pretty",
    "render",
    "short",
    "summary_line",
    "value",
]

FORMATS: tuple[str, ...] = ("full", "concise", "json", "github", "sarif")


def render(diagnostics: Sequence[Diagnostic], format: str, *, color: bool = False) -> str:
    """Findings in one of :data:`FORMATS`, without a newline at the end.

    Args:
        diagnostics: what was found, in the order to show it.
        format: ``full`` and ``concise`` for people, the others for programs.
        color: use ANSI colours, where the format is for people.

    Raises:
        ValueError: there is no such format.
    """
    if format not in FORMATS:
        raise ValueError(f"there is no format `{format}`: use one of {', '.join(FORMATS)}")
    write: Callable[[Sequence[Diagnostic], bool], str]
    write = import_module(f"{__name__}._{format}").render
    return write(diagnostics, color)


def summary_line(diagnostics: Sequence[Diagnostic]) -> str:
    """The number of errors and of warnings, in words.

    >>> summary_line([])
    'no findings'
    """
    counts = ((s.value, sum(d.severity is s for d in diagnostics)) for s in Severity)
    parts = [f"{count} {word}{'' if count == 1 else 's'}" for word, count in counts if count]
    return " and ".join(parts) or "no findings"
