"""Reductions: one number for all along some axes, which stay with an extent of 1."""

from typing import Annotated, ClassVar

from pydantic import Field

from inceptgraph.ops._reach import Reaches
from inceptgraph.ops.axes import Over, OverAxes
from inceptgraph.types import Family, Shape

__all__ = ["L2Norm", "L2Normalize", "Max", "Mean", "Sum"]


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
