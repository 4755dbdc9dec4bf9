"""Fully connected layers."""

from typing import Annotated, ClassVar

from pydantic import Field

from inceptgraph.diagnostics import Code, ShapeError
from inceptgraph.ops._base import Operation, Weight
from inceptgraph.ops.initializers import ZEROS, Initializer, scheme
from inceptgraph.types import Family, Shape, format_shape

__all__ = ["Linear"]


class Linear(Operation):
    """Fully connected layer over a vector.

    Args:
        out: output features.
        bias: add one number to each output feature.
        weight_init: how the matrix starts.
        bias_init: how the bias starts.
    """

    op: ClassVar[str] = "linear"
    other_names: ClassVar[tuple[str, ...]] = ("dense", "fc", "fully_connected", "inner_product")
    family: ClassVar[Family] = Family.LINEAR

    out: Annotated[int, Field(ge=1)]
    bias: bool = True
    weight_init: Initializer = scheme("torch")
    bias_init: Initializer = ZEROS

    def infer(self, *inputs: Shape) -> Shape:
        if len(inputs[0]) != 1:
            raise ShapeError(
                Code.WRONG_RANK,
                "`linear` needs a vector, but its input is a feature map of"
                f" {format_shape(inputs[0])}",
                help="put `flatten: {op: flatten}` before it",
            )
        return (self.out,)

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        (features,) = inputs[0]
        found = {"weight": Weight((self.out, features), self.weight_init, features, self.out)}
        if self.bias:
            found["bias"] = Weight((self.out,), self.bias_init, features, self.out)
        return found

    def macs(self, *inputs: Shape) -> int:
        return inputs[0][0] * self.out

    def label(self) -> str:
        return f"linear, {self.out}"
