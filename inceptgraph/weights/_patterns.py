"""Patterns over names of tensors: which names are meant, and what they become."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from itertools import pairwise
from string import ascii_lowercase

from inceptgraph.spec import NAME

__all__ = ["MOST_NUMBERS", "MOST_PLACEHOLDERS", "PLACEHOLDER", "BadPattern", "Renaming", "covers"]

_COUNT = r"(?:[0-9]{1,9}\.\.[0-9]{1,9}(?:\.\.[1-9][0-9]{0,8})?|[a-z]\.\.[a-z])"
PLACEHOLDER = rf"\{{([A-Za-z_][A-Za-z0-9_]*(?::{_COUNT})?)\}}"
"""A word, or a word and the numbers or letters that it stands for: ``{i:6..9}``, ``{i:a..d}``, and
every seventh, ``{i:5..19..7}``."""
MOST_PLACEHOLDERS = 4
"""In one name: with that many, no name can keep the search busy."""
MOST_NUMBERS = 1000
"""That one placeholder stands for."""

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
    """True where a pattern means a name: all of it, or its first parts.

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
    >>> Renaming.of("features.{i:6..9}", "inception_a.{i:0..3}")("features.7.bias")
    'inception_a.1.bias'
    >>> Renaming.of("unit{i:2..5}", "inception_4{i:a..d}")("unit3.bias")
    'inception_4b.bias'
    >>> Renaming.of("conv_{i:5..19..7}", "mixed_5{i:b..d}.1x1")("conv_12.bias")
    'mixed_5c.1x1.bias'

    Attributes:
        begin: what their name begins with, up to the first placeholder.
        pattern: matches their name, a group for each placeholder.
        template: our path.
        counted: what a placeholder counts on their side, in words.
    """

    begin: str
    pattern: re.Pattern[str]
    template: str
    counted: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, theirs: str, ours: str) -> Renaming:
        """Read a line of a table.

        Raises:
            BadPattern: one of the two is not a name with placeholders.
        """
        known = _check_theirs(theirs)
        _check_ours(ours, known)
        pattern, end, counted = "", 0, dict[str, tuple[str, ...]]()
        for match in re.finditer(PLACEHOLDER, theirs):
            name, _ = _parts(match)
            again = f"(?P<{name}>" in pattern
            if words := _words(match):
                counted[name] = words
            pattern += re.escape(theirs[end : match.start()])
            pattern += f"(?P={name})" if again else f"(?P<{name}>{'|'.join(words) or _WORD})"
            end = match.end()
        begin = re.split(PLACEHOLDER, theirs)[0]
        whole = re.compile(pattern + re.escape(theirs[end:]) + r"(?=\.|\Z)")
        return cls(begin, whole, ours, counted)

    def __call__(self, name: str) -> str | None:
        """What a name becomes; None where this is not about it."""
        match = self.pattern.match(name)
        if match is None:
            return None
        return re.sub(PLACEHOLDER, partial(self._fill, match), self.template) + name[match.end() :]

    def _fill(self, found: re.Match[str], place: re.Match[str]) -> str:
        """What stands in our path where a placeholder is."""
        name, _ = _parts(place)
        ours, theirs = _words(place), self.counted.get(name)
        return ours[theirs.index(found[name])] if ours and theirs else found[name]


def _parts(placeholder: re.Match[str]) -> tuple[str, range | None]:
    """A placeholder's word, and its numbers where it counts; of letters, their codes."""
    name, counts, numbers = placeholder[1].partition(":")
    if not counts:
        return name, None
    first, last, *step = numbers.split("..")
    code: Callable[[str], int] = int if first.isdigit() else ord
    return name, range(code(first), code(last) + 1, *map(int, step))


def _words(placeholder: re.Match[str]) -> tuple[str, ...]:
    """What a placeholder counts, in words; nothing where it stands for any word."""
    _, numbers = _parts(placeholder)
    write = chr if placeholder[1].endswith(tuple(ascii_lowercase)) else str
    return tuple(map(write, numbers or ()))


def _check_theirs(theirs: str) -> dict[str, range | None]:
    """The placeholders in their name, with the numbers that they count."""
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
    known = dict[str, range | None]()
    for match in found:
        name, numbers = _parts(match)
        _check_numbers(match)
        if name in known and numbers is not None:
            message, hint = (
                f"`{{{name}}}` stands here twice",
                f"count once: `{{{name}}}` is the same",
            )
            raise BadPattern(message, match.start(), match.end(), help=hint)
        known.setdefault(name, numbers)
    return known


def _check_numbers(match: re.Match[str], in_ours: bool = False) -> None:
    _, numbers = _parts(match)
    if numbers is not None and not 0 < len(numbers) <= MOST_NUMBERS:
        wrong = f"more than {MOST_NUMBERS:,} numbers" if numbers else "backwards"
        message = f"`{match[0]}` counts {wrong}"
        hint = "the first number, two dots, and the last: `{i:6..9}`"
        raise BadPattern(message, match.start(), match.end(), in_ours=in_ours, help=hint)


def _check_counts(match: re.Match[str], theirs: range | None) -> None:
    """Refuse numbers of ours that are not as many as theirs."""
    _check_numbers(match, in_ours=True)
    name, ours = _parts(match)
    if ours is None or (theirs is not None and len(ours) == len(theirs)):
        return
    counted = f"counts {len(theirs):,}" if theirs is not None else "counts nothing"
    message = f"`{match[0]}` counts {len(ours):,} numbers, and their `{{{name}}}` {counted}"
    hint = "both count the same, from where they like: `{i:6..9}` to `{i:0..3}`"
    raise BadPattern(message, match.start(), match.end(), in_ours=True, help=hint)


def _check_ours(ours: str, known: Mapping[str, range | None]) -> None:
    for match in re.finditer(PLACEHOLDER, ours):
        name, _ = _parts(match)
        if name in known:
            _check_counts(match, known[name])
        else:
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
        hint = "a placeholder is a word in braces: `{block}`, or one that counts: `{i:6..9}`"
        message = f"`{brace[0]}` is not a placeholder"
        raise BadPattern(message, brace.start(), brace.end(), in_ours=in_ours, help=hint)
