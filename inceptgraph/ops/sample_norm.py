"""Normalisation within a sample: by statistics of its own, in training and evaluation alike."""

from typing import Annotated, ClassVar

from pydantic import Field

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, Weight, need_feature_map, need_groups
from inceptgraph.ops._reach import Reaches
from inceptgraph.ops.axes import Over, OverAxes
from inceptgraph.ops.initializers import ONES, ZEROS, Initializer
from inceptgraph.ops.norm import learned
from inceptgraph.types import Family, Shape

__all__ = ["GroupNorm", "InstanceNorm", "LayerNorm", "RmsNorm"]

Epsilon = Annotated[float, Field(gt=0)]


class _PerChannel(Operation):
    """The common part of those whose statistics are over space, with a weight for each channel."""

    family: ClassVar[Family] = Family.NORM

    eps: Epsilon = 1e-5
    scale: bool = True
    shift: bool = True
    scale_init: Initializer = ONES
    shift_init: Initializer = ZEROS

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        return learned(
            inputs[0][:1],
            weight=self.scale and self.scale_init,
            bias=self.shift and self.shift_init,
        )

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        """All of the map, by its mean and its variance."""
        return (None,)


class GroupNorm(_PerChannel):
    """Group normalisation: each group of channels of a sample is scaled to mean 0 and variance 1
    (Wu & He 2018).

    Args:
        groups: of as many channels each; 1 is all of them, as in PoolFormer.
        eps: added to the variance.
        scale: learn a factor for each channel (gamma).
        shift: learn an offset for each channel (beta).
        scale_init: how gamma starts.
        shift_init: how beta starts.
    """

    op: ClassVar[str] = "group_norm"

    groups: Annotated[int, Field(ge=1)]

    def infer(self, *inputs: Shape) -> Shape:
        channels, *extents = inputs[0]
        need_groups(self.groups, channels)
        if channels == self.groups:
            _need_several(self.op, tuple(extents), "groups")
        return inputs[0]

    def label(self) -> str:
        return f"group norm, {self.groups} groups"


class InstanceNorm(_PerChannel):
    """Instance normalisation: each channel of a sample is scaled to mean 0 and variance 1 (Ulyanov
    et al. 2016).

    Args:
        eps: added to the variance.
        scale: learn a factor for each channel (gamma).
        shift: learn an offset for each channel (beta).
        scale_init: how gamma starts.
        shift_init: how beta starts.
    """

    op: ClassVar[str] = "instance_norm"

    def infer(self, *inputs: Shape) -> Shape:
        _, extents = need_feature_map(self, inputs[0])
        _need_several(self.op, extents)
        return inputs[0]

    def label(self) -> str:
        return "instance norm"


class _OverChannelsOrAll(OverAxes):
    """The common part of those that are over the channels of a pixel, or over a whole sample."""

    family: ClassVar[Family] = Family.NORM

    over: Over = ("channels",)

    def is_whole(self, shape: Shape) -> bool:
        """Whether all of a sample is normalised together, with a weight for each number.

        Raises:
            ShapeError: it is over other axes.
        """
        axes = self.axes(shape)
        if axes not in ((0,), tuple(range(len(shape)))):
            raise ShapeError(
                Code.BAD_ARGUMENT,
                f"`{self.op}` is over the channels of each pixel, or over a whole sample",
                argument="over",
                help="give `channels` or `[channels, space]`",
            )
        return len(axes) > 1

    def infer(self, *inputs: Shape) -> Shape:
        self.is_whole(inputs[0])
        return inputs[0]

    def weight_shape(self, shape: Shape) -> Shape:
        return shape if self.is_whole(shape) else shape[:1]

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        return (None,) if self.is_whole(inputs[0]) else super().reach(*inputs)


class LayerNorm(_OverChannelsOrAll):
    """Layer normalisation: scaled to mean 0 and variance 1 (Ba et al. 2016), the channels of each
    pixel by themselves, as in ConvNeXt and transformers, or a whole sample.

    Args:
        over: ``channels``, with a weight for each; or ``[channels, space]``, with one for each
            number of a sample, as torch has it for maps of one size.
        eps: added to the variance.
        scale: learn factors (gamma).
        shift: learn offsets (beta).
        scale_init: how gamma starts.
        shift_init: how beta starts.
    """

    op: ClassVar[str] = "layer_norm"

    eps: Epsilon = 1e-5
    scale: bool = True
    shift: bool = True
    scale_init: Initializer = ONES
    shift_init: Initializer = ZEROS

    def infer(self, *inputs: Shape) -> Shape:
        channels, *extents = inputs[0]
        if channels == 1:
            _need_several(self.op, tuple(extents) if self.is_whole(inputs[0]) else ())
        return super().infer(*inputs)

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        weight, bias = self.scale and self.scale_init, self.shift and self.shift_init
        return learned(self.weight_shape(inputs[0]), weight, bias)

    def label(self) -> str:
        return "layer norm"


class RmsNorm(_OverChannelsOrAll):
    """Divides by the root of the mean square (Zhang & Sennrich 2019), of the channels of each pixel
    by themselves, or of a whole sample.

    Args:
        over: ``channels``, with a weight for each; or ``[channels, space]``, with one for each
            number of a sample.
        eps: added to the mean square.
        scale: learn factors.
        scale_init: how they start.
    """

    op: ClassVar[str] = "rms_norm"

    eps: Epsilon = 1e-6
    scale: bool = True
    scale_init: Initializer = ONES

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        return learned(self.weight_shape(inputs[0]), self.scale and self.scale_init)

    def label(self) -> str:
        return "RMS norm"


def _need_several(name: str, extents: tuple[int, ...], argument: str | None = None) -> None:
    """Check that there is more than one number to take the mean of.

    Raises:
        ShapeError: there is one, which less its mean is nothing.
    """
    if all(extent == 1 for extent in extents):
        raise ShapeError(
            Code.EMPTY_OUTPUT,
            f"`{name}` would take the mean of single numbers, and leave nothing of them",
            argument=argument,
            help="normalise more at once"
            + (", or a map of more pixels" if extents else ", or leave it out"),
        )
