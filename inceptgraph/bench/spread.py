"""Medians and their spread."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["Spread"]


@dataclass(frozen=True, slots=True)
class Spread:
    """Where samples lie.

    Attributes:
        median: of all.
        low: the first quartile.
        high: the third.
        least: the smallest.
        most: the largest.
        count: how many there are.
    """

    median: float
    low: float
    high: float
    least: float
    most: float
    count: int

    @classmethod
    def of(cls, samples: Sequence[float]) -> Spread:
        """That of one sample or more.

        >>> Spread.of([5, 1, 2, 4, 3])
        Spread(median=3, low=2.0, high=4.0, least=1, most=5, count=5)
        """
        median, least, most = statistics.median(samples), min(samples), max(samples)
        if len(samples) == 1:
            return cls(median, median, median, least, most, 1)
        low, _, high = statistics.quantiles(samples, n=4, method="inclusive")
        return cls(median, low, high, least, most, len(samples))
