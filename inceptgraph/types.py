"""Words that every module shares: shapes, families of operations, phases."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["AXES", "KINDS", "Family", "FreeShape", "Phase", "Shape", "TensorInfo", "axis_words"]
__all__ += ["extent_names", "extent_noun", "format_shape", "named_extents", "shape_words"]

Shape = tuple[int, ...]
"""Shape of one tensor without the batch: channels, then the extents of its axes, of which a vector
has none: ``(channels, height, width)`` or ``(features,)``."""

FreeShape = tuple[int | None, ...]
"""The same where extents may be free: None for those that depend on the size of the inputs."""

AXES = ((), ("length",), ("height", "width"), ("frames", "height", "width"))
"""Names of the axes behind the channels, by how many there are."""

KINDS = ("a vector", "a sequence", "an image", "a volume")
"""What messages call a tensor, by how many axes it has behind the channels."""


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


def axis_words(rank: int) -> str:
    """The axes behind the channels, as a sentence names them.

    >>> axis_words(2), axis_words(3)
    ('height and width', 'frames, height and width')
    """
    *first, last = AXES[rank] or ("extents",)
    return " and ".join(filter(None, (", ".join(first), last)))


def format_shape(shape: Shape) -> str:
    """Write a shape as the papers do, ``height×width×channels``: channels last.

    >>> format_shape((256, 28, 28))
    '28×28×256'
    >>> format_shape((1000,))
    '1000'
    """
    return "×".join(map(str, (*shape[1:], *shape[:1])))


def shape_words(rank: int) -> str:
    """The words for the shape of a map with so many axes, as it is written.

    >>> shape_words(2)
    'height×width×channels'
    """
    return "×".join((*AXES[rank], "channels"))


def extent_names(rank: int) -> tuple[str, ...]:
    """The names of the extents of a shape with so many axes behind the channels.

    >>> extent_names(0), extent_names(1)
    (('features',), ('channels', 'length'))
    """
    return ("channels" if rank else "features", *AXES[rank])


def extent_noun(axis: str) -> str:
    """The name of an extent along an axis, in a sentence.

    >>> extent_noun("height"), extent_noun("frames")
    ('height', 'number of frames')
    """
    return "number of frames" if axis == "frames" else axis


def named_extents(shape: Shape) -> dict[str, int]:
    """The extents of a shape by the names that a spec gives them.

    >>> named_extents((3, 224, 224))
    {'channels': 3, 'height': 224, 'width': 224}
    """
    return dict(zip(extent_names(len(shape) - 1), shape, strict=True))
