"""Errors about data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inceptgraph.diagnostics import Code, Diagnostic, SpecError

__all__ = ["reading", "refused"]


def refused(message: str, help: str | None = None) -> SpecError:
    """The error that data cannot be used."""
    return SpecError([Diagnostic(Code.BAD_DATA, message, help=help)])


@contextmanager
def reading(where: str | Path) -> Iterator[None]:
    """Looking at data, where an error of the system becomes one that names the file.

    Raises:
        SpecError: the system cannot read it.
    """
    try:
        yield
    except OSError as error:
        told = f"cannot read `{error.filename or where}`: {error.strerror or error}"
        raise refused(told, "is it there, and may you read it?") from error
