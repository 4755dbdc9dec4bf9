"""Operations that join several tensors."""

from __future__ import annotations

from typing import ClassVar

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation
from inceptgraph.types import Family, Shape, format_shape

__all__ = ["Add", "Concat", "Multiply"]


class Concat(Operation):
    """Operands side by side along the channels; heights and widths must agree."""

    op: ClassVar[str] = "concat"
    other_names: ClassVar[tuple[str, ...]] = ("cat", "concatenate")
    family: ClassVar[Family] = Family.MERGE
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    def infer(self, *inputs: Shape) -> Shape:
        need_agreement(self.op, inputs, skip_channels=True)
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])


class Add(Operation):
    """Sum of operands of one shape."""

    op: ClassVar[str] = "add"
    other_names: ClassVar[tuple[str, ...]] = ("sum",)
    family: ClassVar[Family] = Family.MERGE
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    def infer(self, *inputs: Shape) -> Shape:
        need_agreement(self.op, inputs)
        return inputs[0]


class Multiply(Operation):
    """Product, element by element. An operand of height and width 1 applies to every pixel, as in
    squeeze-and-excitation."""

    op: ClassVar[str] = "multiply"
    other_names: ClassVar[tuple[str, ...]] = ("mul", "product")
    family: ClassVar[Family] = Family.MERGE
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    def infer(self, *inputs: Shape) -> Shape:
        need_one_rank(self.op, inputs)
        maps = [shape for shape in inputs if shape[1:] != (1, 1)] or list(inputs)
        largest = maps[0]
        spread = tuple(
            (shape[0], *largest[1:]) if shape[1:] == (1, 1) else shape for shape in inputs
        )
        need_agreement(self.op, spread)
        return largest


def need_one_rank(name: str, inputs: tuple[Shape, ...]) -> None:
    """Check that operands are all feature maps or all vectors.

    Raises:
        ShapeError: they are not.
    """
    if len({len(shape) for shape in inputs}) > 1:
        shapes = ", ".join(format_shape(shape) for shape in inputs)
        raise ShapeError(
            Code.WRONG_RANK,
            f"`{name}` cannot join feature maps and vectors: {shapes}",
            help="flatten all of its inputs, or none",
        )


def need_agreement(name: str, inputs: tuple[Shape, ...], skip_channels: bool = False) -> None:
    """Check that operands have one shape, or one but for the channels.

    Raises:
        ShapeError: they do not; ``axes`` tells where.
    """
    need_one_rank(name, inputs)
    first = 1 if skip_channels else 0
    shape = inputs[0]
    axes = tuple(a for a in range(first, len(shape)) if any(s[a] != shape[a] for s in inputs))
    if not axes:
        return
    what = "maps of {}"
    if axes == (0,):
        kinds = [str(shape[0]) for shape in inputs]
        what = "{} channels" if len(inputs[0]) > 1 else "vectors of {} features"
    elif skip_channels:
        kinds = ["×".join(map(str, shape[1:])) for shape in inputs]
    else:
        kinds = [format_shape(shape) for shape in inputs]
    *others, last = dict.fromkeys(kinds)
    raise ShapeError(
        Code.CHANNEL_MISMATCH if axes == (0,) else Code.SPATIAL_MISMATCH,
        f"`{name}` cannot join {what.format(', '.join(others) + ' and ' + last)}",
        axes=axes,
    )
