"""Resampling and transposed convolution as ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from inceptgraph.ops import Operation, conv_transpose, resample
from inceptgraph.types import Shape
from inceptgraph_onnx.body import Step

__all__ = ["RULES"]


def _resize(op: resample.Resize, step: Step, *inputs: Shape) -> str:
    if op.mode == "nearest":
        return _nearest(op, step, *inputs)
    place = "align_corners" if op.align_corners else "half_pixel"
    settings: dict[str, Any] = {"mode": "linear", "coordinate_transformation_mode": place}
    if op.mode == "bicubic":
        settings |= {"mode": "cubic", "cubic_coeff_a": -0.75}
    if op.factor is not None:
        return step.call("Resize", step.inputs[0], "", _scales(op.factor, step), **settings)
    whole = step.call("Shape", step.inputs[0], start=0, end=2)
    if len(inputs) > 1:
        extents = step.call("Shape", step.inputs[1], start=2)
    else:
        extents = step.integers(*op.infer(*inputs)[1:])
    sizes = step.call("Concat", whole, extents, axis=0)
    return step.call("Resize", step.inputs[0], "", "", sizes, **settings)


def _nearest(op: resample.Resize, step: Step, *inputs: Shape) -> str:
    """Where a factor is not whole, the pixels by number: runtimes divide in float32, which may fall
    short of a whole number."""
    x, extents, outputs = step.inputs[0], inputs[0][1:], op.infer(*inputs)[1:]
    if extents == outputs:
        return x
    if not any(o % e for o, e in zip(outputs, extents, strict=True)):
        settings = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        scales = _scales(tuple(o // e for o, e in zip(outputs, extents, strict=True)), step)
        return step.call("Resize", x, "", scales, mode="nearest", **settings)
    for axis, places in enumerate(op.nearest(*inputs), 2):
        if places != tuple(range(extents[axis - 2])):
            x = step.call("Gather", x, step.indices(np.array(places)), axis=axis)
    return x


def _scales(factors: tuple[float, ...], step: Step) -> str:
    """Factors in float32, rounded up: the size is rounded down, and would lose a pixel."""
    exact = np.array((1, 1, *factors))
    single = exact.astype(np.float32)
    return step.scales(np.where(single < exact, np.nextafter(single, np.float32(np.inf)), single))


def _pixel_unshuffle(op: resample.PixelUnshuffle, step: Step, *inputs: Shape) -> str:
    """By reshaping: `SpaceToDepth` has the places of a block outermost, torch the channels, and
    OpenVINO 2026.4.1 moves a `Gather` of channels into the convolution behind it, wrongly."""
    channels, height, width = op.infer(*inputs)
    apart = (inputs[0][0], height, op.factor, width, op.factor)
    blocks = step.call("Reshape", *step.inputs, step.integers(0, *apart))
    moved = step.call("Transpose", blocks, perm=(0, 1, 3, 5, 2, 4))
    return step.call("Reshape", moved, step.integers(0, channels, height, width))


def _pixel_shuffle(op: resample.PixelShuffle, step: Step, *inputs: Shape) -> str:
    return step.call("DepthToSpace", *step.inputs, blocksize=op.factor, mode="CRD")


def _conv_transpose(op: conv_transpose.ConvTranspose, step: Step, *inputs: Shape) -> str:
    # OpenVINO 2026.4.1 makes a border before it pixels of its output, of which a stride makes more
    return step.call(
        "ConvTranspose",
        step.fence(step.inputs[0], "Pad"),
        *step.weights.values(),
        kernel_shape=op.kernel,
        strides=op.stride,
        dilations=op.dilation,
        pads=(*op.padding, *op.padding),
        output_padding=op.output_padding,
        group=op.groups,
    )


RULES: dict[type[Operation], Callable[..., str]] = {
    resample.Resize: _resize,
    resample.PixelShuffle: _pixel_shuffle,
    resample.PixelUnshuffle: _pixel_unshuffle,
    conv_transpose.ConvTranspose: _conv_transpose,
}
