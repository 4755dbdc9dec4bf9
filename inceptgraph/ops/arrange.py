"""Axes in another order, and parts of them, by their names."""

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, described, need_feature_map
from inceptgraph.ops._reach import HERE, Reach, Reaches
from inceptgraph.ops.axes import AXIS_NAMES, AxisName, OverAxis
from inceptgraph.ops.shape import Channels, span
from inceptgraph.types import AXES, Family, Shape, extent_names

__all__ = ["Slice", "Transpose"]


def _order(value: Any) -> tuple[str, ...]:
    words = value if isinstance(value, list | tuple) else ()
    if not 2 <= len(words) <= len(AXES) or not all(isinstance(word, str) for word in words):
        what = "is a list of all axes in their new order, such as [channels, width, height]"
        raise PydanticCustomError("order", what)
    for word in words:
        if word not in AXIS_NAMES:
            known = {"word": word, "known": list(AXIS_NAMES)}
            raise PydanticCustomError("unknown_word", "there is no axis `{word}`", known)
    if len({*words}) < len(words):
        raise PydanticCustomError("order", "must name each axis once")
    return tuple(words)


Order = Annotated[
    tuple[str, ...],
    BeforeValidator(_order),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"enum": list(AXIS_NAMES)},
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

    def on_images(self) -> "Transpose":
        """Of a sequence the channels and the length change places."""
        if "length" not in self.order:
            return self
        order = ("width", "height", "channels")
        return self.having(order=order[::-1] if self.is_identity() else order)

    def is_identity(self) -> bool:
        return self.order == extent_names(len(self.order) - 1)

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
