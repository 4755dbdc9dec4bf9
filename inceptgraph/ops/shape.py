"""Inputs, and operations that only move, cut, scale or drop numbers."""

from collections.abc import Mapping
from sys import float_info
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, need_feature_map, need_groups
from inceptgraph.ops._reach import Reach, Reaches
from inceptgraph.ops._window import Sides, longer_side, pairs, side_names, wrong_length
from inceptgraph.types import AXES, Family, FreeShape, Shape, format_shape

__all__ = [
    "Channels",
    "Crop",
    "Dropout",
    "Flatten",
    "Identity",
    "Input",
    "Pad",
    "Scale",
    "StochasticDepth",
    "span",
]


def _borders(value: Any) -> Sides:
    whole = isinstance(value, list | tuple) and all(type(v) is int for v in value)
    if not whole or len(value) not in (2, 4, 6) or min(value) < 0:
        what = "is a list of pixels before and after each axis, such as [top, bottom, left, right]"
        raise PydanticCustomError("borders", what)
    return tuple(value)


Borders = Annotated[
    Sides,
    BeforeValidator(_borders),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"type": "integer", "minimum": 0},
            "minItems": 2,
            "maxItems": 6,
        }
    ),
]
"""Pixels before and after each axis: of an image ``[top, bottom, left, right]``."""


def _per_channel(value: Any) -> float | tuple[float, ...]:
    values = value if isinstance(value, list | tuple) else (value,)
    if not values or not all(type(v) in (int, float) for v in values):
        raise PydanticCustomError("per_channel", "is a number, or a list of one for each channel")
    if not all(abs(v) <= float_info.max for v in values):  # NaN is not, and no whole number raises
        raise PydanticCustomError("not_finite", "is finite and below 2**1024")
    several = isinstance(value, list | tuple)
    return tuple(map(float, values)) if several else float(value)


PerChannel = Annotated[
    float | tuple[float, ...],
    BeforeValidator(_per_channel),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number"},
                {"type": "array", "items": {"type": "number"}, "minItems": 1},
            ]
        }
    ),
]
"""A number for all channels, or one for each."""


def _extents(value: Any) -> Shape:
    whole = isinstance(value, list | tuple) and all(type(v) is int for v in value)
    if not whole or not 1 <= len(value) <= 4 or min(value) < 1:
        what = "is [features], or the channels and 1 to 3 extents, as [channels, height, width]"
        raise PydanticCustomError("extents", what)
    return tuple(value)


Extents = Annotated[
    Shape,
    BeforeValidator(_extents),
    WithJsonSchema({"type": "array", "items": {"type": "integer", "minimum": 1}}),
]
"""Shape of one sample."""


FAR = 2**8 * 3**3 * 5 * 7
"""A multiple of the strides that networks have: what fits at an extent fits so much further on."""


class Input(Operation):
    """The entry of data. A spec declares inputs under ``input:``; no step uses this operation.

    Args:
        shape: shape of one sample, channels first: ``[channels, height, width]``, ``[features]``.
        free: the axes that may have any extent; ``shape`` holds the one for which figures are.
        least: their least extents, in that order; none where they are yet to be found.
        multiple: what the extents of free axes are multiples of.
        assumed: the free axes whose extents in ``shape`` are yet to be found, too.
    """

    op: ClassVar[str] = "input"
    family: ClassVar[Family] = Family.INPUT
    arity: ClassVar[tuple[int, int | None]] = (0, 0)

    shape: Extents
    free: Annotated[tuple[str, ...], BeforeValidator(tuple)] = ()
    least: Annotated[tuple[int, ...], BeforeValidator(tuple)] = ()
    multiple: Annotated[int, Field(ge=1)] = 1
    assumed: Annotated[tuple[str, ...], BeforeValidator(tuple)] = ()

    def infer(self, *inputs: Shape) -> Shape:
        return self.shape

    def extent(self, axis: str) -> int:
        """The extent of an axis, by its name."""
        return self.shape[1 + AXES[len(self.shape) - 1].index(axis)]

    def at(self, sizes: Mapping[str, int]) -> "Input":
        """The same with other extents, by the names of free axes."""
        axes = AXES[len(self.shape) - 1]
        extents = (
            sizes.get(axis, extent) if axis in self.free else extent
            for axis, extent in zip(axes, self.shape[1:], strict=True)
        )
        return self.model_copy(update={"shape": (self.shape[0], *extents), "assumed": ()})


