"""The share of the processor that other processes took while something was timed."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

__all__ = ["Others", "Used", "used"]


@dataclass(frozen=True, slots=True)
class Used:
    """Seconds of the processor that were used up to a moment.

    Attributes:
        time: the moment.
        cores: those that this process may use.
        all: by whomever, all of these cores together.
        own: by this process, with all of its threads.
    """

    time: float
    cores: int
    all: float
    own: float


def used(stat: Path = Path("/proc/stat")) -> Used | None:
    """The seconds that were used so far; None where the kernel does not tell (it is Linux that
    does, see proc_stat(5)).

    What a hypervisor took away counts as used by others.
    """
    try:
        mine = {f"cpu{number}" for number in os.sched_getaffinity(0)}
        lines = [line.split() for line in stat.read_text().splitlines()]
        ticks = os.sysconf("SC_CLK_TCK")
    except (AttributeError, OSError, ValueError):
        return None
    found = [list(map(int, numbers)) for name, *numbers in filter(None, lines) if name in mine]
    if len(found) < len(mine):
        return None
    # user, nice, system, idle, waiting for a disk, interrupts of two kinds, stolen
    busy = sum(sum(each[:3]) + sum(each[5:8]) for each in found) / ticks
    return Used(time.perf_counter(), len(mine), busy, time.process_time())


class Others:
    """Watches what other processes use, in the blocks of ``with`` that it is used for."""

    def __init__(self, read: Callable[[], Used | None] = used) -> None:
        self._read = read
        self._before: Used | None = None
        self._taken, self._offered = 0.0, 0.0

    def __enter__(self) -> None:
        self._before = self._read()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        before, after = self._before, self._read()
        if before is None or after is None:
            return
        own, busy = after.own - before.own, after.all - before.all
        if busy < own / 2:  # some sandboxes count nothing
            return
        self._taken += max(busy - own, 0.0)
        self._offered += (after.time - before.time) * after.cores

    @property
    def share(self) -> float | None:
        """Of the cores' time, from 0 to 1; None where the kernel does not tell."""
        return min(self._taken / self._offered, 1.0) if self._offered else None
