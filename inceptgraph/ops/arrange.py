"""Operations that give numbers another arrangement, by the names of axes."""

from __future__ import annotations

from math import prod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, described, need_feature_map
from inceptgraph.ops._reach import HERE, Reach, Reaches
from inceptgraph.ops.axes import AxisName, OverAxis
from inceptgraph.ops.shape import Channels, span
from inceptgraph.types import AXES, KINDS, Family, Shape, extent_names, format_shape, named_extents

__all__ = ["Reshape", "Slice", "Transpose"]


def _count(value: Any) -> Any:
    if value in (None, "rest") or (type(value) is int and value > 0):
        return value
    raise PydanticCustomError("size", "is a whole number of at least 1, or `rest`")


Count = Annotated[
    int | Literal["rest"] | None,
    BeforeValidator(_count),
    WithJsonSchema({"anyOf": [{"type": "integer", "minimum": 1}, {"const": "rest"}]}),
]
"""An extent, or what the others leave of it."""


class Reshape(Operation):
    """The same numbers in another shape, in the order of ``flatten``: the last axis runs fastest,
    the channels slowest. The result has the axes that are named, all of a map or ``features``; one
    of them may be the ``rest``. With a second operand, of which nothing else is read, those that
    are not named are as there: ``{op: reshape, channels: rest, from: [rows, map]}``.

    Args:
        features: of a vector.
        channels: of a map.
        length: of a sequence.
        frames: of a volume.
        height: of an image or a volume.
        width: of an image or a volume.
    """

    op: ClassVar[str] = "reshape"
    other_names: ClassVar[tuple[str, ...]] = ("view", "unflatten", "permute_and_flatten")
    family: ClassVar[Family] = Family.SHAPE
    arity: ClassVar[tuple[int, int | None]] = (1, 2)

    features: Count = None
    channels: Count = None
    length: Count = None
    frames: Count = None
    height: Count = None
    width: Count = None

    def given(self) -> dict[str, int | str]:
        """The extents that are written, by the names of their axes."""
        return {name: value for name, value in vars(self).items() if value is not None}

    def asked(self, *inputs: Shape) -> dict[str, int | str]:
        """The extents of the result by their names, in order; one may be ``rest``.

        Raises:
            ShapeError: there is no map of such axes, or several are ``rest``.
        """
        given = self.given()
        like: dict[str, int | str] = {**named_extents(inputs[1])} if inputs[1:] else {}
        names = tuple(like) or next((n for n in _NAMES if given.keys() <= {*n}), ())
        absent = [name for name in names if name not in given and name not in like]
        strange = [name for name in given if name not in names]
        if absent or strange or (not given and not like):
            raise self._wrong_axes(given, names, absent, inputs)
        found = {name: given.get(name, like.get(name, 0)) for name in names}
        rest = [f"`{name}`" for name, extent in found.items() if extent == "rest"]
        if len(rest) > 1:
            raise ShapeError(
                Code.BAD_ARGUMENT,
                f"one extent of `reshape` can be the `rest`, but {' and '.join(rest)} are",
                argument=rest[-1].strip("`"),
                help="give the extents of the others",
            )
        return found

    def _wrong_axes(
        self,
        given: dict[str, int | str],
        names: tuple[str, ...],
        absent: list[str],
        inputs: tuple[Shape, ...],
    ) -> ShapeError:
        written = " and ".join(f"`{name}`" for name in given)
        forms = "`features`, or `channels` with `length`, with `height` and `width`, or with those"
        argument, told = next(reversed(given), None), f"no map has {written}"
        hint = f"name {forms} and `frames`"
        if inputs[1:]:
            known = ", ".join(f"`{name}`" for name in names)
            argument = next(name for name in given if name not in names)
            told = f"`reshape` has the axes of its second input, which has no `{argument}`"
            hint = f"they are {known}: give one of them, or leave the second input out"
        elif not given:
            told = "`reshape` is given no extents"
        elif absent:
            kind, lacking = KINDS[_NAMES.index(names)], " and ".join(f"`{n}`" for n in absent)
            told = f"`reshape` is given {written}, but {kind} has {lacking}, too"
            free = "" if "rest" in given.values() else f", or `{absent[0]}: rest` for what is left"
            hint = f"give {lacking}{free}"
        return ShapeError(Code.BAD_ARGUMENT, told, argument=argument, help=hint)

    def infer(self, *inputs: Shape) -> Shape:
        asked, total = self.asked(*inputs), prod(inputs[0])
        known = prod(extent for extent in asked.values() if isinstance(extent, int))
        rest = next((name for name, extent in asked.items() if extent == "rest"), None)
        if total % known or (rest is None and total != known):
            raise self._misfit(inputs, total, known, rest)
        return tuple(n if isinstance(n, int) else total // known for n in asked.values())

    def _misfit(
        self, inputs: tuple[Shape, ...], total: int, known: int, rest: str | None
    ) -> ShapeError:
        given, before = self.given(), format_shape(inputs[0])
        if rest is not None:
            others = "×".join(str(n) for n in given.values() if n != "rest") or str(known)
            return ShapeError(
                Code.SPATIAL_MISMATCH,
                f"`{rest}` of `reshape` cannot be the rest: the {total:,} numbers of"
                f" {before} are no multiple of {others}",
                argument=rest,
                help=f"let the other extents divide {total:,}",
            )
        size = format_shape(tuple(n for n in self.asked(*inputs).values() if isinstance(n, int)))
        left = {name: total / (known // n) for name, n in given.items() if isinstance(n, int)}
        fits = [name for name, extent in left.items() if extent.is_integer()]
        hint = f"the extents must multiply to {total:,}"
        if fits:
            hint = f"`{fits[-1]}: rest` takes what is left, {int(left[fits[-1]])}"
        return ShapeError(
            Code.SPATIAL_MISMATCH,
            f"`reshape` to {size} needs {known:,} numbers, but its input has {total:,}, {before}",
            argument=fits[-1] if fits else next(reversed(given), None),
            help=hint,
        )

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        """All of the map: neighbours in one shape are none in another. Of the second nothing."""
        return tuple(None for _ in inputs)

    def on_images(self) -> Reshape:
        if self.length is None:
            return self
        return self.having(height=1, width=self.length, length=None)

    def label(self) -> str:
        given = self.given()
        if tuple(given) not in _NAMES:
            return "reshape like another"
        first, *others = map(str, given.values())
        return f"reshape to {'×'.join((*others, first))}"


_NAMES = tuple(extent_names(rank) for rank in range(len(AXES)))


def _order(value: Any) -> tuple[str, ...]:
    known = list(_NAMES[-1])
    known[1:1] = AXES[1]
    words = value if isinstance(value, list | tuple) else ()
    if not 2 <= len(words) <= len(_NAMES[-1]) or not all(isinstance(word, str) for word in words):
        what = "is a list of all axes in their new order, such as [channels, width, height]"
        raise PydanticCustomError("order", what)
    for word in words:
        if word not in known:
            raise PydanticCustomError(
                "unknown_word", "there is no axis `{word}`", {"word": word, "known": known}
            )
    if len({*words}) < len(words):
        raise PydanticCustomError("order", "must name each axis once")
    return tuple(words)


Order = Annotated[
    tuple[str, ...],
    BeforeValidator(_order),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"enum": ["channels", "length", "frames", "height", "width"]},
            "minItems": 2,
            "maxItems": len(AXES),
            "uniqueItems": True,
        }
    ),
]
"""Axes by their names, each once."""


