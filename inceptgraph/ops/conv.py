"""Convolutions, over maps of any rank."""

from functools import lru_cache
from math import prod
from typing import Annotated, Any, ClassVar

from pydantic import Field

from inceptgraph.ops._base import Operation, Weight, need_feature_map, need_groups
from inceptgraph.ops._reach import Reaches
from inceptgraph.ops._window import (
    ImagePadding,
    ImageSize,
    Padding,
    Size,
    along,
    format_size,
    inflated_window,
    output_extent,
    spread_padding,
    spread_size,
    window_reach,
    with_height,
)
from inceptgraph.ops.initializers import ZEROS, Initializer, scheme
from inceptgraph.types import Family, FreeShape, Shape

__all__ = ["Conv", "Conv2d", "Convolution", "DepthwiseConv", "DepthwiseConv2d"]

Count = Annotated[int, Field(ge=1)]


class Convolution(Operation):
    """The common part of dense, grouped and depthwise convolutions.

    What is settled holds a number for each axis. On an image it is a ``Conv2d`` or a
    ``DepthwiseConv2d``, whichever word the spec has for it.
    """

    family: ClassVar[Family] = Family.CONV

    kernel: Size = (1,)
    stride: Size = (1,)
    padding: Padding = "valid"
    dilation: Size = (1,)
    bias: bool = True
    weight_init: Initializer = scheme("torch")
    bias_init: Initializer = ZEROS

    def channels(self, inputs: int) -> tuple[int, int]:
        """Output channels and groups for ``inputs`` channels."""
        raise NotImplementedError

    def settled(self, *inputs: Shape) -> "Convolution":
        _, extents = need_feature_map(self, inputs[0])
        return _settled(self, len(extents))

    def infer(self, *inputs: Shape) -> Shape:
        op = self.settled(*inputs)
        out, _ = op.channels(inputs[0][0])
        windows = op.kernel, op.stride, op.padding, op.dilation
        return (out, *output_extent(self.op, inputs[0][1:], *windows))

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        kernel, channels = self.settled(*inputs).kernel, inputs[0][0]
        out, groups = self.channels(channels)
        area = prod(kernel)
        fan_in, fan_out = channels // groups * area, out // groups * area
        shape = (out, channels // groups, *kernel)
        found = {"weight": Weight(shape, self.weight_init, fan_in, fan_out)}
        if self.bias:
            found["bias"] = Weight((out,), self.bias_init, fan_in, fan_out)
        return found

    def macs(self, *inputs: Shape) -> int:
        _, groups = self.channels(inputs[0][0])
        area = prod(self.settled(*inputs).kernel)
        return inputs[0][0] // groups * area * prod(self.infer(*inputs))

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        op = self.settled(*inputs)
        return (window_reach(inputs[0][1:], op.kernel, op.stride, op.padding, op.dilation),)

    def on_images(self) -> "Convolution":
        kind = Conv2d if isinstance(self, Conv) else DepthwiseConv2d
        sizes = {name: (1, *getattr(self, name)) for name in ("kernel", "stride", "dilation")}
        return kind.model_construct(**vars(self) | sizes | {"padding": with_height(self.padding)})

    def inflated(self, frames: int | None, video: FreeShape | None) -> "Convolution":
        return self.having(**inflated_window(self, frames, "stride", "dilation"))

    def _strides(self) -> str:
        return "" if max(self.stride) == 1 else f" /{along(self.stride)}"


@lru_cache(4096)
def _settled(op: Convolution, rank: int) -> Convolution:
    """The convolution with a number for each of so many axes."""
    spread: dict[str, Any] = {
        name: spread_size(op.op, name, getattr(op, name), rank)
        for name in ("kernel", "stride", "dilation")
    }
    spread["padding"] = spread_padding(op.op, op.padding, rank)
    if rank == 2 and isinstance(op, Conv | DepthwiseConv):
        kind = Conv2d if isinstance(op, Conv) else DepthwiseConv2d
        return kind.model_construct(**vars(op) | spread)
    return op.having(**spread)


class _OnImages(Convolution):
    """The common part of those that take images alone: as backends and passes know them."""

    kernel: ImageSize = (1, 1)
    stride: ImageSize = (1, 1)
    padding: ImagePadding = "valid"
    dilation: ImageSize = (1, 1)

    def settled(self, *inputs: Shape) -> Convolution:
        if len(inputs[0]) != 3:
            assert self.any_rank is not None
            instead = f"use `{self.any_rank.op}`, which takes maps of any rank"
            need_feature_map(self, inputs[0], 2, instead)
        return self


class _Dense(Convolution):
    """The common part of those with so many output channels, all of them or in groups."""

    out: Count
    groups: Count = 1

    def channels(self, inputs: int) -> tuple[int, int]:
        need_groups(self.groups, inputs, self.out)
        return self.out, self.groups

    def label(self) -> str:
        grouped = f", {self.groups} groups" if self.groups > 1 else ""
        dilated = f", dilated {self.dilation[0]}" if max(self.dilation) > 1 else ""
        return f"{format_size(self.kernel)} conv{self._strides()}, {self.out}{grouped}{dilated}"


class _Depthwise(Convolution):
    """The common part of those with kernels for each channel alone."""

    multiplier: Count = 1

    def channels(self, inputs: int) -> tuple[int, int]:
        return inputs * self.multiplier, inputs

    def label(self) -> str:
        times = f", ×{self.multiplier}" if self.multiplier > 1 else ""
        return f"{format_size(self.kernel)} depthwise conv{self._strides()}{times}"


class Conv(_Dense):
    """Convolution (cross-correlation) of a sequence, an image or a volume, dense or in ``groups``.

    Args:
        out: output channels.
        kernel: window, a number for all axes or one for each.
        stride: step of the window.
        padding: ``same``, ``valid``, or a number for all sides, for each axis, or before and after
            each.
        dilation: distance between the taps of the window.
        groups: input and output channels are split into this many independent groups.
        bias: add one number to each output channel.
        weight_init: how the kernel starts.
        bias_init: how the bias starts.
    """

    op: ClassVar[str] = "conv"
    other_names: ClassVar[tuple[str, ...]] = ("convolution", "conv1d", "conv3d")
    # what most networks call their block of a convolution, a normalisation and an activation
    hideable: ClassVar[bool] = True


class Conv2d(_OnImages, _Dense):
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
    any_rank = Conv


class DepthwiseConv(_Depthwise):
    """Depthwise convolution: every input channel has ``multiplier`` kernels of its own.

    Args:
        multiplier: output channels for each input channel.
        kernel: window, a number for all axes or one for each.
        stride: step of the window.
        padding: ``same``, ``valid``, or a number for all sides, for each axis, or before and after
            each.
        dilation: distance between the taps of the window.
        bias: add one number to each output channel.
        weight_init: how the kernel starts.
        bias_init: how the bias starts.
    """

    op: ClassVar[str] = "depthwise_conv"
    other_names: ClassVar[tuple[str, ...]] = ("depthwise_conv1d", "depthwise_conv3d")


class DepthwiseConv2d(_OnImages, _Depthwise):
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
    any_rank = DepthwiseConv
