"""A comparison as Markdown, for a pull request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import escape

from inceptgraph.compare._changes import Kind
from inceptgraph.compare._comparison import Comparison
from inceptgraph.compare._narrate import Teller, run, size, totals
from inceptgraph.report import change, exact, one_line

__all__ = ["to_markdown"]

_WORDS = {
    Kind.ADDED: "added",
    Kind.REMOVED: "removed",
    Kind.CHANGED: "changed",
    Kind.RENAMED: "renamed",
}


def to_markdown(found: Comparison, *, everything: bool = False) -> str:
    """Markdown of a comparison for a pull request, without a newline at the end.

    Args:
        found: the comparison.
        everything: unfold the stages whose size follows.

    >>> import inceptgraph
    >>> print(to_markdown(inceptgraph.diff("googlenet", "googlenet_no_heads")).splitlines()[0])
    ### `GoogLeNet` → `GoogLeNet-NoHeads`
    """
    return "\n".join(_lines(found, everything))


def _lines(found: Comparison, everything: bool) -> Iterator[str]:
    teller = Teller(found, code=_code)
    yield f"### {' → '.join(map(_code, dict.fromkeys(found.name)))}"
    yield ""
    if found.equal:
        yield "No differences."
        yield ""
    for title, facts in teller.facts():
        if facts:
            yield f"- {title}: {', '.join(facts)}"
    for told in teller.edits():
        names = run([_code(name) for name in told.names])
        first, *rest = told.lines
        about = f": {first}" if first else ""
        yield f"- {_WORDS[told.kind]} {told.what}{' ' if told.what else ''}{names}{about}"
        yield from (f"  - {line}" for line in rest)
    if follows := teller.follows():
        summary = Teller(found, code=escape).summary()  # Markdown is not read inside HTML
        yield from ("", f"<details{' open' if everything else ''}><summary>{summary}</summary>", "")
        yield from (f"- {_code(stage.name)}: {size([stage])}" for stage in follows)
        yield from ("", "</details>")
    yield ""
    yield "| | before | after | difference |"
    yield "| --- | ---: | ---: | ---: |"
    for title, before, after in totals(found):
        told_change = change(before, after) if before != after else "none"
        yield f"| {title} | {exact(before)} | {exact(after)} | {told_change} |"


def _code(text: str) -> str:
    """Text as it stands, whatever Markdown would make of it.

    >>> _code("a|b"), _code("a`b")
    ('`a|b`', '`` a`b ``')
    """
    text = one_line(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    if not longest:
        return f"`{text or ' '}`"
    fence = "`" * (longest + 1)
    return f"{fence} {text} {fence}"
