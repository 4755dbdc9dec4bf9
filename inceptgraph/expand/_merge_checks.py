"""Checks of an operation that joins."""

from __future__ import annotations

from inceptgraph import ops
from inceptgraph.diagnostics import Code, Findings, Severity, Span
from inceptgraph.ops import Operation
from inceptgraph.source import Scalar
from inceptgraph.spec import Block, listed
from inceptgraph.types import Family

__all__ = ["report_no_merge", "warn_of_one_input"]


def report_no_merge(name: Scalar, kind: type[Operation] | Block, findings: Findings) -> None:
    """Report a ``merge:`` that names something else than an operation that joins."""
    merges = [word for word, op in ops.BUILT_IN.items() if op.family is Family.MERGE]
    message = f"`{name.text}` does not join branches"
    hint = f"{listed(merges)} do"
    if isinstance(kind, Block):
        message = f"`merge` names an operation, but `{name.text}` is a block"
        hint += "; a block that joins is a step with `from:`"
    findings.add(Code.NOT_A_MERGE, message, name.span, help=hint)


def warn_of_one_input(kind: type[Operation], span: Span, hint: str, findings: Findings) -> None:
    """Warn of a join that has nothing to join: most often a forgotten ``from:``."""
    if kind.arity[0] > 1:
        return  # one input is an error, which is told by itself
    message = f"`{kind.op}` joins one input only, so it changes nothing"
    findings.add(Code.WRONG_ARITY, message, span, help=hint, severity=Severity.WARNING)
