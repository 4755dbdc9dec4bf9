"""NumPy's ``.npz`` to arrays, with Chainer's names in torch's terms. No pickle is read."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from inceptgraph.weights import refuse
from inceptgraph_torch.arrays import Array, native

__all__ = ["read"]

_MOST = 20
"""Times a file's size that its arrays may have: trained numbers hardly shrink."""

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""Of ``numpy.savez``, and of ``numpy.savez_compressed``."""

_BROKEN = (
    *(OSError, RuntimeError, ValueError, EOFError, zipfile.BadZipFile, zlib.error),
    *(TypeError, LookupError, SyntaxError, tokenize.TokenError),  # of a header, as it is parsed
)
"""What zipfile and NumPy raise of a broken file."""

_CHAINER = {
    "W": "weight",
    "b": "bias",
    "gamma": "weight",
    "beta": "bias",
    "avg_mean": "running_mean",
    "avg_var": "running_var",
    "N": "num_batches_tracked",
}
"""What Chainer calls the arrays of a link."""


def read(path: Path) -> dict[str, Array]:
    """The arrays of a file by name; those of Chainer's links as ``link.weight``, ``link.bias``.

    Arrays of Python objects are left out.

    Raises:
        SpecError: the file is broken, or unpacks to far more than it is, or is packed as NumPy
            packs none.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            if any(member.compress_type not in _METHODS for member in members):
                refuse(path, "is packed by a method that NumPy does not use: refused")
            unpacked, size = sum(member.file_size for member in members), path.stat().st_size
            if unpacked > _MOST * size:
                refuse(path, f"unpacks {size:,} bytes to {unpacked:,}: refused")
            arrays = {
                member.filename.removesuffix(".npy"): _array(archive.read(member))
                for member in members
            }
    except _BROKEN as error:
        refuse(path, f"is an archive of NumPy that is broken: {error}", "download or save it again")
    except MemoryError:
        refuse(path, "takes more memory than there is")
    found = {name: array for name, array in arrays.items() if array is not None}
    if any(name.endswith("/W") for name in found):
        renamed = {_in_torch(name): array for name, array in found.items()}
        if len(renamed) < len(found):
            refuse(path, "holds two arrays that Chainer's links call alike")
        return renamed
    return found


def _array(data: bytes) -> Array | None:
    """An array of ``.npy``; None of one of objects.

    Raises:
        ValueError: it is none.
    """
    file = io.BytesIO(data)
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        shape, in_columns, kind = np.lib.format.read_array_header_1_0(file)
    elif version == (2, 0):
        shape, in_columns, kind = np.lib.format.read_array_header_2_0(file)
    else:
        raise ValueError(f"version {version} of .npy is not known")
    if kind.hasobject:
        return None
    if math.prod(shape) * kind.itemsize != len(data) - file.tell():
        raise ValueError(f"{len(data):,} bytes are not of the shape {shape}")
    array = np.frombuffer(data, kind, math.prod(shape), file.tell())
    return native(array.reshape(shape, order="F" if in_columns else "C"))


def _in_torch(name: str) -> str:
    """Chainer's name of a link's array in torch's terms.

    >>> _in_torch("inc3a/conv1/W")
    'inc3a.conv1.weight'
    """
    *links, last = name.split("/")
    return ".".join((*links, _CHAINER.get(last, last)))
