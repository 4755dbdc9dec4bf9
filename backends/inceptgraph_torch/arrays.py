"""Arrays of files as torch takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Array", "native"]

Array = np.ndarray[Any, np.dtype[Any]]


def native(array: Array) -> Array:
    """A copy in this machine's order of bytes, with floats of 64 bits at most."""
    kind = array.dtype
    if kind.kind == "f" and kind.itemsize > 8:
        kind = np.dtype(np.float64)
    return array.astype(kind.newbyteorder("="), order="C")
