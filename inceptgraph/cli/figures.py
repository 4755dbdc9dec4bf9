"""The figures of a network as ``sweep`` names, bounds, sorts and prints them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from inceptgraph.cli.sweep_grid import Amount
from inceptgraph.sweep import Figures

__all__ = ["BYTES", "FIGURES", "Figure", "Limit"]

BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
"""Bytes of an element."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        name: in options.
        title: over its column.
        keys: in JSON and CSV, one for each of its numbers; units are in the names.
        of: its numbers; None where a network has no such figure.
        unit: what is counted, where the name does not say it.
        rank: in which order columns go where the table is too wide, the highest first.
    """

    name: str
    title: str
    keys: tuple[str, ...]
    of: Callable[[Figures], tuple[int, ...] | None]
    unit: str = ""
    rank: int = 0

    def read(self, figures: Figures, element: int) -> tuple[int, ...] | None:
        """Its numbers, where an element of a tensor has so many bytes."""
        numbers = self.of(figures)
        if numbers is None or self.unit != "bytes":
            return numbers
        return tuple(number * element for number in numbers)

    def key(self, figures: Figures, element: int) -> int | None:
        """The number that it is bounded and sorted by: of two, the smaller."""
        numbers = self.read(figures, element)
        return None if numbers is None else min(numbers)


FIGURES = {
    figure.name: figure
    for figure in (
        Figure("params", "params", ("params",), lambda f: (f.params,)),
        Figure("macs", "MACs", ("macs",), lambda f: (f.macs,)),
        Figure("depth", "depth", ("depth",), lambda f: (f.depth,), rank=4),
        Figure(
            "activations",
            "activations (bytes)",
            ("activation_bytes",),
            lambda f: (f.activations,),
            "bytes",
            rank=1,
        ),
        Figure("peak", "peak (bytes)", ("peak_bytes",), lambda f: (f.peak,), "bytes", rank=2),
        Figure(
            "receptive-field",
            "receptive field",
            ("receptive_field_height_px", "receptive_field_width_px"),
            lambda f: f.receptive_field,
            "pixels",
            rank=3,
        ),
    )
}
"""By name, in the order of the columns."""


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
        """Whether a network stays, where an element of a tensor has so many bytes."""
        number = self.figure.key(figures, element)
        if number is None:  # there is nothing that could be too large
            return self.side == "max"
        bound = self.amount.number
        return number <= bound if self.side == "max" else number >= bound
