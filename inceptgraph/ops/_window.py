"""Sliding windows: how kernel, stride, padding and dilation turn one map size into another.

Convolution and pooling share this arithmetic, over maps of any rank, and every backend takes its
padding from here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._reach import Reach, Reaches
from inceptgraph.types import AXES, KINDS, shape_words

__all__ = [
    "ImagePadding",
    "ImageSize",
    "Padding",
    "Pixels",
    "Sides",
    "Size",
    "along",
    "format_size",
    "inflated_size",
    "inflated_window",
    "longer_side",
    "output_extent",
    "pairs",
    "same_padding",
    "side_names",
    "sides",
    "spread_padding",
    "spread_size",
    "window_reach",
    "with_height",
    "wrong_length",
]

Sides = tuple[int, ...]
"""Padding before and after each axis, in order: of an image ``(top, bottom, left, right)``."""

T = TypeVar("T")

MOST_AXES = len(AXES) - 1


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _numbers(value: Any, counts: tuple[int, ...], what: str, kind: str) -> tuple[int, ...]:
    """A whole number as a tuple of one, or a list of so many of them as it is."""
    if _whole(value):
        return (value,)
    listed = isinstance(value, list | tuple) and len(value) in counts
    if not listed or not all(map(_whole, value)):
        raise PydanticCustomError(kind, what)
    return tuple(value)


def _size(value: Any) -> tuple[int, ...]:
    what = "is a whole number or a list of one for each axis, such as 3 or [1, 7]"
    found = _numbers(value, tuple(range(1, MOST_AXES + 1)), what, "size")
    if min(found) < 1:
        raise PydanticCustomError("size", "must be at least 1")
    return found


def _pixels(value: Any) -> tuple[int, ...]:
    what = "is a whole number, or a list of one for each axis"
    found = _numbers(value, tuple(range(1, MOST_AXES + 1)), what, "pixels")
    if min(found) < 0:
        raise PydanticCustomError("pixels", "must not be negative")
    return found


def _image_size(value: Any) -> tuple[int, int]:
    what = "is a whole number or [height, width], such as 3 or [1, 7]"
    found = _size(_numbers(value, (2,), what, "size"))
    return found[0], found[-1]


def _padding_of(counts: tuple[int, ...], what: str) -> Callable[[Any], str | Sides]:
    def read(value: Any) -> str | Sides:
        if isinstance(value, str):
            if value in ("same", "valid"):
                return value
            raise PydanticCustomError(
                "unknown_word",
                "there is no padding `{word}`",
                {"word": value, "known": ["same", "valid"]},
            )
        found = _numbers(value, counts, what, "padding")
        if min(found) < 0:
            message = "must not be negative: use `crop` to cut borders off"
            raise PydanticCustomError("padding", message)
        return "valid" if max(found) == 0 else found

    return read


_padding = _padding_of(
    (1, 2, 3, 4, 6),
    "is `same`, `valid`, a whole number, a list of one for each axis, or of two for each: before"
    " and after it",
)
_image_padding_as_written = _padding_of(
    (2, 4), "is `same`, `valid`, a whole number, [height, width] or [top, bottom, left, right]"
)


def _image_padding(value: Any) -> str | Sides:
    found = _image_padding_as_written(value)
    return found if isinstance(found, str) else _both_sides(found, 2)


def _both_sides(padding: Sides, rank: int) -> Sides:
    """Numbers for all sides, or for each axis, as two for each axis."""
    if len(padding) == 1:
        return padding * (2 * rank)
    return tuple(n for n in padding for _ in (0, 1)) if len(padding) == rank else padding


_WHOLE: dict[str, Any] = {"type": "integer"}


def _schema(least: int, fewest: int, most: int, *words: str) -> WithJsonSchema:
    number = {**_WHOLE, "minimum": least}
    several = {"type": "array", "items": number, "minItems": fewest, "maxItems": most}
    return WithJsonSchema({"anyOf": [*([{"enum": list(words)}] if words else []), number, several]})


Size = Annotated[tuple[int, ...], BeforeValidator(_size), _schema(1, 1, MOST_AXES)]
"""A number for each axis of what comes in, or one for all. What is settled has one for each."""

Pixels = Annotated[tuple[int, ...], BeforeValidator(_pixels), _schema(0, 1, MOST_AXES)]
"""Pixels along each axis: one number for all, or one for each."""

Padding = Annotated[
    Literal["same", "valid"] | Sides,
    BeforeValidator(_padding),
    _schema(0, 1, 2 * MOST_AXES, "same", "valid"),
]
"""``same`` (as TensorFlow defines it: the output is the input over the stride, rounded up, and an
odd pixel of padding goes to the end), ``valid`` (none), or numbers: one for all, for each axis, or
two for each axis, as which they are settled."""

ImageSize = Annotated[tuple[int, ...], BeforeValidator(_image_size), _schema(1, 2, MOST_AXES)]
"""A height and a width: one number for both, or ``[height, width]``. The schema has three as well,
for a spec that is inflated."""

ImagePadding = Annotated[
    Literal["same", "valid"] | Sides,
    BeforeValidator(_image_padding),
    _schema(0, 2, 2 * MOST_AXES, "same", "valid"),
]
"""The padding of an image: ``[height, width]`` or ``[top, bottom, left, right]``."""


def spread_size(op: str, argument: str, size: tuple[T, ...], rank: int) -> tuple[T, ...]:
    """A number for each of so many axes.

    Raises:
        ShapeError: there are more or fewer.
    """
    if len(size) == rank:
        return size
    if len(size) == 1:
        return size * rank
    forms = ("one number for all axes", axis_names(rank)) if rank > 1 else ("one number",)
    raise wrong_length(op, argument, len(size), rank, *forms)


def spread_padding(op: str, padding: str | Sides, rank: int) -> str | Sides:
    """A word, or the padding before and after each of so many axes.

    Raises:
        ShapeError: there are more numbers, or fewer.
    """
    if isinstance(padding, str) or len(padding) == 2 * rank:
        return padding
    if len(padding) in (1, rank):
        return _both_sides(padding, rank)
    forms = (axis_names(rank), side_names(rank)) if rank > 1 else (side_names(rank),)
    raise wrong_length(op, "padding", len(padding), rank, "one number", *forms)


def axis_names(rank: int) -> str:
    """The list of the axes of a map, as a message writes it.

    >>> axis_names(2)
    '[height, width]'
    """
    return f"[{', '.join(AXES[rank])}]"


def side_names(rank: int) -> str:
    """The list of what stands at the sides of a map, as a message writes it.

    >>> side_names(1), side_names(2)
    ('[before, after]', '[top, bottom, left, right]')
    """
    image = ("top", "bottom", "left", "right")
    found = {1: ("before", "after"), 2: image, 3: ("first", "last", *image)}[rank]
    return f"[{', '.join(found)}]"


def wrong_length(op: str, argument: str, count: int, rank: int, *forms: str) -> ShapeError:
    """The finding of a list that is not as long as the rank of what comes in asks for."""
    return ShapeError(
        Code.WRONG_RANK,
        f"`{argument}` of `{op}` holds {count} numbers, but its input is {KINDS[rank]}"
        f" ({shape_words(rank)})",
        argument=argument,
        help=f"give {' or '.join(forms)}",
    )


def inflated_window(op: Any, frames: int | None, *sizes: str) -> dict[str, Any]:
    """The arguments of a window over images, for videos: along time it does what it does along its
    longer side, of equal ones the height. What has three numbers, or one for all, stays as it is.

    Args:
        op: with a ``kernel`` and a ``padding``.
        frames: that a window of more than one pixel spans; None for as many as its longer side. The
            padding along time is smaller or larger with it.
        sizes: other arguments with a number for each axis.
    """
    kernel = (op.kernel * 2)[-2:]
    side, longer = longer_side(kernel), max(kernel)
    spanned = op.kernel[0] if len(op.kernel) == 3 else frames if frames and longer > 1 else longer
    found: dict[str, Any] = {name: inflated_size(getattr(op, name), side) for name in sizes}
    is_cube = len(op.kernel) == 1 and spanned == longer
    found["kernel"] = op.kernel if is_cube else (spanned, *kernel)
    padding = op.padding
    if not isinstance(padding, str) and len(padding) in ((2, 4) if is_cube else (1, 2, 4)):
        image = _both_sides(padding, 2)
        before_and_after = image[2 * side : 2 * side + 2]
        if longer > 1:
            before_and_after = tuple(n * (spanned - 1) // (longer - 1) for n in before_and_after)
        padding = (*before_and_after, *image)
    return {**found, "padding": padding}


def inflated_size(size: tuple[T, ...], side: int) -> tuple[T, ...]:
    """A number for each axis of a video: along time that of a side of the image, unless there are
    three already, or one for all.

    >>> inflated_size((2, 1), side=0)
    (2, 2, 1)
    """
    return (size[side], *size) if len(size) == 2 else size


def longer_side(size: tuple[Any, ...]) -> int:
    """The axis of an image, 0 or 1, along which there is more; 0 where they are equal."""
    return int(size[-1] > size[-2])


def with_height(padding: str | Sides) -> str | Sides:
    """The padding of sequences that are images of height 1."""
    return padding if isinstance(padding, str) else (0, 0, *padding)


def format_size(size: tuple[int, ...]) -> str:
    """A kernel as the papers write it.

    >>> format_size((1, 7))
    '1×7'
    """
    return "×".join(map(str, size))


def along(size: tuple[int, ...]) -> str:
    """A stride as tables write it, one number where it is the same along all axes.

    >>> along((2, 2)), along((1, 2))
    ('2', '1×2')
    """
    return str(size[0]) if len(set(size)) == 1 else format_size(size)


def pairs(padding: Sides) -> tuple[tuple[int, int], ...]:
    """Padding as before and after for each axis."""
    return tuple(zip(padding[::2], padding[1::2], strict=True))


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
    extents: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    dilation: tuple[int, ...] | None = None,
) -> Sides:
    """The padding of a map in pixels, before and after each axis.

    Args:
        padding: ``same``, ``valid``, or the pixels themselves.
        extents: of the map, along each axis, as are ``kernel``, ``stride`` and ``dilation``.
        kernel: of the window.
        stride: pixels from one window to the next.
        dilation: pixels from one tap of a window to the next; by default 1.

    >>> sides("same", (224, 224), (7, 7), (2, 2))
    (2, 3, 2, 3)
    """
    if padding == "same":
        found: list[int] = []  # a loop, since this runs for every step of a network
        for axis, extent in enumerate(extents):
            apart = dilation[axis] if dilation else 1
            found += same_padding(extent, kernel[axis], stride[axis], apart)
        return tuple(found)
    return (0, 0) * len(extents) if isinstance(padding, str) else padding


def output_extent(
    name: str,
    extents: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: str | Sides,
    dilation: tuple[int, ...] | None = None,
    ceil: bool = False,
) -> tuple[int, ...]:
    """Extents of the output of a sliding window.

    With ``ceil`` a last window that reaches past the end counts, unless it starts there (as in
    Caffe and torch).

    Raises:
        ShapeError: the window is larger than the padded map, or meets nothing but padding.
    """
    border = sides(padding, extents, kernel, stride, dilation)
    outputs = []
    for axis, extent in enumerate(extents):
        before, apart = border[2 * axis], dilation[axis] if dilation else 1
        room = extent + before + border[2 * axis + 1] - (apart * (kernel[axis] - 1) + 1)
        if room < 0:
            raise _too_large(name, extents, kernel, dilation or (1,), padding)
        steps = -(-room // stride[axis]) if ceil else room // stride[axis]
        if ceil and steps * stride[axis] >= extent + before:
            steps -= 1
        if isinstance(extent, int):
            taps, windows = (kernel[axis], apart), (steps + 1, stride[axis])
            # some tap of some window is on a larger map
            beside = extent < max(taps[1], windows[1]) and not _meets(extent, before, taps, windows)
        else:
            own = padding if isinstance(padding, str) else padding[2 * axis : 2 * axis + 2]
            least = _least_met(kernel[axis], stride[axis], own, apart, ceil)
            beside = least > 1 and extent < least
        if beside:
            raise _beside(name, extents)
        outputs.append(steps + 1)
    return tuple(outputs)


def _meets(extent: int, before: int, taps: tuple[int, int], windows: tuple[int, int]) -> bool:
    """Whether any tap of any window is on a map that has so much padding before it.

    Taps and windows are how many and how far apart, and both alike: the fewer ones are gone
    through, at most a hundred thousand of them, and of the others the first that is not before the
    map is worked out.
    """
    (few, step), (many, leap) = sorted((taps, windows))
    places = range(-before, few * step - before, step)
    for place in places[:100_000]:
        number = max(0, -(place // leap))
        if number < many and place + number * leap < extent:
            return True
    return few > 100_000


def _least_met(kernel: int, stride: int, padding: str | Sides, apart: int, ceil: bool) -> int:
    """The least extent of which some window meets more than padding, as far as that may matter."""

    def fits(extent: int) -> bool:
        try:
            output_extent("", (extent,), (kernel,), (stride,), padding, (apart,), ceil)
        except ShapeError:
            return False
        return True

    smaller = range(1, 1 if padding == "valid" else max(stride, apart))
    return 1 + bisect_left(smaller, True, key=fits)


def window_reach(
    extents: tuple[int, ...],
    kernel: tuple[int, ...],
    stride: tuple[int, ...],
    padding: str | Sides,
    dilation: tuple[int, ...] | None = None,
) -> Reaches:
    """The reach of one pixel of a sliding window's output in a map of ``extents``."""
    spread = dilation or (1,) * len(extents)
    before = sides(padding, extents, kernel, stride, spread)[::2]
    axes = zip(before, kernel, stride, spread, strict=True)
    return tuple(Reach(-start, apart * (taps - 1) + 1, step) for start, taps, step, apart in axes)


