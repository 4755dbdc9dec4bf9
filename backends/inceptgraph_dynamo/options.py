"""Options of ``torch.compile(model, backend="inceptgraph", options={…})``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from numbers import Real
from typing import Any

from inceptgraph import setting
from inceptgraph.arguments import FLAG, FUNCTION, NAME, Kind, check
from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean
from inceptgraph.engine import AUTO
from inceptgraph_dynamo.left_out import Report

__all__ = ["Options", "read_options"]


@dataclass(frozen=True)
class Options:
    """The way to run what is taken.

    Attributes:
        engine: its name, or ``auto``.
        dtype: what engines compute in, one of ``inceptgraph.engine.DTYPES`` (default: the model's
            own type). The results keep the model's.
        autotune: take minutes: engines may try kernels, and ``auto`` times the engines.
        fixed: plan memory for one batch where Dynamo compiles for one alone.
        share: of the operations that engines must be able to run; below it, all is left to
            ``fallback``, which fuses what would else run one by one.
        fallback: the Dynamo backend that gets models of which nothing is taken, and training.
        report: called with the :class:`Report` of every graph that Dynamo hands over.
    """

    engine: str = AUTO
    dtype: str | None = None
    autotune: bool = False
    fixed: bool = False
    share: float = 0.5
    fallback: str = "inductor"
    report: Callable[[Report], None] = lambda report: None


KINDS = {
    "engine": NAME,
    "dtype": replace(setting.KINDS["dtype"], optional=True),
    "autotune": FLAG,
    "fixed": FLAG,
    "share": Kind("a number from 0 to 1", (Real,), but=(bool,)),
    "fallback": NAME,
    "report": FUNCTION,
}
"""What the fields of :class:`Options` take."""


def read_options(given: Mapping[str, Any] | None) -> Options:
    """The options as a user wrote them.

    Raises:
        SpecError: there is none of a name.
        TypeError: one has the wrong type.
    """
    known = [field.name for field in fields(Options)]
    for name in given or {}:
        if name not in known:
            hint = did_you_mean(name, known) or f"there are: {', '.join(known)}"
            message = f"the backend `inceptgraph` has no option `{name}`"
            raise SpecError([Diagnostic(Code.BAD_OPTION, message, help=hint)])
    check(KINDS, given or {})
    return Options(**(given or {}))
