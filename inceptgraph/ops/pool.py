"""Pooling: sliding windows, adaptive and global."""

from __future__ import annotations

from typing import ClassVar

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, need_feature_map
from inceptgraph.ops._reach import Plane, Reach
from inceptgraph.ops._window import Padding, Size, format_size, output_extent, window_reach
from inceptgraph.types import Family, Shape

__all__ = [
    "AdaptiveAvgPool",
    "AdaptiveMaxPool",
    "AvgPool",
    "GlobalAvgPool",
    "GlobalMaxPool",
    "MaxPool",
]


class _WindowPool(Operation):
    """The common part of max and average pooling."""

    family: ClassVar[Family] = Family.POOL
    kind: ClassVar[str]

    kernel: Size
    stride: Size = (1, 1)
    padding: Padding = "valid"
    ceil: bool = False

    def infer(self, *inputs: Shape) -> Shape:
        channels, height, width = need_feature_map(self, inputs[0])
        if not isinstance(self.padding, str):
            top, bottom, left, right = self.padding
            if max(top, bottom) >= self.kernel[0] or max(left, right) >= self.kernel[1]:
                raise ShapeError(
                    Code.EMPTY_OUTPUT,
                    f"with this padding a {format_size(self.kernel)} window of `{self.op}` would"
                    " hold nothing but padding",
                    argument="padding",
                    help="the padding must be smaller than the kernel",
                )
        extent = output_extent(
            self.op, (height, width), self.kernel, self.stride, self.padding, ceil=self.ceil
        )
        return (channels, *extent)

    def reach(self, *inputs: Shape) -> tuple[Plane | None, ...]:
        _, height, width = inputs[0]
        return (window_reach((height, width), self.kernel, self.stride, self.padding),)

    def label(self) -> str:
        strides = "" if self.stride == (1, 1) else f" /{self.stride[0]}"
        if self.stride[0] != self.stride[1]:
            strides = f" /{format_size(self.stride)}"
        return f"{format_size(self.kernel)} {self.kind} pool{strides}"


class MaxPool(_WindowPool):
    """Maximum over a window; padding never wins.

    Args:
        kernel: window, ``n`` or ``[height, width]``.
        stride: step of the window; the default is that of convolutions.
        padding: ``same``, ``valid``, ``n``, ``[height, width]`` or ``[top, bottom, left, right]``.
        ceil: keep a last window that reaches past the end (Caffe, torchvision's GoogLeNet).
    """

    op: ClassVar[str] = "max_pool"
    kind: ClassVar[str] = "max"


class AvgPool(_WindowPool):
    """Average over a window.

    Args:
        kernel: window, ``n`` or ``[height, width]``.
        stride: step of the window; the default is that of convolutions.
        padding: ``same``, ``valid``, ``n``, ``[height, width]`` or ``[top, bottom, left, right]``.
        ceil: keep a last window that reaches past the end.
        count_include_pad: divide by the full window at the borders (torch's default, Caffe);
            otherwise by the pixels that are there (TensorFlow).
    """

    op: ClassVar[str] = "avg_pool"
    other_names: ClassVar[tuple[str, ...]] = ("average_pool", "mean_pool")
    kind: ClassVar[str] = "avg"

    count_include_pad: bool = False


class _AdaptivePool(Operation):
    """Windows of about equal size that tile the map: output pixel i of n covers the rows
    ``floor(i·h/n)`` to ``ceil((i+1)·h/n)``, as torch defines it."""

    family: ClassVar[Family] = Family.POOL
    kind: ClassVar[str]

    size: Size

    def infer(self, *inputs: Shape) -> Shape:
        channels, _, _ = need_feature_map(self, inputs[0])
        return (channels, *self.size)

    def reach(self, *inputs: Shape) -> tuple[Plane | None, ...]:
        if self.size == (1, 1):
            return (None,)
        _, height, width = inputs[0]
        rows, columns = _tile(height, self.size[0]), _tile(width, self.size[1])
        return ((rows, columns) if rows and columns else None,)

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
        size: height and width of the output, ``n`` or ``[height, width]``.
    """

    op: ClassVar[str] = "adaptive_avg_pool"
    kind: ClassVar[str] = "avg"


class AdaptiveMaxPool(_AdaptivePool):
    """Max pooling to a map of a given size.

    Args:
        size: height and width of the output, ``n`` or ``[height, width]``.
    """

    op: ClassVar[str] = "adaptive_max_pool"
    kind: ClassVar[str] = "max"


class _GlobalPool(Operation):
    family: ClassVar[Family] = Family.POOL
    kind: ClassVar[str]

    def infer(self, *inputs: Shape) -> Shape:
        channels, _, _ = need_feature_map(self, inputs[0])
        return (channels, 1, 1)

    def label(self) -> str:
        return f"global {self.kind} pool"


class GlobalAvgPool(_GlobalPool):
    """Average of each channel over the whole map; the result is a 1×1 map."""

    op: ClassVar[str] = "global_avg_pool"
    other_names: ClassVar[tuple[str, ...]] = ("gap",)
    kind: ClassVar[str] = "avg"


class GlobalMaxPool(_GlobalPool):
    """Maximum of each channel over the whole map; the result is a 1×1 map."""

    op: ClassVar[str] = "global_max_pool"
    kind: ClassVar[str] = "max"
