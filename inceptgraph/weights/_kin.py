"""The shipped spec whose weights a file holds, where it is not the one that was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from inceptgraph.diagnostics import Findings
from inceptgraph.expand import expand
from inceptgraph.infer import infer
from inceptgraph.source import parse, read
from inceptgraph.spec import load, resolve
from inceptgraph.spec import shipped as shipped_specs
from inceptgraph.types import TensorInfo
from inceptgraph.weights._best import behind, fit_best, prefixes
from inceptgraph.weights._match import Fit
from inceptgraph.weights._remap_table import Table, shipped
from inceptgraph.weights._slots import Slot, slots

__all__ = ["kin"]

_MOST = 3


def kin(entries: Mapping[str, TensorInfo]) -> tuple[str, ...]:
    """The shipped specs that these tensors fit whole, three at most; the closest first.

    Args:
        entries: a file's tensors by name.
    """
    found = list(dict.fromkeys(_by_table(entries))) or list(dict.fromkeys(_by_name(entries)))
    return tuple(found[:_MOST])


def _by_table(entries: Mapping[str, TensorInfo]) -> Iterator[str]:
    """By the specs of the tables that rename most of the names."""
    known, tried = shipped_specs(), prefixes(entries)
    for table in shipped().values():
        if any(_renames_most(table, entries, prefix) for prefix in tried):
            for spec in table.specs:
                if spec in known and _is_whole(fit_best(_slots(spec), entries, [table])):
                    yield spec


def _renames_most(table: Table, entries: Mapping[str, TensorInfo], prefix: str) -> bool:
    names = list(behind(entries, prefix))
    return sum(table.rename(name)[1] is not None for name in names) > len(names) / 2


def _by_name(entries: Mapping[str, TensorInfo]) -> Iterator[str]:
    """By names that are ours already: as builds write them."""
    for prefix in prefixes(entries):
        names = set(behind(entries, prefix))
        for spec in shipped_specs():
            mine = _slots(spec)
            if mine.keys() <= names and _is_whole(fit_best(mine, entries, [])):
                yield spec


def _is_whole(found: Fit) -> bool:
    misfits = found.missing or found.unexpected or found.mismatched or found.clashes
    inflated = any(pair.frames for pair in found.loaded)  # those of a network of images
    return bool(found.loaded) and not misfits and not inflated


@cache
def _slots(spec: str) -> dict[str, Slot]:
    """The tensors of a shipped spec, which has no mistakes."""
    findings = Findings()
    source = read(shipped_specs()[spec], findings)
    assert source is not None
    tree = parse(source, findings)
    whole = resolve(tree, source, findings) if tree is not None else None
    typed = load(whole, source, findings) if whole is not None else None
    assert typed is not None
    return slots(infer(expand(typed, findings), findings))
