"""Pooling: sliding windows, adaptive and global."""

from functools import lru_cache
from typing import ClassVar

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, need_feature_map
from inceptgraph.ops._reach import Reach, Reaches
from inceptgraph.ops._window import (
    Padding,
    Size,
    along,
    format_size,
    inflated_window,
    output_extent,
    pairs,
    spread_padding,
    spread_size,
    window_reach,
    with_height,
)
from inceptgraph.types import Family, FreeShape, Shape

__all__ = [
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "AvgPool",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "MaxPool",
]


class _WindowPool(Operation):
    """The common part of max and average pooling. What is settled holds a number for each axis."""

    family: ClassVar[Family] = Family.POOL
    kind: ClassVar[str]

    kernel: Size
    stride: Size = (1,)
    padding: Padding = "valid"
    ceil: bool = False

    def settled(self, *inputs: Shape) -> "_WindowPool":
        rank = len(inputs[0]) - 1
        sides = 2 * rank if isinstance(self.padding, str) else len(self.padding)
        if (rank, rank, 2 * rank) == (len(self.kernel), len(self.stride), sides) and rank:
            return self
        _, extents = need_feature_map(self, inputs[0])
        return _settled_window(self, len(extents))

    def infer(self, *inputs: Shape) -> Shape:
        channels, extents = need_feature_map(self, inputs[0])
        op = self.settled(*inputs)
        borders = () if isinstance(op.padding, str) else pairs(op.padding)
        if any(max(each) >= taps for each, taps in zip(borders, op.kernel, strict=False)):
            raise ShapeError(
                Code.EMPTY_OUTPUT,
                f"with this padding a {format_size(op.kernel)} window of `{self.op}` would"
                " hold nothing but padding",
                argument="padding",
                help="the padding must be smaller than the kernel",
            )
        windows = op.kernel, op.stride, op.padding
        return (channels, *output_extent(self.op, extents, *windows, ceil=self.ceil))

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        op = self.settled(*inputs)
        return (window_reach(inputs[0][1:], op.kernel, op.stride, op.padding),)

    def inflated(self, frames: int | None, video: FreeShape | None) -> "_WindowPool":
        """The same for a video; a window over the whole image is over all frames, too."""
        found = inflated_window(self, frames, "stride")
        of_image = len(self.kernel) < 3 and self.padding == "valid"
        if of_image and video and video[1] and (self.kernel * 2)[-2:] == video[2:]:
            found["kernel"] = video[1:]
        return self.having(**found)

    def on_images(self) -> "_WindowPool":
        sizes = {"kernel": (1, *self.kernel), "stride": (1, *self.stride)}
        return self.model_copy(update={**sizes, "padding": with_height(self.padding)})

    def label(self) -> str:
        strides = "" if max(self.stride) == 1 else f" /{along(self.stride)}"
        return f"{format_size(self.kernel)} {self.kind} pool{strides}"


@lru_cache(4096)
def _settled_window(op: _WindowPool, rank: int) -> _WindowPool:
    """The pool with a number for each of so many axes."""
    sizes = {name: spread_size(op.op, name, getattr(op, name), rank) for name in _SIZES}
    padding = spread_padding(op.op, op.padding, rank)
    return op.having(**sizes, padding=padding)


_SIZES = ("kernel", "stride")


class MaxPool(_WindowPool):
    """Maximum over a window; padding never wins.

    Args:
        kernel: window, a number for all axes or one for each.
        stride: step of the window; the default is that of convolutions.
        padding: ``same``, ``valid``, or a number for all sides, for each axis, or before and after
            each.
        ceil: keep a last window that reaches past the end (Caffe, torchvision's GoogLeNet).
    """

    op: ClassVar[str] = "max_pool"
    kind: ClassVar[str] = "max"


class AvgPool(_WindowPool):
    """Average over a window.

    Args:
        kernel: window, a number for all axes or one for each.
        stride: step of the window; the default is that of convolutions.
        padding: ``same``, ``valid``, or a number for all sides, for each axis, or before and after
            each.
        ceil: keep a last window that reaches past the end.
        count_include_pad: divide by the full window at the borders (torch's default, Caffe);
            otherwise by the pixels that are there (TensorFlow).
    """

    op: ClassVar[str] = "avg_pool"
    other_names: ClassVar[tuple[str, ...]] = ("average_pool", "mean_pool")
    kind: ClassVar[str] = "avg"

    count_include_pad: bool = False


class _AdaptivePool(Operation):
    """Windows of about equal size that tile the map: output pixel i of n covers, along an axis of
    extent e, the pixels ``floor(i·e/n)`` to ``ceil((i+1)·e/n)``, as torch defines it."""

    family: ClassVar[Family] = Family.POOL
    kind: ClassVar[str]

    size: Size

    def settled(self, *inputs: Shape) -> "_AdaptivePool":
        _, extents = need_feature_map(self, inputs[0])
        return self.having(size=spread_size(self.op, "size", self.size, len(extents)))

    def infer(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], *self.settled(*inputs).size)

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        size = self.settled(*inputs).size
        if max(size) == 1:
            return (None,)
        tiles = tuple(map(_tile, inputs[0][1:], size))
        known = tuple(each for each in tiles if each)
        return (known if len(known) == len(tiles) else None,)

    def inflated(self, frames: int | None, video: FreeShape | None) -> "_AdaptivePool":
        """The same over all frames: what reads the map goes on reading as much as of an image."""
        size = self.size if len(self.size) == 3 else (1, *(self.size * 2)[:2])
        return self.having(size=size)

    def on_images(self) -> "_AdaptivePool":
        return self.model_copy(update={"size": (1, *self.size)})

    def label(self) -> str:
        return f"adaptive {self.kind} pool {format_size(self.size)}"


def _tile(extent: int, tiles: int) -> Reach | None:
    """The window that an adaptive pool slides along an axis; None where its windows are not all of
    one size at one distance. They are where the extent is a multiple of their number, and where it
    is one more: then each overlaps the next by a pixel."""
    stride, rest = divmod(extent, tiles)
    return Reach(0, stride + rest, stride) if stride and rest < 2 else None


class AdaptiveAvgPool(_AdaptivePool):
    """Average pooling to a map of a given size.

    Args:
        size: extents of the output, a number for all axes or one for each.
    """

    op: ClassVar[str] = "adaptive_avg_pool"
    kind: ClassVar[str] = "avg"


class AdaptiveMaxPool(_AdaptivePool):
    """Max pooling to a map of a given size.

    Args:
        size: extents of the output, a number for all axes or one for each.
    """

    op: ClassVar[str] = "adaptive_max_pool"
    kind: ClassVar[str] = "max"


class _GlobalPool(Operation):
    family: ClassVar[Family] = Family.POOL
    kind: ClassVar[str]

    def infer(self, *inputs: Shape) -> Shape:
        channels, extents = need_feature_map(self, inputs[0])
        return (channels, *(1,) * len(extents))

    def label(self) -> str:
        return f"global {self.kind} pool"


class GlobalAvgPool(_GlobalPool):
    """Average of each channel over the whole map; the result is a map of one pixel."""

    op: ClassVar[str] = "global_avg_pool"
    other_names: ClassVar[tuple[str, ...]] = ("gap",)
    kind: ClassVar[str] = "avg"


class GlobalMaxPool(_GlobalPool):
    """Maximum of each channel over the whole map; the result is a map of one pixel."""

    op: ClassVar[str] = "global_max_pool"
    kind: ClassVar[str] = "max"
