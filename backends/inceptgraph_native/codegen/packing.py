"""The weights of a program, packed as its kernels read them, in one block of bytes."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import numpy as np

from inceptgraph.weights.recipe_values import Array
from inceptgraph_native.codegen.arena import ALIGNMENT

__all__ = ["Blob", "halves", "panels"]


class Blob:
    """Arrays one after the other, each at a multiple of a cache line. Those of equal bytes, as
    steps that share weights have them, are one."""

    def __init__(self) -> None:
        self._parts: list[Array] = []
        self._size = 0
        self._places: dict[bytes, int] = {}

    def add(self, array: Array) -> int:
        """Put an array at the end unless it is there, and say at which byte it begins."""
        data = np.ascontiguousarray(array).view(np.uint8).reshape(-1)
        offset = self._places.setdefault(blake2b(data.data).digest(), self._size)
        if offset != self._size:
            return offset
        rest = -data.size % ALIGNMENT
        self._parts += [data, np.zeros(rest, np.uint8)]
        self._size += data.size + rest
        return offset

    def vector(self, values: Array, lanes: int) -> int:
        """Put one number a channel, with room to read the last vector whole."""
        room = -len(values) % lanes
        return self.add(np.pad(np.asarray(values, np.float32), (0, room)))

    def bytes(self) -> np.ndarray[Any, np.dtype[np.uint8]]:
        return np.concatenate([*self._parts, np.zeros(ALIGNMENT, np.uint8)])


def panels(matrix: Array, wide: int, lanes: int, *, pairs: bool = False) -> Array:
    """Matrices of (…, inputs, outputs) as panels of ``wide`` outputs, each with all inputs of all
    matrices; the last has as many whole vectors as it needs.

    Args:
        matrix: the weights.
        wide: outputs of a panel, a multiple of ``lanes``.
        lanes: numbers of a vector.
        pairs: as bfloat16, two inputs of an output next to each other; an odd one has a zero.

    Returns:
        Of one axis, in float32, or in uint16 the upper halves of it.

    >>> panels(np.arange(6.0).reshape(2, 3), 2, 1)
    array([0., 1., 3., 4., 2., 5.], dtype=float32)
    """
    parts = []
    for first in range(0, matrix.shape[-1], wide):
        part = matrix[..., first : first + wide].astype(np.float32)
        odd = part.shape[-2] % 2 if pairs else 0
        room = [(0, 0)] * (part.ndim - 2) + [(0, odd), (0, -part.shape[-1] % lanes)]
        part = np.pad(part, room)
        if pairs:
            *outer, inputs, outputs = part.shape
            part = part.reshape(*outer, inputs // 2, 2, outputs).swapaxes(-1, -2)
        parts.append(part.reshape(-1))
    joined = np.concatenate(parts)
    return halves(joined) if pairs else joined


def halves(values: Array) -> Array:
    """float32 numbers rounded to bfloat16, to the nearest, ties to even, as uint16."""
    whole = np.ascontiguousarray(values, np.float32).view(np.uint32)
    return ((whole + 0x7FFF + (whole >> 16 & 1)) >> 16).astype(np.uint16)
