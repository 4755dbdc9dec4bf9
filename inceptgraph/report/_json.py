"""Findings as a JSON array. A key without a value is left out; there are no nulls."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from inceptgraph.diagnostics import Diagnostic, Span, codes
from inceptgraph.report._text import region

__all__ = ["dumps", "render"]


def render(diagnostics: Sequence[Diagnostic], color: bool) -> str:
    """One object for each finding; lines and columns count from 1, ends are exclusive."""
    return dumps([_finding(diagnostic) for diagnostic in diagnostics])


def _finding(d: Diagnostic) -> dict[str, Any]:
    return {
        "code": d.code.value,
        "name": codes.name(d.code),
        "severity": d.severity.value,
        "message": d.message,
        **(_place(d.span) if d.span else {}),
        "labels": [{**_place(label.span), "text": label.text} for label in d.labels],
        "notes": list(d.notes),
        **({"help": d.help} if d.help else {}),
    }


def _place(span: Span) -> dict[str, Any]:
    at = region(span)
    return {"file": span.source.name, **(at._asdict() if at else {})}


def dumps(value: Any) -> str:
    """JSON in ASCII: any terminal and any pipe takes it, whatever a file name or a text holds."""
    import json  # what is for people need not wait for it

    # The one control character that JSON lets through; it can stand only inside a string.
    return json.dumps(value, indent=2).replace("\x7f", "\\u007f")
