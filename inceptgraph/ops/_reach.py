"""Reach of one pixel of an output in an operand: what receptive fields are made of."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["HERE", "Reach", "Reaches"]


@dataclass(frozen=True, slots=True)
class Reach:
    """The reach of a map's pixels along one axis, the same for all of them but for their place.

    Pixel ``p`` reads ``extent`` pixels from ``first + p·stride`` on. Pixels before 0 and past the
    end are padding.

    Attributes:
        first: where pixel 0 begins to read; negative where it begins in the padding.
        extent: pixels from the first to the last that is read, those skipped between included.
        stride: how far apart neighbours begin.
    """

    first: int = 0
    extent: int = 1
    stride: int = 1

    def through(self, below: Reach) -> Reach:
        """The reach through a map that itself reads ``below``.

        >>> Reach(-1, 3, 1).through(Reach(-2, 7, 2))  # a 3×3 window on a 7×7 window, stride 2
        Reach(first=-4, extent=11, stride=2)
        """
        return Reach(
            first=below.first + self.first * below.stride,
            extent=below.extent + (self.extent - 1) * below.stride,
            stride=self.stride * below.stride,
        )

    def joined(self, other: Reach) -> Reach | None:
        """The reach of both; None where their pixels drift apart, so that no one
        extent is true of all of them.

        >>> Reach(0, 3, 2).joined(Reach(-1, 3, 2))
        Reach(first=-1, extent=4, stride=2)
        """
        if self.stride != other.stride:
            return None
        first = min(self.first, other.first)
        end = max(self.first + self.extent, other.first + other.extent)
        return Reach(first, end - first, self.stride)


Reaches = tuple[Reach, ...]
"""Along each axis of a map, in order."""

HERE = Reach()
"""The pixel in the same place, and no other."""
