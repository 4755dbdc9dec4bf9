"""The match of a file's tensors with a network's: names first, then shapes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from inceptgraph.types import TensorInfo
from inceptgraph.weights._patterns import covers
from inceptgraph.weights._remap_table import Line, Table
from inceptgraph.weights._slots import Slot
from inceptgraph.weights._tensorflow import axes_of, in_torch

__all__ = ["Clash", "Fit", "Pair", "fit", "plain"]

COUNTER = ".num_batches_tracked"
"""What torch's batch normalisation counts: not a weight, and older files lack it."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A tensor of a file and the one of the network that has its name.

    Attributes:
        slot: the network's.
        theirs: the name in the file, without the fit's prefix.
        info: shape and type in the file, the shape in torch's order of axes.
        seen: the file's shape without axes of 1 that the network's does not have; of a kernel that
            is inflated as it is.
        axes: the file's axes in torch's order; None where they are in it.
    """

    slot: Slot
    theirs: str
    info: TensorInfo
    seen: tuple[int, ...]
    axes: tuple[int, ...] | None = None

    @property
    def reshaped(self) -> bool:
        """True where it loads in another shape than it has in the file, of the same numbers."""
        return self.seen == self.slot.shape != self.info.shape

    @property
    def skipped(self) -> int:
        """Rows at the front that do not load: of classes that the network has not."""
        return self.seen[0] - self.slot.shape[0] if self.seen else 0

    @property
    def frames(self) -> int | None:
        """The frames of the network's kernel, where the file's is one of images: it is repeated as
        often, and divided by that."""
        ours = self.slot.shape
        of_image = len(self.seen) == 4 and len(ours) == 5 and self.seen[2:] == ours[3:]
        return ours[2] if of_image else None

    @property
    def channels(self) -> int | None:
        """The image channels that it was trained for, where they alone are others than here."""
        ours = self.slot.shape
        ours = ours[:2] + ours[3:] if self.frames else ours
        alike = self.seen[:1] + self.seen[2:] == ours[:1] + ours[2:]
        other = self.slot.reads_image and len(self.seen) == len(ours) and self.seen[1] != ours[1]
        return self.seen[1] if other and alike and self.seen[1] else None


@dataclass(frozen=True, slots=True)
class Clash:
    """A second name of theirs that becomes one of ours.

    Attributes:
        ours: the network's name.
        first, second: the file's names.
        lines: of the table, for those that it renamed.
    """

    ours: str
    first: str
    second: str
    lines: tuple[Line | None, Line | None]


@dataclass(frozen=True)
class Fit:
    """The fit of a file to a network.

    Every tensor of the file is in one of ``loaded``, ``adapted``, ``mismatched``, ``clashes`` (its
    second name), ``unexpected``, ``beside``, ``ignored`` and ``counters``; every tensor of the
    network in one of ``loaded``, ``adapted``, ``mismatched``, ``missing`` and ``absent``.

    Attributes:
        table: what renamed the file's names; None where they are ours.
        prefix: what stands before the names in the file, and in none of the names here.
        loaded: of one shape, up to axes of 1, and what is said of a pair.
        adapted: of a last layer, with another number of classes.
        mismatched: of other shapes, or not floating-point numbers.
        missing: the network's alone.
        absent: the network's alone, in a part that the table says a file may lack.
        unexpected: the file's alone.
        beside: the file's alone, outside the prefix.
        ignored: the file's alone, which the table says mean nothing.
        counters: the file's counters of batches, with our names where there are any.
        clashes: second names for one tensor.
    """

    table: Table | None
    prefix: str = ""
    loaded: list[Pair] = field(default_factory=list)
    adapted: list[Pair] = field(default_factory=list)
    mismatched: list[Pair] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    absent: list[str] = field(default_factory=list)
    unexpected: list[str] = field(default_factory=list)
    beside: list[str] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)
    counters: dict[str, str | None] = field(default_factory=dict)
    clashes: list[Clash] = field(default_factory=list)


def fit(
    slots: Mapping[str, Slot],
    entries: Mapping[str, TensorInfo],
    table: Table | None = None,
    prefix: str = "",
    *,
    adapt_input: bool = False,
) -> Fit:
    """Fit a file to a network.

    Args:
        slots: the network's tensors.
        entries: the file's tensors by name.
        table: renames the file's names.
        prefix: what stands before the network's names in the file, its last dot included; names
            without it are not about the network.
        adapt_input: let the layers that read the image load with other channels.
    """
    found = Fit(table, prefix)
    found.beside.extend(name for name in entries if not name.startswith(prefix))
    infos = {n.removeprefix(prefix): info for n, info in entries.items() if n.startswith(prefix)}
    renamed: dict[str, tuple[str, Line | None]] = {}
    for theirs in infos:
        if table is not None and any(covers(pattern, theirs) for pattern in table.ignore):
            found.ignored.append(theirs)
        else:
            renamed[theirs] = table.rename(theirs) if table is not None else (theirs, None)
    ours = _ours({theirs: name for theirs, (name, _) in renamed.items()}, slots)
    taken: dict[str, str] = {}
    for theirs in renamed:
        name = ours.get(theirs)
        if name is None:
            if renamed[theirs][0].endswith(COUNTER) and math.prod(infos[theirs].shape) == 1:
                sibling = ours.get(theirs.removesuffix(COUNTER) + ".running_mean")
                owner = sibling and sibling.rpartition(".")[0]
                found.counters[theirs] = f"{owner}{COUNTER}" if owner else None
            else:
                found.unexpected.append(theirs)
        elif name in taken:
            first = taken[name]
            lines = (renamed[first][1], renamed[theirs][1])
            found.clashes.append(Clash(name, first, theirs, lines))
        else:
            taken[name] = theirs
            _place(found, _pair(table, slots[name], theirs, infos[theirs]), adapt_input)
    _adapt_whole_layers(found)
    absent = set(_absent(table, slots, taken))
    for name in slots:
        if name not in taken:
            (found.absent if name in absent else found.missing).append(name)
    return found


def _ours(renamed: Mapping[str, str], slots: Iterable[str]) -> dict[str, str]:
    """The network's names of the file's, by the file's.

    The torch backend puts ``_`` after a step's name that Python or torch use themselves, such as
    ``class``; so names are compared without it. Where a spec has both ``class`` and ``class_``,
    their order stays what it was.
    """
    of_slots, of_file = defaultdict[str, list[str]](list), defaultdict[str, list[str]](list)
    for name in slots:
        of_slots[plain(name)].append(name)
    for theirs, name in renamed.items():
        of_file[plain(name)].append(theirs)
    found = {}
    for key, theirs_all in of_file.items():
        candidates = sorted(of_slots.get(key, ()), key=_underscores)
        names = {renamed[theirs] for theirs in theirs_all}
        if len(names) == len(candidates):
            by_name = dict(zip(sorted(names, key=_underscores), candidates, strict=True))
        else:
            by_name = {name: name for name in candidates}
        for theirs in theirs_all:
            if renamed[theirs] in by_name:
                found[theirs] = by_name[renamed[theirs]]
    return found


def plain(name: str) -> str:
    """A name without the ``_`` that the torch backend may put after a part of it."""
    return ".".join(part.rstrip("_") for part in name.split(".")) if "_" in name else name


def _underscores(name: str) -> list[int]:
    return [len(part) - len(part.rstrip("_")) for part in name.split(".")]


def _pair(table: Table | None, slot: Slot, theirs: str, info: TensorInfo) -> Pair:
    """A tensor of theirs in its place, seen in the first of the views of its shape."""
    axes = None
    if table is not None and table.tensorflow:
        axes, info = axes_of(theirs, len(info.shape)), in_torch(theirs, info)
    pair = Pair(slot, theirs, info, info.shape, axes)
    view = next(_views(info.shape, len(slot.shape)), info.shape)
    return pair if pair.frames else replace(pair, seen=view)


def _place(found: Fit, pair: Pair, adapt_input: bool) -> None:
    slot = pair.slot
    views = list(_views(pair.info.shape, len(slot.shape)))
    if pair.info.is_float:
        if slot.shape in views:
            found.loaded.append(replace(pair, seen=slot.shape))
            return
        if pair.frames and pair.seen[:2] == slot.shape[:2]:
            found.loaded.append(pair)
            return
        alike = [view for view in views if view[1:] == slot.shape[1:]]
        if slot.classifier and alike:
            pair = replace(pair, seen=alike[0])
            background = found.table is not None and found.table.background and pair.skipped == 1
            (found.loaded if background else found.adapted).append(pair)
            return
        if adapt_input and pair.channels:
            found.loaded.append(pair)
            return
    found.mismatched.append(pair)


def _adapt_whole_layers(found: Fit) -> None:
    """A layer adapts as a whole: where one of its tensors loads, or cannot be a classifier's of
    another number of classes, the others are mismatched. So it loses a row in all of them."""
    shorter = {pair.slot.layer for pair in found.loaded if pair.skipped}
    whole = {p.slot.layer for p in found.loaded if p.slot.classifier and not p.skipped}
    torn = shorter & (whole | {pair.slot.layer for pair in (*found.adapted, *found.mismatched)})
    found.mismatched.extend(pair for pair in found.loaded if pair.slot.layer in torn)
    found.loaded[:] = [pair for pair in found.loaded if pair.slot.layer not in torn]
    others = {pair.slot.layer for pair in (*found.loaded, *found.mismatched)}
    found.mismatched.extend(pair for pair in found.adapted if pair.slot.layer in others)
    found.adapted[:] = [pair for pair in found.adapted if pair.slot.layer not in others]


def _views(shape: tuple[int, ...], rank: int) -> Iterator[tuple[int, ...]]:
    """A shape with as many axes as wanted, by adding or dropping axes of 1 at one end.

    A linear layer's (out, in) is (out, in, 1, 1) as a convolution, and (1, 1, out, in) in Caffe's
    old files. Kernels of 1×7 and 7×1 stay apart: no axis moves past another.
    """
    extra = len(shape) - rank
    if extra == 0:
        yield shape
        if rank == 4 and shape[:2] == (1, 1):
            yield (*shape[2:], 1, 1)
    elif extra < 0:
        yield shape + (1,) * -extra
    else:
        if set(shape[:extra]) == {1}:
            yield shape[extra:]
        if set(shape[rank:]) == {1}:
            yield shape[:rank]


def _absent(table: Table | None, slots: Iterable[str], taken: Mapping[str, str]) -> Iterator[str]:
    """The tensors in parts that a file may lack, and of which it has nothing."""
    for pattern in table.absent if table is not None else ():
        part = [name for name in slots if covers(pattern, name)]
        if not any(name in taken for name in part):
            yield from part