class Identity(Operation):
    """The input itself: a shortcut, or a place to insert a step later."""

    op: ClassVar[str] = "identity"
    family: ClassVar[Family] = Family.SHAPE

    def is_identity(self) -> bool:
        return True


class Flatten(Operation):
    """A feature map as a vector, channels outermost (the order of Caffe and torch)."""

    op: ClassVar[str] = "flatten"
    family: ClassVar[Family] = Family.SHAPE

    def infer(self, *inputs: Shape) -> Shape:
        size = 1
        for extent in inputs[0]:
            size *= extent
        return (size,)


class Dropout(Operation):
    """In training, sets a random share of the elements to zero and scales up the rest.

    Args:
        rate: the share that is dropped (not the share that is kept).
    """

    op: ClassVar[str] = "dropout"
    family: ClassVar[Family] = Family.DROPOUT
    random: ClassVar[bool] = True

    rate: Annotated[float, Field(ge=0, lt=1)] = 0.5

    def label(self) -> str:
        return f"dropout {self.rate:g}"


class StochasticDepth(Operation):
    """In training, sets a random share of the samples to zero and scales up the rest: at the end of
    a residual branch, which is then left out of the sum (Huang et al. 2016), as torchvision's in
    its mode ``row``.

    Args:
        rate: the share of the samples that is dropped.
    """

    op: ClassVar[str] = "stochastic_depth"
    other_names: ClassVar[tuple[str, ...]] = ("drop_path", "droppath")
    family: ClassVar[Family] = Family.DROPOUT
    random: ClassVar[bool] = True

    rate: Annotated[float, Field(ge=0, lt=1)]

    def label(self) -> str:
        return f"stochastic depth {self.rate:g}"


class Scale(Operation):
    """Multiplies by a constant and adds another.

    Args:
        factor: the multiplier, or a list of one for each channel.
        offset: what is added after, or a list of that.
    """

    op: ClassVar[str] = "scale"
    family: ClassVar[Family] = Family.SHAPE

    factor: PerChannel = 1.0
    offset: PerChannel = 0.0

    def settled(self, *inputs: Shape) -> "Scale":
        """The same with one number where all channels have the same."""
        found = {}
        for name, value in (("factor", self.factor), ("offset", self.offset)):
            channels = inputs[0][0]
            if isinstance(value, tuple) and len(value) != channels:
                raise ShapeError(
                    Code.CHANNEL_MISMATCH,
                    f"`{name}` of `scale` holds {len(value)} numbers, for {channels} channels",
                    argument=name,
                    help="give one number for each channel, or one for all",
                )
            alike = isinstance(value, tuple) and len(set(value)) == 1
            found[name] = value[0] if isinstance(value, tuple) and alike else value
        return Scale(**found)

    def infer(self, *inputs: Shape) -> Shape:
        self.settled(*inputs)
        return inputs[0]

    def then(self, second: "Scale") -> "Scale":
        """One scale for two in a row."""
        both = (self.factor, self.offset, second.factor, second.offset)
        channels = max(len(each) if isinstance(each, tuple) else 1 for each in both)
        numbers = (each if isinstance(each, tuple) else (each,) * channels for each in both)
        composed = [(a * c, b * c + d) for a, b, c, d in zip(*numbers, strict=True)]
        factor, offset = zip(*composed, strict=True)
        return Scale(factor=factor, offset=offset).settled((channels,))

    def is_identity(self) -> bool:
        return (self.factor, self.offset) == (1, 0)

    def label(self) -> str:
        if isinstance(self.factor, tuple) or isinstance(self.offset, tuple):
            return "scale by channel"
        return f"scale {self.factor:g}" + (f" + {self.offset:g}" if self.offset else "")


