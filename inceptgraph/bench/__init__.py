"""Engines and peers side by side: the same inputs, outputs compared, rounds interleaved.

:func:`~inceptgraph.bench.run.bench` does it. What touches tensors is a backend's: see
:class:`~inceptgraph.bench.lab.Lab`.
"""

from inceptgraph.bench.lab import BenchBackend, Lab, Subject, find_lab
from inceptgraph.bench.plan import Job, Kind, Plan
from inceptgraph.bench.results import Report, Row, Status
from inceptgraph.bench.run import bench

__all__ = [
    "BenchBackend",
    "Job",
    "Kind",
    "Lab",
    "Plan",
    "Report",
    "Row",
    "Status",
    "Subject",
    "bench",
    "find_lab",
]
