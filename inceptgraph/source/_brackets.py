"""Texts whose brackets are the trouble: never closed, closed by another, without a comma."""

from __future__ import annotations

import re

from inceptgraph.diagnostics import Label
from inceptgraph.source._parser_error import WORD, Found, Trouble, indent, quoted

__all__ = ["in_brackets", "missing_value"]

_CLOSERS = {"[": "]", "{": "}"}


def in_brackets(t: Trouble) -> Found | None:
    """Inside brackets, something other than a comma or the end."""
    if t.begun is None or t.opener not in _CLOSERS:
        return None
    closer = _CLOSERS[t.opener]
    below = t.line > t.begun[0] and indent(t.text) <= indent(t.lines[t.begun[0]])
    if (t.at_end or below) and t.char not in ("]", "}"):
        hint = f"add a `{closer}` where it ends"
        return Found(f"this `{t.opener}` is never closed", t.start(), hint)
    if t.char in ("]", "}"):
        label = Label(t.start(), f"this is closed by `{closer}`")
        message = f"`{t.char}` does not close a `{t.opener}`"
        return Found(message, t.span(), f"write `{closer}` before it", more=(label,))
    if t.char == ":":
        return _colon_in_flow(t)
    if t.text[t.column - 1 : t.column + 1] == "${":
        return Found("a parameter has no braces", t.span(), "write `$name`, not `${name}`")
    word = re.match(WORD, t.text[t.column :])
    width = len(word[0]) if word else 1
    shown = t.text[t.column : t.column + width]
    return Found(f"a `,` is missing before `{shown}`", t.span(width=width))


def _colon_in_flow(t: Trouble) -> Found | None:
    before = t.text[max(t.column - 200, 0) : t.column]
    skipped = t.column - len(before)
    match = re.search(rf"(:\s+)?({WORD})\s*$", before)
    if match is None:
        return None
    if match[1]:  # `{name: Google: net}`
        value = re.split(r"[,\]}]", t.text[skipped + match.start(2) :], maxsplit=1)[0].rstrip()
        hint = f"put quotes round the value: {quoted(value)}"
        return Found("a value cannot hold `: `, which marks a key", t.span(), hint)
    word = match[2]
    return Found(f"a `,` is missing before `{word}`", t.span(skipped + match.start(2), len(word)))


def _unclosed_bracket(lines: list[str]) -> tuple[int, int] | None:
    """The innermost bracket that is still open, texts in quotes and comments aside."""
    opened: list[tuple[int, int]] = []
    for line, text in enumerate(lines):
        for match in re.finditer(r""""(?:\\.|[^"\\])*"|'[^']*'|(?:^|\s)#.*|[\[\]{}]""", text):
            if match[0] in _CLOSERS:
                opened.append((line, match.start()))
            elif match[0] in ("]", "}") and opened:
                opened.pop()
    return opened[-1] if opened else None


def missing_value(t: Trouble) -> Found | None:
    if t.char and t.char in ",]}:":
        return Found(f"a value is missing before this `{t.char}`", t.span())
    opened = _unclosed_bracket(t.lines[: t.line + 1]) if t.at_end else None
    if opened is not None:
        line, column = opened
        sign = t.lines[line][column]
        hint = f"add a `{_CLOSERS[sign]}` where it ends"
        return Found(f"this `{sign}` is never closed", t.span(column, 1, line), hint)
    return Found("a value is missing here", t.span())
