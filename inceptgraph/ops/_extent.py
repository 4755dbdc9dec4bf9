"""Extents of maps whose network may take images of any size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["Axis", "Extent"]


@dataclass(eq=False)
class Axis:
    """Height or width of the inputs, of any size from ``least`` on.

    Attributes:
        name: such as ``height``.
        declared: what the spec says.
        least: from which on all that was decided holds; it rises with each decision.
    """

    name: str
    declared: int
    least: int = 1


@dataclass(frozen=True, eq=False)
class Extent:
    """Pixels along an axis of a map, ``(input + offset) // stride``, where the input is any.

    It stands in shapes in the place of a whole number, and is none: what needs the number raises
    TypeError. So a function of shapes that returns has not used it, and returns the same at every
    size. Windows, borders and crops make of one extent another, since ``((x + a) // s + b) // t``
    is ``(x + a + b·s) // (s·t)`` for whole numbers; two are equal at every size if their numbers
    are. A comparison is answered as it is for the declared size, where that answer holds from some
    size on, which becomes the least; any other raises TypeError.
    """

    axis: Axis
    offset: int = 0
    stride: int = 1

    def __str__(self) -> str:
        """A formula: ``(height + 1) // 2``."""
        sign = "+" if self.offset > 0 else "-"
        moved = f"{self.axis.name} {sign} {abs(self.offset)}" if self.offset else self.axis.name
        if self.stride == 1:
            return moved
        return f"({moved}) // {self.stride}" if self.offset else f"{moved} // {self.stride}"

    def __add__(self, pixels: int) -> Extent:
        if not isinstance(pixels, int):
            return NotImplemented
        return Extent(self.axis, self.offset + pixels * self.stride, self.stride)

    __radd__ = __add__

    def __sub__(self, pixels: int) -> Extent:
        return self + -pixels if isinstance(pixels, int) else NotImplemented

    def __floordiv__(self, divisor: int) -> Extent:
        if not isinstance(divisor, int) or divisor < 1:
            return NotImplemented
        return Extent(self.axis, self.offset, self.stride * divisor)

    def __mod__(self, divisor: int) -> int:
        return 0 if divisor == 1 else NotImplemented

    def __ge__(self, bound: int) -> bool:
        if not isinstance(bound, int) or (self.axis.declared + self.offset) // self.stride < bound:
            return NotImplemented
        self.axis.least = max(self.axis.least, bound * self.stride - self.offset)
        return True

    def __gt__(self, bound: int) -> bool:
        return self.__ge__(bound + 1) if isinstance(bound, int) else NotImplemented

    def __lt__(self, bound: int) -> bool:
        return not self >= bound if isinstance(bound, int) else NotImplemented

    def __le__(self, bound: int) -> bool:
        return not self > bound if isinstance(bound, int) else NotImplemented

    def __bool__(self) -> bool:
        return self > 0

    def __eq__(self, other: Any) -> bool:
        """Whether two are equal at every size, a number from some size on at none."""
        if not isinstance(other, Extent):
            return not self > other
        if (self.axis, self.offset, self.stride) == (other.axis, other.offset, other.stride):
            return True
        raise TypeError(f"whether {self} and {other} are equal depends on the size")