def _beside(name: str, extents: tuple[int, ...]) -> ShapeError:
    return ShapeError(
        Code.KERNEL_TOO_LARGE,
        f"no window of `{name}` meets its {format_size(extents)} input: all lie in the padding",
        argument="padding",
        help="use less padding, or a smaller stride or dilation",
    )


def _too_large(
    name: str,
    extents: tuple[int, ...],
    kernel: tuple[int, ...],
    dilation: tuple[int, ...],
    padding: str | Sides,
) -> ShapeError:
    spread = "" if max(dilation) == 1 else f" with dilation {format_size(dilation)}"
    padded = "" if isinstance(padding, str) else " even with its padding"
    kernels = f"{format_size(kernel)} kernel" if len(kernel) > 1 else f"kernel {kernel[0]}"
    inputs = f"{format_size(extents)} input" if len(kernel) > 1 else f"input of length {extents[0]}"
    hint = "use a smaller kernel, `padding: same`, or less striding before this step"
    if len(kernel) == 3 and all(k <= e for k, e in zip(kernel[1:], extents[1:], strict=True)):
        fewer = ", ".join(map(str, (extents[0], *kernel[1:])))
        hint = f"use more frames, a kernel of fewer such as [{fewer}], or `padding: same`"
    return ShapeError(
        Code.KERNEL_TOO_LARGE,
        f"the {kernels} of `{name}`{spread} is larger than its {inputs}{padded}",
        argument="kernel",
        help=hint,
    )
