"""An exception in a line."""

from __future__ import annotations

__all__ = ["in_a_line"]


def in_a_line(error: Exception) -> str:
    """What went wrong, whatever raised it and however long its text is.

    >>> in_a_line(ValueError("out\\n of luck"))
    'ValueError: out of luck'
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
