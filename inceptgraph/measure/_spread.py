"""Medians and their spread."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ENOUGH", "Spread"]

ENOUGH = 5
"""Samples; fewer say nothing of the spread."""


@dataclass(frozen=True, slots=True)
class Spread:
    """The spread of samples.

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

    @property
    def uncertainty(self) -> float | None:
        """The share by which the median may be off: half of the notch of a box plot, within
        which medians do not differ at about 95 % (McGill, Tukey and Larsen, Variations of Box
        Plots, The American Statistician 32, 1978). None of fewer samples than :data:`ENOUGH`.

        >>> round(Spread.of([9, 9, 10, 11, 11, 10, 10, 9, 11]).uncertainty, 4)
        0.1047
        """
        if self.count < ENOUGH:
            return None
        return 1.57 * (self.high - self.low) / math.sqrt(self.count) / self.median

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
