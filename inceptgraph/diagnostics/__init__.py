"""Findings: what is wrong with a text, where, and what to do; their codes and explanations."""

from inceptgraph.diagnostics._findings import (
    Code,
    Diagnostic,
    Findings,
    Label,
    Severity,
    ShapeError,
    Source,
    Span,
    SpecError,
    TooManyFindings,
)
from inceptgraph.diagnostics._spelling import closest, did_you_mean

__all__ = [
    "Code",
    "Diagnostic",
    "Findings",
    "Label",
    "Severity",
    "ShapeError",
    "Source",
    "Span",
    "SpecError",
    "TooManyFindings",
    "closest",
    "did_you_mean",
]
