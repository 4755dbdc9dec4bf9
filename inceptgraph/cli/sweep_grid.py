"""Options of ``sweep``: lists of values, bounds with units, a figure to sort by."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import prod

import click

from inceptgraph.diagnostics import did_you_mean
from inceptgraph.report import exact
from inceptgraph.sweep import Figure, Figures

__all__ = ["LIMIT", "Amount", "Bound", "Limit", "Order", "grid_size", "read_grid", "value_list"]

LIMIT = 10_000
"""Combinations of one sweep: minutes of work, and more rows than anyone reads."""

_EXAMPLE = "such as classes=10,100 or stages.conv1.kernel=[1,7],3"
# A quoted text (where a value can begin), one sign of structure, or a run of anything else
_PIECE = re.compile(
    r"""(?<![^\s,\[{:])(?:"(?:\\.|[^"\\])*"|'(?:[^']|'')*')|[\[\]{}(),]|[^\[\]{}(),\s]+|\s+"""
)
_RANGE = re.compile(r"([+-]?\d{1,18})\.\.([+-]?\d{1,18})(?::(\d{1,18}))?")
_NUMBER = r"[+-]?(?:\d+(?:\.\d+)?|\.\d+)"
_OTHER_RANGE = re.compile(rf"{_NUMBER}\.\.{_NUMBER}(?::{_NUMBER})?")
"""What is written like a range; with other numbers than whole ones of 18 digits it is none."""
_AMOUNT = re.compile(r"((?:\d+(?:\.\d*)?|\.\d+)(?:e\d\d?)?) ?([kmgt]?)(b?)", re.IGNORECASE)
_BOUNDS = {"": "1.5G, 250K or 1500000", "bytes": "20MB or 20000000", "pixels": "224"}
_POWERS = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}


def read_grid(
    context: click.Context, parameter: click.Parameter, texts: tuple[str, ...]
) -> dict[str, list[str]]:
    """``PATH=VALUES`` as lists of values by path.

    Raises:
        click.BadParameter: one of them is not that, or there are too many combinations.
    """
    try:
        return _grid(texts)
    except ValueError as error:
        raise click.BadParameter(str(error), context, parameter) from None


def _grid(texts: Iterable[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for text in texts:
        path, equals, listed = text.partition("=")
        path = path.strip()
        if not equals or not path:
            raise ValueError(f"`{text}` is not PATH=VALUES, {_EXAMPLE}")
        if path in found:
            raise ValueError(f"`{path}` is given twice: put all its values into one list, {path}=…")
        if not listed.strip():
            raise ValueError(f"`{text}` gives no value: write what to try, {_EXAMPLE}")
        found[path] = value_list(path, listed)
    size = grid_size(found)
    if size > LIMIT:
        counts = " × ".join(f"{exact(len(values))} of {path}" for path, values in found.items())
        raise ValueError(_too_many(counts, size))
    if not found:
        raise ValueError(f"nothing to try: give values, {_EXAMPLE}")
    return found


def _too_many(what: str, number: int) -> str:
    return (
        f"{what} make {exact(number)} combinations, and a sweep takes {exact(LIMIT)} at most: try"
        " fewer values, or a longer step in a range"
    )


def grid_size(grid: Mapping[str, Sequence[str]]) -> int:
    """The number of combinations."""
    return prod(map(len, grid.values()))


def value_list(path: str, text: str) -> list[str]:
    """The values of a list, split at commas outside brackets and quotes; ranges are written out.

    Raises:
        ValueError: a value is empty, or a range holds none or too many, or no whole numbers.

    >>> value_list("kernel", "[1,7], 3")
    ['[1,7]', '3']
    >>> value_list("classes", "5, 10..40:10")
    ['5', '10', '20', '30', '40']
    """
    found: list[str] = []
    for value in _split(text):
        match = _RANGE.fullmatch(value)
        if not value:
            raise ValueError(f"`{path}={text}` has an empty value: is a comma too many?")
        if not match and _OTHER_RANGE.fullmatch(value):
            hint = (
                "ranges hold whole numbers only, as FIRST..LAST:STEP; list other values with commas"
            )
            raise ValueError(f"`{path}={value}` is no range: {hint}")
        found += _range(match, path) if match else [value]
    return found


def _split(text: str) -> list[str]:
    values, depth = [""], 0
    for piece in _PIECE.finditer(text):
        sign = piece[0]
        depth = max(depth + (sign in ("[", "{", "(")) - (sign in ("]", "}", ")")), 0)
        if sign == "," and not depth:
            values.append("")
        else:
            values[-1] += sign
    return [value.strip() for value in values]


def _range(match: re.Match[str], path: str) -> list[str]:
    """The whole numbers of ``FIRST..LAST:STEP``, the last included."""
    first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
    if last < first or step < 1:
        hint = "write FIRST..LAST:STEP, such as 10..100:10"
        raise ValueError(f"`{path}={match[0]}` is an empty range: {hint}")
    numbers = range(first, last + 1, step)
    if len(numbers) > LIMIT:  # before a slip of the finger fills the memory
        raise ValueError(_too_many(f"the values of `{path}={match[0]}`", len(numbers)))
    return [str(number) for number in numbers]


@dataclass(frozen=True, slots=True)
class Amount:
    """A number and how it was written."""

    text: str
    number: Decimal


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound on a figure, itself within it.

    Attributes:
        side: ``min`` or ``max``.
        figure: what is bounded.
        amount: by how much.
    """

    side: str
    figure: Figure
    amount: Amount

    @property
    def option(self) -> str:
        """As it was given."""
        return f"--{self.side}-{self.figure.name} {self.amount.text}"

    def allows(self, figures: Figures, element: int) -> bool:
        """True where a network stays, an element of a tensor having so many bytes."""
        number = self.figure.key(figures, element)
        if number is None:  # there is nothing that could be too large
            return self.side == "max"
        bound = self.amount.number
        return number <= bound if self.side == "max" else number >= bound


class Bound(click.ParamType[Amount]):
    """A number with a decimal unit: ``1.5G``; of bytes also ``20MB``."""

    name = "number"

    def __init__(self, unit: str) -> None:
        self.unit = unit

    def convert(
        self, value: str | Amount, param: click.Parameter | None, ctx: click.Context | None
    ) -> Amount:
        """Read a bound."""
        if isinstance(value, Amount):
            return value
        match = _AMOUNT.fullmatch(value.strip())
        if match is None or (match[3] and self.unit != "bytes"):
            of_unit = f" of {self.unit}" if self.unit else ""
            message = f"`{value}` is not a number{of_unit}, such as {_BOUNDS[self.unit]}"
            self.fail(message, param, ctx)
        return Amount(value.strip(), Decimal(match[1]) * 1000 ** _POWERS[match[2].lower()])


class Order(click.ParamType[str]):
    """A figure to sort by; ``-`` before it means the largest first."""

    name = "[-]figure"

    def __init__(self, names: Sequence[str]) -> None:
        self.names = names

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a name."""
        name = value.removeprefix("-")
        if name not in self.names:
            hint = did_you_mean(name, self.names) or f"there are {', '.join(self.names)}"
            self.fail(f"there is no figure `{name}`: {hint}", param, ctx)
        return value