class Pad(Operation):
    """Adds a border. Receptive fields take it for padding, mirrored or not.

    Args:
        border: pixels before and after each axis: of an image ``[top, bottom, left, right]``.
        value: what the border holds where it is constant.
        mode: ``constant``; ``reflect`` for the pixels next to the outermost, mirrored;
            ``replicate`` for the outermost; ``circular`` for those of the other end.
    """

    op: ClassVar[str] = "pad"
    family: ClassVar[Family] = Family.SHAPE

    border: Borders
    value: float = 0.0
    mode: Literal["constant", "reflect", "replicate", "circular"] = "constant"

    def infer(self, *inputs: Shape) -> Shape:
        channels, extents = _bordered(self, inputs[0])
        if self.mode in ("reflect", "circular"):
            more = 1 if self.mode == "reflect" else 0
            for extent, both in extents:
                if max(both) + more > extent:
                    raise ShapeError(
                        Code.SPATIAL_MISMATCH,
                        f"a border of {max(both)} pixels in the mode `{self.mode}` needs an extent"
                        f" of {max(both) + more} at least, but this is {extent}",
                        argument="border",
                        help="use a narrower border, or `mode: replicate`",
                    )
        if self.mode != "constant" and self.value:
            raise ShapeError(
                Code.BAD_ARGUMENT,
                f"a border in the mode `{self.mode}` holds pixels of the map, and no `value`",
                argument="value",
                help="leave `value` out, or `mode`",
            )
        return (channels, *(extent + a + b for extent, (a, b) in extents))

    def inflated(self, frames: int | None, video: FreeShape | None) -> "Pad":
        return self.having(border=_inflated_border(self.border))

    def on_images(self) -> "Pad":
        return self.model_copy(update={"border": (0, 0, *self.border)})

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        return (tuple(Reach(-before) for before in self.border[::2]),)


class Crop(Operation):
    """Cuts a border off.

    Args:
        border: pixels before and after each axis: of an image ``[top, bottom, left, right]``.
    """

    op: ClassVar[str] = "crop"
    family: ClassVar[Family] = Family.SHAPE

    border: Borders

    def infer(self, *inputs: Shape) -> Shape:
        channels, extents = _bordered(self, inputs[0])
        if any(extent <= before + after for extent, (before, after) in extents):
            raise ShapeError(
                Code.EMPTY_OUTPUT,
                f"`crop` leaves nothing of its {format_shape(inputs[0])} input",
                argument="border",
                help="cut fewer pixels than there are",
            )
        return (channels, *(extent - before - after for extent, (before, after) in extents))

    def inflated(self, frames: int | None, video: FreeShape | None) -> "Crop":
        return self.having(border=_inflated_border(self.border))

    def on_images(self) -> "Crop":
        return self.model_copy(update={"border": (0, 0, *self.border)})

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        return (tuple(Reach(before) for before in self.border[::2]),)


def _inflated_border(border: Sides) -> Sides:
    """The border of an image with that of its longer side along time, of equal ones the height."""
    if len(border) != 4:
        return border
    side = longer_side(tuple(map(sum, pairs(border))))
    return (*border[2 * side : 2 * side + 2], *border)


def _bordered(op: Pad | Crop, shape: Shape) -> tuple[int, list[tuple[int, tuple[int, int]]]]:
    """Channels, and each extent with what is before and after it.

    Raises:
        ShapeError: the border is one of another rank.
    """
    channels, extents = need_feature_map(op, shape)
    rank = len(extents)
    if len(op.border) != 2 * rank:
        raise wrong_length(op.op, "border", len(op.border), rank, side_names(rank))
    return channels, list(zip(extents, pairs(op.border), strict=True))


