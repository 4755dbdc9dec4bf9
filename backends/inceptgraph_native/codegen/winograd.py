"""Winograd's minimal filtering: when it pays, and what it makes of weights.

A tile of n × n inputs gives m × m outputs of an r × r kernel with n² products a channel, where
n = m + r - 1: a quarter of the plain convolution's for 3 × 3 and n = 6 (Lavin & Gray 2016, Fast
algorithms for convolutional neural networks, section 4). The axes are apart: a 1 × 7 kernel has
tiles of 1 × 8 inputs.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from inceptgraph.ops.conv import Conv2d
from inceptgraph.weights.recipe_values import Array
from inceptgraph_native.codegen.conv_window import Window, part, residual_of, weights_of
from inceptgraph_native.codegen.emit import Emitter, braces
from inceptgraph_native.codegen.fusion import Unit
from inceptgraph_native.codegen.packing import panels

__all__ = ["EXTENTS", "POINTS", "Plan", "filtered", "matrix", "plan", "transformed"]

POINTS = {6: (2 / 3, 3 / 2), 8: (1 / 2, 1.0, 2.0)}
"""Where polynomials are interpolated, by the extent of a tile: at 0, at both signs of these, and at
infinity. With 0, ±1 and ±2, which are usual for 6, results are three times as far from exact."""

EXTENTS = {1: 1, 3: 6, 5: 6, 7: 8}
"""Inputs of a tile along an axis, by the taps of the kernel."""

TRANSFORM = 6.0
"""Multiply-adds done in the time that a number of a tile takes to be transformed."""

WEIGHT = 9.0
"""Multiply-adds done in the time that one weight takes to come from the last cache or beyond."""

CACHE = 400_000
"""Bytes of transformed inputs that leave room for the rest in the second cache."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Tiles of a kernel.

    Attributes:
        inputs: of a tile, along both axes.
        outputs: of a tile, along both axes.
    """

    inputs: tuple[int, int]
    outputs: tuple[int, int]

    @classmethod
    def of(cls, kernel: tuple[int, ...]) -> Shape | None:
        """The tiles of a kernel; None where it has none, or they would round too much."""
        if kernel == (1, 1) or not all(taps in EXTENTS for taps in kernel):
            return None
        rows, columns = (EXTENTS[taps] for taps in kernel)
        if max(rows, columns) > 6 and min(rows, columns) > 1:
            return None
        return cls((rows, columns), (rows + 1 - kernel[0], columns + 1 - kernel[1]))

    @property
    def products(self) -> int:
        """Of a tile and a channel."""
        return prod(self.inputs)


@dataclass(frozen=True, slots=True)
class Plan:
    """How a convolution is cut.

    Attributes:
        shape: of its tiles.
        rows: tiles whose products are summed in registers.
        block: tiles of an item of work.
        splits: items that a block's output channels are shared by.
        pitch: numbers from a tile's transformed channels to the next's.
    """

    shape: Shape
    rows: int
    block: int
    splits: int
    pitch: int


def plan(unit: Unit, emit: Emitter) -> Plan | None:
    """The plan for a convolution that Winograd's way pays for; None for any other."""
    op = unit.node.op
    if not isinstance(op, Conv2d) or (shape := Shape.of(op.kernel)) is None:
        return None
    if (op.stride, op.dilation, op.groups) != ((1, 1), (1, 1), 1) or unit.cuts[0].name != unit.end:
        return None
    channels = emit.graph.shape(unit.node.inputs[0])[0]
    made, *extents = emit.graph.shape(unit.end)
    if min(channels, made) < emit.processor.lanes:
        return None
    both = zip(extents, shape.outputs, strict=True)
    tiles = emit.group * prod(ceil(extent / outputs) for extent, outputs in both)
    if not _pays(unit, shape, tiles, (channels, made), emit):
        return None
    return _cut(shape, tiles, channels, emit)


def _pays(unit: Unit, shape: Shape, tiles: int, channels: tuple[int, int], emit: Emitter) -> bool:
    """Whether it takes less time, by a model of products, of the transforms and of weights read."""
    op = unit.node.op
    assert isinstance(op, Conv2d)
    weights = WEIGHT * prod(channels)
    direct = emit.group * emit.macs(unit) + prod(op.kernel) * weights
    transforms = TRANSFORM * tiles * shape.products * sum(channels)
    here = shape.products * (tiles * prod(channels) + weights) + transforms
    # bfloat16 halves products and weights of the direct way, not of this one
    return here < direct / (2 if emit.bfloat16 else 1)


def _cut(shape: Shape, tiles: int, channels: int, emit: Emitter) -> Plan:
    lanes = emit.processor.lanes
    lines = ceil(channels / lanes)
    pitch = lanes * (lines + 1 if lines % 2 == 0 else lines)  # spread over the sets of the cache
    most = max(1, min(tiles, CACHE // (shape.products * 4 * pitch)))
    blocks = ceil(tiles / most)
    if blocks > 1:  # as many for each thread
        blocks = ceil(blocks / emit.threads) * emit.threads
    block = ceil(tiles / blocks)
    registers = (emit.processor.registers - 4) // 2
    rows = ceil(block / ceil(block / registers))
    block = ceil(block / rows) * rows
    splits = 1 if blocks >= 2 * emit.threads else 2 * emit.threads
    return Plan(shape, rows, block, splits, pitch)


def filtered(unit: Unit, emit: Emitter, plan: Plan) -> None:
    """A convolution by its plan, in float32, whatever the maps hold."""
    weight, bias = weights_of(unit, emit)
    source, target = emit.place(unit.node.inputs[0]), emit.place(unit.end)
    residual = residual_of(unit, emit)
    lanes = emit.processor.lanes
    vectors = min(2, ceil(target.channels / lanes))
    wide = vectors * lanes
    tile = plan.block * (plan.pitch + wide) + 2 * lanes
    emit.need_scratch(4 * plan.shape.products * tile)
    chunk = ceil(ceil(target.channels / wide) / plan.splits)
    top, left = Window.of(emit.graph, unit).before
    sizes = (top, left, *emit.extents(unit.end), plan.block, chunk)
    axes = zip(plan.shape.inputs, plan.shape.outputs, strict=True)
    form = (*(extent for axis in axes for extent in axis), plan.rows, vectors, plan.pitch)
    packed = panels(transformed(weight), wide, lanes)
    emit.call(
        unit.end,
        f"winograd<{', '.join(map(str, form))}>",
        braces(emit.map(source), *sizes, emit.bounds(unit)),
        part(emit, packed, bias, 0, target, residual),
        reads=[source, *residual],
        writes=[target],
        macs=emit.macs(unit),
    )


def transformed(weight: Array) -> Array:
    """Kernels of (outputs, inputs, rows, columns) as (products, inputs, outputs): G·g·Gᵀ, in
    float64."""
    rows, columns = (matrix(taps) for taps in weight.shape[2:])
    kernels: Array = np.einsum("ai,ocij,bj->abco", rows, weight.astype(np.float64), columns)
    return kernels.reshape(-1, *kernels.shape[2:])


def matrix(taps: int) -> Array:
    """G, of shape (inputs of a tile, taps): the powers of a point over the product of its distances
    to the others; for infinity the highest power alone."""
    if taps == 1:
        return np.ones((1, 1))
    points = np.array([0.0, *(sign * p for p in POINTS[EXTENTS[taps]] for sign in (1, -1))])
    apart = points[:, None] - points + np.eye(len(points))
    powers = np.vander(points, taps, increasing=True) / apart.prod(axis=1)[:, None]
    return np.vstack([powers, np.eye(taps)[-1]])
