"""Pools as ONNX: windows with all of their padding in pixels, for the size of the map where it
depends on that.

``ceil_mode`` is never used: opsets and runtimes differ in which last window it keeps and in what an
average divides by there. The padding at the end is what the last window needs instead.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from inceptgraph.ops import Sides, pairs, sides
from inceptgraph.ops.pool import AvgPool, MaxPool
from inceptgraph.types import Shape
from inceptgraph.weights.recipe_values import Array
from inceptgraph_onnx.body import Step

__all__ = ["adaptive_average", "adaptive_maximum", "average", "maximum"]


def maximum(op: MaxPool, step: Step, shape: Shape) -> str:
    """Maximum over a window; ONNX's padding never wins either."""
    return _pool("MaxPool", op, step, _operand(step), _needed(op, shape))


def average(op: AvgPool, step: Step, shape: Shape) -> str:
    """Average over a window.

    Padding that counts becomes part of the map, and the average leaves out what ``ceil`` adds past
    it. OpenCV 4.14 counts the padding of an average by who wrote the file, and MNN 3.6.1 miscounts
    what is not even; ONNX Runtime and OpenVINO join the two again.
    """
    x, needed = _operand(step), _needed(op, shape)
    border = sides(op.padding, shape[1:], op.kernel, op.stride)
    if op.count_include_pad and any(border):
        x = step.border(x, border)
        needed = tuple(more - there for more, there in zip(needed, border, strict=True))
    return _pool("AveragePool", op, step, x, needed, count_include_pad=0)


def _operand(step: Step) -> str:
    """The operand of a pool, away from a border: ONNX Runtime 1.31.1 makes a Pad of zeros the
    padding of the pool, which loses the zeros to negative numbers, or is refused where a window
    would hold nothing else."""
    return step.fence(step.inputs[0], "Pad")


def _needed(op: MaxPool | AvgPool, shape: Shape) -> Sides:
    """The padding as declared, and after the map as much as the last window reaches, which is more
    where ``ceil`` keeps one."""
    if not op.ceil:
        return sides(op.padding, shape[1:], op.kernel, op.stride)
    needed = []
    border = pairs(sides(op.padding, shape[1:], op.kernel, op.stride))
    for axis, (before, after) in enumerate(border):
        windows = op.infer(shape)[axis + 1]
        end = (windows - 1) * op.stride[axis] + op.kernel[axis]
        needed += [before, max(after, end - shape[axis + 1] - before)]
    return tuple(needed)


def _pool(
    operator: str, op: MaxPool | AvgPool, step: Step, x: str, padding: Sides, **more: int
) -> str:
    pads = (*padding[::2], *padding[1::2])
    return step.call(operator, x, kernel_shape=op.kernel, strides=op.stride, pads=pads, **more)


def adaptive_average(size: tuple[int, ...], step: Step, shape: Shape) -> str:
    """Average over windows that tile the map.

    Where they are not of one size it is a product with a matrix for each axis: a window is rows
    times columns, so that its average is that of the averages of its rows. OpenVINO 2026.4.1 takes
    a number a channel behind a product for one a column, unless a step stands between.
    """
    if max(size) == 1:
        return step.reduced("GlobalAveragePool", step.inputs[0], shape)
    if window := _uniform(size, shape):
        return step.call("AveragePool", _operand(step), **window)
    (value,), (*before, width) = step.inputs, shape[1:]
    shares = [step.number(_shares(*axis)) for axis in zip(before, size[:-1], strict=True)]
    if before:
        value = step.call("MatMul", shares[-1], value)
    value = step.call("MatMul", value, step.number(_shares(width, size[-1]).T))
    if before[1:]:  # the frames: a product is of the last two axes, so what is behind becomes one
        value = step.call("Reshape", value, step.integers(0, 0, shape[1], -1))
        value = step.call("MatMul", shares[0], value)
        value = step.call("Reshape", value, step.integers(0, 0, *size))
    return step.apart(value)


def adaptive_maximum(size: tuple[int, ...], step: Step, shape: Shape) -> str:
    """Maximum over windows that tile the map.

    Where they are not of one size their pixels are gathered, first rows, then columns; the last one
    of a smaller window is there twice.
    """
    if max(size) == 1:
        return step.reduced("GlobalMaxPool", step.inputs[0], shape)
    if window := _uniform(size, shape):
        return step.call("MaxPool", _operand(step), **window)
    value = step.inputs[0]
    for axis, (extent, count) in enumerate(zip(shape[1:], size, strict=True), 2):
        pixels = step.indices(_members(extent, count))
        gathered = step.call("Gather", value, pixels, axis=axis)
        value = step.call("ReduceMax", gathered, step.integers(axis + 1), keepdims=0)
    return value


def _windows(extent: int, count: int) -> list[tuple[int, int]]:
    """Where the windows of an adaptive pool start and stop, as torch defines it."""
    return [(i * extent // count, -(-(i + 1) * extent // count)) for i in range(count)]


def _uniform(size: tuple[int, ...], shape: Shape) -> dict[str, tuple[int, ...]] | None:
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
    return {"kernel_shape": tuple(kernel), "strides": tuple(strides)}


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
