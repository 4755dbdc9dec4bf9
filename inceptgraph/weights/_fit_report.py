"""A fit in the lines that a person would write."""

from __future__ import annotations

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TypeVar

from inceptgraph.report import one_line
from inceptgraph.weights._contents import Contents
from inceptgraph.weights._match import Fit, Pair

__all__ = [
    "groups",
    "is_empty",
    "lines",
    "loaded",
    "not_finite",
    "source",
    "stage",
    "warn_not_finite",
]

logger = logging.getLogger("inceptgraph")

T = TypeVar("T")

_STAGES = 12
"""Stages that a group lists; the rest is counted."""
_PARTS = 4
"""Stages of which a group lists single names."""
_NAMES = 5
_ALLOWED = ", as you allow"
_PLURAL = {"tensor": "tensors", "entry": "entries"}


def source(contents: Contents) -> Iterator[str]:
    """The lines on the file itself: what it is, where in it the tensors stand, what is left."""
    parts = len(set(contents.shards.values()))
    yield f"format: {contents.format}{f', in {parts:,} files' if parts else ''}"
    if contents.key:
        yield f"key: {contents.key}"
    if contents.stubs:
        more = f" and {len(contents.stubs) - _NAMES:,} more" if contents.stubs[_NAMES:] else ""
        named = one_line(", ".join(contents.stubs[:_NAMES]))
        yield f"left unread: objects of {named}{more}"


def lines(fit: Fit, refused: Fit | None = None) -> list[str]:
    """All of a fit: where the names come from, what loads, and what does not."""
    return [_names(fit), *loaded(fit), *groups(fit, refused)]


def is_empty(fit: Fit) -> bool:
    """True where nothing is missing, unexpected, mismatched or twice there."""
    return not (fit.missing or fit.unexpected or fit.mismatched or fit.clashes)


def stage(name: str) -> str:
    """The first part of a name, ours or theirs.

    >>> stage("inception_3a.1x1.conv.weight"), stage("inception_3a/1x1.weight")
    ('inception_3a', 'inception_3a')
    """
    return re.split(r"[./]", name, maxsplit=1)[0]


def _names(fit: Fit) -> str:
    without = f", without `{fit.prefix}`" if fit.prefix else ""
    if fit.table is None:
        return f"names: as they are{without}"
    # a spec that differs in what has no weights takes them as well, and computes something else
    meant = f"for {' or '.join(fit.table.specs)}" if fit.table.specs else ""
    told = ", ".join(filter(None, [fit.table.description, meant]))
    of = f" ({told})" if told else ""
    return f"names: remapped by {fit.table.name}{of}{without}"


def loaded(fit: Fit) -> list[str]:
    """The line on what loads, and what is done to it on the way."""
    pairs = fit.loaded
    if not pairs:
        return ["loaded: nothing"]
    of = len(pairs) + len(fit.adapted) + len(fit.mismatched) + len(fit.missing) + len(fit.absent)
    whole = "" if of == len(pairs) else f" of {of:,}"
    changes = []
    reshaped = sum(pair.reshaped for pair in pairs)
    if reshaped:
        changes.append(f"{reshaped:,} reshaped, by axes of 1")
    for dtype, count in Counter(pair.info.dtype for pair in pairs).items():
        if dtype != "float32":
            changes.append(f"{count:,} from {dtype}, converted to the model's type")
    told = "".join(f"; {change}" for change in changes)
    return [f"loaded: {len(pairs):,}{whole} tensors{told}", *_changed(pairs)]


def _changed(pairs: list[Pair]) -> Iterator[str]:
    """The lines on layers whose numbers are made of the file's."""
    layers = {pair.slot.layer: pair for pair in pairs if pair.skipped}
    for layer, pair in layers.items():
        yield f"background: {layer}: the first of {pair.seen[0]:,} classes in the file is left out"
    for pair in pairs:
        if pair.channels:
            ours = pair.slot.shape[1]
            done = "summed" if ours == 1 else f"repeated, times {pair.channels}/{ours}"
            channels = f"{pair.channels} channels in the file, {ours} here"
            yield f"input: {pair.slot.layer}: {channels}: {done}"
    for frames, count in Counter(pair.frames for pair in pairs if pair.frames).items():
        kernels = "1 kernel" if count == 1 else f"{count:,} kernels"
        yield f"frames: none in the file, {frames} here: {kernels} repeated, times 1/{frames}"


