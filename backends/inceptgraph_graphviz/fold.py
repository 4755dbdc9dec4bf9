"""Folding: where a long network goes on in the next column, and on which line a column begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate, pairwise, zip_longest

from inceptgraph_graphviz.extent import GAP, Extent
from inceptgraph_graphviz.picture import Picture

__all__ = ["Columns", "arrange"]

_ASPECT = 1.5
"""Width by height of a picture that suits a page or a screen."""

_PAGE = 720.0
"""A picture of so many points is not folded unless that is asked for."""

_FORCED = 1.5
"""How much worse each column makes a picture that does not begin where the resolution changes."""

_MOST, _LOWEST = 8, 2
"""Columns that are tried, and ranks that one may begin below the first."""

_Split = list[tuple[int, int]]
"""Where each column begins and ends in the spine."""


@dataclass(frozen=True)
class Columns:
    """The blocks of the spine (all but the heads) in columns.

    Attributes:
        columns: indices of blocks.
        offsets: how many ranks below the first one each column begins.
    """

    columns: tuple[tuple[int, ...], ...]
    offsets: tuple[int, ...]


def arrange(
    picture: Picture, extents: Mapping[int, Extent], fold: bool | int, *, down: bool = True
) -> Columns:
    """Fold a picture.

    Args:
        picture: what is to be drawn.
        extents: sizes of the blocks of its spine.
        fold: True for as many columns as suit a page, False for one, or how many at most.
        down: the spine runs down; otherwise to the right, and the columns are lines.
    """
    spine = list(extents)
    along = [(e.height if down else e.width) + GAP for e in extents.values()]
    across = [(e.width if down else e.height) + 2 * GAP for e in extents.values()]
    cuts = _cuts(picture, spine)
    most = _MOST if fold is True else int(fold)
    if most <= 1 or not cuts or (fold is True and sum(along) < _PAGE):
        return Columns((tuple(spine),), (0,))
    shapes = [picture.blocks[index].shape[1:] for index in spine]
    natural = [True, *(before != after for before, after in pairwise(shapes))]
    counts = range(1, most + 1) if fold is True else (most,)
    choices = [_split(along, cuts, natural, count) for count in counts]
    best = min(choices, key=lambda split: _badness(split, along, across, natural, down))
    columns = tuple(tuple(spine[start:end]) for start, end in best)
    return Columns(columns, tuple(_offsets([along[start:end] for start, end in best])))


def _cuts(picture: Picture, spine: list[int]) -> list[int]:
    """Places in the spine that one value alone crosses, out of one block into the next.

    Not behind a block with a head at its side, which would stand in the way.
    """
    place = {index: position for position, index in enumerate(spine)}
    crossing = [0] * (len(spine) + 1)
    steps: set[int] = set()
    headed: set[int] = set()
    for link in picture.links:
        if link.tail in place and link.head in place:
            tail, head = place[link.tail], place[link.head]
            crossing[tail + 1] += 1
            crossing[head + 1] -= 1
            if head == tail + 1:
                steps.add(head)
        elif link.tail in place:
            headed.add(place[link.tail] + 1)
    steps -= headed
    return [i for i, crossed in enumerate(accumulate(crossing)) if crossed == 1 and i in steps]


def _split(along: list[float], cuts: list[int], natural: list[bool], count: int) -> _Split:
    """About equally long columns of two blocks or more, begun where the resolution changes."""
    tops = [0.0, *accumulate(along)]
    column = tops[-1] / count
    starts = [0]
    for number in range(1, count):
        later = [cut for cut in cuts if starts[-1] + 2 <= cut <= len(along) - 2]
        if not later:
            break
        distances = {
            cut: abs(tops[cut] - column * number) + (0 if natural[cut] else column) for cut in later
        }
        starts.append(min(later, key=distances.__getitem__))
    return list(pairwise([*starts, len(along)]))


def _badness(
    split: _Split, along: list[float], across: list[float], natural: list[bool], down: bool
) -> float:
    """How far the picture is from a good aspect, and its columns from natural beginnings."""
    length = max(sum(along[start:end]) for start, end in split)
    breadth = sum(max(across[start:end]) for start, end in split)
    aspect = breadth / length if down else length / breadth
    forced = sum(not natural[start] for start, _ in split)
    return max(aspect / _ASPECT, _ASPECT / aspect) * _FORCED**forced


def _offsets(columns: list[list[float]]) -> list[int]:
    """How many ranks lower than the others each column begins.

    All blocks of a rank stand as high as the highest of them. A high block at the head of one
    column would tear the others apart; a rank lower it may meet its like.
    """
    order = sorted(range(len(columns)), key=lambda number: -sum(columns[number]))
    profile = columns[order[0]]
    found = [0] * len(columns)
    for number in order[1:]:
        tried = [_ranks(profile, [0.0] * lower + columns[number]) for lower in range(_LOWEST + 1)]
        found[number] = min(range(len(tried)), key=lambda lower: sum(tried[lower]))
        profile = tried[found[number]]
    for number in range(1, len(columns)):  # a column begins above the end of the one before
        found[number] = min(found[number], found[number - 1] + len(columns[number - 1]) - 2)
    return found


def _ranks(one: list[float], other: list[float]) -> list[float]:
    """Heights of the ranks of two columns side by side."""
    return [max(pair) for pair in zip_longest(one, other, fillvalue=0.0)]