class Transpose(Operation):
    """The axes in another order. What is first becomes the channels, and so on: after
    ``[channels, width, height]`` an image lies on its side.

    Args:
        order: all axes by the names that they have in the operand: of a sequence
            ``[length, channels]``.
    """

    op: ClassVar[str] = "transpose"
    other_names: ClassVar[tuple[str, ...]] = ("permute", "swapaxes", "movedim")
    family: ClassVar[Family] = Family.SHAPE

    order: Order

    def axes(self, shape: Shape) -> tuple[int, ...]:
        """The axis of the operand, which has no batch, that each axis of the result is.

        Raises:
            ShapeError: the operand has other axes.
        """
        need_feature_map(self, shape)
        names = extent_names(len(shape) - 1)
        if {*names} != {*self.order}:
            raise ShapeError(
                Code.WRONG_RANK,
                f"`order` of `transpose` is {' and '.join(self.order)}, but its input is"
                f" {described(shape)}",
                argument="order",
                help=f"name each of its axes once: [{', '.join(names)}] is as they are now",
            )
        return tuple(names.index(name) for name in self.order)

    def infer(self, *inputs: Shape) -> Shape:
        return tuple(inputs[0][axis] for axis in self.axes(inputs[0]))

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        """All of the map, unless its axes stay where they are."""
        return super().reach(*inputs) if self.is_identity() else (None,)

    def on_images(self) -> Transpose:
        """Of a sequence the channels and the length change places."""
        if "length" not in self.order:
            return self
        order = ("width", "height", "channels")
        return self.having(order=order[::-1] if self.is_identity() else order)

    def is_identity(self) -> bool:
        return self.order in _NAMES

    def label(self) -> str:
        return f"transpose to {', '.join(self.order)}"


class Slice(OverAxis):
    """Some of what is along an axis, one after the other or every so many. Without a ``step``,
    ``over: channels`` is the operation ``channels``.

    Args:
        over: the axis, by its name.
        start: the first that is taken, counted from 0; negative from the end, as in Python.
        stop: the one that is the first not taken, counted alike; by default all are.
        step: how far apart they are.
    """

    op: ClassVar[str] = "slice"
    other_names: ClassVar[tuple[str, ...]] = ("narrow", "strided_slice")
    family: ClassVar[Family] = Family.SHAPE

    over: AxisName
    start: int = 0
    stop: int | None = None
    step: Annotated[int, Field(ge=1)] = 1

    def settled(self, *inputs: Shape) -> Operation:
        """The same, but for ``channels``, which has one form in a graph. Other axes may be of any
        extent, so that what is counted from the end stays so."""
        if self.axis(inputs[0]) == 0 and self.step == 1:
            return Channels(start=self.start, stop=self.stop).settled(*inputs)
        return self

    def infer(self, *inputs: Shape) -> Shape:
        axis = self.axis(inputs[0])
        first, stop = self.taken(inputs[0])
        taken = (stop - first + self.step - 1) // self.step
        return (*inputs[0][:axis], taken, *inputs[0][axis + 1 :])

    def taken(self, shape: Shape) -> tuple[int, int]:
        """The first and the one after the last, counted from 0.

        Raises:
            ShapeError: there are none between, or they are not all there.
        """
        return span(self.start, self.stop, shape[self.axis(shape)], _PARTS[self.over])

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        axis, first = self.axis(inputs[0]), self.taken(inputs[0])[0]
        each = [HERE] * (len(inputs[0]) - 1)
        if axis > 0:
            each[axis - 1] = Reach(first, 1, self.step)
        return (tuple(each) or None,)

    def label(self) -> str:
        written = [self.start or "", "" if self.stop is None else self.stop]
        written += [self.step] if self.step > 1 else []
        return f"slice {self.over} {':'.join(map(str, written))}"


_PARTS = {"length": "positions", "height": "rows", "width": "columns"}
_PARTS |= {name: name for name in ("channels", "frames")}
"""What lies along an axis."""
