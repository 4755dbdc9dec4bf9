"""Sliding windows: how kernel, stride, padding and dilation turn one map size into another.

Convolution and pooling share this arithmetic, and every backend takes its padding from here.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._reach import Plane, Reach

__all__ = [
    "Padding",
    "Sides",
    "Size",
    "format_size",
    "output_extent",
    "same_padding",
    "sides",
    "window_reach",
]

Sides = tuple[int, int, int, int]
"""Padding before and after each axis: ``(top, bottom, left, right)``."""


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _size(value: Any) -> tuple[int, int]:
    if _whole(value):
        value = (value, value)
    if not (isinstance(value, list | tuple) and len(value) == 2 and all(map(_whole, value))):
        raise PydanticCustomError(
            "size", "is a whole number or [height, width], such as 3 or [1, 7]"
        )
    if min(value) < 1:
        raise PydanticCustomError("size", "must be at least 1")
    return (value[0], value[1])


def _padding(value: Any) -> str | Sides:
    if isinstance(value, str):
        if value in ("same", "valid"):
            return value
        raise PydanticCustomError(
            "unknown_word",
            "there is no padding `{word}`",
            {"word": value, "known": ["same", "valid"]},
        )
    if _whole(value):
        value = (value,) * 4
    elif isinstance(value, list | tuple) and len(value) == 2:
        value = (value[0], value[0], value[1], value[1])
    if not (isinstance(value, list | tuple) and len(value) == 4 and all(map(_whole, value))):
        raise PydanticCustomError(
            "padding",
            "is `same`, `valid`, a whole number, [height, width] or [top, bottom, left, right]",
        )
    if min(value) < 0:
        raise PydanticCustomError("padding", "must not be negative: use `crop` to cut borders off")
    top, bottom, left, right = value
    return "valid" if max(value) == 0 else (top, bottom, left, right)


_WHOLE: dict[str, Any] = {"type": "integer"}
Size = Annotated[
    tuple[int, int],
    BeforeValidator(_size),
    WithJsonSchema(
        {
            "anyOf": [
                {**_WHOLE, "minimum": 1},
                {"type": "array", "items": {**_WHOLE, "minimum": 1}, "minItems": 2, "maxItems": 2},
            ]
        }
    ),
]
"""A height and a width: one number for both, or ``[height, width]``."""

Padding = Annotated[
    Literal["same", "valid"] | Sides,
    BeforeValidator(_padding),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["same", "valid"]},
                {**_WHOLE, "minimum": 0},
                {"type": "array", "items": {**_WHOLE, "minimum": 0}, "minItems": 2, "maxItems": 4},
            ]
        }
    ),
]
"""``same`` (as TensorFlow defines it: the output is the input over the stride, rounded up, and an
odd pixel of padding goes to the end), ``valid`` (none), or numbers."""


def format_size(size: tuple[int, int]) -> str:
    """A kernel as the papers write it.

    >>> format_size((1, 7))
    '1×7'
    """
    return f"{size[0]}×{size[1]}"


def same_padding(extent: int, kernel: int, stride: int, dilation: int = 1) -> tuple[int, int]:
    """Pixels that ``same`` adds before and after an axis.

    Args:
        extent: of the axis, in pixels.
        kernel: of the window along it, as are ``stride`` and ``dilation``.
        stride: pixels from one window to the next.
        dilation: pixels from one tap of a window to the next.

    >>> same_padding(224, kernel=7, stride=2)
    (2, 3)
    """
    # Without a comparison: a tracer gives what is to be known of an extent later, and stops at one.
    # Of the last window, as many pixels lie on the map as there are behind its first, or the window
    # ends before them.
    spread = dilation * (kernel - 1)
    total = spread - (extent - 1) % stride
    if spread < stride - 1:
        total = total * ((total + stride) // stride)  # none where that is negative
    return total // 2, total - total // 2


def sides(
    padding: str | Sides,
    extents: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> Sides:
    """The padding of a map in pixels: top, bottom, left and right.

    Args:
        padding: ``same``, ``valid``, or the pixels themselves.
        extents: height and width of the map; ``kernel``, ``stride`` and ``dilation`` likewise.
        kernel: of the window.
        stride: pixels from one window to the next.
        dilation: pixels from one tap of a window to the next.

    >>> sides("same", (224, 224), (7, 7), (2, 2))
    (2, 3, 2, 3)
    """
    if padding == "same":
        top, bottom = same_padding(extents[0], kernel[0], stride[0], dilation[0])
        left, right = same_padding(extents[1], kernel[1], stride[1], dilation[1])
        return top, bottom, left, right
    return (0, 0, 0, 0) if isinstance(padding, str) else padding


def output_extent(
    name: str,
    extents: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str | Sides,
    dilation: tuple[int, int] = (1, 1),
    ceil: bool = False,
) -> tuple[int, int]:
    """Height and width of the output of a sliding window.

    With ``ceil`` a last window that reaches past the end counts, unless it starts there (as in
    Caffe and torch).

    Raises:
        ShapeError: the window is larger than the padded map.
    """
    top, bottom, left, right = sides(padding, extents, kernel, stride, dilation)
    before_after = ((top, bottom), (left, right))
    outputs = []
    for axis in (0, 1):
        before, after = before_after[axis]
        window = dilation[axis] * (kernel[axis] - 1) + 1
        room = extents[axis] + before + after - window
        if room < 0:
            raise _too_large(name, extents, kernel, dilation, padding)
        steps = -(-room // stride[axis]) if ceil else room // stride[axis]
        if ceil and steps * stride[axis] >= extents[axis] + before:
            steps -= 1
        outputs.append(steps + 1)
    return outputs[0], outputs[1]


def window_reach(
    extents: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str | Sides,
    dilation: tuple[int, int] = (1, 1),
) -> Plane:
    """The reach of one pixel of a sliding window's output in a map of ``extents``."""
    top, _, left, _ = sides(padding, extents, kernel, stride, dilation)
    rows = Reach(-top, dilation[0] * (kernel[0] - 1) + 1, stride[0])
    return rows, Reach(-left, dilation[1] * (kernel[1] - 1) + 1, stride[1])


def _too_large(
    name: str,
    extents: tuple[int, int],
    kernel: tuple[int, int],
    dilation: tuple[int, int],
    padding: str | Sides,
) -> ShapeError:
    spread = "" if dilation == (1, 1) else f" with dilation {format_size(dilation)}"
    padded = "" if isinstance(padding, str) else " even with its padding"
    return ShapeError(
        Code.KERNEL_TOO_LARGE,
        f"the {format_size(kernel)} kernel of `{name}`{spread} is larger than its"
        f" {format_size(extents)} input{padded}",
        argument="kernel",
        help="use a smaller kernel, `padding: same`, or less striding before this step",
    )
