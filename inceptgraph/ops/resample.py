"""Resampling: maps made larger or smaller, by interpolation or by moving channels into space."""

from math import floor, isfinite
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, need_feature_map
from inceptgraph.ops._reach import Reach, Reaches
from inceptgraph.ops._window import Size, format_size, inflated_size, longer_side, spread_size
from inceptgraph.types import KINDS, Family, FreeShape, Shape, format_shape

__all__ = ["PixelShuffle", "PixelUnshuffle", "Resize"]


def _factors(value: Any) -> tuple[float, ...] | None:
    if value is None:
        return None
    numbers = tuple(value) if isinstance(value, list | tuple) else (value,)
    if not 1 <= len(numbers) <= 3 or not all(type(each) in (int, float) for each in numbers):
        raise PydanticCustomError("factors", "is a number, or a list of one for each axis")
    if not all(each > 0 and isfinite(each) for each in numbers):
        raise PydanticCustomError("factors", "must be above 0")
    return tuple(int(each) if each == int(each) else each for each in numbers)


_POSITIVE: dict[str, Any] = {"type": "number", "exclusiveMinimum": 0}
Factors = Annotated[
    tuple[float, ...] | None,
    BeforeValidator(_factors),
    WithJsonSchema(
        {"anyOf": [_POSITIVE, {"type": "array", "items": _POSITIVE, "minItems": 1, "maxItems": 3}]}
    ),
]
"""How many times as large: a number for all axes, or one for each."""

