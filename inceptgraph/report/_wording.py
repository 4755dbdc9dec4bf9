"""Figures and names as people write them."""

from __future__ import annotations

import re
from typing import Any

__all__ = ["change", "counted", "exact", "human", "pretty", "short", "value"]


def exact(number: int) -> str:
    """All digits.

    >>> exact(6998552)
    '6,998,552'
    """
    return f"{number:,}"


def human(number: int) -> str:
    """Three digits and a unit.

    >>> human(118013952), human(9472), human(64)
    ('118 M', '9.47 K', '64')
    """
    for power, unit in ((4, "T"), (3, "G"), (2, "M"), (1, "K")):
        # 999.5 M would round to the four digits of 1000 M: it is 1.00 G
        if abs(number) >= 0.9995 * 1000**power:
            value = number / 1000**power
            decimals = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
            return f"{value:.{decimals}f} {unit}"
    return str(number)


def change(before: int, after: int) -> str:
    """A difference with its sign, and its share where that says something.

    >>> change(1000, 1250), change(0, 5), change(2_000_000, 1_999_999)
    ('+250 (+25.0%)', '+5', '-1')
    """
    share = (after - before) / before if before and after else 0
    told = f" ({share:+.1%})" if abs(share) >= 0.0005 else ""
    return f"{after - before:+,}{told}"


def counted(number: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "stage"), counted(98, "operation"), counted(3, "class")
    ('1 stage', '98 operations', '3 classes')
    """
    plural = "es" if noun.endswith("s") else "s"
    return f"{number:,} {noun}{'' if number == 1 else plural}"


def pretty(name: str) -> str:
    """A name of a spec as a paper prints it.

    >>> pretty("3x3_reduce"), pretty("max_pool"), pretty("inception_3a")
    ('3×3 reduce', 'max pool', 'inception 3a')
    """
    return re.sub(r"(?<=\d)x(?=\d)", "×", name).replace("_", " ")


def short(text: str, most: int) -> str:
    """Text of at most so many characters.

    >>> short("going deeper with convolutions", 12)
    'going deepe…'
    """
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def value(argument: Any) -> str:
    """An argument as a spec would write it.

    >>> value((3, 3)), value((1, 7)), value(True), value(None), value(0.5)
    ('3', '[1, 7]', 'true', 'none', '0.5')
    """
    if argument is None:
        return "none"
    if isinstance(argument, bool):
        return str(argument).lower()
    if isinstance(argument, float):
        return f"{argument:g}"
    if isinstance(argument, tuple | list):
        parts = [value(item) for item in argument]
        alike = len(set(parts)) == 1 and type(argument[0]) is int
        return parts[0] if alike or len(parts) == 1 else f"[{', '.join(parts)}]"
    if hasattr(argument, "scheme"):
        settings = argument.model_dump(exclude={"scheme"}, exclude_none=True, exclude_unset=True)
        inner = ", ".join(f"{name}: {value(item)}" for name, item in settings.items())
        return f"{argument.scheme} ({inner})" if inner else str(argument.scheme)
    return str(argument)
