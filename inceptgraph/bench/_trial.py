"""A job on its way from a plan to a row."""

from __future__ import annotations

from dataclasses import dataclass, field

from inceptgraph.analysis import total
from inceptgraph.bench._plan import Job, Kind
from inceptgraph.bench._probe import Probe
from inceptgraph.bench._results import Row, Status
from inceptgraph.graph import Graph
from inceptgraph.measure import Spread, Subject

__all__ = ["STEP", "Trial", "flops"]

STEP = 3
"""Forward passes that a training step is counted as: one forward, one for the gradients of the
activations, one for those of the weights."""


@dataclass
class Trial:
    """A job on its way.

    Attributes:
        job: what is measured.
        status: what became of it so far.
        reason: see :class:`~inceptgraph.bench.Row`, as of the next two.
        error: of its outputs.
        bound: of its error.
        probe: what a process of its own measured.
        subject: what is timed; None before it is ready, and after it was given up.
        samples: seconds of one call in each round.
    """

    job: Job
    status: Status = Status.UNFINISHED
    reason: str | None = None
    error: float | None = None
    bound: float | None = None
    probe: Probe | None = None
    subject: Subject | None = None
    samples: list[float] = field(default_factory=list)

    def give_up(self, status: Status, reason: str) -> None:
        """Measure it no further."""
        self.status, self.reason, self.subject = status, reason, None
        self.samples.clear()

    def row(self, base: Trial, work: int, peak: float | None, auto: str | None) -> Row:
        """The results.

        Args:
            base: the plain module in float32, which was timed in the same rounds.
            work: floating-point operations of one call.
            peak: FLOP/s that the machine reaches; None where that is unknown.
            auto: the engine that would be picked; None where there is none.
        """
        seconds = Spread.of(self.samples) if self.samples else None
        # What failed has no samples; all others have one of each round
        pairs = zip(base.samples, self.samples, strict=False)
        ratios = [theirs / ours for theirs, ours in pairs]
        return Row(
            job=self.job,
            status=self.status,
            reason=self.reason,
            auto=self.job.kind is Kind.ENGINE and self.job.name == auto,
            error=self.error,
            bound=self.bound,
            seconds=seconds,
            speedup=Spread.of(ratios) if ratios else None,
            flops=work,
            share=work / seconds.median / peak if seconds and peak else None,
            first=self.probe.first if self.probe else None,
            memory=self.probe.memory if self.probe else None,
        )


def flops(graph: Graph, batch: int, train: bool) -> int:
    """Floating-point operations of one call: 2 for each multiply-add of the network as its spec
    has it; in training with its heads, and :data:`STEP` times over."""
    macs = total(graph if train else graph.phase("eval")).macs
    return 2 * macs * batch * (STEP if train else 1)