def groups(fit: Fit, refused: Fit | None = None) -> list[str]:
    """The lines on what does not load, by group and stage.

    Args:
        fit: all of it.
        refused: the part of it that is an error; the user allows the rest (default: all of it).
    """
    refused = refused or fit
    pairs = [*fit.loaded, *fit.adapted, *fit.mismatched]
    ours, theirs = [pair.slot.name for pair in pairs], [pair.theirs for pair in pairs]
    found = list(_adapted(fit.adapted))
    found += _mismatched("mismatched", refused.mismatched)
    found += _mismatched(f"mismatched{_ALLOWED}", _rest(fit.mismatched, refused.mismatched))
    found += _by_permission("missing", fit.missing, refused.missing, ours)
    found += _listed("absent, as the table allows", fit.absent, ours)
    found += _by_permission("unexpected", fit.unexpected, refused.unexpected, theirs, "entry")
    found += _listed("ignored", fit.ignored, theirs, "entry")
    found += _listed(f"beside `{fit.prefix}`", fit.beside, (), "entry")
    for clash in fit.clashes:
        found.append(f"twice: {clash.first} and {clash.second} both become {clash.ours}")
    return found


def _adapted(pairs: Iterable[Pair]) -> Iterator[str]:
    layers: dict[str, Pair] = {}
    for pair in pairs:
        layers.setdefault(pair.slot.layer, pair)
    for layer, pair in layers.items():
        theirs, ours = pair.seen[0], pair.slot.shape[0]
        yield f"adapted: {layer}: {theirs:,} classes in the file, {ours:,} here: starts anew"


def not_finite(numbers: Mapping[str, str]) -> Iterator[str]:
    """The lines on tensors that load although no network computes with them."""
    for name, what in islice(numbers.items(), _NAMES):
        yield f"{name} holds {what}"
    if len(numbers) > _NAMES:
        yield f"{len(numbers) - _NAMES:,} more hold NaN or infinity"


def warn_not_finite(file: str | Path, numbers: Mapping[str, str]) -> None:
    """Log a warning of them, for callers from Python."""
    if numbers:
        logger.warning("the weights in `%s`: %s", file, ", ".join(not_finite(numbers)))


def _mismatched(what: str, pairs: list[Pair]) -> Iterator[str]:
    for pair in pairs[:_STAGES]:
        kind = "" if pair.info.is_float else f" of {pair.info.dtype}"
        theirs, ours = _shape(pair.info.shape), _shape(pair.slot.shape)
        yield f"{what}: {pair.slot.name}: {theirs}{kind} in the file, {ours} here"
    if pairs[_STAGES:]:
        yield f"{what}: {len(pairs) - _STAGES:,} more"


def _by_permission(
    what: str, names: list[str], refused: list[str], others: list[str], noun: str = "tensor"
) -> Iterator[str]:
    allowed = _rest(names, refused)
    yield from _listed(what, refused, [*others, *allowed], noun)
    yield from _listed(f"{what}{_ALLOWED}", allowed, [*others, *refused], noun)


def _rest(every: list[T], some: list[T]) -> list[T]:
    """Those of a list that are not in another, in their order."""
    without = set(some)
    return [item for item in every if item not in without]


def _listed(
    what: str, names: list[str], others: Iterable[str], noun: str = "tensor"
) -> Iterator[str]:
    """Names by stage; those of which all is listed in one line.

    Args:
        what: the group.
        names: in it.
        others: which are not in it.
        noun: what they are names of: a file's entry may be no tensor.
    """
    stages = defaultdict[str, list[str]](list)
    for name in names:
        stages[stage(name)].append(name)
    partly = {stage(name) for name in others}
    whole = [name for name in stages if name not in partly]
    if whole:
        count = sum(len(stages[name]) for name in whole)
        more = f" and {len(whole) - _STAGES:,} more" if whole[_STAGES:] else ""
        tensors = noun if count == 1 else _PLURAL[noun]
        yield f"{what}: all of {', '.join(whole[:_STAGES])}{more} ({count:,} {tensors})"
    parts = [name for name in stages if name in partly]
    for name in parts[:_PARTS]:
        rest = [member[len(name) + 1 :] or member for member in stages[name]]
        more = f" and {len(rest) - _NAMES:,} more" if rest[_NAMES:] else ""
        yield f"{what}: of {name}: {', '.join(rest[:_NAMES])}{more}"
    if parts[_PARTS:]:
        count = sum(len(stages[name]) for name in parts[_PARTS:])
        yield f"{what}: {count:,} more, of {', '.join(parts[_PARTS:][:_STAGES])}"


def _shape(shape: tuple[int, ...]) -> str:
    return "(" + ", ".join(map(str, shape)) + ")"
