"""Options of a picture, declared and checked once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from inceptgraph_graphviz.colours import DARK, LIGHT, Heat, Theme, ThemeName

__all__ = ["Direction", "Look", "check_option"]

Direction = Literal["TB", "LR"]


@dataclass(frozen=True)
class Look:
    """The look of a picture.

    Attributes:
        depth: 1 for a box a stage, 2 for the operations an author would name, 3 for all of them.
        fold: columns: True for as many as suit a page, False for one, or how many at most.
        heat: what tints the blocks: ``macs``, ``params``, ``memory`` (the elements of their
            activations) or ``none``.
        direction: ``TB`` runs down, ``LR`` to the right.
        theme: ``light``, ``dark``, or ``auto`` for an SVG that follows its viewer (else light).
        legend: caption the picture with the network's name and cost, and explain the colours.

    Raises:
        ValueError: one of them has a value that it does not know.
    """

    depth: int = 2
    fold: bool | int = True
    heat: Heat = "macs"
    direction: Direction = "TB"
    theme: ThemeName = "auto"
    legend: bool = True

    def __post_init__(self) -> None:
        check_option("depth", self.depth, (1, 2, 3))
        check_option("heat", self.heat, get_args(Heat))
        check_option("direction", self.direction, get_args(Direction))
        check_option("theme", self.theme, get_args(ThemeName))

    @property
    def colours(self) -> Theme:
        return DARK if self.theme == "dark" else LIGHT


def check_option(option: str, value: object, known: tuple[object, ...]) -> None:
    """Refuse a value that an option does not know.

    Raises:
        ValueError: with those that it does.
    """
    if value not in known:
        words = ", ".join(map(str, known))
        raise ValueError(f"{option} is one of {words}, not {value!r}")
