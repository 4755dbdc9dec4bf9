"""Repeated steps: copies in a chain that look alike are drawn once, with their number.

Copies look alike also where their channels grow, as those of a dense block: then the one that is
drawn says from where to where.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import chain, groupby

from inceptgraph.graph import Scope
from inceptgraph_graphviz.rows import Row
from inceptgraph_graphviz.structure import Fork, Item, Repeat, Series, rows_of

__all__ = ["fold_copies"]


def fold_copies(series: Series, scope: Scope) -> Series:
    """The series with the copies of one ``repeat`` that look the same as a :class:`Repeat`.

    Only copies on the top level of the series are found; those within a branch stay as they are.
    """
    prefix = scope.path + "."
    inside = [all(row.name.startswith(prefix) for row in rows_of((item,))) for item in series]
    count = sum(inside)
    names = {
        row.name[len(prefix) :].partition(".")[0]
        for row in rows_of(series)
        if row.name.startswith(prefix)
    }
    times = len(names)
    size = count // times if times else 0
    if times < 2 or not size or size * times != count:
        return series
    start = inside.index(True)
    if not all(inside[start : start + count]):
        return series
    copies = [series[at : at + size] for at in range(start, start + count, size)]
    folded = (_folded(list(alike)) for _, alike in groupby(copies, key=_look))
    return (*series[:start], *chain.from_iterable(folded), *series[start + count :])


def _folded(run: list[Series]) -> Series:
    return (Repeat(_spanning(run[0], run[-1]), len(run)),) if len(run) > 1 else run[0]


def _spanning(first: Series, last: Series) -> Series:
    """A series that stands for itself, one that looks like it, and those between."""
    return tuple(map(_item_spanning, first, last))


def _item_spanning(first: Item, last: Item) -> Item:
    match first, last:
        case Row(), Row():
            return replace(first, last_shape=last.last_shape or last.shape)
        case Fork(), Fork():
            return Fork(tuple(map(_spanning, first.branches, last.branches)))
        case Repeat(), Repeat():
            return Repeat(_spanning(first.series, last.series), first.times)
    raise AssertionError("series that look alike are built alike")


def _look(series: Series) -> tuple[object, ...]:
    """What two series must share to be drawn once: all but their channels."""
    return tuple(map(_look_of_item, series))


def _look_of_item(item: Item) -> object:
    if isinstance(item, Row):
        kinds = tuple(node.op.op for node in item.nodes)  # of what hides in the row too
        return item.label, kinds, item.shape[1:], item.mark
    if isinstance(item, Fork):
        return tuple(map(_look, item.branches))
    return item.times, _look(item.series)
