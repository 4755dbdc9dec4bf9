"""Which pixels a resized map reads, and with which weights: the same for all rows and columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from inceptgraph.ops.resample import Resize
from inceptgraph.types import Shape

__all__ = ["taps"]

_Array = np.ndarray[Any, Any]


def taps(op: Resize, *inputs: Shape) -> tuple[int, tuple[_Array, _Array], tuple[_Array, _Array]]:
    """How many pixels of an axis a pixel reads; then for the rows, and for the columns, which and
    with which weights: an array each, a line for each pixel of the output."""
    if op.mode == "nearest":
        rows, columns = ((np.array(each), np.ones(len(each))) for each in op.nearest(*inputs))
        return 1, rows, columns
    output = op.infer(*inputs)[1:]
    factors = op.factor if op.factor is not None else (None, None)
    axes = zip(inputs[0][1:], output, factors, strict=True)
    rows, columns = (_axis(op, *each) for each in axes)
    return 4 if op.mode == "bicubic" else 2, rows, columns


def _axis(op: Resize, extent: int, output: int, factor: float | None) -> tuple[_Array, _Array]:
    step = extent / output if factor is None else 1 / factor
    places = np.arange(output)
    if op.align_corners:
        at = places * ((extent - 1) / (output - 1) if output > 1 else 0.0)
    else:
        at = (places + 0.5) * step - 0.5
    if op.mode == "bilinear":
        at = np.clip(at, 0, extent - 1)
        first = np.floor(at)
        weights = np.stack([first + 1 - at, at - first], 1)
        read = first[:, None] + np.arange(2)
    else:
        read = np.floor(at)[:, None] + np.arange(-1, 3)
        weights = _cubic(np.abs(at[:, None] - read))
    return np.clip(read, 0, extent - 1), weights


def _cubic(apart: _Array, a: float = -0.75) -> _Array:
    """Keys's kernel at some distances (1981, equation 15)."""
    near = ((a + 2) * apart - (a + 3)) * apart * apart + 1
    far = ((apart - 5) * apart + 8) * apart * a - 4 * a
    return np.where(apart <= 1, near, np.where(apart < 2, far, 0.0))
