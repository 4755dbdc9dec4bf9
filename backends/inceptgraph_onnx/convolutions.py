"""Convolutions as ONNX, in forms that runtimes read rightly."""

from __future__ import annotations

from inceptgraph.ops import pairs, sides
from inceptgraph.ops.conv import Convolution
from inceptgraph.types import Shape
from inceptgraph_onnx.body import Body, Step

__all__ = ["convolution"]


def convolution(op: Convolution, step: Step, shape: Shape) -> str:
    """A convolution, with all of its padding in pixels.

    Where a kernel is 1 along an axis with padding, OpenVINO 2026.4.1 misreads the pixels: behind a
    convolution where a 1×1 kernel has a stride, and of one channel where there is more than a pixel
    of it. It moves a Pad into it. OpenCV 5.0 leaves that of a 1×1 out.

    Where a kernel with a stride fits once into the width of one channel, OpenVINO 2026.4.1 misreads
    them on a processor with AVX-512. It needs no stride if the map ends where the kernel does.

    The stride of a 1×1 kernel moves up in OpenVINO 2026.4.1, through what goes pixel by pixel, and
    compiling fails where slices of one value come together there. A pool does not let it through.

    Where a kernel over time makes one channel of one, OpenVINO 2026.4.1 misreads the pixels unless
    frames are as far apart as rows are. Of two channels, the same twice, it reads them rightly.
    """
    (x,), (channels, *extents) = step.inputs, shape
    out, groups = op.channels(channels)
    weights, dilation = list(step.weights.values()), list(op.dilation)
    misread = channels == out == 1 and len(extents) == 3 and op.kernel[0] > 1
    if misread and op.kernel[1] == 1:
        dilation[1] = dilation[0]  # of one row any distance will do
    misread = misread and dilation[0] != dilation[1]
    if misread:
        weights = [step.call("Concat", each, each, axis=0) for each in weights]
    border = list(sides(op.padding, tuple(extents), op.kernel, op.stride, op.dilation))
    strides, width = list(op.stride), extents[-1]
    if 1 in op.kernel:
        padded = zip(op.kernel, pairs(tuple(border)), strict=True)
        if any(taps == 1 and any(pixels) for taps, pixels in padded):
            x, width = step.border(x, tuple(border)), border[-2] + width + border[-1]
            border = [0] * len(border)
        x = step.fence(x, "Pad")
    reach = (op.kernel[-1] - 1) * op.dilation[-1] + 1 - border[-2]
    if channels == 1 and op.infer(shape)[-1] == 1 and reach > 0:
        if reach < width:
            axis = len(extents) + 1
            x = step.call("Slice", x, step.integers(0), step.integers(reach), step.integers(axis))
        border[-1], strides[-1] = max(0, reach - width), 1
    if max(op.kernel) == 1 and max(strides) > 1 and _of_slices(step.body, x):
        x = step.call("MaxPool", x, kernel_shape=op.kernel, strides=strides)
        strides = [1] * len(strides)
    result = step.call(
        "Conv",
        x,
        *weights,
        kernel_shape=op.kernel,
        strides=strides,
        dilations=dilation,
        pads=(*border[::2], *border[1::2]),
        group=groups,
    )
    one = step.integers(1) if misread else ""
    return step.call("Slice", result, step.integers(0), one, one) if misread else result


_APART = {"Conv", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Concat"}
"""Operators that a stride does not move through."""


def _of_slices(body: Body, value: str) -> bool:
    """Whether a value is made of slices, pixel by pixel."""
    seen, stack = set(), [value]
    while stack:
        call = body.makers.get(stack.pop())
        if call is None or call.operator in _APART or call.output in seen:
            continue
        if call.operator == "Slice":
            return True
        seen.add(call.output)
        stack += call.inputs
    return False
