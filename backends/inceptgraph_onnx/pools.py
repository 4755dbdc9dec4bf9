"""Pools as ONNX: windows with all of their padding in pixels, since maps have static sizes.

``ceil_mode`` is never used: opsets and runtimes differ in which last window it keeps and in what an
average divides by there. The padding at the end is what the last window needs instead.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from inceptgraph.ops import Sides, sides
from inceptgraph.ops.pool import AvgPool, MaxPool
from inceptgraph.types import Shape
from inceptgraph.weights.recipe_values import Array
from inceptgraph_onnx.body import Step

__all__ = ["adaptive_average", "adaptive_maximum", "average", "maximum"]


def maximum(op: MaxPool, step: Step, shape: Shape) -> str:
    """Maximum over a window; ONNX's padding never wins either."""
    return _pool("MaxPool", op, step, step.inputs[0], _needed(op, shape))


def average(op: AvgPool, step: Step, shape: Shape) -> str:
    """Average over a window.

    Where padding counts, pixels past it that ``ceil`` adds do not: then the padding becomes part of
    the map, and the average leaves out the rest.
    """
    x, needed = step.inputs[0], _needed(op, shape)
    if not op.count_include_pad:
        return _pool("AveragePool", op, step, x, needed, count_include_pad=0)
    top, bottom, left, right = sides(op.padding, (shape[1], shape[2]), op.kernel, op.stride)
    below, beside = needed[1] - bottom, needed[3] - right
    if max(below, beside) <= 0:
        return _pool("AveragePool", op, step, x, needed, count_include_pad=1)
    pads = step.integers(0, 0, top, left, 0, 0, bottom, right)
    padded = step.call("Pad", x, pads, step.number(0.0))
    beyond = (0, max(below, 0), 0, max(beside, 0))
    return _pool("AveragePool", op, step, padded, beyond, count_include_pad=0)


def _needed(op: MaxPool | AvgPool, shape: Shape) -> Sides:
    """The padding that windows touch: as declared before the map, and as much after it as the last
    window reaches."""
    _, rows, columns = op.infer(shape)
    top, _, left, _ = sides(op.padding, (shape[1], shape[2]), op.kernel, op.stride)
    bottom = (rows - 1) * op.stride[0] + op.kernel[0] - shape[1] - top
    right = (columns - 1) * op.stride[1] + op.kernel[1] - shape[2] - left
    return top, max(bottom, 0), left, max(right, 0)


def _pool(
    operator: str, op: MaxPool | AvgPool, step: Step, x: str, padding: Sides, **more: int
) -> str:
    top, bottom, left, right = padding
    pads = (top, left, bottom, right)
    return step.call(operator, x, kernel_shape=op.kernel, strides=op.stride, pads=pads, **more)


def adaptive_average(size: tuple[int, int], step: Step, shape: Shape) -> str:
    """Average over windows that tile the map.

    Where they are not of one size it is a product with a matrix on either side: a window is rows
    times columns, so that its average is that of the averages of its rows.
    """
    if window := _uniform(size, shape):
        return step.call("AveragePool", *step.inputs, **window)
    rows = step.number(_shares(shape[1], size[0]))
    columns = step.number(_shares(shape[2], size[1]).T)
    return step.call("MatMul", step.call("MatMul", rows, *step.inputs), columns)


def adaptive_maximum(size: tuple[int, int], step: Step, shape: Shape) -> str:
    """Maximum over windows that tile the map.

    Where they are not of one size their pixels are gathered, first rows, then columns; the last one
    of a smaller window is there twice.
    """
    if window := _uniform(size, shape):
        return step.call("MaxPool", *step.inputs, **window)
    value = step.inputs[0]
    for axis, extent, count in ((2, shape[1], size[0]), (3, shape[2], size[1])):
        pixels = step.indices(_members(extent, count))
        gathered = step.call("Gather", value, pixels, axis=axis)
        value = step.call("ReduceMax", gathered, step.integers(axis + 1), keepdims=0)
    return value


def _windows(extent: int, count: int) -> list[tuple[int, int]]:
    """Where the windows of an adaptive pool start and stop, as torch defines it."""
    return [(i * extent // count, -(-(i + 1) * extent // count)) for i in range(count)]


def _uniform(size: tuple[int, int], shape: Shape) -> dict[str, tuple[int, int]] | None:
    """Kernel and stride of a pool that slides over the same windows, if there is one."""
    kernel: list[int] = []
    strides: list[int] = []
    for extent, count in zip(shape[1:], size, strict=True):
        windows = _windows(extent, count)
        sizes = {stop - start for start, stop in windows}
        steps = {after[0] - before[0] for before, after in pairwise(windows)}
        if len(sizes) > 1 or len(steps) > 1 or 0 in steps:
            return None
        kernel += sizes
        strides += steps or sizes
    return {"kernel_shape": (kernel[0], kernel[1]), "strides": (strides[0], strides[1])}


def _shares(extent: int, count: int) -> Array:
    """A row for each window, with the share of each pixel in its average."""
    shares = np.zeros((count, extent))
    for row, (start, stop) in zip(shares, _windows(extent, count), strict=True):
        row[start:stop] = 1 / (stop - start)
    return shares


def _members(extent: int, count: int) -> Array:
    """A row for each window, with its pixels."""
    windows = _windows(extent, count)
    longest = max(stop - start for start, stop in windows)
    return np.array([[min(start + i, stop - 1) for i in range(longest)] for start, stop in windows])
