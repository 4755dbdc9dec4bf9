"""Findings about a spec: what is wrong, where it is written, what to do about it.

This module holds the data alone. :mod:`inceptgraph.report` prints it and
:mod:`inceptgraph.diagnostics.codes` explains each code at length.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import ClassVar, NamedTuple

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
]


class Code(StrEnum):
    """Stable names of findings. A code never changes its meaning and is never reused."""

    # The file itself
    FILE_NOT_FOUND = "IG001"
    NOT_A_FILE = "IG002"
    NOT_TEXT = "IG003"
    EMPTY_FILE = "IG004"
    YAML_SYNTAX = "IG005"
    TAB = "IG006"
    DUPLICATE_KEY = "IG007"
    TOO_DEEP = "IG008"
    TOO_LARGE = "IG009"
    UNSUPPORTED_YAML = "IG010"
    ALIAS = "IG011"
    # The structure of a spec
    UNKNOWN_KEY = "IG101"
    MISSING_KEY = "IG102"
    WRONG_TYPE = "IG103"
    BAD_NAME = "IG104"
    NAME_CLASH = "IG105"
    EMPTY_BODY = "IG106"
    CONFLICTING_KEYS = "IG107"
    EXTENDS_ITSELF = "IG108"
    BAD_EDIT = "IG109"
    # Operations, blocks and their arguments
    UNKNOWN_OPERATION = "IG201"
    UNKNOWN_ARGUMENT = "IG202"
    MISSING_ARGUMENT = "IG203"
    BAD_ARGUMENT = "IG204"
    RECURSIVE_BLOCK = "IG205"
    WRONG_ARITY = "IG206"
    NOT_A_MERGE = "IG207"
    CANNOT_SHARE = "IG208"
    # References
    UNKNOWN_REFERENCE = "IG301"
    CYCLE = "IG302"
    FORWARD_REFERENCE = "IG303"
    AMBIGUOUS_INPUT = "IG304"
    # Parameters and arithmetic
    UNKNOWN_PARAMETER = "IG401"
    BAD_EXPRESSION = "IG402"
    DIVISION_BY_ZERO = "IG403"
    FRACTION = "IG404"
    PARAMETER_WITHOUT_VALUE = "IG405"
    BAD_TYPE_NAME = "IG406"
    # Shapes
    SPATIAL_MISMATCH = "IG501"
    CHANNEL_MISMATCH = "IG502"
    KERNEL_TOO_LARGE = "IG503"
    WRONG_RANK = "IG504"
    EMPTY_OUTPUT = "IG505"
    BAD_GROUPS = "IG506"
    # Expectations
    UNMET_EXPECTATION = "IG601"
    # Lints
    UNUSED_BLOCK = "IG701"
    UNUSED_PARAMETER = "IG702"
    UNUSED_STEP = "IG703"
    # Around a spec
    UNKNOWN_SPEC = "IG801"
    BAD_OVERRIDE = "IG802"
    UNSUPPORTED_OPERATION = "IG803"
    UNKNOWN_BACKEND = "IG804"
    RENDERER = "IG805"
    OUTPUT = "IG806"
    BROKEN_PLUGIN = "IG807"
    BAD_OPTION = "IG808"
    UNREADABLE_WEIGHTS = "IG809"
    WEIGHTS_MISMATCH = "IG810"
    BAD_REMAP = "IG811"
    UNKNOWN_ENGINE = "IG812"
    ENGINE_REFUSES = "IG813"
    CLASHING_PLUGINS = "IG814"
    BAD_PASSES = "IG815"
    BAD_DATA = "IG816"
    UNKNOWN_RECIPE = "IG817"
    TRAINING = "IG818"


class Severity(StrEnum):
    """The weight of a finding: an error stops a spec, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, eq=False)
class Source:
    """A text with a name, as the user knows it (a path as typed, ``<stdin>``, ``--set …``)."""

    name: str
    text: str = field(repr=False)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()


