"""Windows beside the map: those that meet nothing but padding."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from inceptgraph.ops._window import _meets

few = st.integers(1, 7)


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
