"""The caption at the bottom: the network, and what the colours mean."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from inceptgraph.types import Family
from inceptgraph_graphviz.markup import bold, cell, font, listed, table
from inceptgraph_graphviz.rows import Cost
from inceptgraph_graphviz.style import FAMILIES, Heat, Theme
from inceptgraph_graphviz.text import count

__all__ = ["legend"]

_WIDEST = 48
"""Letters of a line of the network's name."""

_MEASURES = {"macs": "MACs", "params": "params", "memory": "activations"}


def legend(
    theme: Theme, name: str, total: Cost, families: Iterable[Family], heat: Heat, largest: int
) -> str:
    """The caption.

    Args:
        theme: the colours.
        name: the network's name.
        total: its cost in evaluation.
        families: those whose colours occur.
        heat: what tints the blocks.
        largest: the hottest block's value; 0 if nothing is tinted.
    """
    costs = listed(f"{count(total.params)} params", f"{count(total.macs)} MACs")
    # a caption wider than the colours would stretch them
    names = "<br/>".join(map(bold, wrap(name, _WIDEST))) or bold(name)
    lines = [cell(f"{names}&nbsp; {font(costs, theme.muted)}", cellpadding=4)]
    present = set(families)
    cells = []
    for label in dict.fromkeys(FAMILIES[family] for family in FAMILIES if family in present):
        family = next(family for family in FAMILIES if FAMILIES[family] == label)
        cells.append(_swatch(theme.hue(family), theme.tint(family)))
        cells.append(cell(font(f"{label}\u00a0 ", theme.text)))
    if largest:
        cells.append(cell(font(f"\u00a0 {_MEASURES[heat]} per block: 0", theme.text)))
        cells += [_swatch(theme.outline, colour) for colour in theme.heat]
        cells.append(cell(font(count(largest), theme.text)))
    if cells:
        lines.append(cell(table(["".join(cells)], cellspacing=3, cellpadding=2)))
    return table(lines)


def _swatch(border: str, inside: str) -> str:
    return cell(" ", border=1, width=12, height=12, color=border, bgcolor=inside)