class Span(NamedTuple):
    """A range of a source. Lines and columns count from 0; the end is exclusive."""

    source: Source
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line + 1}:{self.column + 1}"

    def first_line(self) -> Span:
        """The part of this span on its first line: what a caret can underline."""
        if self.end_line == self.line:
            return self
        lines = self.source.lines
        width = len(lines[self.line].rstrip()) if self.line < len(lines) else self.column + 1
        return Span(self.source, self.line, self.column, self.line, max(width, self.column + 1))

    def to(self, last: Span) -> Span:
        """All from its beginning to the end of a later one."""
        return Span(self.source, self.line, self.column, last.end_line, last.end_column)

    def part(self, start: int, end: int) -> Span:
        """Characters ``start`` to ``end`` of a span that lies on one line."""
        return Span(self.source, self.line, self.column + start, self.line, self.column + end)


@dataclass(frozen=True, slots=True)
class Label:
    """A place that a finding cites, with what is to be said of it."""

    span: Span
    text: str = ""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding. The first label is where it is; the others are the places it involves."""

    code: Code
    message: str
    labels: tuple[Label, ...] = ()
    notes: tuple[str, ...] = ()
    help: str | None = None
    severity: Severity = Severity.ERROR

    @property
    def span(self) -> Span | None:
        return self.labels[0].span if self.labels else None


class SpecError(Exception):
    """A spec that cannot be compiled.

    Attributes:
        diagnostics: every finding, warnings included, in the order of the text.
    """

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.diagnostics)

    def __str__(self) -> str:
        return "\n".join(
            f"{d.span or 'inceptgraph'}: {d.severity}[{d.code}]: {d.message}"
            + (f" ({d.help})" if d.help else "")
            for d in self.diagnostics
        )


class ShapeError(Exception):
    """Raised by ``Operation.infer`` when an operation cannot take its inputs.

    Args:
        code: the finding's code.
        message: what is wrong, in terms of the operation's own arguments and shapes.
        argument: the argument to point at, where one is to blame.
        axes: for operands that disagree, the axes on which they do.
        operands: which of them disagree, where not all do.
        help: what to do about it.
    """

    def __init__(
        self,
        code: Code,
        message: str,
        *,
        argument: str | None = None,
        axes: tuple[int, ...] = (),
        operands: tuple[int, ...] | None = None,
        help: str | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.argument = argument
        self.axes = axes
        self.operands = operands
        self.help = help


class TooManyFindings(Exception):
    """There are more findings than anyone reads; the run should end with those it has."""


@dataclass
class Findings:
    """Collects what is found in one run; the same fault at the same place counts once."""

    LIMIT: ClassVar[int] = 200

    diagnostics: list[Diagnostic] = field(default_factory=list)
    _seen: set[tuple[Code, Span | None]] = field(default_factory=set)

    def __iter__(self) -> Iterator[Diagnostic]:
        return iter(self.diagnostics)

    def add(
        self,
        code: Code,
        message: str,
        span: Span | None = None,
        label: str = "",
        *more: Label,
        notes: Iterable[str] = (),
        help: str | None = None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Record a finding at ``span``; ``more`` are the other places that it involves.

        Raises:
            TooManyFindings: this is an error past the limit; a warning past it is dropped.
        """
        if (code, span) in self._seen:
            return
        if sum(d.severity is severity for d in self.diagnostics) >= self.LIMIT:
            if severity is Severity.WARNING:
                return
            raise TooManyFindings
        self._seen.add((code, span))
        labels = (Label(span, label), *more) if span else more
        text, hint = _short(message), _short(help) if help else None
        self.diagnostics.append(Diagnostic(code, text, labels, tuple(notes), hint, severity))

    def has(self, code: Code, span: Span | None) -> bool:
        """True where this has been found at this place."""
        return (code, span) in self._seen

    @property
    def errors(self) -> int:
        return sum(d.severity is Severity.ERROR for d in self.diagnostics)

    def ordered(self) -> list[Diagnostic]:
        """Findings in the order of the text."""
        first = ("", -1, -1)
        return sorted(
            self.diagnostics,
            key=lambda d: (d.span.source.name, d.span.line, d.span.column) if d.span else first,
        )


def _short(text: str, most: int = 600) -> str:
    """A text that somebody can read: names in a spec may be of any length."""
    return text if len(text) <= most else text[:most] + "…"
