"""Signs that another bench may find other figures."""

from __future__ import annotations

from collections.abc import Iterator

from inceptgraph.bench._results import Report
from inceptgraph.measure import ENOUGH

__all__ = ["BUSY", "ROUGH", "doubts"]

BUSY = 0.05
"""Share of the processor that others may take before it is said. A quiet machine has about 1 %."""

ROUGH = 0.05
"""Uncertainty of a figure from which on it is said: engines are often no further apart."""


def doubts(report: Report) -> Iterator[str]:
    """A sentence for each reason to doubt the figures of a report."""
    if report.others is not None and report.others > BUSY:
        share = f"other processes took {report.others:.0%} of the processor while it was timed"
        yield f"{share}: measure again when the machine is quiet"
    timed = [row for row in report.rows if row.seconds]
    if any(row.uncertainty is None for row in timed):
        yield f"fewer than {ENOUGH} rounds do not tell how certain the figures are"
    rough = [f"{row.job} ±{row.uncertainty:.0%}" for row in timed if (row.uncertainty or 0) > ROUGH]
    if rough:
        yield f"uncertain: {'; '.join(rough)}: measure again, or longer with --seconds"
