"""Marks: what a picture points out of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final

__all__ = ["SIGNS", "Mark", "combined", "mark_of", "signed"]


class Mark(StrEnum):
    """The kinds of change to a part."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"


SIGNS: Final = {Mark.ADDED: "+", Mark.CHANGED: "~", Mark.REMOVED: "−"}
"""How marked labels begin, for who cannot tell the colours apart."""


def mark_of(marks: Mapping[str, str], path: str) -> Mark | None:
    """The mark of a path, or of the closest part around it that has one."""
    while path:
        if path in marks:
            return Mark(marks[path])
        path = path.rpartition(".")[0]
    return None


def combined(marks: Iterable[Mark | None]) -> Mark | None:
    """The mark of a whole: that of all its parts, or changed where only some are marked."""
    found = set(marks)
    if len(found) == 1:
        return found.pop()
    return Mark.CHANGED if found else None


def signed(label: str, mark: Mark | None) -> str:
    """A label that says what happened also to who cannot see the colours."""
    return f"{SIGNS[mark]} {label}" if mark else label
