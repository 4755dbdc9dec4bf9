"""Engines and peers side by side: the same inputs, outputs compared, rounds interleaved.

:func:`~inceptgraph.bench.bench` does it. What touches tensors is a backend's: see
:class:`~inceptgraph.measure.Lab`.
"""

from inceptgraph.bench._peers import find_peer
from inceptgraph.bench._plan import Job, Kind, Plan
from inceptgraph.bench._plot import draw
from inceptgraph.bench._probe import probe
from inceptgraph.bench._resident import watch as watch_memory
from inceptgraph.bench._results import Report, Row, Status
from inceptgraph.bench._run import bench
from inceptgraph.bench._warnings import doubts
from inceptgraph.measure import BenchBackend, Lab, Subject, find_lab

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
    "doubts",
    "draw",
    "find_lab",
    "find_peer",
    "probe",
    "watch_memory",
]
