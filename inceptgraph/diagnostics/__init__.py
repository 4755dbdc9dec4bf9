"""Findings: what is wrong with a text, where, and what to do; their codes and explanations."""

from inceptgraph.diagnostics._findings import (
    Code,
    Diagnostic,
    Label,
    Severity,
    ShapeError,
    Source,
    Span,
    SpecError,
)
from inceptgraph.diagnostics._findings import Findings as Findings
from inceptgraph.diagnostics._findings import TooManyFindings as TooManyFindings
from inceptgraph.diagnostics._spelling import closest as closest
from inceptgraph.diagnostics._spelling import did_you_mean

__all__ = [
    "Code",
    "Diagnostic",
    "Label",
    "Severity",
    "ShapeError",
    "Source",
    "Span",
    "SpecError",
    "did_you_mean",
]
