"""Measurements of a network's run: outputs compared first, then interleaved rounds.

A :class:`Reference` holds outputs to those of the plain module, :func:`rounds` times what passes.
"""

from inceptgraph.measure._agreement import (
    Verdict,
    bound,
    error_of,
    judge,
    relative_error,
    same_form,
)
from inceptgraph.measure._failure import in_a_line
from inceptgraph.measure._lab import Lab, MeasuringBackend, Outputs, Subject, find_lab
from inceptgraph.measure._reference import NoReference, Reference
from inceptgraph.measure._rounds import Budget, rounds
from inceptgraph.measure._spread import ENOUGH, Spread

__all__ = [
    "ENOUGH",
    "Budget",
    "Lab",
    "MeasuringBackend",
    "NoReference",
    "Outputs",
    "Reference",
    "Spread",
    "Subject",
    "Verdict",
    "bound",
    "error_of",
    "find_lab",
    "in_a_line",
    "judge",
    "relative_error",
    "rounds",
    "same_form",
]
