"""How many examples a property test tries, where that is not the profile's own number."""

from __future__ import annotations

from hypothesis import settings

__all__ = ["examples"]


def examples(count: int) -> int:
    """So many in the slow lane, and as many fewer in the others as everywhere there."""
    return max(1, count * min(100, settings.default.max_examples) // 100)
