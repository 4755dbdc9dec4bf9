"""Functions of a number by itself that are no activations of a paper."""

from typing import ClassVar

from inceptgraph.ops._base import Operation
from inceptgraph.types import Family

__all__ = ["Abs", "Power"]


class Abs(Operation):
    """The number without its sign."""

    op: ClassVar[str] = "abs"
    family: ClassVar[Family] = Family.ACTIVATION

    def label(self) -> str:
        return "|x|"


class Power(Operation):
    """A power of each number; 0.5 is the square root. Of a number below zero it is NaN unless the
    exponent is whole.

    Args:
        exponent: any number.
    """

    op: ClassVar[str] = "power"
    other_names: ClassVar[tuple[str, ...]] = ("pow", "sqrt", "square")
    family: ClassVar[Family] = Family.ACTIVATION

    exponent: float

    def label(self) -> str:
        return f"power {self.exponent:g}"
