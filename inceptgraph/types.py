"""Words that every module shares: shapes, families of operations, phases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["AXES", "Family", "Phase", "Shape", "TensorInfo", "format_shape"]

Shape = tuple[int, ...]
"""Shape of one tensor without the batch: ``(channels, height, width)`` or ``(features,)``."""

AXES = ((), ("length",), ("height", "width"), ("frames", "height", "width"))
"""Names of the axes behind the channels, by how many there are."""


class Family(StrEnum):
    """The kind of work that an operation does; diagrams colour by it, counts group by it."""

    INPUT = "input"
    CONV = "convolution"
    POOL = "pooling"
    NORM = "norm"
    ACTIVATION = "activation"
    LINEAR = "linear"
    DROPOUT = "dropout"
    MERGE = "merge"
    SHAPE = "shape"
    OUTPUT = "output"
    OTHER = "other"


class Phase(StrEnum):
    """A view of a graph: training keeps the auxiliary heads, evaluation has none."""

    TRAIN = "train"
    EVAL = "eval"


@dataclass(frozen=True, slots=True)
class TensorInfo:
    """The facts on a tensor in a file that are known before its numbers are read.

    Attributes:
        shape: all axes, in the order of the file.
        dtype: its type as torch calls it, such as ``float32``; for what is no tensor, what it is.
    """

    shape: tuple[int, ...]
    dtype: str

    @property
    def is_float(self) -> bool:
        """True where it holds floating-point numbers, of any size."""
        return self.dtype.startswith(("float", "bfloat"))


def format_shape(shape: Shape) -> str:
    """Write a shape as the papers do, ``height×width×channels``.

    >>> format_shape((256, 28, 28))
    '28×28×256'
    >>> format_shape((1000,))
    '1000'
    """
    if len(shape) == 3:
        channels, height, width = shape
        return f"{height}×{width}×{channels}"
    return "×".join(map(str, shape))
