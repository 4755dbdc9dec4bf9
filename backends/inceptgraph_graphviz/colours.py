"""Colours: one hue an operation family, five steps of heat, a light and a dark theme.

The hues are those of Okabe and Ito, which people with any colour vision can tell apart. A hue
stands on the border at full strength and inside as a tint, so that text keeps its contrast.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from inceptgraph.analysis import Cost
from inceptgraph.types import Family
from inceptgraph_graphviz.marks import Mark

__all__ = ["DARK", "FAMILIES", "LIGHT", "Heat", "Theme", "ThemeName", "contrast"]
__all__ += ["heat_of", "heat_step"]

Heat = Literal["macs", "params", "memory", "none"]
ThemeName = Literal["light", "dark", "auto"]

FAMILIES: Final[dict[Family, str]] = {
    Family.CONV: "convolution",
    Family.POOL: "pooling",
    Family.NORM: "norm",
    Family.DROPOUT: "dropout",
    Family.ACTIVATION: "activation",
    Family.LINEAR: "linear",
    Family.SHAPE: "reshape",
    Family.OTHER: "other",
    Family.OUTPUT: "output",
}
"""The families that the legend explains, by what it calls them. Inputs and joins are white and
say what they are."""

_HUES: Final[dict[Family, str]] = {
    Family.CONV: "#0072b2",
    Family.POOL: "#d55e00",
    Family.NORM: "#666666",
    Family.DROPOUT: "#666666",
    Family.ACTIVATION: "#56b4e9",
    Family.LINEAR: "#009e73",
    Family.SHAPE: "#999999",
    Family.OTHER: "#b09a00",
    Family.OUTPUT: "#cc79a7",
}
_MARKS: Final[dict[Mark, str]] = {
    Mark.ADDED: "#009e73",
    Mark.CHANGED: "#e69f00",
    Mark.REMOVED: "#d55e00",
}
_HEAT: Final = "#e69f00"
_HEAT_STEPS: Final = (0.0, 0.1, 0.2, 0.32, 0.45)


def _tint(family: Family) -> float:
    """Share of the hue inside; white sets apart what only reshapes, whose hue is also a grey."""
    return 0.0 if family is Family.SHAPE else 0.15


@dataclass(frozen=True)
class Theme:
    """The colours of one theme.

    Attributes:
        paper: behind everything; light pictures lie on whatever page they are on.
        text: names and operations.
        muted: shapes and costs.
        edge: arrows.
        outline: around blocks.
        plain: inside of inputs and joins.
        strong: their border.
        hues: border of an operation.
        tints: inside of an operation.
        heat: background of a block, coolest first.
        marks: border of what is marked.
        mark_tints: inside of what is marked.
    """

    paper: str
    text: str
    muted: str
    edge: str
    outline: str
    plain: str
    strong: str
    hues: dict[Family, str]
    tints: dict[Family, str]
    heat: tuple[str, ...]
    marks: dict[Mark, str]
    mark_tints: dict[Mark, str]

    def hue(self, family: Family) -> str:
        """Border of an operation."""
        return self.hues.get(family, self.strong)

    def tint(self, family: Family) -> str:
        """Inside of an operation."""
        return self.tints.get(family, self.plain)

    def colours(self) -> tuple[str, ...]:
        """Every colour, in an order that all themes share."""
        marks = (*self.marks.values(), *self.mark_tints.values())
        own = (self.text, self.muted, self.edge, self.outline, self.plain, self.strong)
        return (*own, *self.hues.values(), *self.tints.values(), *self.heat, *marks)


def _mix(over: str, under: str, share: float) -> str:
    """``share`` of one colour over the other."""
    pairs = zip(_channels(over), _channels(under), strict=True)
    return "#" + "".join(f"{round(share * a + (1 - share) * b):02x}" for a, b in pairs)


def _channels(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(colour: str) -> float:
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (value / 255 for value in _channels(colour))
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours as WCAG defines it: 1 for equal ones, 21 at most."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def heat_of(cost: Cost, heat: Heat) -> int:
    """The figure of a cost that tints a block."""
    figure: int = getattr(cost, "activations" if heat == "memory" else heat)
    return figure


def heat_step(value: int, largest: int) -> int:
    """The step of five that a value falls on."""
    return min(len(_HEAT_STEPS) - 1, len(_HEAT_STEPS) * value // largest) if largest else 0


LIGHT: Final = Theme(
    paper="transparent",
    text="#1a1a1a",
    muted="#5a5a5a",
    edge="#444444",
    outline="#a6a6a6",
    plain="#ffffff",
    strong="#333333",
    hues=_HUES,
    tints={family: _mix(hue, "#ffffff", _tint(family)) for family, hue in _HUES.items()},
    heat=tuple(_mix(_HEAT, "#fafafa", step) for step in _HEAT_STEPS),
    marks=_MARKS,
    mark_tints={mark: _mix(hue, "#ffffff", 0.2) for mark, hue in _MARKS.items()},
)

DARK: Final = Theme(
    paper="#101010",
    text="#f8f8f8",
    muted="#b8b8b8",
    edge="#a8a8a8",
    outline="#5c5c5c",
    plain="#161616",
    strong="#c4c4c4",
    hues={family: _mix(hue, "#ffffff", 0.8) for family, hue in _HUES.items()},
    tints={family: _mix(hue, "#161616", _tint(family)) for family, hue in _HUES.items()},
    heat=tuple(_mix(_HEAT, "#202020", step * 0.38) for step in _HEAT_STEPS),
    marks={mark: _mix(hue, "#ffffff", 0.8) for mark, hue in _MARKS.items()},
    mark_tints={mark: _mix(hue, "#161616", 0.25) for mark, hue in _MARKS.items()},
)
