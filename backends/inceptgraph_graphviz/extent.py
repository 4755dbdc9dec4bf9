"""About how large blocks will be, for the decision where a long picture folds.

Only the renderer knows the true sizes, and DOT is written without it; a few points more or less do
not move a fold.
"""

from __future__ import annotations

from dataclasses import dataclass

from inceptgraph_graphviz.picture import Block, Kind, Picture
from inceptgraph_graphviz.structure import Fork, Repeat, Series

__all__ = ["GAP", "Extent", "extents"]

GAP = 26.0
"""Points between two blocks."""

_ROW, _LETTER, _PADDING = 20.0, 5.2, 18.0


@dataclass(frozen=True, slots=True)
class Extent:
    """Width and height in points."""

    width: float
    height: float


def extents(picture: Picture, *, by_stage: bool = False, down: bool = True) -> dict[int, Extent]:
    """The size of each block of the spine, with its heads.

    Args:
        picture: what is to be drawn.
        by_stage: blocks are drawn without their inside.
        down: heads stand beside their blocks; otherwise below them.
    """
    own = [_stage(block) if by_stage else _block(block) for block in picture.blocks]
    found = {i: own[i] for i, block in enumerate(picture.blocks) if block.kind is not Kind.HEAD}
    for link in picture.links:
        if link.head not in found and link.tail in found:
            block, head = found[link.tail], own[link.head]
            if down:
                size = Extent(block.width + GAP + head.width, max(block.height, head.height))
            else:
                size = Extent(max(block.width, head.width), block.height + GAP + head.height)
            found[link.tail] = size
    return found


def _stage(block: Block) -> Extent:
    return Extent(180.0, 2 * _ROW)


def _block(block: Block) -> Extent:
    if block.series is None:
        side = max(1, len(block.rows)) ** 0.5
        return Extent(120 * side, (_ROW + GAP) * side * 1.5)
    inside = _series(block.series)
    if block.kind is Kind.STACK:
        return inside
    return Extent(max(inside.width, 190.0), inside.height + _ROW)


def _series(series: Series) -> Extent:
    width = height = 0.0
    for item in series:
        if isinstance(item, Fork):
            branches = [_series(branch) for branch in item.branches]
            size = Extent(sum(b.width for b in branches), max(b.height for b in branches))
        elif isinstance(item, Repeat):
            size = _series(item.series)
        else:
            size = Extent(len(item.label) * _LETTER + _PADDING, _ROW)
        width, height = max(width, size.width), height + size.height
    return Extent(max(width, 40.0), max(height, _ROW))
