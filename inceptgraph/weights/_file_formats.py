"""Files of weights: of which kind one is, by its content."""

from __future__ import annotations

import stat
import zipfile
from enum import StrEnum
from pathlib import Path
from typing import NoReturn

from inceptgraph.diagnostics import Code, Diagnostic, Label, Source, Span, SpecError
from inceptgraph.report import one_line
from inceptgraph.weights._others import other, other_archive, other_directory

__all__ = ["Format", "format_of", "refuse"]

SUPPORTED = (
    "weights are read from safetensors, PyTorch's .pth and .pt, Caffe's .caffemodel, Keras's .h5"
    " and .keras, and NumPy's .npz"
)


class Format(StrEnum):
    """Kinds of files that weights are read from."""

    SAFETENSORS = "safetensors"
    TORCH = "PyTorch"
    CAFFE = "Caffe"
    KERAS = "Keras"
    NUMPY = "NumPy"


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


_NET_PARAMETER = frozenset(b"\x0a\x12\x1a\x22\x28\x32\x38\x42\xa2")
"""How a Caffe NetParameter can begin: the tags of its fields (1 to 8, and 100)."""


def format_of(path: Path) -> Format:
    """The kind of a file, by its first bytes.

    Raises:
        SpecError: it is missing, no file, or of no kind that is read.
    """
    size, head = _beginning(path)
    length = int.from_bytes(head[:8], "little")  # of a safetensors file's header, which is JSON
    has_header = head[8:9] == b"{"
    if has_header and length <= size - 8:
        return Format.SAFETENSORS
    if head.startswith(b"\x89HDF\r\n\x1a\n"):
        return Format.KERAS
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _format_of_archive(path)
    if (named := other(path, head)) is not None:
        refuse(path, *named)
    if head.startswith(b"\x80"):
        return Format.TORCH
    if has_header:
        why = f"is cut off or broken: its header claims {length:,} bytes of {size:,}"
        refuse(path, why, "download or save it again")
    if head[0] in _NET_PARAMETER:
        return Format.CAFFE
    refuse(path, "is no file of weights that is known", SUPPORTED)


def _format_of_archive(path: Path) -> Format:
    """The kind of a zip file, by the names in it."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        reason = str(error).removeprefix("File ")
        refuse(path, f"is a zip file that is cut off or broken: {reason}", "download it again")
    if "model.weights.h5" in names:
        return Format.KERAS
    if names and all(name.endswith(".npy") for name in names):
        return Format.NUMPY
    if (named := other_archive(names)) is not None:
        refuse(path, *named)
    return Format.TORCH


def _beginning(path: Path) -> tuple[int, bytes]:
    """The size of a file, and its first bytes."""
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            named = other_directory(path)
            refuse(
                path, *(named or ("is a directory, not a file of weights", "name the file in it"))
            )
        if not stat.S_ISREG(status.st_mode):  # reading a pipe would wait for who writes to it
            refuse(path, "is not a file")
        with path.open("rb") as file:
            head = file.read(64)
    except FileNotFoundError:
        refuse(path, "does not exist")
    except (OSError, ValueError) as error:
        refuse(path, f"cannot be read: {getattr(error, 'strerror', None) or error}")
    if status.st_size == 0:
        refuse(path, "is empty", "was the download cut off?")
    return status.st_size, head