def span(start: int, stop: int | None, extent: int, what: str) -> tuple[int, int]:
    """First and the one after the last, counted from 0, of so many.

    Args:
        start: as it is written, negative from the end.
        stop: likewise; None for the end itself.
        extent: how many there are.
        what: they are.

    Raises:
        ShapeError: they are not all there, or there are none between.
    """
    first = start + extent if start < 0 else start
    last = extent if stop is None else stop + extent if stop < 0 else stop
    # of any size, what is counted from the end is not compared with the end
    if first >= 0 and last > first and (stop is None or stop < 0 or last <= extent):
        return first, last
    raise ShapeError(
        Code.EMPTY_OUTPUT,
        f"there are no {what} {start} to {'the end' if stop is None else stop} among {extent}",
        argument="start" if stop is None else "stop",
        help=f"`start` must be below `stop`, and `stop` at most {extent}",
    )


class Channels(Operation):
    """Some of the channels, one after the other.

    Args:
        start: the first one, counted from 0; negative from the end, as in Python.
        stop: the one after the last, counted alike; by default there is none after it.
        part: which of several equal parts, counted from 0, in place of ``start`` and ``stop``.
        of: how many parts there are.
    """

    op: ClassVar[str] = "channels"
    family: ClassVar[Family] = Family.SHAPE

    start: int = 0
    stop: int | None = None
    part: Annotated[int, Field(ge=0)] | None = None
    of: Annotated[int, Field(ge=1)] | None = None

    def settled(self, *inputs: Shape) -> "Channels":
        """The channels counted from 0."""
        channels = inputs[0][0]
        if self.part is not None or self.of is not None:
            return self._settled_part(channels)
        start, stop = span(self.start, self.stop, channels, "channels")
        return Channels(start=start, stop=stop)

    def infer(self, *inputs: Shape) -> Shape:
        start, stop = self.settled(*inputs).extent
        return (stop - start, *inputs[0][1:])

    def _settled_part(self, channels: int) -> "Channels":
        """One of several equal parts."""
        if self.part is None or self.of is None or (self.start, self.stop) != (0, None):
            raise ShapeError(
                Code.BAD_ARGUMENT,
                "`channels` takes `part` and `of`, or `start` and `stop`",
                argument="of" if self.part is None else "part",
                help="the first half is `{op: channels, part: 0, of: 2}`",
            )
        if channels % self.of:
            raise ShapeError(
                Code.BAD_GROUPS,
                f"{channels} channels cannot be split into {self.of} equal parts",
                argument="of",
                help=f"`of` must divide {channels}; `start` and `stop` cut anywhere",
            )
        if self.part >= self.of:
            raise ShapeError(
                Code.EMPTY_OUTPUT,
                f"of {self.of} parts, counted from 0, the last is {self.of - 1}",
                argument="part",
            )
        size = channels // self.of
        return Channels(start=self.part * size, stop=(self.part + 1) * size)

    @property
    def extent(self) -> tuple[int, int]:
        """First channel and the one after the last, of what is settled."""
        assert self.stop is not None
        return self.start, self.stop

    def label(self) -> str:
        if self.of is not None:
            return f"channels, part {self.part} of {self.of}"
        last = "the end" if self.stop is None else self.stop - 1
        return f"channels {self.start} to {last}"


class ChannelShuffle(Operation):
    """Channels of several groups in turn: the first of each, then the second of each (Zhang et al.
    2017, ShuffleNet).

    Args:
        groups: of as many channels each, one after the other in the operand.
    """

    op: ClassVar[str] = "channel_shuffle"
    family: ClassVar[Family] = Family.SHAPE

    groups: Annotated[int, Field(ge=1)]

    def infer(self, *inputs: Shape) -> Shape:
        channels, _ = need_feature_map(self, inputs[0])
        need_groups(self.groups, channels)
        return inputs[0]

    def label(self) -> str:
        return f"channel shuffle, {self.groups} groups"
