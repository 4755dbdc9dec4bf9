"""The structure of a block's rows: chains and forks of chains, found in the wiring.

:func:`decompose` reduces the wiring of a block step by step, as one simplifies a circuit of
resistors: a row with one way in and one way out becomes part of the way; ways between the same two
rows become a fork. A block that ends as a single way is series-parallel. Every row is visited once
and every wire reduced once, so the time is linear; nothing recurses over the length of a chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from inceptgraph_graphviz.rows import Row

__all__ = ["MAX_NESTING", "SOURCE", "Fork", "Item", "Repeat", "Series", "decompose", "rows_of"]

SOURCE = -1
"""In a wiring, the operand that stands for the value from outside."""

MAX_NESTING = 12
"""Forks within forks beyond this depth cannot be read, and are drawn with edges instead."""


@dataclass(frozen=True, slots=True)
class Fork:
    """Chains that read one value; an empty chain hands it on as it is."""

    branches: tuple[Series, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A chain that stands for ``times`` equal copies of itself, one after another."""

    series: Series
    times: int


Item: TypeAlias = Row | Fork | Repeat
Series: TypeAlias = tuple[Item, ...]


def rows_of(series: Iterable[Item]) -> Iterator[Row]:
    """The rows of a series in reading order."""
    for item in series:
        if isinstance(item, Row):
            yield item
        elif isinstance(item, Repeat):
            yield from rows_of(item.series)
        else:
            for branch in item.branches:
                yield from rows_of(branch)


@dataclass(slots=True)
class _Way:
    """A way between two rows that are not reduced yet.

    ``slot`` is the operand of the row at its end that it feeds: branches are drawn in this order.
    """

    slot: int
    items: list[Item] = field(default_factory=list)
    depth: int = 0


_Ways: TypeAlias = dict[int, list[_Way]]
"""The ways into a row, by the row that they come from."""


def decompose(rows: Sequence[Row], operands: Sequence[Sequence[int]]) -> Series | None:
    """The rows as one series from :data:`SOURCE` to the last row that nobody reads.

    Args:
        rows: operands first.
        operands: for each row the indices of what it reads, in order.

    Returns:
        None if the wiring is not series-parallel, or nested too deep to be drawn as a table.
    """
    fanout = [0] * len(rows)
    for reads in operands:
        for operand in reads:
            if operand != SOURCE:
                fanout[operand] += 1
    ends = [index for index, readers in enumerate(fanout) if not readers]
    if len(ends) != 1:
        return None
    fanout[ends[0]] = 1
    entering: list[_Ways] = []
    for reads in (*operands, ends):
        ways: _Ways = {}
        for slot, operand in enumerate(reads):
            ways.setdefault(operand, []).append(_Way(slot))
        _reduce(ways, entering, fanout, rows)
        entering.append(ways)
    last = entering[-1]
    if list(last) != [SOURCE]:
        return None
    whole = _merge(last[SOURCE])
    return tuple(whole.items) if whole.depth <= MAX_NESTING else None


def _reduce(ways: _Ways, entering: list[_Ways], fanout: list[int], rows: Sequence[Row]) -> None:
    """Take into the ways every row that has one row before it and whose ways out all come here."""
    pending = [tail for tail in ways if tail != SOURCE]
    while pending:
        tail = pending.pop()
        if tail not in ways or len(ways[tail]) < fanout[tail] or len(entering[tail]) != 1:
            continue
        ((before, into),) = entering[tail].items()
        way, after = _merge(into), _merge(ways.pop(tail))
        way.slot = after.slot
        way.items.append(rows[tail])
        way.items += after.items
        way.depth = max(way.depth, after.depth)
        ways.setdefault(before, []).append(way)
        if before != SOURCE:
            fanout[before] -= len(into) - 1
            pending.append(before)


def _merge(ways: list[_Way]) -> _Way:
    """Ways between the same two rows as one: a fork, if there are several."""
    if len(ways) == 1:
        return ways[0]
    ways.sort(key=lambda way: way.slot)
    fork = Fork(tuple(tuple(way.items) for way in ways))
    return _Way(ways[0].slot, [fork], 1 + max(way.depth for way in ways))
