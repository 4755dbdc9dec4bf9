"""One operation from plain values, for those who read other programs' files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from inceptgraph import ops
from inceptgraph.diagnostics import Code, Diagnostic, Label, Span, SpecError, did_you_mean
from inceptgraph.expand._refusals import Refusal, refusal
from inceptgraph.ops import Input, Operation
from inceptgraph.spec import listed

__all__ = ["operation"]


def operation(word: str, arguments: Mapping[str, Any], place: Span | None = None) -> Operation:
    """The operation of a word, with arguments that another program wrote.

    Args:
        word: as specs write it; ``input``, with a ``shape``, is one, too.
        arguments: by their names in specs: numbers, words, and lists of them.
        place: where all of this is written.

    Raises:
        SpecError: there is no such operation, or it does not take these arguments; a finding for
            each that is wrong, at the place.

    >>> operation("conv2d", {"out": 8, "kernel": [3, 3]}).label()
    '3×3 conv, 8'
    """
    labels = (Label(place),) if place else ()
    kind = Input if word == Input.op else ops.find(word)
    if kind is None:
        message = f"there is no operation `{word}`"
        hint = ops.hint(word) or "`inceptgraph list operations` shows them all"
        raise SpecError([Diagnostic(Code.UNKNOWN_OPERATION, message, labels, help=hint)])
    try:
        return kind(**arguments)
    except ValidationError as error:
        refused = [_refused(kind, problem) for problem in error.errors(include_url=False)]
        raise SpecError(
            Diagnostic(each.code, each.reason, labels, help=each.help) for each in refused
        ) from error


def _refused(kind: type[Operation], problem: Mapping[str, Any]) -> Refusal:
    """What is wrong, in whole."""
    name = str(problem["loc"][0]) if problem["loc"] else ""
    if problem["loc"] and name not in kind.model_fields:
        known = kind.model_fields
        takes = f"its arguments are {listed(known)}" if known else "it takes no arguments"
        message = f"`{kind.op}` has no argument `{name}`"
        return Refusal(Code.UNKNOWN_ARGUMENT, message, did_you_mean(name, known) or takes)
    if problem["type"] == "missing":
        return Refusal(Code.MISSING_ARGUMENT, f"`{kind.op}` needs `{name}`")
    found = refusal(problem, problem["input"], ())
    what = f"`{name}` of `{kind.op}`" if name else f"`{kind.op}`"
    hint = None if found.code is Code.FRACTION else found.help  # only a spec can round it
    return Refusal(found.code, f"{what} {found.reason}", hint)
