"""Convolutions as ONNX, in forms that runtimes read rightly."""

from __future__ import annotations

from inceptgraph.ops import sides
from inceptgraph.ops.conv import Conv2d, DepthwiseConv2d
from inceptgraph.types import Shape
from inceptgraph_onnx.body import Body, Step

__all__ = ["convolution"]


def convolution(op: Conv2d | DepthwiseConv2d, step: Step, shape: Shape) -> str:
    """A convolution, with all of its padding in pixels.

    Where a kernel is 1 along an axis with padding, OpenVINO 2026.4.1 misreads the pixels: behind a
    convolution where a 1×1 kernel has a stride, and of one channel where there is more than a pixel
    of it. It moves a Pad into it. OpenCV 5.0 leaves that of a 1×1 out.

    Where a kernel with a stride fits once into the width of one channel, OpenVINO 2026.4.1 misreads
    them on a processor with AVX-512. It needs no stride if the map ends where the kernel does.

    The stride of a 1×1 kernel moves up in OpenVINO 2026.4.1, through what goes pixel by pixel, and
    compiling fails where slices of one value come together there. A pool does not let it through.
    """
    (x,), (channels, height, width), (down, across) = step.inputs, shape, op.stride
    _, groups = op.channels(channels)
    border = sides(op.padding, (height, width), op.kernel, op.stride, op.dilation)
    top, bottom, left, right = border
    if 1 in op.kernel:
        if any(op.kernel[axis] == 1 and any(border[2 * axis :][:2]) for axis in (0, 1)):
            x, width = step.border(x, border), left + width + right
            top = bottom = left = right = 0
        x = step.fence(x, "Pad")
    reach = (op.kernel[1] - 1) * op.dilation[1] + 1 - left
    if channels == 1 and op.infer(shape)[2] == 1 and reach > 0:
        if reach < width:
            x = step.call("Slice", x, step.integers(0), step.integers(reach), step.integers(3))
        right, across = max(0, reach - width), 1
    if op.kernel == (1, 1) and (down, across) != (1, 1) and _of_slices(step.body, x):
        x = step.call("MaxPool", x, kernel_shape=op.kernel, strides=(down, across))
        down = across = 1
    return step.call(
        "Conv",
        x,
        *step.weights.values(),
        kernel_shape=op.kernel,
        strides=(down, across),
        dilations=op.dilation,
        pads=(top, left, bottom, right),
        group=groups,
    )


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
