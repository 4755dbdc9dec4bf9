"""Rounds: every subject has a turn in each, so that what the machine does meets all alike."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from inceptgraph.measure._failure import in_a_line
from inceptgraph.measure._lab import Subject
from inceptgraph.measure._spread import ENOUGH

__all__ = ["LEAST_ROUNDS", "Budget", "Round", "order", "rounds"]

K = TypeVar("K", bound=Hashable)

LEAST_ROUNDS = ENOUGH
"""However little time there is."""
TURN = 0.05
"""Seconds of a turn at least: thousands of times what the clock resolves."""
WARM_UP = 2
"""Calls before the one by which turns are sized: compilers may look twice at shapes."""


@dataclass(frozen=True, slots=True)
class Budget:
    """The number of rounds: so many, or as many as fit into a time.

    Attributes:
        rounds: how many; None to go by time.
        seconds: of timing, with no fewer than :data:`LEAST_ROUNDS` rounds.
    """

    rounds: int | None = None
    seconds: float = 20.0

    def spent(self, rounds: int, seconds: float) -> bool:
        """True where it is used up after so much."""
        if self.rounds is not None:
            return rounds >= self.rounds
        return rounds >= LEAST_ROUNDS and seconds >= self.seconds


@dataclass(frozen=True, slots=True)
class Round(Generic[K]):
    """The times of one round.

    Attributes:
        seconds: of one call, the mean of a turn.
        failures: what subjects raised, in a line each; they have no turn from then on.
    """

    seconds: Mapping[K, float]
    failures: Mapping[K, str]


def rounds(
    subjects: Mapping[K, Subject], budget: Budget, clock: Callable[[], float] = time.perf_counter
) -> Iterator[Round[K]]:
    """Time subjects, a round at a time.

    A turn is one call that is not timed, for which threads of others go to sleep and caches fill,
    then as many as take :data:`TURN` seconds. Warming up is not timed and is no part of the budget.

    Args:
        subjects: what to time, by key.
        budget: how long.
        clock: seconds.

    Yields:
        The rounds; one that subjects failed in while they were warmed up comes first.
    """
    calls: dict[K, int] = {}
    failures: dict[K, str] = {}
    for key, subject in subjects.items():
        try:
            calls[key] = _turn_length(subject, clock)
        except Exception as error:
            failures[key] = in_a_line(error)
    if failures:
        yield Round({}, failures)
    number, started = 0, clock()
    while calls and not budget.spent(number, clock() - started):
        seconds: dict[K, float] = {}
        failures = {}
        for key in order(tuple(calls), number):
            try:
                seconds[key] = _turn(subjects[key], calls[key], clock)
            except Exception as error:
                failures[key] = in_a_line(error)
                del calls[key]
        number += 1
        yield Round(seconds, failures)


def order(keys: tuple[K, ...], number: int) -> tuple[K, ...]:
    """The order of a round: each begins with the next, and every other one goes backwards, so that
    nobody is always first or always after the same one.

    >>> ["".join(order(tuple("abc"), number)) for number in range(6)]
    ['abc', 'cba', 'bca', 'acb', 'cab', 'bac']
    """
    start = number // 2 % len(keys)
    turned = keys[start:] + keys[:start]
    return turned[::-1] if number % 2 else turned


def _turn_length(subject: Subject, clock: Callable[[], float]) -> int:
    for _ in range(WARM_UP):
        subject.call()
    subject.wait()
    taken = _timed(subject, 1, clock)
    return max(1, math.ceil(TURN / taken)) if taken > 0 else 1000


def _turn(subject: Subject, calls: int, clock: Callable[[], float]) -> float:
    subject.call()
    subject.wait()
    return _timed(subject, calls, clock) / calls


def _timed(subject: Subject, calls: int, clock: Callable[[], float]) -> float:
    started = clock()
    for _ in range(calls):
        subject.call()
    subject.wait()
    return clock() - started
