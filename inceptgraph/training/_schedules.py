"""Schedules: what the rate of a step is multiplied by."""

from __future__ import annotations

import math
from collections.abc import Callable

from inceptgraph.training._recipe import Constant, Cosine, Poly, Schedule, Step

__all__ = ["factor_at"]


def factor_at(schedule: Schedule, steps: int, in_epoch: int) -> Callable[[int], float]:
    """A function from a step, the first is 0, to the factor of its rate.

    Args:
        schedule: of a recipe.
        steps: of the whole training.
        in_epoch: steps of an epoch.

    >>> from inceptgraph.training import Duration, Step
    >>> at = factor_at(Step(factor=0.5, every=Duration(2, "steps")), 6, 3)
    >>> [at(step) for step in range(6)]
    [1.0, 1.0, 0.5, 0.5, 0.25, 0.25]
    """
    warm = schedule.warm_up.steps(in_epoch) if schedule.warm_up else 0
    rest = max(1, steps - warm)
    after = _after_warm_up(schedule, rest, in_epoch)
    return lambda step: (step + 1) / (warm + 1) if step < warm else after(min(step - warm, rest))


def _after_warm_up(schedule: Schedule, steps: int, in_epoch: int) -> Callable[[int], float]:
    match schedule:
        case Constant():
            return lambda step: 1.0
        case Step(factor=factor, every=every):
            length = every.steps(in_epoch)
            return lambda step: float(factor ** (step // length))
        case Poly(power=power):
            return lambda step: float((1 - step / steps) ** power)
        case Cosine(end=end):
            return lambda step: end + (1 - end) * (1 + math.cos(math.pi * step / steps)) / 2
