"""Borders that hold pixels of the map, and channels in another order, as ONNX."""

from __future__ import annotations

from inceptgraph.ops import pairs, shape
from inceptgraph.types import Shape
from inceptgraph_onnx.body import END, Step

__all__ = ["of_the_map", "shuffled"]


def of_the_map(op: shape.Pad, step: Step) -> str:
    """A map with a border of its own pixels."""
    (x,) = step.inputs
    if op.mode != "circular":
        pads = step.integers(0, 0, *op.border[::2], 0, 0, *op.border[1::2])
        return step.call("Pad", x, pads, mode={"reflect": "reflect"}.get(op.mode, "edge"))
    for axis, (before, after) in enumerate(pairs(op.border), 2):  # `wrap` came with opset 19
        parts = [x]
        if before:
            parts.insert(0, _slice(step, x, -before, END, axis))
        if after:
            parts.append(_slice(step, x, 0, after, axis))
        x = step.call("Concat", *parts, axis=axis) if parts[1:] else x
    return x


def _slice(step: Step, x: str, start: int, stop: int, axis: int) -> str:
    return step.call("Slice", x, *map(step.integers, (start, stop, axis)))


def shuffled(op: shape.ChannelShuffle, step: Step, operand: Shape) -> str:
    """By reshaping: OpenVINO 2026.4.1 moves a `Gather` of channels into the convolution behind it,
    wrongly."""
    (x,) = step.inputs
    apart = step.call("Reshape", x, step.integers(0, op.groups, operand[0] // op.groups, -1))
    moved = step.call("Transpose", apart, perm=(0, 2, 1, 3))
    return step.shaped_as(moved, x, operand)
