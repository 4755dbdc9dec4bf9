"""Results of a bench."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from inceptgraph.bench._plan import Job
from inceptgraph.measure import Spread

__all__ = ["Report", "Row", "Status"]


class Status(StrEnum):
    """The end that a job came to."""

    TIMED = "timed"
    WRONG = "wrong"
    """Its outputs differ by more than its type of numbers explains; it is not timed."""
    REFUSED = "refused"
    """It says that it cannot run the network."""
    FAILED = "failed"
    """It raised, or its process ended."""
    UNFINISHED = "unfinished"
    """The bench was interrupted before its turn."""


@dataclass(frozen=True, slots=True)
class Row:
    """The results of one job.

    Attributes:
        job: what was measured.
        status: what became of it.
        reason: why it has no times, or what else is to be said; None where there is nothing.
        auto: whether ``auto`` would pick this engine in its setting.
        error: the largest difference from the reference, relative to the largest output; None
            where it was not compared.
        bound: the error that its type of numbers explains; None as before.
        seconds: of one call; None unless it was timed.
        speedup: over the plain module in float32, round by round; None unless both were timed.
        flops: 2 for each multiply-add of the original network, of one call.
        share: of the peak that the machine reached; None where that is unknown.
        first: seconds to a first result; None where they were not measured.
        memory: bytes at most; None as before.
    """

    job: Job
    status: Status
    reason: str | None = None
    auto: bool = False
    error: float | None = None
    bound: float | None = None
    seconds: Spread | None = None
    speedup: Spread | None = None
    flops: int = 0
    share: float | None = None
    first: float | None = None
    memory: int | None = None

    @property
    def uncertainty(self) -> float | None:
        """The share by which the speed-up may be off, or the time where there is none; see
        :attr:`Spread.uncertainty <inceptgraph.measure._spread.Spread.uncertainty>`."""
        spread = self.speedup or self.seconds
        return spread.uncertainty if spread else None

    @property
    def samples_per_second(self) -> float | None:
        """Images, where those are what the network takes."""
        return self.job.setting.batch / self.seconds.median if self.seconds else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinite error; times in seconds, memory in bytes."""
        setting = self.job.setting
        return {
            "name": self.job.name,
            "kind": self.job.kind.value,
            "batch": setting.batch,
            "dtype": setting.dtype,
            "device": setting.device,
            "train": setting.train,
            "status": self.status.value,
            "reason": self.reason,
            "auto": self.auto,
            "error": None if self.error is None or math.isinf(self.error) else self.error,
            "bound": self.bound,
            "seconds": asdict(self.seconds) if self.seconds else None,
            "samples_per_second": self.samples_per_second,
            "speedup": asdict(self.speedup) if self.speedup else None,
            "uncertainty": self.uncertainty,
            "flops": self.flops,
            "share_of_peak": self.share,
            "first_result_seconds": self.first,
            "memory_bytes": self.memory,
        }


@dataclass(frozen=True, slots=True)
class Report:
    """Results of a bench.

    Attributes:
        network: its name.
        facts: what the figures depend on, by words for people.
        rows: in the order of the plan.
        peaks: FLOP/s that the machine reached, by dtype.
        remarks: what may falsify the figures, a sentence each.
        others: what other processes took of the processor's time in the rounds, from 0 to 1; None
            where that is unknown.
        missing: the command that installs an engine, by the engine's name.
        interrupted: whether it was ended before its end.
    """

    network: str
    facts: Mapping[str, str]
    rows: Sequence[Row]
    peaks: Mapping[str, float] = field(default_factory=dict)
    remarks: Sequence[str] = ()
    others: float | None = None
    missing: Mapping[str, str] = field(default_factory=dict)
    interrupted: bool = False

    @property
    def wrong(self) -> bool:
        """True where an engine gave wrong outputs or failed; a refusal is neither."""
        return any(row.status in (Status.WRONG, Status.FAILED) for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "network": self.network,
            "facts": dict(self.facts),
            "peak_flops_per_second": dict(self.peaks),
            "remarks": list(self.remarks),
            "other_processes_share": self.others,
            "not_installed": dict(self.missing),
            "interrupted": self.interrupted,
            "rows": [row.as_dict() for row in self.rows],
        }
