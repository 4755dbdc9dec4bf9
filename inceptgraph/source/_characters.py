"""Characters that no YAML file may hold."""

from __future__ import annotations

import re

from inceptgraph.diagnostics import Code, Findings, Source, Span

__all__ = ["refuse_characters"]

_REFUSED = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufeff\ufffe\uffff]")


def refuse_characters(source: Source, findings: Findings) -> bool:
    """Report the first character that no YAML file may hold; says whether there is one."""
    match = _REFUSED.search(source.text)
    if match is None:
        return False
    before = source.text[: match.start()].splitlines(keepends=True)
    ended = not before or before[-1] != before[-1].splitlines()[0]
    line = len(before) - (0 if ended else 1)
    column = 0 if ended else len(before[-1])
    here = source.lines[line] if line < len(source.lines) else ""
    findings.add(
        Code.YAML_SYNTAX,
        f"the character U+{ord(match[0]):04X} cannot stand in a YAML file",
        Span(source, line, column, line, min(column + 1, len(here))),
        help="it is invisible in most editors: delete it, or write it as an escape in quotes",
    )
    return True
