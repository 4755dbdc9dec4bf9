"""The prefix and the remap table that make the most of a file's names the network's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Set

from inceptgraph.types import TensorInfo
from inceptgraph.weights._match import Fit, fit, plain
from inceptgraph.weights._remap_table import Table
from inceptgraph.weights._slots import Slot

__all__ = ["behind", "fit_best", "fit_by", "prefixes"]

Entries = Mapping[str, TensorInfo]

_MOST = 8
"""Beginnings that are tried at most. Wrappers nest a few deep; each costs a look at all names."""


def prefixes(names: Iterable[str]) -> list[str]:
    """What may stand before a network's names: nothing, and each beginning that most names share.

    There are eight of those at most; ``prefix`` can name a longer one.

    Wrappers put it there: ``module.`` of data parallelism and averaged models, ``_orig_mod.`` of
    ``torch.compile``, ``model.`` and ``net.`` of trainers, ``backbone.body.`` of detectors.

    >>> prefixes(["model.net.a.weight", "model.net.b.weight", "criterion.weight"])
    ['', 'model.', 'model.net.']
    """
    rest = list(names)
    found, half = [""], len(rest) / 2
    while rest and len(found) <= _MOST:
        begin = len(found[-1])
        firsts = Counter(n[begin:].partition(".")[0] for n in rest if "." in n[begin:])
        (first, count), *_ = firsts.most_common(1) or [("", 0)]
        if count <= half:
            break
        found.append(f"{found[-1]}{first}.")
        rest = [name for name in rest if name.startswith(found[-1])]
    return found


def behind(names: Iterable[str], prefix: str) -> Iterator[str]:
    """What follows a prefix in those names that begin with it."""
    return (name.removeprefix(prefix) for name in names if name.startswith(prefix))


def fit_best(
    slots: Mapping[str, Slot],
    entries: Entries,
    tables: Iterable[Table],
    *,
    prefix: str | None = None,
    adapt_input: bool = False,
) -> Fit:
    """The fit with the names as they are, or with the table that finds most of them ours.

    A table that finds half of the file's tensors or fewer is of another network: that some names
    come out as ours is chance.

    Args:
        slots: the network's tensors.
        entries: the file's tensors by name.
        tables: those to choose from.
        prefix: what stands before the network's names, its last dot included; None for the one with
            which most names are ours.
        adapt_input: see :func:`~inceptgraph.weights._match.fit`.
    """
    given = _given(entries, prefix)
    best = _fit_by(slots, entries, None, given, adapt_input)
    if not best.unexpected and not best.missing:
        return best
    fits = (_fit_by(slots, entries, table, given, adapt_input) for table in tables)
    return max([best, *(found for found in fits if _finds_most(found))], key=_named)


def fit_by(
    slots: Mapping[str, Slot],
    entries: Entries,
    table: Table | None,
    *,
    prefix: str | None = None,
    adapt_input: bool = False,
) -> Fit:
    """The fit with one table, or with none, and the prefix with which most names are ours; see
    :func:`fit_best`."""
    return _fit_by(slots, entries, table, _given(entries, prefix), adapt_input)


def _fit_by(
    slots: Mapping[str, Slot],
    entries: Entries,
    table: Table | None,
    given: list[str],
    adapt_input: bool,
) -> Fit:
    """Shapes decide only between prefixes that names leave equal."""
    known = {plain(name) for name in slots}
    tried = _before(entries, table, given)
    ours = {before: _ours(known, entries, table, before) for before in tried}
    most = max(ours.values())
    equal = [before for before, count in ours.items() if count == most]
    fits = (
        fit(slots, entries, table, before, adapt_input=adapt_input)
        for before in (equal if most else equal[:1])
    )
    return max(fits, key=_named)


def _ours(known: Set[str], entries: Entries, table: Table | None, before: str) -> int:
    """How many of the network's names come out of the file's."""
    rest = behind(entries, before)
    names = (table.rename(name)[0] for name in rest) if table is not None else rest
    return len({plain(name) for name in names} & known)


def _given(entries: Entries, prefix: str | None) -> list[str]:
    """The prefix that a user names, or those of the file."""
    return [prefix] if prefix is not None else prefixes(entries)


def _before(entries: Entries, table: Table | None, given: list[str]) -> Iterator[str]:
    """The prefixes to try: those given, with the table's own behind them."""
    own = f"{table.prefix}." if table is not None and table.prefix else ""
    inner = [f"{before}{own}" for before in given if not before.endswith(own) or not own]
    there = [before for before in inner if any(name.startswith(before) for name in entries)]
    yield from there or given


def _finds_most(found: Fit) -> bool:
    return _named(found)[0] > len(found.unexpected) + len(found.clashes)


def _named(found: Fit) -> tuple[int, int]:
    loads = len(found.loaded) + len(found.adapted)
    return loads + len(found.mismatched), loads - len(found.clashes)
