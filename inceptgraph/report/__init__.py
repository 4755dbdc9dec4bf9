"""Findings as text, for people and for programs.

Each format is one module here, named after the word that users say, and is imported when it is
asked for: ``check`` has a third of a second in all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module

from inceptgraph.diagnostics import Diagnostic, Severity
from inceptgraph.report._json import dumps as dumps
from inceptgraph.report._table import GAP as GAP
from inceptgraph.report._table import RULE as RULE
from inceptgraph.report._table import Column as Column
from inceptgraph.report._table import Row as Row
from inceptgraph.report._table import draw as draw
from inceptgraph.report._text import Paint as Paint
from inceptgraph.report._text import Style as Style
from inceptgraph.report._text import one_line as one_line
from inceptgraph.report._text import painter as painter
from inceptgraph.report._wording import change as change
from inceptgraph.report._wording import counted as counted
from inceptgraph.report._wording import exact as exact
from inceptgraph.report._wording import human as human
from inceptgraph.report._wording import pretty as pretty
from inceptgraph.report._wording import short as short
from inceptgraph.report._wording import value as value

__all__ = [
    "FORMATS",
    "render",
    "summary_line",
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
