"""Transposed convolution."""

from math import prod
from typing import Annotated, ClassVar

from pydantic import Field

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, Weight, need_feature_map, need_groups
from inceptgraph.ops._reach import Reach, Reaches
from inceptgraph.ops._window import Pixels, Size, along, format_size, inflated_window, spread_size
from inceptgraph.ops.initializers import ZEROS, Initializer, scheme
from inceptgraph.types import Family, FreeShape, Shape, format_shape

__all__ = ["ConvTranspose"]

Count = Annotated[int, Field(ge=1)]


class ConvTranspose(Operation):
    """Transposed convolution: each pixel of the input adds a window to the output, at a distance of
    ``stride``. Of n pixels it makes, as torch has it,
    (n − 1)·stride − 2·padding + dilation·(kernel − 1) + output_padding + 1.

    Args:
        out: output channels.
        kernel: window, a number for all axes or one for each.
        stride: distance of the windows in the output.
        padding: pixels that are cut off at each side of the output.
        output_padding: pixels more at the end of each axis, fewer than the stride.
        dilation: distance between the taps of the window.
        groups: input and output channels are split into this many independent groups.
        bias: add one number to each output channel.
        weight_init: how the kernel starts.
        bias_init: how the bias starts.
    """

    op: ClassVar[str] = "conv_transpose"
    other_names: ClassVar[tuple[str, ...]] = (
        "conv_transpose2d",
        "convtranspose2d",
        "conv2d_transpose",
        "transposed_conv",
        "deconv",
        "deconvolution",
    )
    family: ClassVar[Family] = Family.CONV

    out: Count
    kernel: Size
    stride: Size = (1,)
    padding: Pixels = (0,)
    output_padding: Pixels = (0,)
    dilation: Size = (1,)
    groups: Count = 1
    bias: bool = True
    weight_init: Initializer = scheme("torch")
    bias_init: Initializer = ZEROS

    def settled(self, *inputs: Shape) -> "ConvTranspose":
        """The same with a number for each axis."""
        _, extents = need_feature_map(self, inputs[0])
        sizes = {n: spread_size(self.op, n, getattr(self, n), len(extents)) for n in _SIZES}
        return self.having(**sizes)

    def infer(self, *inputs: Shape) -> Shape:
        op, (channels, *extents) = self.settled(*inputs), inputs[0]
        self._check(channels, op)
        found = []
        for axis, extent in enumerate(extents):
            window = op.dilation[axis] * (op.kernel[axis] - 1) + 1 + op.output_padding[axis]
            found.append((extent - 1) * op.stride[axis] + window - 2 * op.padding[axis])
        if any(extent < 1 for extent in found):
            raise ShapeError(
                Code.EMPTY_OUTPUT,
                f"`conv_transpose` leaves nothing of its {format_shape(inputs[0])} input",
                argument="padding",
                help="`padding` cuts its number off at each side of the output: cut fewer",
            )
        return (self.out, *found)

    def _check(self, channels: int, op: "ConvTranspose") -> None:
        need_groups(self.groups, channels, self.out)
        for more, stride in zip(op.output_padding, op.stride, strict=True):
            if more >= stride:
                raise ShapeError(
                    Code.BAD_ARGUMENT,
                    f"an `output_padding` of {more} is not below the stride of {stride}",
                    argument="output_padding",
                    help="it tells apart the sizes of which one stride makes the same: for more,"
                    " `pad` the output",
                )

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        channels, kernel = inputs[0][0], self.settled(*inputs).kernel
        # counted as torch counts them here, whose layer its own initial weights are to be
        fan_in = self.out // self.groups * prod(kernel)
        fan_out = channels // self.groups * prod(kernel)
        shape = (channels, self.out // self.groups, *kernel)
        found = {"weight": Weight(shape, self.weight_init, fan_in, fan_out)}
        if self.bias:
            found["bias"] = Weight((self.out,), self.bias_init, fan_in, fan_out)
        return found

    def macs(self, *inputs: Shape) -> int:
        return prod(inputs[0]) * self.out // self.groups * prod(self.settled(*inputs).kernel)

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        """All of the map where the stride is not 1: pixels of unlike places read unlike windows."""
        op = self.settled(*inputs)
        if max(op.stride) > 1:
            return (None,)
        spread = [d * (k - 1) for d, k in zip(op.dilation, op.kernel, strict=True)]
        axes = zip(spread, op.padding, strict=True)
        return (tuple(Reach(cut - reach, reach + 1) for reach, cut in axes),)

    def inflated(self, frames: int | None, video: FreeShape | None) -> "ConvTranspose":
        found = inflated_window(self, frames, "stride", "output_padding", "dilation")
        if len(found["padding"]) > 3:  # before and after each axis, as which convolutions have it
            found["padding"] = found["padding"][::2]
        return self.having(**found)

    def label(self) -> str:
        stride = "" if max(self.stride) == 1 else f" ×{along(self.stride)}"
        grouped = f", {self.groups} groups" if self.groups > 1 else ""
        return f"{format_size(self.kernel)} transposed conv{stride}, {self.out}{grouped}"


_SIZES = ("kernel", "stride", "padding", "output_padding", "dilation")
