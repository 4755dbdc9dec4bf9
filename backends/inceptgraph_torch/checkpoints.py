"""Files of weights to tensors. What a file says is never run."""

from __future__ import annotations

import io
import os
import warnings
import zipfile
from collections.abc import Callable, Iterable
from functools import cache, partial
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, BinaryIO

import torch
from torch import Tensor

from inceptgraph.backend import Held
from inceptgraph.diagnostics import SpecError
from inceptgraph.types import TensorInfo
from inceptgraph.weights import Contents, Format, refuse
from inceptgraph_torch import caffemodel, inert_pickle, keras_hdf5, numpy_archive
from inceptgraph_torch.arrays import Array
from inceptgraph_torch.inert_pickle import Pickled
from inceptgraph_torch.inert_values import Code, Stub
from inceptgraph_torch.state_mappings import find_state

__all__ = ["Read", "info", "look", "not_finite", "not_finite_of", "open_contents", "open_tensors"]

Read = Callable[[str], Tensor]
"""Reads a tensor by its name, on the CPU."""

_ARRAYS: dict[str, Callable[[Path], dict[str, Array]]] = {
    Format.CAFFE: caffemodel.read,
    Format.KERAS: keras_hdf5.read,
    Format.NUMPY: numpy_archive.read,
}
"""How files are read whose tensors come all at once."""

MAGIC = torch.serialization.MAGIC_NUMBER.to_bytes(10, "little")
"""In the first pickle of a file by torch.save before 1.6."""

_SAVE = "save the tensors by name: torch.save(model.state_dict(), path)"
_OPEN = Path("/proc/self/fd")
"""Names of open files, on Linux. torch maps what it has a path of, and else reads it whole; and a
path that ends in ``.safetensors`` is no PyTorch file to it."""
_FORCED = "TORCH_FORCE_WEIGHTS_ONLY_LOAD"


def info(tensor: Any) -> TensorInfo:
    """The facts on a value of a state_dict."""
    if isinstance(tensor, Stub):
        return TensorInfo((), tensor.kind)
    if not isinstance(tensor, Tensor):
        return TensorInfo((), f"a Python {type(tensor).__name__}")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        kind = "quantized" if tensor.is_quantized else "sparse" if not tensor.is_meta else "meta"
        return TensorInfo(tuple(tensor.shape), kind)
    return TensorInfo(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def look(path: Path, format: str, key: str | None = None) -> Held:
    """What a file holds.

    Args:
        path: the file.
        format: its kind.
        key: the mapping of tensors in it, keys with dots between; None for the one that there is.

    Raises:
        SpecError: it is broken or holds code, or has several mappings of tensors, or none.
    """
    if (read := _ARRAYS.get(format)) is not None:
        arrays = read(path)
        return Held({name: TensorInfo(a.shape, a.dtype.name) for name, a in arrays.items()})
    pickled = _load(path)
    key, state = find_state(path, pickled.data, key)
    return Held({name: info(value) for name, value in state.items()}, key, pickled.stubs)


def open_contents(contents: Contents) -> Read:
    """A way to read the tensors of a file, or of several, one at a time where the format allows it.

    Raises:
        SpecError: one is broken, or holds code.
    """
    opened = cache(partial(open_tensors, format=contents.format, key=contents.key))
    return lambda name: opened(contents.place(name))(name)


def open_tensors(path: Path, format: str, key: str | None = None) -> Read:
    """A way to read a file's tensors, one at a time where the format allows it.

    Raises:
        SpecError: it is broken, or holds code.
    """
    if (arrays_of := _ARRAYS.get(format)) is not None:
        arrays = arrays_of(path)
        return lambda name: torch.from_numpy(arrays[name])
    if format == Format.TORCH:
        return find_state(path, _load(path).data, key)[1].__getitem__
    from safetensors import SafetensorError, safe_open

    try:
        read: Read = safe_open(path, framework="pt", device="cpu").get_tensor
    except (SafetensorError, OSError) as error:
        refuse(path, f"cannot be read: {error}")
    return read


def not_finite(
    path: Path, format: str, names: Iterable[str], key: str | None = None
) -> dict[str, str]:
    """The tensors of those named, floating-point ones, that hold ``NaN`` or ``infinity``.

    Raises:
        SpecError: the file is broken, or holds code.
    """
    read = open_tensors(path, format, key)
    return not_finite_of((name, read(name)) for name in names)


def not_finite_of(tensors: Iterable[tuple[str, Tensor]]) -> dict[str, str]:
    """The floating-point tensors that hold ``NaN`` or ``infinity``."""
    found = {}
    for name, numbers in tensors:
        if numbers.dtype.itemsize == 1:  # torch asks no float8 whether it is finite
            numbers = numbers.float()
        if not numbers.isfinite().all():
            found[name] = "NaN" if numbers.isnan().any() else "infinity"
    return found


def _load(path: Path) -> Pickled:
    """The content of a PyTorch file. It is opened once, so that what is checked is what is read."""
    try:
        with path.open("rb") as file:
            return _checked(path, file)
    except SpecError:
        raise
    except Code as code:
        why = f"holds code ({code}), which could do anything when it is read: refused"
        refuse(path, why, "save the tensors alone, as a state_dict or as safetensors")
    except MemoryError:
        refuse(path, "takes more memory than there is", _SAVE)
    except OSError as error:
        refuse(path, f"cannot be read: {error.strerror or error}")
    except Exception:  # a broken pickle may fail in any way
        hint = f"download it again, or {_SAVE}"
        if os.environ.get(_FORCED):
            hint = f"unset {_FORCED}, with which torch takes no other reader"
        refuse(path, "is a PyTorch file that is broken", hint)


def _checked(path: Path, file: BinaryIO) -> Pickled:
    """What a file holds, read where nothing in it would be run."""
    head = file.read(32)
    in_zip = head.startswith(b"PK")
    if in_zip:
        _check_archive(path, file)
    elif MAGIC not in head:
        refuse(path, "is a pickle that torch.save did not write, and may hold code: refused", _SAVE)
    file.seek(0)
    # in memory torch takes the bytes as they are; of a file it would unpack a tar archive
    source: Any = file if in_zip else io.BytesIO(file.read())
    mapped = in_zip and (_OPEN / str(file.fileno())).exists()
    if mapped:
        source = _OPEN / str(file.fileno())
    with warnings.catch_warnings(action="ignore"):  # of unusual pickle protocols
        found = torch.load(
            source,
            map_location="cpu",
            pickle_module=inert_pickle,  # torch's restricted one refuses a file for any class
            weights_only=False,
            mmap=mapped,
        )
    if not isinstance(found, Pickled):
        raise UnpicklingError("no pickle of ours")
    return found


def _check_archive(path: Path, file: BinaryIO) -> None:
    """Refuse an archive that unpacks to more than it is (torch.save stores), or that torch would
    run."""
    with zipfile.ZipFile(file) as archive:
        members = archive.infolist()
    unpacked, size = sum(member.file_size for member in members), os.fstat(file.fileno()).st_size
    if unpacked > size or any(m.compress_type != zipfile.ZIP_STORED for m in members):
        why = f"unpacks {size:,} bytes to {unpacked:,}, which no file of torch.save does: refused"
        refuse(path, why)
    file.seek(0)
    if "constants.pkl" in torch._C.PyTorchFileReader(file).get_all_records():
        refuse(path, "is TorchScript to torch, which would run it: refused", _SAVE)
