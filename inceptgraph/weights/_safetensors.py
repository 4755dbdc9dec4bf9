"""Safetensors: the header, which says what a file holds, and the numbers without a backend."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from inceptgraph.types import TensorInfo
from inceptgraph.weights._file_formats import refuse

__all__ = ["OF_NUMPY", "not_finite", "read_header"]

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


def read_header(path: Path) -> dict[str, TensorInfo]:
    """The tensors of a file by name, in its order.

    Raises:
        SpecError: it is broken.
    """
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


OF_NUMPY = ("float16", "float32", "float64")
"""The floating-point types that numpy has too: for these, a file needs no backend."""


def not_finite(path: Path, names: Iterable[str]) -> dict[str, str]:
    """The tensors of those named, of types in :data:`OF_NUMPY`, that hold ``NaN`` or
    ``infinity``."""
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
