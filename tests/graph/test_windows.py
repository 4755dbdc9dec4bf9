"""Sliding windows: the padding called ``same``, and windows that meet nothing but padding."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from inceptgraph.ops import same_padding
from inceptgraph.ops._window import _meets

few = st.integers(1, 7)


def test_same_is_as_tensorflow_defines_it() -> None:
    sizes = product(range(1, 24), range(1, 9), range(1, 7), range(1, 4))
    for extent, kernel, stride, dilation in sizes:
        outputs = -(-extent // stride)
        whole = max((outputs - 1) * stride + dilation * (kernel - 1) + 1 - extent, 0)
        found = same_padding(extent, kernel, stride, dilation)
        assert found == (whole // 2, whole - whole // 2), (extent, kernel, stride, dilation)


@given(few, st.integers(0, 12), st.tuples(few, few), st.tuples(few, few))
def test_a_window_meets_the_map(
    extent: int, before: int, taps: tuple[int, int], windows: tuple[int, int]
) -> None:
    """Where any of its taps is on a pixel, each looked at."""
    starts = range(-before, windows[0] * windows[1] - before, windows[1])
    places = {start + tap for start in starts for tap in range(0, taps[0] * taps[1], taps[1])}
    assert _meets(extent, before, taps, windows) == any(0 <= place < extent for place in places)


def test_numbers_without_end_are_answered() -> None:
    huge = 10**30
    assert _meets(1, huge, (huge, 1), (1, 1)) is False
    assert _meets(1, huge, (huge + 1, 1), (1, 1)) is True
    assert _meets(1, huge, (3, 1), (huge, 7)) is (huge % 7 < 3)
