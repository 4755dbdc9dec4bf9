"""The known word that a misspelt one stands for."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import islice

__all__ = ["closest", "did_you_mean"]

_MOST = 600  # words to compare with: a text has findings by the hundred


def closest(word: str, known: Iterable[str]) -> list[str]:
    """The known words that ``word`` may be a slip for, at most two, the likeliest first.

    A slip is a letter or two wrong, missing, doubled or swapped, other capitals or separators, or
    a longer or shorter form of the same word.

    >>> closest("maxpool", ["max_pool", "avg_pool"]), closest("activation", ["dilation"])
    (['max_pool'], [])
    """
    ranked = sorted(
        (distance, position, candidate)
        for position, candidate in enumerate(islice(dict.fromkeys(known), _MOST))
        if candidate != word and (distance := _slips(word, candidate)) is not None
    )
    return [candidate for distance, _, candidate in ranked if distance == ranked[0][0]][:2]


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint that names the closest known words, or None where nothing comes close."""
    close = closest(word, known)
    return f"did you mean {' or '.join(f'`{c}`' for c in close)}?" if close else None


def _slips(word: str, candidate: str) -> int | None:
    """How many slips turn ``candidate`` into ``word``; None if they are two different words."""
    a, b = _letters(word), _letters(candidate)
    if not a or not b:
        return None
    shorter, longer = sorted((a, b), key=len)
    most = max(1, len(longer) // 4)
    if len(longer) - len(shorter) > most and a[:3] != b[:3]:
        return None  # most words are told apart here
    common = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), len(shorter))
    extended = (common >= 5 and common >= len(shorter) - 1) or common == len(shorter) >= 3
    if not extended and len(longer) - len(shorter) > most:
        return None
    distance = _edits(a, b, most)
    if distance <= most and distance < len(longer):
        return distance
    return most + 1 if extended else None


@lru_cache(4096)
def _letters(word: str) -> str:
    return re.sub(r"[\s_-]", "", word[:80].lower())


def _edits(a: str, b: str, most: int) -> int:
    """Letters wrong, missing, surplus or swapped with a neighbour; some number above ``most``
    where there are more than that."""
    before: list[int] = []
    row = list(range(len(b) + 1))
    for i, x in enumerate(a):
        earlier, before, row = before, row, [i + 1]
        for j, y in enumerate(b):
            cost = min(before[j + 1] + 1, row[j] + 1, before[j] + (x != y))
            if i and j and x == b[j - 1] and a[i - 1] == y:
                cost = min(cost, earlier[j - 1] + 1)
            row.append(cost)
        if min(row) > most:
            break
    return max(row[-1], min(row))
