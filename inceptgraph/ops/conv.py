"""Convolutions."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, Weight, need_feature_map
from inceptgraph.ops._reach import Plane
from inceptgraph.ops._window import Padding, Size, format_size, output_extent, window_reach
from inceptgraph.ops.initializers import Initializer, constant, scheme
from inceptgraph.types import Family, Shape

__all__ = ["Conv2d", "DepthwiseConv2d"]

Count = Annotated[int, Field(ge=1)]


class _Convolution(Operation):
    """The common part of dense, grouped and depthwise convolutions."""

    family: ClassVar[Family] = Family.CONV

    kernel: Size = (1, 1)
    stride: Size = (1, 1)
    padding: Padding = "valid"
    dilation: Size = (1, 1)
    bias: bool = True
    weight_init: Initializer = scheme("torch")
    bias_init: Initializer = constant(0.0)

    def channels(self, inputs: int) -> tuple[int, int]:
        """Output channels and groups for ``inputs`` channels."""
        raise NotImplementedError

    def infer(self, *inputs: Shape) -> Shape:
        channels, height, width = need_feature_map(self, inputs[0])
        out, _ = self.channels(channels)
        extent = output_extent(
            self.op, (height, width), self.kernel, self.stride, self.padding, self.dilation
        )
        return (out, *extent)

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        channels = inputs[0][0]
        out, groups = self.channels(channels)
        area = self.kernel[0] * self.kernel[1]
        fan_in, fan_out = channels // groups * area, out // groups * area
        shape = (out, channels // groups, *self.kernel)
        found = {"weight": Weight(shape, self.weight_init, fan_in, fan_out)}
        if self.bias:
            found["bias"] = Weight((out,), self.bias_init, fan_in, fan_out)
        return found

    def macs(self, *inputs: Shape) -> int:
        out, height, width = self.infer(*inputs)
        _, groups = self.channels(inputs[0][0])
        area = self.kernel[0] * self.kernel[1]
        return out * (inputs[0][0] // groups) * area * height * width

    def reach(self, *inputs: Shape) -> tuple[Plane | None, ...]:
        _, height, width = inputs[0]
        window = window_reach(
            (height, width), self.kernel, self.stride, self.padding, self.dilation
        )
        return (window,)

    def _strides(self) -> str:
        if self.stride == (1, 1):
            return ""
        same = self.stride[0] == self.stride[1]
        return f" /{self.stride[0]}" if same else f" /{format_size(self.stride)}"


class Conv2d(_Convolution):
    """2-D convolution (cross-correlation), dense or in ``groups``.

    Args:
        out: output channels.
        kernel: window, ``n`` or ``[height, width]``.
        stride: step of the window.
        padding: ``same``, ``valid``, ``n``, ``[height, width]`` or ``[top, bottom, left, right]``.
        dilation: distance between the taps of the window.
        groups: input and output channels are split into this many independent groups.
        bias: add one number to each output channel.
        weight_init: how the kernel starts.
        bias_init: how the bias starts.
    """

    op: ClassVar[str] = "conv2d"
    other_names: ClassVar[tuple[str, ...]] = ("convolution",)

    out: Count
    groups: Count = 1

    def channels(self, inputs: int) -> tuple[int, int]:
        for count, what in ((inputs, "input"), (self.out, "output")):
            if count % self.groups:
                raise ShapeError(
                    Code.BAD_GROUPS,
                    f"{count} {what} channels cannot be split into {self.groups} equal groups",
                    argument="groups",
                    help=f"`groups` must divide the {inputs} input and {self.out} output channels",
                )
        return self.out, self.groups

    def label(self) -> str:
        grouped = f", {self.groups} groups" if self.groups > 1 else ""
        dilated = f", dilated {self.dilation[0]}" if max(self.dilation) > 1 else ""
        return f"{format_size(self.kernel)} conv{self._strides()}, {self.out}{grouped}{dilated}"


class DepthwiseConv2d(_Convolution):
    """Depthwise 2-D convolution: every input channel has ``multiplier`` kernels of its own.

    Args:
        multiplier: output channels for each input channel.
        kernel: window, ``n`` or ``[height, width]``.
        stride: step of the window.
        padding: ``same``, ``valid``, ``n``, ``[height, width]`` or ``[top, bottom, left, right]``.
        dilation: distance between the taps of the window.
        bias: add one number to each output channel.
        weight_init: how the kernel starts.
        bias_init: how the bias starts.
    """

    op: ClassVar[str] = "depthwise_conv2d"

    multiplier: Count = 1

    def channels(self, inputs: int) -> tuple[int, int]:
        return inputs * self.multiplier, inputs

    def label(self) -> str:
        times = f", ×{self.multiplier}" if self.multiplier > 1 else ""
        return f"{format_size(self.kernel)} depthwise conv{self._strides()}{times}"
