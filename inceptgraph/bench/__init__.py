"""Engines and peers side by side: the same inputs, outputs compared, rounds interleaved.

:func:`~inceptgraph.bench.run_plan` does all of it, :func:`~inceptgraph.bench.bench` what is left
once weights are drawn. What touches tensors is a backend's: see
:class:`~inceptgraph.bench.BenchLab`.
"""

from inceptgraph.bench._lab import BenchBackend, BenchLab, find_bench_lab
from inceptgraph.bench._peers import find_peer
from inceptgraph.bench._plan import Job, Kind, Plan
from inceptgraph.bench._plot import draw
from inceptgraph.bench._probe import probe
from inceptgraph.bench._resident import watch as watch_resident_memory
from inceptgraph.bench._results import Report, Row, Status
from inceptgraph.bench._run import bench
from inceptgraph.bench._run_plan import run_plan
from inceptgraph.bench._warnings import doubts

__all__ = [
    "BenchBackend",
    "BenchLab",
    "Job",
    "Kind",
    "Plan",
    "Report",
    "Row",
    "Status",
    "bench",
    "doubts",
    "draw",
    "find_bench_lab",
    "find_peer",
    "probe",
    "run_plan",
    "watch_resident_memory",
]
