"""Changes as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

__all__ = ["BlockChange", "Change", "Kind", "Named", "StageChange", "StepChange", "differences"]


class Kind(StrEnum):
    """The kinds of change to a part."""

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
    """An edit of a step inside a stage.

    Attributes:
        path: below its stage; empty for the block that the stage uses.
        kind: added, removed or changed.
        op: its operation or block.
        arguments: those that differ, as values; ``from`` where it reads something else.
        written: the same as the spec writes them, such as ``$out``; None where it does not.
        block: the block whose definition holds the step; None in a body that is the stage's own.
        use: the path of that use of the block below the stage; empty for the stage itself.
        shared: several uses of the block differ so, and :class:`BlockChange` tells it once.
    """

    path: str
    kind: Kind
    op: Change
    arguments: Named
    written: Named
    block: str | None = None
    use: str = ""
    shared: bool = False

    @property
    def place(self) -> str:
        """The path below the use of its block."""
        return self.path[len(self.use) :].removeprefix(".")


@dataclass(frozen=True, slots=True)
class BlockChange:
    """The edits of a block's definition.

    Attributes:
        name: the block.
        uses: how many uses both networks have.
        changed: how many of them differ.
        steps: the edits, with paths below the block; arguments are values where all uses have the
            same ones, else the texts of the definition.
    """

    name: str
    uses: int
    changed: int
    steps: tuple[StepChange, ...]


@dataclass(frozen=True, slots=True)
class StageChange:
    """A stage or an auxiliary head.

    Attributes:
        name: its name after, or before where it is gone.
        kind: what happened to it.
        op: the block or operation that it uses.
        arguments: those of its block that differ; ``from`` where it reads something else.
        steps: what differs inside it beyond what arguments, parameters and defaults explain.
        shape: of its output.
        cost: what it costs.
        place: for a stage that is new, what it reads; for one renamed, its name before.
        behind: for a stage that is new and reads one stage, the block that this one uses.
    """

    name: str
    kind: Kind
    op: Change
    arguments: Named
    steps: tuple[StepChange, ...]
    shape: Change
    cost: Change
    place: str = ""
    behind: str | None = None


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Change]:
    """The entries of two mappings that differ.

    >>> differences({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4})
    {'b': Change(before=2, after=3), 'c': Change(before=None, after=4)}
    >>> differences({"kernel": (3, 3)}, {"kernel": (3, 3, 3)})
    {}
    """
    names = dict.fromkeys((*before, *after))
    changes = {name: Change(before.get(name), after.get(name)) for name in names}
    return {name: change for name, change in changes.items() if not _alike(*change)}


def _alike(before: Any, after: Any) -> bool:
    """Whether two values are one, if of maps of unlike rank: all of a kernel's numbers are 3."""
    if before == after:
        return True
    lists = isinstance(before, tuple) and isinstance(after, tuple)
    return lists and len(set(before)) == 1 and set(before) == set(after)
