"""The caption at the bottom: the network, and what the colours mean."""

from __future__ import annotations

from collections.abc import Iterable
from textwrap import wrap

from inceptgraph.analysis import Cost
from inceptgraph.types import Family
from inceptgraph_graphviz.colours import FAMILIES, Heat, Theme
from inceptgraph_graphviz.escaping import count
from inceptgraph_graphviz.marks import Mark, signed
from inceptgraph_graphviz.markup import bold, cell, font, listed, table

__all__ = ["legend"]

_WIDEST = 48
"""Letters of a line of the network's name."""

_MEASURES = {"macs": "MACs", "params": "params", "memory": "activations"}


def legend(theme: Theme, name: str, total: Cost, swatches: str) -> str:
    """The caption.

    Args:
        theme: the colours.
        name: the network's name.
        total: its cost in evaluation.
        swatches: cells that explain the colours, if there are any.
    """
    costs = listed(f"{count(total.params)} params", f"{count(total.macs)} MACs")
    # a caption wider than the colours would stretch them
    names = "<br/>".join(map(bold, wrap(name, _WIDEST))) or bold(name)
    lines = [cell(f"{names}&nbsp; {font(costs, theme.muted)}", cellpadding=4)]
    if swatches:
        lines.append(cell(table([swatches], cellspacing=3, cellpadding=2)))
    return table(lines)


def family_swatches(theme: Theme, families: Iterable[Family]) -> str:
    """The colours of the families that occur; those that share one stand together."""
    present = set(families)
    words: dict[tuple[str, str], list[str]] = {}
    for family, word in FAMILIES.items():
        if family in present:
            words.setdefault((theme.hue(family), theme.tint(family)), []).append(word)
    return "".join(
        _swatch(*colours) + cell(font(f"{' / '.join(alike)}\u00a0 ", theme.text))
        for colours, alike in words.items()
    )


def mark_swatches(theme: Theme, marks: Iterable[Mark | None]) -> str:
    """The marks that occur as they look: colour, line and sign; None for what has none."""
    present = set(marks)
    cells = []
    for mark in (*Mark, None):
        if mark in present:
            border = theme.marks[mark] if mark else theme.outline
            inside = theme.mark_tints[mark] if mark else theme.plain
            word = font(
                f"\u00a0{signed(mark.value if mark else 'unchanged', mark)}\u00a0", theme.text
            )
            style = "dashed" if mark is Mark.REMOVED else None
            cells.append(cell(word, border=1, style=style, color=border, bgcolor=inside))
    return "".join(cells)


def heat_scale(theme: Theme, heat: Heat, largest: int) -> str:
    """The scale of what the backgrounds of blocks mean.

    Args:
        theme: the colours.
        heat: what tints the blocks.
        largest: the hottest block's value; 0 if nothing is tinted.
    """
    if not largest:
        return ""
    cells = [cell(font(f"\u00a0 {_MEASURES[heat]} per block: 0", theme.text))]
    cells += [_swatch(theme.outline, colour) for colour in theme.heat]
    return "".join([*cells, cell(font(count(largest), theme.text))])


def _swatch(border: str, inside: str) -> str:
    return cell(" ", border=1, width=12, height=12, color=border, bgcolor=inside)
