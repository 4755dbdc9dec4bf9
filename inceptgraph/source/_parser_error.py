"""Errors of the YAML parser, with the lines around them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

import yaml

from inceptgraph.diagnostics import Code, Label, Source, Span

__all__ = ["WORD", "Found", "Trouble", "content", "indent", "quoted", "spaces"]

WORD = r"[^\s,\[\]{}:#]+"
"""A plain word: what may stand between the signs of YAML."""


@dataclass(frozen=True)
class Found:
    message: str
    span: Span
    help: str | None = None
    label: str = ""
    more: tuple[Label, ...] = ()
    code: Code = Code.YAML_SYNTAX


@dataclass(frozen=True)
class Trouble:
    """The parser's words, the place it stopped at, and where the construct began."""

    source: Source
    problem: str
    context: str
    line: int
    column: int
    begun: tuple[int, int] | None

    @classmethod
    def of(cls, error: yaml.YAMLError, source: Source) -> Trouble:
        mark = getattr(error, "problem_mark", None)
        start = getattr(error, "context_mark", None)
        problem = str(getattr(error, "problem", None) or error)
        context = str(getattr(error, "context", None) or "")
        lines = source.lines
        line, column = (mark.line, mark.column) if mark else (0, 0)
        while lines and (line >= len(lines) or (line and not lines[line].strip())):
            line = min(line, len(lines)) - 1  # the end of the text is after its last word
            column = len(lines[line].rstrip())
        column = min(column, len(lines[line])) if lines else 0
        begun = (start.line, start.column) if start and start.line < len(lines) else None
        return cls(source, problem, context, line, column, begun)

    @cached_property
    def lines(self) -> list[str]:
        return self.source.lines

    @property
    def text(self) -> str:
        return self.lines[self.line] if self.lines else ""

    @property
    def char(self) -> str:
        return self.text[self.column : self.column + 1]

    @property
    def opener(self) -> str:
        if self.begun is None:
            return ""
        return self.lines[self.begun[0]][self.begun[1] : self.begun[1] + 1]

    @property
    def at_end(self) -> bool:
        """Nothing but blank lines and comments follows the place."""
        rest = [self.text[self.column :], *self.lines[self.line + 1 :]]
        return all(not line.strip() or line.lstrip().startswith("#") for line in rest)

    def span(self, column: int | None = None, width: int = 1, line: int | None = None) -> Span:
        line = self.line if line is None else line
        column = self.column if column is None else column
        room = len(self.lines[line]) - column if self.lines else 0
        return Span(self.source, line, column, line, column + min(width, room))

    def start(self, width: int = 1) -> Span:
        line, column = self.begun or (self.line, self.column)
        return self.span(column, width, line)

    def line_above(self) -> int | None:
        """The nearest line above that holds more than a comment."""
        for line in range(self.line - 1, -1, -1):
            if self.lines[line].strip() and not self.lines[line].lstrip().startswith("#"):
                return line
        return None


def indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def content(line: str) -> str:
    """A line without a comment at its end."""
    return re.split(r"\s#", line, maxsplit=1)[0].rstrip()


def spaces(count: int) -> str:
    return f"{count} space{'s' * (count != 1)}" if count else "nothing"


def quoted(text: str) -> str:
    mark = "'" if '"' in text or "\\" in text else '"'
    return f"{mark}{text}{mark}"
