"""Findings with the lines they are about, as rustc and ruff show them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby

from inceptgraph.diagnostics import Diagnostic, Label, Severity, Source
from inceptgraph.report._snippet import Mark, Piece, excerpts, mark
from inceptgraph.report._text import Paint, Style, painter, place, visible

__all__ = ["render"]

_WIDTH = 120


def render(diagnostics: Sequence[Diagnostic], color: bool) -> str:
    """Findings one after the other, a blank line between them."""

    @cache  # a source is split once, however many findings it has
    def lines_of(source: Source) -> list[str]:
        return source.lines

    paint = painter(color)
    return "\n\n".join("\n".join(_Writer(d, paint, lines_of).write()) for d in diagnostics)


class _Writer:
    """Writes one finding: its gutter is as wide as its largest line number."""

    def __init__(
        self, diagnostic: Diagnostic, paint: Paint, lines_of: Callable[[Source], list[str]]
    ) -> None:
        self.diagnostic = diagnostic
        self.paint = paint
        self.lines_of = lines_of
        last = max((label.span.line for label in diagnostic.labels), default=0)
        self.gutter = len(str(max(last, 0) + 1))
        is_error = diagnostic.severity is Severity.ERROR
        self.style = Style.ERROR if is_error else Style.WARNING

    def write(self) -> Iterator[str]:
        d = self.diagnostic
        head = self.paint(f"{d.severity}[{d.code}]", self.style)
        first, *rest = d.message.splitlines() or [""]
        yield head + self.paint(f": {visible(first)}", Style.STRONG)
        yield from (f"  {visible(line)}" for line in rest)
        sections: dict[Source, list[Label]] = {}
        for label in d.labels:
            sections.setdefault(label.span.source, []).append(label)
        for index, (source, labels) in enumerate(sections.items()):
            if index:
                yield self.frame(" |")
            yield f"{self.frame(':::' if index else '-->')} {place(labels[0].span)}"
            if source.text:
                yield self.frame(" |")
                yield from self.section(self.lines_of(source), labels)
        remarks = [("note", note) for note in d.notes] + ([("help", d.help)] if d.help else [])
        if remarks and any(source.text for source in sections):
            yield self.frame(" |")
        for word, text in remarks:
            yield from self.remark(word, text)

    def section(self, lines: Sequence[str], labels: Sequence[Label]) -> Iterator[str]:
        """The lines of one source that have labels, in order; dots stand for what lies between."""
        primary = self.diagnostic.labels[0]
        marks = [mark(label, lines, primary=label is primary) for label in labels]
        marks.sort(key=lambda m: m.line)
        previous = marks[0].line
        for line, group in groupby(marks, key=lambda m: m.line):
            if line - previous > 2:
                yield self.paint("...", Style.FRAME)
            elif line - previous == 2:  # the line between takes no more room than dots
                yield from self.line(lines, previous + 1, [])
            yield from self.line(lines, line, list(group))
            previous = line

    def line(self, lines: Sequence[str], line: int, marks: Sequence[Mark]) -> Iterator[str]:
        """A source line with its number and what is drawn under it."""
        text = lines[line] if line < len(lines) else ""
        number = self.paint(f"{line + 1:>{self.gutter}} |", Style.FRAME)
        for excerpt in excerpts(text, marks, _WIDTH - self.gutter - len(" | ")):
            yield f"{number} {excerpt.text}".rstrip()
            for row in excerpt.rows:
                yield f"{self.frame(' |')} {self.row(row)}"

    def row(self, pieces: Sequence[Piece]) -> str:
        text, column = "", 0
        for piece in pieces:
            style = self.style if piece.primary else Style.FRAME
            text += " " * (piece.column - column) + self.paint(piece.text, style)
            column = piece.column + len(piece.text)
        return text

    def remark(self, word: str, text: str) -> Iterator[str]:
        """A note or a help; its further lines are aligned with the first."""
        first, *rest = text.splitlines() or [""]
        yield f"{self.frame(' =')} {self.paint(f'{word}:', Style.STRONG)} {visible(first)}"
        indent = " " * (self.gutter + len(f" = {word}: "))
        yield from (indent + visible(line) for line in rest)

    def frame(self, sign: str) -> str:
        return self.paint(f"{' ' * self.gutter}{sign}", Style.FRAME)
