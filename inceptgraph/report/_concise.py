"""Findings on one line each: for a quick look, for ``grep`` and for editors."""

from __future__ import annotations

from collections.abc import Sequence

from inceptgraph.diagnostics import Diagnostic, Severity
from inceptgraph.report._text import Paint, Style, one_line, painter, place

__all__ = ["render"]


def render(diagnostics: Sequence[Diagnostic], color: bool) -> str:
    """A line for each finding: where, what, and what to do about it."""
    paint = painter(color)
    return "\n".join(_line(diagnostic, paint) for diagnostic in diagnostics)


def _line(d: Diagnostic, paint: Paint) -> str:
    where = f"{paint(place(d.span), Style.STRONG)}: " if d.span else ""
    style = Style.ERROR if d.severity is Severity.ERROR else Style.WARNING
    help = f" ({one_line(d.help)})" if d.help else ""
    return f"{where}{paint(f'{d.severity}[{d.code}]', style)} {one_line(d.message)}{help}"
