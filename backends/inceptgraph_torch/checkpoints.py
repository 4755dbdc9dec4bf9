"""Files of weights to tensors. What a file says is never run."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from inceptgraph.types import TensorInfo
from inceptgraph.weights import Format, refuse
from inceptgraph_torch import caffemodel

__all__ = ["Read", "info", "look", "not_finite", "not_finite_of", "open_tensors"]

Read = Callable[[str], Tensor]
"""Reads a tensor by its name, on the CPU."""

NESTED = ("state_dict", "model", "model_state_dict")
"""Where trainers put the state_dict beside what else they keep."""

MAGIC = torch.serialization.MAGIC_NUMBER.to_bytes(10, "little")
"""In the first pickle of a file by torch.save before 1.6."""


def info(tensor: Any) -> TensorInfo:
    """The facts on a value of a state_dict."""
    if not isinstance(tensor, Tensor):
        return TensorInfo((), f"a Python {type(tensor).__name__}")
    if tensor.layout is not torch.strided or tensor.is_quantized or tensor.is_meta:
        kind = "quantized" if tensor.is_quantized else "sparse" if not tensor.is_meta else "meta"
        return TensorInfo(tuple(tensor.shape), kind)
    return TensorInfo(tuple(tensor.shape), str(tensor.dtype).removeprefix("torch."))


def look(path: Path, format: str) -> dict[str, TensorInfo]:
    """The tensors of a PyTorch or Caffe file, by name.

    Raises:
        SpecError: it is broken, or holds more than tensors.
    """
    if format == Format.CAFFE:
        arrays = caffemodel.read(path)
        return {name: TensorInfo(array.shape, array.dtype.name) for name, array in arrays.items()}
    return {name: info(value) for name, value in _state(path).items()}


def open_tensors(path: Path, format: str) -> Read:
    """A way to read a file's tensors, one at a time where the format allows it.

    Raises:
        SpecError: it is broken, or holds more than tensors.
    """
    if format == Format.CAFFE:
        arrays = caffemodel.read(path)
        return lambda name: torch.from_numpy(arrays[name])
    if format == Format.TORCH:
        return _state(path).__getitem__
    from safetensors import SafetensorError, safe_open

    try:
        read: Read = safe_open(path, framework="pt", device="cpu").get_tensor
    except (SafetensorError, OSError) as error:
        refuse(path, f"cannot be read: {error}")
    return read


def not_finite(path: Path, format: str, names: Iterable[str]) -> dict[str, str]:
    """The tensors of those named, floating-point ones, that hold ``NaN`` or ``infinity``.

    Raises:
        SpecError: the file is broken, or holds more than tensors.
    """
    read = open_tensors(path, format)
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


def _state(path: Path) -> Mapping[str, Any]:
    """The state_dict of a PyTorch file."""
    found = _load(path)
    for _ in NESTED:  # a hostile file may hold itself, without end
        inner = _nested(found)
        if inner is None:
            break
        found = inner
    if isinstance(found, Tensor):
        refuse(path, "holds one tensor without a name, not a state_dict")
    if not isinstance(found, Mapping) or not all(isinstance(name, str) for name in found):
        kind = type(found).__name__
        hint = "save the tensors by name: torch.save(model.state_dict(), path)"
        refuse(path, f"holds no state_dict, but a {kind}", hint)
    if not any(isinstance(value, Tensor) for value in found.values()):
        refuse(path, "holds no tensors")
    return found


def _nested(found: Any) -> Any:
    """The state_dict in what a trainer saved; None where that holds none, or is one."""
    if not isinstance(found, Mapping) or any(isinstance(v, Tensor) for v in found.values()):
        return None
    return next((found[key] for key in NESTED if isinstance(found.get(key), Mapping)), None)


def _load(path: Path) -> Any:
    with path.open("rb") as file:
        head = file.read(32)
    in_zip = head.startswith(b"PK")
    if in_zip:
        _check_archive(path)
    elif MAGIC not in head:
        hint = "save the tensors by name: torch.save(model.state_dict(), path)"
        refuse(path, "is a pickle that torch.save did not write, and may hold code: refused", hint)
    found, broken = None, None
    try:
        with warnings.catch_warnings(action="ignore"):  # of unusual pickle protocols
            found = torch.load(path, map_location="cpu", weights_only=True, mmap=in_zip)
    except Exception as error:  # a broken pickle may fail in any way
        broken = str(error)
    if broken is not None:
        _refuse_unread(path, broken)
    return found


def _refuse_unread(path: Path, message: str) -> NoReturn:
    """Say why torch did not read a file, but not in its words: they advise to do so unchecked."""
    code = _names_code(path, message)
    if code:
        why = f"holds code ({code}), which could do anything when it is read: refused"
        refuse(path, why, "save the tensors alone, as a state_dict or as safetensors")
    hint = "download it again, or save the tensors alone: torch.save(model.state_dict(), path)"
    refuse(path, "is a PyTorch file that is broken, or holds what is no tensor", hint)


def _check_archive(path: Path) -> None:
    """Refuse a zip file that torch.save did not write: it stores, and never compresses."""
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        reason = str(error).removeprefix("File ")
        refuse(path, f"is a zip file that is cut off or broken: {reason}", "download it again")
    names = {member.filename.rpartition("/")[2] for member in members}
    if "constants.pkl" in names:
        hint = "save its state_dict: torch.save(torch.jit.load(path).state_dict(), …)"
        refuse(path, "is a TorchScript archive, which holds code: refused", hint)
    if "data.pkl" not in names:
        refuse(path, "is a zip file, but none that torch.save wrote")
    unpacked, size = sum(member.file_size for member in members), path.stat().st_size
    if unpacked > size or any(m.compress_type != zipfile.ZIP_STORED for m in members):
        why = f"unpacks {size:,} bytes to {unpacked:,}, which no file of torch.save does: refused"
        refuse(path, why)


def _names_code(path: Path, message: str) -> str:
    """What a pickle would call, apart from what makes tensors; empty where nothing."""
    try:
        found = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # torch looks into zip files alone
        found = []
    if found:
        return ", ".join(found[:3])
    _, _, named = message.partition("GLOBAL ")
    return named.split()[0] if named.split() else ""
