"""Patterns over names of tensors: which names are meant, and what they become."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise

from inceptgraph.spec.structure import NAME

__all__ = ["MOST_PLACEHOLDERS", "PLACEHOLDER", "BadPattern", "Renaming", "covers"]

PLACEHOLDER = r"\{([A-Za-z_][A-Za-z0-9_]*)\}"
MOST_PLACEHOLDERS = 4
"""In one name: with that many, no name can keep the search busy."""

# 64 letters: longer words are nobody's names, and bound what a search can try
_WORD = "[A-Za-z0-9]{1,64}"


class BadPattern(ValueError):
    """A pattern that means nothing.

    Attributes:
        start, end: the characters at fault.
        in_ours: they are in our path, not in their name.
        help: what to do about it.
    """

    def __init__(
        self, message: str, start: int, end: int, *, in_ours: bool = False, help: str | None = None
    ) -> None:
        super().__init__(message)
        self.start, self.end, self.in_ours, self.help = start, end, in_ours, help


def covers(pattern: str, name: str) -> bool:
    """Whether a pattern means a name: all of it, or its first parts.

    >>> covers("aux1", "aux1.fc.weight"), covers("aux1", "aux10.fc.weight")
    (True, False)
    >>> covers("inception_*.1x1", "inception_3a.1x1.conv.bias"), covers("loss1", "loss1/fc.bias")
    (True, True)
    """
    if name == pattern or name.startswith((f"{pattern}.", f"{pattern}/")):
        return True  # whatever signs a file's names hold
    return any(fnmatchcase(name, pattern + rest) for rest in ("", ".*", "/*"))


@dataclass(frozen=True)
class Renaming:
    """The beginning of their names, and what it becomes.

    >>> rename = Renaming.of("inception{block}.branch1", "inception_{block}.1x1")
    >>> rename("inception3a.branch1.bn.bias")
    'inception_3a.1x1.bn.bias'
    """

    pattern: re.Pattern[str]
    template: str

    @classmethod
    def of(cls, theirs: str, ours: str) -> Renaming:
        """Read a line of a table.

        Raises:
            BadPattern: one of the two is not a name with placeholders.
        """
        known = _check_theirs(theirs)
        _check_ours(ours, known)
        pattern, end = "", 0
        for match in re.finditer(PLACEHOLDER, theirs):
            again = f"(?P<{match[1]}>" in pattern
            pattern += re.escape(theirs[end : match.start()])
            pattern += f"(?P={match[1]})" if again else f"(?P<{match[1]}>{_WORD})"
            end = match.end()
        return cls(re.compile(pattern + re.escape(theirs[end:]) + r"(?=\.|\Z)"), ours)

    def __call__(self, name: str) -> str | None:
        """What a name becomes; None where this is not about it."""
        match = self.pattern.match(name)
        if match is None:
            return None
        return re.sub(PLACEHOLDER, lambda p: match[p[1]], self.template) + name[match.end() :]


def _check_theirs(theirs: str) -> set[str]:
    """The placeholders in their name."""
    without = re.sub(PLACEHOLDER, lambda match: "x" * len(match[0]), theirs)
    _check_braces(without)
    for match in re.finditer(r"(?:^|\.)(?=\.|$)", without):
        at = min(match.start(), len(theirs) - 1)
        hint = "a name is parts with a dot between them: `conv1.bn`"
        raise BadPattern("a part of this name is empty", at, at + 1, help=hint)
    for index, char in enumerate(without):
        if not char.isprintable():
            raise BadPattern("this name holds a sign that is not visible", index, index + 1)
    found = list(re.finditer(PLACEHOLDER, theirs))
    for left, right in pairwise(found):
        if left.end() == right.start():
            message = f"nothing tells where `{left[0]}` ends and `{right[0]}` begins"
            raise BadPattern(message, left.start(), right.end(), help="write one for both")
    if len(found) > MOST_PLACEHOLDERS:
        extra = found[MOST_PLACEHOLDERS]
        message = f"a name can have {MOST_PLACEHOLDERS} placeholders at most"
        raise BadPattern(message, extra.start(), extra.end(), help="write a line for each case")
    return {match[1] for match in found}


def _check_ours(ours: str, known: set[str]) -> None:
    for match in re.finditer(PLACEHOLDER, ours):
        if match[1] not in known:
            listed = ", ".join(f"`{{{name}}}`" for name in sorted(known))
            hint = f"it has {listed}" if known else "it has none: write the name out"
            message = f"their name has no `{match[0]}`"
            raise BadPattern(message, match.start(), match.end(), in_ours=True, help=hint)
    without = re.sub(PLACEHOLDER, lambda match: "x" * len(match[0]), ours)
    _check_braces(without, in_ours=True)
    start = 0
    for part in without.split("."):
        if not re.fullmatch(NAME, part):
            hint = "a path is names of the spec with dots between them: `inception_3a.1x1.conv`"
            shown = part if len(part) <= 60 else part[:60] + "…"
            message = f"`{shown}` is not the name of a step" if part else "a name is empty here"
            raise BadPattern(message, start, start + len(part), in_ours=True, help=hint)
        start += len(part) + 1


def _check_braces(without: str, in_ours: bool = False) -> None:
    """Refuse a brace that belongs to no placeholder."""
    brace = re.search(r"\{[^{}]*\}?|\}", without)
    if brace is not None:
        hint = "a placeholder is a word in braces: `{block}`"
        message = f"`{brace[0]}` is not a placeholder"
        raise BadPattern(message, brace.start(), brace.end(), in_ours=in_ours, help=hint)
