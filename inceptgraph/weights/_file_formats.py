"""Files of weights: of which kind one is, and which tensors it holds."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import NoReturn

from inceptgraph import backend as backends
from inceptgraph.diagnostics import Code, Diagnostic, Label, Source, Span, SpecError
from inceptgraph.report import one_line
from inceptgraph.types import TensorInfo

__all__ = ["Contents", "Format", "look", "not_finite", "refuse"]

LONGEST_NAME = 1000


class Format(StrEnum):
    """Kinds of files that weights are read from."""

    SAFETENSORS = "safetensors"
    TORCH = "PyTorch"
    CAFFE = "Caffe"


@dataclass(frozen=True)
class Contents:
    """The contents of a file of weights, before any number is read.

    Attributes:
        path: as the user gave it.
        format: what the file is.
        entries: its tensors by name, in the order of the file.
    """

    path: Path
    format: Format
    entries: Mapping[str, TensorInfo]

    @cached_property
    def sha256(self) -> str:
        """The hash of the file."""
        with self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()


def refuse(path: Path, why: str, help: str | None = None) -> NoReturn:
    """Say why a file of weights cannot be read.

    Args:
        path: the file.
        why: in words that follow its name.
        help: what to do about it.

    Raises:
        SpecError: always.
    """
    where = Label(Span(Source(str(path), ""), 0, 0, 0, 0))
    message = f"`{path}` {one_line(why)}"  # a library's reason may quote what the file holds
    raise SpecError([Diagnostic(Code.UNREADABLE_WEIGHTS, message, (where,), help=help)])


def look(path: str | Path) -> Contents:
    """Read which tensors a file holds. Only for a safetensors file is no backend needed.

    Raises:
        SpecError: the file is missing, broken, of no kind that is known, or holds code.
    """
    path = Path(path)
    kind = _format(path)
    entries: Mapping[str, TensorInfo]
    if kind is Format.SAFETENSORS:
        entries = _safetensors(path)
    else:
        entries = backends.find_weights(backends.MODEL).look(path, kind)
    if not entries:
        refuse(path, "holds no tensors")
    for name in entries:
        _check_name(path, name)
    return Contents(path, kind, entries)


def not_finite(contents: Contents, names: Iterable[str]) -> dict[str, str]:
    """The tensors of a file that hold ``NaN`` or ``infinity``: no network computes with them.

    Args:
        contents: the file.
        names: of floating-point tensors in it.

    Raises:
        SpecError: the file cannot be read.
    """
    wanted, found = list(names), dict[str, str]()
    if contents.format is Format.SAFETENSORS:
        known = {name for name in wanted if contents.entries[name].dtype in _OF_NUMPY}
        found = _not_finite_safetensors(contents.path, [n for n in wanted if n in known])
        wanted = [name for name in wanted if name not in known]
    if wanted:
        backend = backends.find_weights(backends.MODEL)
        found |= backend.not_finite(contents.path, contents.format, wanted)
    return found


def _check_name(path: Path, name: str) -> None:
    if not name.isprintable() or not name or len(name) > LONGEST_NAME:
        why = "too long" if len(name) > LONGEST_NAME else "no name that can be shown"
        refuse(path, f"holds a tensor whose name is {why}: {name[:40]!r}", "who made this file?")


_SUPPORTED = "weights are read from safetensors, PyTorch's .pth and .pt, and Caffe's .caffemodel"
_OTHERS = {
    b"\x89HDF": ("is an HDF5 file, as Keras writes", "save its tensors as safetensors"),
    b"version https://git-lfs": (
        "is a pointer of Git LFS, not the weights themselves",
        "fetch the file: git lfs pull",
    ),
    b"GGUF": ("is a GGUF file", _SUPPORTED),
    b"\x1f\x8b": ("is compressed", "unpack it: gunzip"),
    b"<": ("is a web page or XML, not weights", "was the download refused?"),
}
_NET_PARAMETER = frozenset(b"\x0a\x12\x1a\x22\x28\x32\x38\x42\xa2")
"""How a Caffe NetParameter can begin: the tags of its fields (1 to 8, and 100)."""


def _format(path: Path) -> Format:
    """What a file is, by its first bytes."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            refuse(path, "is a directory, not a file of weights", "name the file in it")
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for who writes to it
            refuse(path, "is not a file")
        size = status.st_size
        with path.open("rb") as file:
            head = file.read(32)
    except FileNotFoundError:
        refuse(path, "does not exist")
    except (OSError, ValueError) as error:
        refuse(path, f"cannot be read: {getattr(error, 'strerror', None) or error}")
    if size == 0:
        refuse(path, "is empty", "was the download cut off?")
    length = int.from_bytes(head[:8], "little")  # of a safetensors file's header, which is JSON
    has_header = head[8:9] == b"{"
    if has_header and length <= size - 8:
        return Format.SAFETENSORS
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x80")):
        return Format.TORCH
    for start, (why, hint) in _OTHERS.items():
        if head.startswith(start):
            refuse(path, why, hint)
    if has_header:
        why = f"is cut off or broken: its header claims {length:,} bytes of {size:,}"
        refuse(path, why, "download or save it again")
    if head[0] in _NET_PARAMETER:
        return Format.CAFFE
    refuse(path, "is no file of weights that is known", _SUPPORTED)


_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "F8_E4M3": "float8_e4m3fn",
    "F8_E5M2": "float8_e5m2",
    "BOOL": "bool",
    **{f"{sign}{bits}": f"{word}{bits}" for sign, word in (("I", "int"), ("U", "uint"))
       for bits in (8, 16, 32, 64)},
}  # fmt: skip
"""Types of a safetensors header as torch calls them."""


def _safetensors(path: Path) -> dict[str, TensorInfo]:
    from safetensors import SafetensorError, safe_open

    try:
        # the library checks the header: sizes, overlaps, and that the file is as long as it says
        with safe_open(path, framework="numpy") as file:
            slices = {name: file.get_slice(name) for name in file.offset_keys()}
            return {
                name: TensorInfo(tuple(part.get_shape()), _dtype(part.get_dtype()))
                for name, part in slices.items()
            }
    except (SafetensorError, OSError, ValueError, OverflowError) as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        refuse(path, f"is a safetensors file that is broken: {reason}", "download or save it again")


_OF_NUMPY = ("float16", "float32", "float64")
"""The floating-point types that numpy has too: for these, a file needs no backend."""


def _not_finite_safetensors(path: Path, names: Iterable[str]) -> dict[str, str]:
    import numpy as np
    from safetensors import safe_open

    found = {}
    with safe_open(path, framework="numpy") as file:
        for name in names:
            numbers = file.get_tensor(name)
            if not np.isfinite(numbers).all():
                found[name] = "NaN" if np.isnan(numbers).any() else "infinity"
    return found


def _dtype(name: str) -> str:
    return _DTYPES.get(name, name.lower())