_RANKS = {"linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3}
"""The modes that are of maps of one rank."""


class Resize(Operation):
    """A map as large as is asked for, by interpolation as torch has it (``nn.Upsample``). The size
    is a ``factor`` of that of the map, a ``size``, or that of a second operand, of which nothing
    else is read: ``{op: resize, from: [deep, skip]}``.

    Args:
        factor: how many times as large, a number for all axes or one for each; the size is rounded
            down. For ``nearest`` it is a whole number, or one over a whole number.
        size: extents of the output, a number for all axes or one for each.
        mode: ``nearest``, ``bilinear`` or ``bicubic``; of sequences ``linear``, of volumes
            ``trilinear``.
        align_corners: the outermost pixels keep their places, in the middle of a pixel; otherwise
            the outermost edges do.
    """

    op: ClassVar[str] = "resize"
    other_names: ClassVar[tuple[str, ...]] = ("upsample", "upsampling2d", "interpolate")
    family: ClassVar[Family] = Family.SHAPE
    arity: ClassVar[tuple[int, int | None]] = (1, 2)

    factor: Factors = None
    size: Size | None = None
    mode: Literal["nearest", "linear", "bilinear", "bicubic", "trilinear"] = "nearest"
    align_corners: bool = False

    def settled(self, *inputs: Shape) -> "Resize":
        """The same with a number for each axis."""
        _, extents = need_feature_map(self, inputs[0])
        spread: dict[str, Any] = {
            name: value and spread_size(self.op, name, value, len(extents))
            for name, value in (("factor", self.factor), ("size", self.size))
        }
        return self.having(**spread)

    def inflated(self, frames: int | None, video: FreeShape | None) -> "Resize":
        """The same for a video; a ``size`` is one of images, and leaves as many frames.

        Raises:
            ShapeError: how many frames there are is free.
        """
        factor, size, mode = self.factor, self.size, self.mode
        if factor is not None:
            factor = inflated_size(factor, longer_side(factor * 2))
        if size is not None and len(size) < 3 and video is not None:
            if video[1] is None:
                raise ShapeError(
                    Code.BAD_ARGUMENT,
                    "`size` of `resize` is one of images here, whose number of frames is free",
                    argument="size",
                    help="give a `factor`, or a map of that size as a second input",
                )
            size = (video[1], *(size * 2)[:2])
        return self.having(
            factor=factor, size=size, mode="trilinear" if mode == "bilinear" else mode
        )

    def on_images(self) -> "Resize":
        sizes = {n: v and (1, *v) for n, v in (("factor", self.factor), ("size", self.size))}
        mode = "bilinear" if self.mode == "linear" else self.mode
        return self.model_copy(update={**sizes, "mode": mode})

    def infer(self, *inputs: Shape) -> Shape:
        op, (channels, *extents) = self.settled(*inputs), inputs[0]
        self._check(inputs)
        if op.size is not None:
            return (channels, *op.size)
        if op.factor is None:
            return (channels, *inputs[1][1:])
        pairs = zip(extents, op.factor, strict=True)
        found = [e * f if isinstance(f, int) else floor(e * f) for e, f in pairs]
        if not all(found):
            raise ShapeError(
                Code.EMPTY_OUTPUT,
                f"`resize` leaves nothing of its {format_shape(inputs[0])} input",
                argument="factor",
                help="use a larger factor",
            )
        return (channels, *found)

    def _check(self, inputs: tuple[Shape, ...]) -> None:
        """That there is one size, and a mode of maps of this rank."""
        given = [f"`{name}`" for name in ("factor", "size") if getattr(self, name) is not None]
        given += ["the size of a second input"] if len(inputs) > 1 else []
        if len(given) != 1:
            told = " and ".join(given) or "no size"
            raise ShapeError(
                Code.BAD_ARGUMENT,
                f"`resize` is given {told}" + (", of which one counts" if given else ""),
                argument="size" if self.size is not None else "factor",
                help="give one of `factor`, `size` and a second input: `from: [map, like]`",
            )
        rank = len(inputs[0]) - 1
        if _RANKS.get(self.mode, rank) != rank:
            modes = [mode for mode, its in _RANKS.items() if its == rank]
            raise ShapeError(
                Code.WRONG_RANK,
                f"`{self.mode}` is for {KINDS[_RANKS[self.mode]]}, but its input is {KINDS[rank]}",
                argument="mode",
                help=f"use {' or '.join(f'`{mode}`' for mode in ['nearest', *modes])}",
            )
        uneven = [f for f in self.factor or () if f != int(f) and 1 / f != int(1 / f)]
        if uneven and self.mode == "nearest":
            raise ShapeError(
                Code.BAD_ARGUMENT,
                f"the nearest pixel is not told exactly for a factor of {uneven[0]:g}: rounding"
                " would decide",
                argument="factor",
                help="give a whole number, one over a whole number, or the `size` itself",
            )
        if self.align_corners and self.mode == "nearest":
            raise ShapeError(
                Code.BAD_ARGUMENT,
                "`align_corners` of `resize` is for modes that interpolate, not for `nearest`",
                argument="align_corners",
                help="leave it out, or give a `mode` such as `bilinear`",
            )
        if len(inputs) > 1 and len(inputs[1]) != len(inputs[0]):
            raise ShapeError(
                Code.WRONG_RANK,
                "`resize` needs a map as its second input, which says the size, but it is"
                f" {format_shape(inputs[1])}",
            )

    def nearest(self, *inputs: Shape) -> tuple[tuple[int, ...], ...]:
        """For each axis the pixel that each pixel of the output is in the mode ``nearest``."""
        extents, outputs = inputs[0][1:], self.infer(*inputs)[1:]
        factors = self.settled(*inputs).factor
        if factors is None:
            pairs = zip(extents, outputs, strict=True)
            return tuple(tuple(p * e // o for p in range(o)) for e, o in pairs)
        return tuple(
            tuple(p // int(f) if f >= 1 else p * round(1 / f) for p in range(o))
            for f, o in zip(factors, outputs, strict=True)
        )

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        """All of the map: pixels of unlike places read unlike windows. Of the second nothing."""
        return tuple(None for _ in inputs)

    def label(self) -> str:
        size = ""
        if self.factor is not None:
            size = " ×" + "×".join(f"{each:g}" for each in dict.fromkeys(self.factor))
        elif self.size is not None:
            size = f" to {format_size(self.size)}"
        return f"{self.mode} resize{size}"


class PixelShuffle(Operation):
    """Channels moved into space: of ``factor``² channels a block of so many pixels (sub-pixel
    convolution, Shi et al. 2016).

    Args:
        factor: how many times as high and as wide the map becomes.
    """

    op: ClassVar[str] = "pixel_shuffle"
    other_names: ClassVar[tuple[str, ...]] = ("depth_to_space",)
    family: ClassVar[Family] = Family.SHAPE

    factor: Annotated[int, Field(ge=1)]

    def infer(self, *inputs: Shape) -> Shape:
        channels, (height, width) = need_feature_map(self, inputs[0], 2)
        block = self.factor**2
        if channels % block:
            raise ShapeError(
                Code.BAD_GROUPS,
                f"{channels} channels are not a multiple of {self.factor}×{self.factor}, of which"
                " each becomes a block of pixels",
                argument="factor",
                help=f"give it {max(round(channels / block), 1) * block} channels, which is one",
            )
        return channels // block, height * self.factor, width * self.factor

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        """All of the map: pixels of unlike places read unlike windows."""
        return (None,)

    def label(self) -> str:
        return f"pixel shuffle ×{self.factor}"


class PixelUnshuffle(Operation):
    """Space moved into channels: of each block of pixels ``factor``² channels; ``pixel_shuffle``
    moves them back.

    Args:
        factor: how many times less high and wide the map becomes.
    """

    op: ClassVar[str] = "pixel_unshuffle"
    other_names: ClassVar[tuple[str, ...]] = ("space_to_depth", "focus", "reorg")
    family: ClassVar[Family] = Family.SHAPE

    factor: Annotated[int, Field(ge=1)]

    def infer(self, *inputs: Shape) -> Shape:
        channels, extents = need_feature_map(self, inputs[0], 2)
        if any(extent % self.factor for extent in extents):
            raise ShapeError(
                Code.SPATIAL_MISMATCH,
                f"a map of {format_shape(inputs[0])} is not made of blocks of"
                f" {self.factor}×{self.factor} pixels",
                argument="factor",
                help="`pad` or `crop` it before to a multiple of that",
            )
        height, width = (extent // self.factor for extent in extents)
        return channels * self.factor**2, height, width

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        return ((Reach(0, self.factor, self.factor),) * 2,)

    def label(self) -> str:
        return f"pixel unshuffle /{self.factor}"
