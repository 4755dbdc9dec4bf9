"""Findings as GitHub workflow commands: a run shows them beside the lines of the change."""

from __future__ import annotations

from collections.abc import Sequence

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.report._text import details, one_line, region

__all__ = ["render"]


def render(diagnostics: Sequence[Diagnostic], color: bool) -> str:
    """A command for each finding. There are no colours: GitHub brings its own."""
    return "\n".join(map(_command, diagnostics))


def _command(d: Diagnostic) -> str:
    properties: dict[str, str | int] = {}
    if d.span:
        properties["file"] = one_line(d.span.source.name)
        at = region(d.span)
        if at and at.end_line == at.line:
            properties |= {"line": at.line, "col": at.column}
            properties |= {"endLine": at.end_line, "endColumn": at.end_column}
        elif at:  # GitHub refuses columns in a range of several lines
            properties |= {"line": at.line, "endLine": at.end_line}
    properties["title"] = d.code.value
    listed = ",".join(f"{key}={_property(str(value))}" for key, value in properties.items())
    first = one_line(d.message)
    label = one_line(d.labels[0].text) if d.labels else ""
    message = "\n".join([f"{first} ({label})" if label else first, *details(d)])
    return f"::{d.severity} {listed}::{_data(message)}"


def _data(text: str) -> str:
    """The escapes of a message."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """The escapes of a property, which ends at a comma or a colon."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
