"""How much a call does, counted and not timed: no busy machine changes it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

__all__ = ["growth", "lines_run"]


def lines_run(call: Callable[[], object]) -> int:
    """Lines of Python that a call runs, each turn of a loop or comprehension counted.

    What C does in one step, such as looking a value up in a list, counts as no more than its line.
    """
    count = 0

    def trace(frame: FrameType, event: str, argument: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def growth(call: Callable[[int], Callable[[], object]], size: int) -> float:
    """How many times as much is done for twice the size: 2 where work is linear, 4 where square.

    Args:
        call: makes a size's work ready, and gives what does it.
        size: the smaller one.
    """
    return lines_run(call(2 * size)) / lines_run(call(size))
