"""Operations that join several tensors."""

from typing import ClassVar

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation
from inceptgraph.types import KINDS, Family, Shape, format_shape

__all__ = ["Add", "Concat", "Divide", "Maximum", "Minimum", "Multiply", "Subtract"]


class Concat(Operation):
    """Operands side by side along the channels; their extents must agree."""

    op: ClassVar[str] = "concat"
    other_names: ClassVar[tuple[str, ...]] = ("cat", "concatenate")
    family: ClassVar[Family] = Family.MERGE
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    def infer(self, *inputs: Shape) -> Shape:
        need_agreement(self.op, inputs, skip_channels=True)
        return (sum(shape[0] for shape in inputs), *inputs[0][1:])


class _Arithmetic(Operation):
    """Joins operands number by number; where one has an extent of 1, it is spread over the extent
    of the others."""

    family: ClassVar[Family] = Family.MERGE
    arity: ClassVar[tuple[int, int | None]] = (1, None)

    def infer(self, *inputs: Shape) -> Shape:
        return broadcast(self.op, inputs)


class Add(_Arithmetic):
    """Sum, number by number. An extent of 1 is spread over that of the others: a 1×1 map over all
    pixels, a single channel over all channels."""

    op: ClassVar[str] = "add"


class Multiply(_Arithmetic):
    """Product, number by number. An extent of 1 is spread over that of the others, as in
    squeeze-and-excitation (a 1×1 map) and CBAM (a single channel)."""

    op: ClassVar[str] = "multiply"
    other_names: ClassVar[tuple[str, ...]] = ("mul", "product")


class Subtract(_Arithmetic):
    """The first operand less the second, number by number. An extent of 1 is spread over that of
    the other."""

    op: ClassVar[str] = "subtract"
    other_names: ClassVar[tuple[str, ...]] = ("sub",)
    arity: ClassVar[tuple[int, int | None]] = (2, 2)


class Divide(_Arithmetic):
    """The first operand over the second, number by number. An extent of 1 is spread over that of
    the other."""

    op: ClassVar[str] = "divide"
    other_names: ClassVar[tuple[str, ...]] = ("div", "quotient")
    arity: ClassVar[tuple[int, int | None]] = (2, 2)


class Maximum(_Arithmetic):
    """The largest of the operands, number by number (maxout). An extent of 1 is spread over that of
    the others."""

    op: ClassVar[str] = "maximum"
    other_names: ClassVar[tuple[str, ...]] = ("maxout",)


class Minimum(_Arithmetic):
    """The smallest of the operands, number by number. An extent of 1 is spread over that of the
    others."""

    op: ClassVar[str] = "minimum"


_ONE_RANK = "what is joined is all sequences, all images or all volumes"


def need_one_rank(name: str, inputs: tuple[Shape, ...]) -> None:
    """Check that operands are all vectors, all sequences, all images or all volumes.

    Raises:
        ShapeError: they are not.
    """
    ranks = sorted({len(shape) - 1 for shape in inputs})
    if len(ranks) > 1:
        shapes = ", ".join(format_shape(shape) for shape in inputs)
        kinds = (
            ["feature maps", "vectors"]
            if ranks[0] == 0
            else [f"{KINDS[r].split()[-1]}s" for r in ranks]
        )
        joined = " and ".join((", ".join(kinds[:-1]), kinds[-1]))
        raise ShapeError(
            Code.WRONG_RANK,
            f"`{name}` cannot join {joined}: {shapes}",
            help="flatten all of its inputs, or none" if ranks[0] == 0 else _ONE_RANK,
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
    if axes:
        raise _disagreement(name, inputs, axes, skip_channels)


def broadcast(name: str, inputs: tuple[Shape, ...]) -> Shape:
    """The shape of operands that are joined number by number, as arithmetic has it: along each axis
    the extent of all but those of 1.

    Raises:
        ShapeError: they have several; ``axes`` tells where, ``operands`` which.
    """
    need_one_rank(name, inputs)
    shape, axes = [], []
    for axis, first in enumerate(inputs[0]):
        extents = [each[axis] for each in inputs]
        # of any size, whether one is 1 is asked only where they differ
        if any(extent != first for extent in extents[1:]):
            extents = [extent for extent in extents if extent != 1]
        shape.append(extents[0])
        if any(extent != extents[0] for extent in extents[1:]):
            axes.append(axis)
    if axes:
        apart = tuple(i for i, each in enumerate(inputs) if any(each[a] != 1 for a in axes))
        wide = tuple(inputs[i] for i in apart)
        raise _disagreement(name, wide, tuple(axes), operands=apart)
    return tuple(shape)


def _disagreement(
    name: str,
    inputs: tuple[Shape, ...],
    axes: tuple[int, ...],
    skip_channels: bool = False,
    operands: tuple[int, ...] | None = None,
) -> ShapeError:
    what = "maps of {}"
    if axes == (0,):
        kinds = [str(shape[0]) for shape in inputs]
        what = "{} channels" if len(inputs[0]) > 1 else "vectors of {} features"
    elif skip_channels:
        kinds = ["×".join(map(str, shape[1:])) for shape in inputs]
    else:
        kinds = [format_shape(shape) for shape in inputs]
    *others, last = dict.fromkeys(kinds)
    return ShapeError(
        Code.CHANNEL_MISMATCH if axes == (0,) else Code.SPATIAL_MISMATCH,
        f"`{name}` cannot join {what.format(', '.join(others) + ' and ' + last)}",
        axes=axes,
        operands=operands,
    )
