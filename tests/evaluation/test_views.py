"""Views of an image, held to boxes that were computed by hand from the paper's text."""

from __future__ import annotations

from collections import Counter

import pytest

from inceptgraph.evaluation import View, views

pytestmark = pytest.mark.fast

WINDOW = (224, 224)

# A picture of 500×375 at the four scales, and of 375×500. By hand: at 320 it is 426 wide, since
# 320·500/375 = 426.67 is rounded down; its squares begin at 0, (426 − 320)/2 = 53 and 106; a window
# leaves 320 − 224 = 96 of a square, 48 on each side of the centre.
LANDSCAPE = {
    256: (341, (0, 42, 85), 32),
    288: (384, (0, 48, 96), 64),
    320: (426, (0, 53, 106), 96),
    352: (469, (0, 58, 117), 128),
}
"""By the shorter side: the longer one, where the squares begin, what a window leaves of one."""


def boxes(way: int, height: int, width: int, shorter: int | None) -> list[tuple[int, ...]]:
    found = [view for view in views(way, WINDOW) if view.shorter == shorter]
    return [(*view.box(height, width, WINDOW), view.mirrored) for view in found]


def by_hand(start: int, side: int, rest: int, *, upright: bool) -> list[tuple[int, ...]]:
    """Four corners, the centre and the square, from a square that begins at ``start``."""
    corners = [(0, 0), (0, rest), (rest, 0), (rest, rest), (rest // 2, rest // 2)]
    found = [(top, left, 224, 224) for top, left in corners] + [(0, 0, side, side)]
    moved = (start, 0) if upright else (0, start)
    return [(top + moved[0], left + moved[1], h, w) for top, left, h, w in found]


@pytest.mark.parametrize("upright", [False, True])
@pytest.mark.parametrize("shorter", LANDSCAPE)
def test_the_144_views_are_the_papers(shorter: int, upright: bool) -> None:
    longer, starts, rest = LANDSCAPE[shorter]
    extents = (longer, shorter) if upright else (shorter, longer)
    wanted = [
        (*box, mirrored)
        for start in starts
        for box in by_hand(start, shorter, rest, upright=upright)
        for mirrored in (False, True)
    ]
    assert boxes(144, *extents, shorter) == wanted


def test_the_first_boxes_in_plain_numbers() -> None:
    """The left square of a landscape at 256, written out."""
    assert boxes(144, 256, 341, 256)[:12:2] == [
        (0, 0, 224, 224, False),
        (0, 32, 224, 224, False),
        (32, 0, 224, 224, False),
        (32, 32, 224, 224, False),
        (16, 16, 224, 224, False),
        (0, 0, 256, 256, False),
    ]


def test_there_are_as_many_as_the_paper_counts() -> None:
    """Four scales, three squares, six views of each, and their mirror images."""
    found = views(144, WINDOW)
    assert len(found) == len(set(found)) == 4 * 3 * 6 * 2
    assert Counter(view.shorter for view in found) == dict.fromkeys((256, 288, 320, 352), 36)
    assert sum(view.mirrored for view in found) == 72


def test_ten_views_are_among_them() -> None:
    found = views(10, WINDOW)
    assert len(set(found)) == 10
    assert set(found) < set(views(144, WINDOW))
    assert boxes(10, 256, 256, 256)[::2] == [
        (0, 0, 224, 224, False),
        (0, 32, 224, 224, False),
        (32, 0, 224, 224, False),
        (32, 32, 224, 224, False),
        (16, 16, 224, 224, False),
    ]


def test_one_view_is_the_centre() -> None:
    assert boxes(1, 256, 341, None) == [(16, 58, 224, 224, False)]  # 58.5, to the even number
    assert boxes(1, 257, 343, None) == [(16, 60, 224, 224, False)]  # 16.5 and 59.5


def test_other_windows_have_scales_in_proportion() -> None:
    assert {view.shorter for view in views(144, (299, 299))} == {342, 384, 427, 470}
    assert {view.shorter for view in views(144, (32, 32))} == {37, 41, 46, 50}


def test_what_is_no_way_of_looking_is_refused() -> None:
    with pytest.raises(ValueError, match="there are 1, 10, 144 views, not 5"):
        views(5, WINDOW)
    with pytest.raises(ValueError, match="10 views are of squares, and the window is 224×300"):
        views(10, (224, 300))
    assert isinstance(views(1, (224, 300))[0], View)
