"""Winograd's minimal filtering: when it pays, and what it makes of weights.

A tile of 6 × 6 inputs gives m × m outputs of an r × r kernel with 36 products a channel, where
m + r - 1 = 6: a quarter of the products for 3 × 3, 36 of a hundred for 5 × 5 (Lavin & Gray 2016,
Fast algorithms for convolutional neural networks, section 4).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, prod

import numpy as np

from inceptgraph.evaluate import Array
from inceptgraph.ops.conv import Conv2d
from inceptgraph_native.emit import Emitter, braces
from inceptgraph_native.parts import Window, part, residual_of, weights_of
from inceptgraph_native.units import Unit
from inceptgraph_native.weights import panels

__all__ = ["POINTS", "Plan", "filtered", "plan", "transformed"]

POINTS = (0.0, 2 / 3, -2 / 3, 3 / 2, -3 / 2)
"""Where the polynomials are interpolated, beside infinity. With 0, ±1 and ±2, which are the usual
ones, results are three times as far from exact ones."""

EXTENT = 6
"""Inputs of a tile along an axis."""

TRANSFORM = 220.0
"""Multiply-adds done in the time that a channel of a tile takes to be transformed."""

WEIGHT = 9.0
"""Multiply-adds done in the time that one weight takes to come from the last cache or beyond."""

CACHE = 400_000
"""Bytes of transformed inputs that leave room for the rest in the second cache."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How a convolution is cut.

    Attributes:
        outputs: of a tile along an axis.
        rows: tiles whose products are summed in registers.
        block: tiles of an item of work.
        splits: items that a block's output channels are shared by.
        pitch: numbers from a tile's transformed channels to the next's.
    """

    outputs: int
    rows: int
    block: int
    splits: int
    pitch: int


def plan(unit: Unit, emit: Emitter) -> Plan | None:
    """The plan for a convolution that Winograd's way pays for; None for any other."""
    op = unit.node.op
    if not isinstance(op, Conv2d) or op.kernel not in ((3, 3), (5, 5)):
        return None
    if (op.stride, op.dilation, op.groups) != ((1, 1), (1, 1), 1) or unit.cuts[0].name != unit.end:
        return None
    channels = emit.graph.shape(unit.node.inputs[0])[0]
    made = emit.graph.shape(unit.end)
    outputs = EXTENT + 1 - op.kernel[0]
    tiles = emit.group * prod(ceil(extent / outputs) for extent in made[1:])
    if min(channels, made[0]) < emit.processor.lanes:
        return None
    return _cut(tiles, channels, outputs, emit) if _pays(op, tiles, channels, made, emit) else None


def _pays(op: Conv2d, tiles: int, channels: int, made: tuple[int, ...], emit: Emitter) -> bool:
    """Whether it takes less time, by a model of products, of the transforms and of weights read."""
    taps = prod(op.kernel)
    weights = channels * made[0]
    direct = emit.group * prod(made) * channels * taps + taps * WEIGHT * weights
    products = tiles * 36 * channels * made[0]
    transforms = TRANSFORM * tiles * (channels + made[0])
    # bfloat16 halves products and weights of the direct way, not of this one
    return products + transforms + 36 * WEIGHT * weights < direct / (2 if emit.bfloat16 else 1)


def _cut(tiles: int, channels: int, outputs: int, emit: Emitter) -> Plan:
    lanes = emit.processor.lanes
    lines = ceil(channels / lanes)
    pitch = lanes * (lines + 1 if lines % 2 == 0 else lines)  # spread over the sets of the cache
    most = max(1, min(tiles, CACHE // (36 * 4 * pitch)))
    blocks = ceil(tiles / most)
    if blocks > 1:  # as many for each thread
        blocks = ceil(blocks / emit.threads) * emit.threads
    block = ceil(tiles / blocks)
    registers = (emit.processor.registers - 4) // 2
    rows = ceil(block / ceil(block / registers))
    block = ceil(block / rows) * rows
    splits = 1 if blocks >= 2 * emit.threads else 2 * emit.threads
    return Plan(outputs, rows, block, splits, pitch)


def filtered(unit: Unit, emit: Emitter, plan: Plan) -> None:
    """A convolution by its plan, in float32, whatever the maps hold."""
    weight, bias = weights_of(unit, emit)
    source, target = emit.place(unit.node.inputs[0]), emit.place(unit.end)
    residual = residual_of(unit, emit)
    lanes = emit.processor.lanes
    vectors = min(2, ceil(target.channels / lanes))
    wide = vectors * lanes
    emit.need_scratch(4 * EXTENT**2 * (plan.block * (plan.pitch + wide) + 2 * lanes))
    chunk = ceil(ceil(target.channels / wide) / plan.splits)
    top, left = Window.of(emit.graph, unit).before
    sizes = (top, left, *emit.extents(unit.end), plan.block, chunk)
    packed = panels(transformed(weight), wide, lanes)
    emit.call(
        unit.end,
        f"winograd<{plan.outputs}, {plan.rows}, {vectors}, {plan.pitch}>",
        braces(emit.map(source), *sizes, emit.bounds(unit)),
        part(emit, packed, bias, 0, target, residual),
        reads=[source, *residual],
        writes=[target],
        macs=emit.macs(unit),
    )


def transformed(weight: Array) -> Array:
    """Kernels of (outputs, inputs, r, r) as (36, inputs, outputs): G·g·Gᵀ, in float64.

    The rows of G are the powers of a point over the product of its distances to the others.
    """
    size = weight.shape[-1]
    points = np.array(POINTS)
    apart = points[:, None] - points + np.eye(len(points))
    rows = points[:, None] ** np.arange(size) / apart.prod(axis=1)[:, None]
    last = np.zeros(size)
    last[-1] = 1.0
    matrix = np.vstack([rows, last])
    kernels: Array = np.einsum("ai,ocij,bj->abco", matrix, weight.astype(np.float64), matrix)
    return kernels.reshape(EXTENT * EXTENT, *kernels.shape[2:])
