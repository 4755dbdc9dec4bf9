"""Repeated steps: equal copies in a chain are drawn once, with their number."""

from __future__ import annotations

from inceptgraph.graph import Scope
from inceptgraph_graphviz.rows import Row
from inceptgraph_graphviz.structure import Fork, Item, Repeat, Series, rows_of

__all__ = ["fold_copies"]


def fold_copies(series: Series, scope: Scope) -> Series:
    """The series with the copies of one ``repeat`` as a :class:`Repeat`, if they look the same.

    Only copies on the top level of the series are found; those within a branch stay as they are.
    """
    prefix, times = scope.path + ".", scope.copies or 1
    inside = [all(row.name.startswith(prefix) for row in rows_of((item,))) for item in series]
    count = sum(inside)
    size = count // times
    if times < 2 or not size or size * times != count:
        return series
    start = inside.index(True)
    if not all(inside[start : start + count]):
        return series
    copies = [series[at : at + size] for at in range(start, start + count, size)]
    first = _look(copies[0])
    if any(_look(copy) != first for copy in copies[1:]):
        return series
    return (*series[:start], Repeat(copies[0], times), *series[start + count :])


def _look(series: Series) -> tuple[object, ...]:
    """What two series must share to be drawn once."""
    return tuple(map(_look_of_item, series))


def _look_of_item(item: Item) -> object:
    if isinstance(item, Row):
        return item.label, item.shape, item.cost
    if isinstance(item, Fork):
        return tuple(map(_look, item.branches))
    return item.times, _look(item.series)
