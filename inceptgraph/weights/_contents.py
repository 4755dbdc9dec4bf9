"""The contents of files of weights, before any number is read."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from inceptgraph import backend as backends
from inceptgraph.arguments import FLAG, NAME, PATH, check
from inceptgraph.backend import Held
from inceptgraph.types import TensorInfo
from inceptgraph.weights import _safetensors as safetensors
from inceptgraph.weights._file_formats import Format, format_of, refuse
from inceptgraph.weights._shards import files_of, find_index

__all__ = ["LONGEST_NAME", "Contents", "WeightsFile", "look", "not_finite"]

LONGEST_NAME = 1000


KINDS = {
    "path": PATH,
    "key": replace(NAME, optional=True),
    "prefix": replace(NAME, optional=True),
    "adapt_input": FLAG,
}
"""What the fields of :class:`WeightsFile` take."""


@dataclass(frozen=True)
class WeightsFile:
    """A file of weights, and how it is to be read. A path alone stands for one without options.

    Attributes:
        path: safetensors, or a file of PyTorch, Caffe, Keras or NumPy; or the index of a model in
            several files, or the directory that it stands in.
        key: which mapping of tensors of a PyTorch file, such as ``state_dict_ema``, empty for its
            top; without it the one that there is.
        prefix: what stands before the network's names in it, such as ``backbone.body``; without it
            one that most names share falls away where it makes them the network's.
        adapt_input: whether the layers that read the image may have been trained for another number
            of channels: their weights are summed for one channel, and else repeated, times the
            file's channels over the network's.

    Raises:
        TypeError: a value has the wrong type.
    """

    path: str | Path
    key: str | None = None
    prefix: str | None = None
    adapt_input: bool = False

    def __post_init__(self) -> None:
        check(KINDS, {name: getattr(self, name) for name in KINDS})

    @classmethod
    def of(cls, file: str | Path | WeightsFile) -> WeightsFile:
        """The file that a path stands for, or itself."""
        return file if isinstance(file, WeightsFile) else cls(file)


@dataclass(frozen=True)
class Contents:
    """The contents of a file of weights, before any number is read.

    Attributes:
        path: as the user gave it.
        format: what the file is.
        entries: its tensors by name, in the order of the file.
        key: where in the file they stand; empty for its top.
        stubs: the classes of objects in it that were left unread.
        shards: the file that holds each tensor, by name; empty where that is ``path``.
    """

    path: Path
    format: Format
    entries: Mapping[str, TensorInfo]
    key: str = ""
    stubs: tuple[str, ...] = ()
    shards: Mapping[str, Path] = field(default_factory=dict)

    @cached_property
    def sha256(self) -> str:
        """The hash of the file; of one in parts, of the index and then of each part."""
        total = hashlib.sha256()
        index = find_index(self.path) if self.shards else self.path
        assert index is not None
        for path in dict.fromkeys((index, *self.shards.values())):
            with path.open("rb") as file:
                while block := file.read(2**20):
                    total.update(block)
        return total.hexdigest()

    def place(self, name: str) -> Path:
        """The file that holds a tensor."""
        return self.shards.get(name, self.path)


def look(path: str | Path, key: str | None = None) -> Contents:
    """Read which tensors a file holds. Only for safetensors is no backend needed.

    Args:
        path: the file, an index, or the directory of one.
        key: see :class:`WeightsFile`.

    Raises:
        SpecError: the file is missing, broken, of no kind that is known, or holds code; or it has
            several mappings of tensors and no ``key`` says which, or not the one of ``key``.
    """
    path = Path(path)
    if (index := find_index(path)) is not None:
        contents = _in_parts(path, index, key)
    else:
        kind = format_of(path)
        held = _held(path, kind, key)
        contents = Contents(path, kind, held.entries, held.key, held.stubs)
    if not contents.entries:
        refuse(path, "holds no tensors")
    for name in contents.entries:
        _check_name(path, name)
    return contents


def _held(path: Path, kind: Format, key: str | None) -> Held:
    if key is not None and kind is not Format.TORCH:
        refuse(path, f"is a file of {kind}, whose tensors have no keys: `{key}` names none")
    if kind is Format.SAFETENSORS:
        return Held(safetensors.read_header(path))
    return backends.find_weights(backends.MODEL).look(path, kind, key)


def _in_parts(path: Path, index: Path, key: str | None) -> Contents:
    """The contents of a model in several files: what the index says, and what they hold, agree."""
    places = files_of(index)
    parts = {part: format_of(part) for part in dict.fromkeys(places.values())}
    if len(set(parts.values())) > 1:
        refuse(index, "names files of several formats", "download them again")
    held = {part: _held(part, kind, key) for part, kind in parts.items()}
    for name, part in places.items():
        if name not in held[part].entries:
            why = f"says that `{part.name}` holds `{name[:60]}`, which it does not"
            refuse(index, why, "download its files again")
    keys = list(dict.fromkeys(each.key for each in held.values())) or [""]
    if len(keys) > 1:
        shown = ", ".join(f"`{each[:60]}`" if each else "the top" for each in keys[:3])
        why = f"names files whose tensors stand at different keys: {shown}"
        refuse(index, why, "say which: `--key KEY`, or `WeightsFile(path, key=KEY)` in Python")
    entries = {name: held[part].entries[name] for name, part in places.items()}
    stubs = dict.fromkeys(stub for each in held.values() for stub in each.stubs)
    format = next(iter(parts.values()), Format.SAFETENSORS)
    return Contents(path, format, entries, keys[0], tuple(stubs), places)


def not_finite(contents: Contents, names: Iterable[str]) -> dict[str, str]:
    """The tensors of a file that hold ``NaN`` or ``infinity``: no network computes with them.

    Args:
        contents: the file.
        names: of floating-point tensors in it.

    Raises:
        SpecError: the file cannot be read.
    """
    wanted = defaultdict[Path, list[str]](list)
    for name in names:
        wanted[contents.place(name)].append(name)
    return {
        name: what
        for path, own in wanted.items()
        for name, what in _not_finite(contents, path, own).items()
    }


def _not_finite(contents: Contents, path: Path, wanted: list[str]) -> dict[str, str]:
    found = dict[str, str]()
    if contents.format is Format.SAFETENSORS:
        known = {n for n in wanted if contents.entries[n].dtype in safetensors.OF_NUMPY}
        found = safetensors.not_finite(path, [name for name in wanted if name in known])
        wanted = [name for name in wanted if name not in known]
    if wanted:
        backend = backends.find_weights(backends.MODEL)
        found |= backend.not_finite(path, contents.format, wanted, contents.key)
    return found


def _check_name(path: Path, name: str) -> None:
    if not name.isprintable() or not name or len(name) > LONGEST_NAME:
        why = "too long" if len(name) > LONGEST_NAME else "no name that can be shown"
        refuse(path, f"holds a tensor whose name is {why}: {name[:40]!r}", "who made this file?")
