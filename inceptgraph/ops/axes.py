"""Axes by the names that a spec gives them, over which operations go."""

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation
from inceptgraph.types import AXES, Shape, format_shape

__all__ = ["AXIS_NAMES", "AxisName", "Over", "OverAxes", "OverAxis", "axis_of"]

_WORDS = ("channels", "space", *dict.fromkeys(name for names in reversed(AXES) for name in names))


def _over(value: Any) -> tuple[str, ...]:
    words = value if isinstance(value, list | tuple) else (value,)
    if not words or not all(isinstance(word, str) for word in words):
        raise PydanticCustomError("over", "is `channels`, `space`, or a list of axes")
    for word in words:
        if word not in _WORDS:
            raise PydanticCustomError(
                "unknown_word", "there is no axis `{word}`", {"word": word, "known": list(_WORDS)}
            )
    return tuple(dict.fromkeys(words))


_NAME: dict[str, Any] = {"enum": list(_WORDS)}
Over = Annotated[
    tuple[str, ...],
    BeforeValidator(_over),
    WithJsonSchema({"anyOf": [_NAME, {"type": "array", "items": _NAME, "minItems": 1}]}),
]
"""Axes by their names: ``channels``, ``space`` for all others, ``height``, ``width``."""


def axis_of(op: Operation, word: str, shape: Shape) -> int:
    """The axis of that name, of an operand without its batch.

    Raises:
        ShapeError: the operand has no such axis.
    """
    names = ("channels", *AXES[len(shape) - 1])
    if word in names:
        return names.index(word)
    what = "" if len(shape) > 1 else "a vector of "
    known = ", ".join(f"`{name}`" for name in names)
    raise ShapeError(
        Code.WRONG_RANK,
        f"`{op.op}` cannot be over `{word}`, which its input does not have, {what}"
        f"{format_shape(shape)}",
        argument="over",
        help=f"it may be over {known}",
    )


class OverAxes(Operation):
    """The common part of what looks at all numbers along some axes."""

    over: Over

    def axes(self, shape: Shape) -> tuple[int, ...]:
        """The axes of the operand, which has no batch, in order.

        Raises:
            ShapeError: the operand has no such axis.
        """
        found: set[int] = set()
        for word in self.over:
            if word == "space" and len(shape) > 1:
                found |= {*range(1, len(shape))}
            else:
                found.add(axis_of(self, word, shape))
        return tuple(sorted(found))

    def on_images(self) -> Self:
        over = tuple("width" if word == "length" else word for word in self.over)
        return self.having(over=over)

    def label(self) -> str:
        return f"{self.op.replace('_', ' ')} over {' and '.join(self.over)}"


def _one(value: Any) -> Any:
    if isinstance(value, list | tuple):
        raise PydanticCustomError("axis", "is one axis: `reshape` makes one of several")
    return value


_Word = Literal["channels", "length", "frames", "height", "width"]
AXIS_NAMES: tuple[str, ...] = get_args(_Word)
AxisName = Annotated[_Word, BeforeValidator(_one)]
"""One axis by its name."""


class OverAxis(Operation):
    """The common part of what goes along one axis."""

    over: AxisName

    def axis(self, shape: Shape) -> int:
        """The axis of the operand, which has no batch.

        Raises:
            ShapeError: the operand has no such axis.
        """
        return axis_of(self, self.over, shape)

    def on_images(self) -> Self:
        return self.having(over="width") if self.over == "length" else self
