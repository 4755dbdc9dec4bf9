"""Products of two operands that add up: of matrices, and along axes."""

from math import prod
from typing import ClassVar

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation
from inceptgraph.ops._reach import Reaches
from inceptgraph.ops.axes import Over, OverAxes
from inceptgraph.ops.merge import broadcast, need_one_rank
from inceptgraph.types import Family, Shape, extent_names

__all__ = ["Dot", "MatMul"]


class MatMul(Operation):
    """Product of two matrices. A sequence is one, of channels×length; an image is one of
    height×width for each channel, and a volume for each channel of each frame. Where one has a
    single channel or frame, that is spread over those of the other, as NumPy's ``matmul`` has it of
    what follows the batch.
    """

    op: ClassVar[str] = "matmul"
    other_names: ClassVar[tuple[str, ...]] = ("bmm", "mm")
    family: ClassVar[Family] = Family.MERGE
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    def infer(self, *inputs: Shape) -> Shape:
        need_one_rank(self.op, inputs)
        if not inputs[0][1:]:
            raise ShapeError(
                Code.SPATIAL_MISMATCH,
                "`matmul` multiplies matrices, but its inputs are vectors, of"
                f" {inputs[0][0]} and {inputs[1][0]} features",
                help="`dot` adds up the products of their features",
            )
        (*_, rows, inner), (*_, met, columns) = inputs
        if inner != met:
            raise _no_product(*inputs)
        return broadcast(self.op, tuple((*shape[:-2], rows, columns) for shape in inputs))

    def macs(self, *inputs: Shape) -> int:
        return prod(self.infer(*inputs)) * inputs[0][-1]

    def reach(self, *inputs: Shape) -> tuple[Reaches | None, ...]:
        """All of both: a row of the one meets each column of the other."""
        return (None, None)


def _no_product(first: Shape, second: Shape) -> ShapeError:
    below, across = extent_names(len(first) - 1)[-2:]
    sizes = [f"{shape[-2]}×{shape[-1]}" for shape in (first, second)]
    hint = f"the {across} of the first must be the {below} of the second"
    swapped = [first[-1] == second[-1], first[-2] == second[-2]]
    if any(swapped):
        order = [*extent_names(len(first) - 1)[:-2], across, below]
        which = "second" if swapped[0] else "first"
        hint += f": put the {which} through `{{op: transpose, order: [{', '.join(order)}]}}`"
    return ShapeError(
        Code.SPATIAL_MISMATCH,
        f"`matmul` cannot multiply matrices of {sizes[0]} and {sizes[1]} ({below}×{across}):"
        f" {_of(first[-1], 'column')} meet {_of(second[-2], 'row')}",
        help=hint,
    )


def _of(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


class Dot(OverAxes):
    """Sum over some axes, which stay with an extent of 1, of the products of two operands number by
    number: the score of two embeddings, the correlation of two maps. An extent of 1 is spread over
    that of the other.

    Args:
        over: ``channels``, ``space`` (all axes but the channels), or a list of axes by their names.
    """

    op: ClassVar[str] = "dot"
    other_names: ClassVar[tuple[str, ...]] = ("inner", "vecdot")
    family: ClassVar[Family] = Family.MERGE
    arity: ClassVar[tuple[int, int | None]] = (2, 2)

    over: Over = ("channels",)

    def infer(self, *inputs: Shape) -> Shape:
        products = broadcast(self.op, inputs)
        axes = self.axes(products)
        return tuple(1 if axis in axes else extent for axis, extent in enumerate(products))

    def macs(self, *inputs: Shape) -> int:
        return prod(broadcast(self.op, inputs))
