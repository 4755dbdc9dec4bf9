"""The figures of a sweep: their names, their columns and their keys for programs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from inceptgraph.sweep._points import Figures
from inceptgraph.types import AXES

__all__ = ["BYTES", "FIGURES", "Figure"]

BYTES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8}
"""Bytes of an element."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure as a table shows it.

    Attributes:
        name: in options.
        title: over its column.
        keys: in JSON and CSV, one for each of its numbers, by how many there are; units are in the
            names.
        of: its numbers; None where a network has no such figure.
        unit: what is counted, where the name does not say it.
        rank: in which order columns go where the table is too wide, the highest first.
    """

    name: str
    title: str
    keys: Mapping[int, tuple[str, ...]]
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
        Figure("params", "params", {1: ("params",)}, lambda f: (f.params,)),
        Figure("macs", "MACs", {1: ("macs",)}, lambda f: (f.macs,)),
        Figure("depth", "depth", {1: ("depth",)}, lambda f: (f.depth,), rank=4),
        Figure(
            "activations",
            "activations (bytes)",
            {1: ("activation_bytes",)},
            lambda f: (f.activations,),
            "bytes",
            rank=1,
        ),
        Figure("peak", "peak (bytes)", {1: ("peak_bytes",)}, lambda f: (f.peak,), "bytes", rank=2),
        Figure(
            "receptive-field",
            "receptive field",
            {
                len(axes): tuple(f"receptive_field_{axis}_px" for axis in axes)
                for axes in AXES
                if axes
            },
            lambda f: f.receptive_field,
            "pixels",
            rank=3,
        ),
    )
}
"""By name, in the order of the columns."""
