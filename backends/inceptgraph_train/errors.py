"""Errors about data."""

from __future__ import annotations

from inceptgraph.diagnostics import Code, Diagnostic, SpecError

__all__ = ["refused"]


def refused(message: str, help: str | None = None) -> SpecError:
    """The error that data cannot be used."""
    return SpecError([Diagnostic(Code.BAD_DATA, message, help=help)])
