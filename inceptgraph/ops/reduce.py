"""Reductions: one number for all along some axes, which stay with an extent of 1."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation
from inceptgraph.ops._reach import Reaches
from inceptgraph.types import AXES, Family, Shape, format_shape

__all__ = ["L2Norm", "L2Normalize", "Max", "Mean", "Over", "OverAxes", "Sum"]

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


class OverAxes(Operation):
    """The common part of what looks at all numbers along some axes."""

    over: Over

    def axes(self, shape: Shape) -> tuple[int, ...]:
        """The axes of the operand, which has no batch, in order.

        Raises:
            ShapeError: the operand has no such axis.
        """
        names = ("channels", *AXES[len(shape) - 1])
        found: set[int] = set()
        for word in self.over:
            if word in names:
                found.add(names.index(word))
            elif word == "space" and len(shape) > 1:
                found |= {*range(1, len(shape))}
            else:
                what = "" if len(shape) > 1 else "a vector of "
                known = ", ".join(f"`{name}`" for name in names)
                raise ShapeError(
                    Code.WRONG_RANK,
                    f"`{self.op}` cannot be over `{word}`, which its input does not have, {what}"
                    f"{format_shape(shape)}",
                    argument="over",
                    help=f"it may be over {known}",
                )
        return tuple(sorted(found))

    def on_images(self) -> OverAxes:
        over = tuple("width" if word == "length" else word for word in self.over)
        return self.model_copy(update={"over": over})

    def label(self) -> str:
        return f"{self.op.replace('_', ' ')} over {' and '.join(self.over)}"


class _Reduction(OverAxes):
    family: ClassVar[Family] = Family.POOL

    def infer(self, *inputs: Shape) -> Shape:
        axes = self.axes(inputs[0])
        return tuple(1 if axis in axes else extent for axis, extent in enumerate(inputs[0]))


class Mean(_Reduction):
    """Mean over some axes, which stay with an extent of 1: over the channels of each pixel, as in
    CBAM's spatial gate, or over the whole map.

    Args:
        over: ``channels``, ``space`` (all axes but the channels), or a list of axes by their names,
            such as ``[channels, width]``.
    """

    op: ClassVar[str] = "mean"


class Sum(_Reduction):
    """Sum over some axes, which stay with an extent of 1.

    Args:
        over: ``channels``, ``space`` (all axes but the channels), or a list of axes by their names.
    """

    op: ClassVar[str] = "sum"


class Max(_Reduction):
    """Largest number along some axes, which stay with an extent of 1.

    Args:
        over: ``channels``, ``space`` (all axes but the channels), or a list of axes by their names.
    """

    op: ClassVar[str] = "max"
    other_names: ClassVar[tuple[str, ...]] = ("amax",)


class L2Norm(_Reduction):
    """Root of the sum of squares over some axes, which stay with an extent of 1.

    Args:
        over: ``channels``, ``space`` (all axes but the channels), or a list of axes by their names.
    """

    op: ClassVar[str] = "l2_norm"

    def label(self) -> str:
        return f"L2 norm over {' and '.join(self.over)}"


class L2Normalize(OverAxes):
    """Divides by the root of the sum of squares over some axes (FaceNet's embedding, which lies on
    the unit sphere).

    Args:
        over: ``channels``, ``space`` (all axes but the channels), or a list of axes by their names.
        eps: the least that is divided by.
    """

    op: ClassVar[str] = "l2_normalize"
    other_names: ClassVar[tuple[str, ...]] = ("normalize", "l2norm")
    family: ClassVar[Family] = Family.NORM

    over: Over = ("channels",)
    eps: Annotated[float, Field(gt=0)] = 1e-12

    def infer(self, *inputs: Shape) -> Shape:
        self.axes(inputs[0])
        return inputs[0]

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        return super().reach(*inputs) if self.axes(inputs[0]) == (0,) else (None,)

    def label(self) -> str:
        return "L2 normalize" if self.over == ("channels",) else super().label()
