"""Views of an image: the resized squares and windows of it that a network is shown.

Szegedy et al. 2014, arXiv:1409.4842, section 7: an image is resized to four scales, the shorter
side 256, 288, 320 and 352 long. Of each, the left, centre and right square is taken, or of a
portrait the top, centre and bottom one. Of each square the four corners and the centre of 224×224
are shown, and the square itself, resized to 224×224; and the mirror images of all. That makes
4·3·6·2 = 144.
"""

from __future__ import annotations

from enum import Enum
from itertools import product
from typing import NamedTuple

__all__ = ["WAYS", "Box", "View", "views"]

WAYS = (1, 10, 144)
"""How many views of an image may be asked for."""

_SCALES = (256, 288, 320, 352)
_PAPERS = 224
"""The side of the window for which the paper gives its scales."""


class Box(NamedTuple):
    """A rectangle of pixels."""

    top: int
    left: int
    height: int
    width: int


class Patch(Enum):
    """A part of a square, by how much of what is left above and left of it lies there."""

    TOP_LEFT = (0.0, 0.0)
    TOP_RIGHT = (0.0, 1.0)
    BOTTOM_LEFT = (1.0, 0.0)
    BOTTOM_RIGHT = (1.0, 1.0)
    CENTRE = (0.5, 0.5)
    WHOLE = None


class View(NamedTuple):
    """A view of an image.

    Attributes:
        shorter: what the shorter side of the image is made; None for what the network's
            preprocessing says.
        square: how far along the longer side the square lies that is looked at: 0, ½ or 1; None for
            all of the image.
        patch: of the square, or of the image; a whole square is resized to the window.
        mirrored: whether left and right change places.
    """

    shorter: int | None
    square: float | None
    patch: Patch
    mirrored: bool

    def box(self, height: int, width: int, crop: tuple[int, int]) -> Box:
        """The rectangle of a resized image that is shown.

        Args:
            height: of the image once it is resized, ``width`` alike.
            crop: height and width of the network's window.
        """
        area = Box(0, 0, height, width)
        if self.square is not None:
            side = min(height, width)
            area = _within(area, side, side, (self.square, self.square))
        if self.patch.value is None:
            return area
        return _within(area, *crop, self.patch.value)


def views(way: int, crop: tuple[int, int]) -> tuple[View, ...]:
    """The views of a way of looking, in the order of the paper's text.

    Args:
        way: 1 for the centre of the image as its preprocessing resizes it; 144 for the paper's; 10
            for those of its smallest scale's centre square, without the resized square, which are
            Krizhevsky's (2012, section 4.1).
        crop: height and width of the network's window; the scales are the paper's for 224, and in
            proportion for another.

    Raises:
        ValueError: there is no such way, or it is of squares and the window is none.
    """
    if way not in WAYS:
        raise ValueError(f"there are {', '.join(map(str, WAYS))} views, not {way}")
    if way == 1:
        return (View(None, None, Patch.CENTRE, False),)
    if crop[0] != crop[1]:
        raise ValueError(f"{way} views are of squares, and the window is {crop[0]}×{crop[1]}")
    scales = [round(scale * crop[0] / _PAPERS) for scale in _SCALES]
    squares, patches = [0.0, 0.5, 1.0], [*Patch]
    if way == 10:
        scales, squares, patches = scales[:1], [0.5], patches[:5]
    mirrors = (False, True)
    return tuple(View(*each) for each in product(scales, squares, patches, mirrors))


def _within(area: Box, height: int, width: int, place: tuple[float, float]) -> Box:
    """A rectangle in another. Halves of pixels are rounded to the even number, as preprocessing
    does."""
    down, along = place
    top = area.top + round(down * (area.height - height))
    left = area.left + round(along * (area.width - width))
    return Box(top, left, height, width)
