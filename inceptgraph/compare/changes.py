"""Changes as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

__all__ = ["Change", "Kind", "Named", "StageChange", "StepChange", "differences"]


class Kind(StrEnum):
    """What happened to a part."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    FOLLOWS = "follows"
    """Nothing in it was edited; its shape or cost follows from what was."""


class Change(NamedTuple):
    """A value before and after; None where there is none."""

    before: Any
    after: Any


Named = Mapping[str, Change]
"""Changes by the name of what changed."""


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step inside a stage.

    Attributes:
        path: below its stage; empty for a stage that is the step.
        kind: added, removed or changed.
        op: its operation.
        arguments: those that differ; ``from`` where it reads something else.
    """

    path: str
    kind: Kind
    op: Change
    arguments: Named


@dataclass(frozen=True, slots=True)
class StageChange:
    """A stage or an auxiliary head.

    Attributes:
        name: its name after, or before where it is gone.
        kind: what happened to it.
        op: the block or operation that it uses.
        arguments: those of its block that differ; ``from`` where it reads something else.
        steps: what differs inside it beyond what the arguments explain.
        shape: of its output.
        cost: what it costs.
        place: for a stage that is new, what it reads; for one renamed, its name before.
    """

    name: str
    kind: Kind
    op: Change
    arguments: Named
    steps: tuple[StepChange, ...]
    shape: Change
    cost: Change
    place: str = ""


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Change]:
    """The entries of two mappings that differ.

    >>> differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4})
    {'b': Change(before=2, after=3), 'c': Change(before=None, after=4)}
    """
    names = dict.fromkeys((*before, *after))
    changes = {name: Change(before.get(name), after.get(name)) for name in names}
    return {name: change for name, change in changes.items() if change.before != change.after}
