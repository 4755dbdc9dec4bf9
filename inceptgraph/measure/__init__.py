"""Measurements of a network's run: outputs compared first, then interleaved rounds."""

from inceptgraph.measure._agreement import bound, error_of, judge, relative_error, same_form
from inceptgraph.measure._lab import BenchBackend, Lab, Outputs, Subject, find_lab
from inceptgraph.measure._rounds import Budget, rounds
from inceptgraph.measure._spread import ENOUGH, Spread

__all__ = [
    "ENOUGH",
    "BenchBackend",
    "Budget",
    "Lab",
    "Outputs",
    "Spread",
    "Subject",
    "bound",
    "error_of",
    "find_lab",
    "judge",
    "relative_error",
    "rounds",
    "same_form",
]
