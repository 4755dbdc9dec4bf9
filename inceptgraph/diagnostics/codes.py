"""Explanations of the codes of findings: one page of Markdown each, in ``explanations/``.

A page begins ``# IG201: unknown operation``, says in its first paragraph what the code means, shows
a spec that is wrong and the same spec mended, and ends with the reason for the rule. The tests
compile the specs.
"""

from __future__ import annotations

from functools import cache

from inceptgraph.diagnostics._findings import Code

__all__ = ["every_code", "explain", "find", "name", "summary", "title"]


def every_code() -> tuple[Code, ...]:
    """All codes, in the order of their numbers."""
    return tuple(sorted(Code))


def name(code: Code) -> str:
    """The name that goes with a code in the formats for programs.

    >>> name(Code.UNKNOWN_OPERATION)
    'unknown-operation'
    """
    return code.name.lower().replace("_", "-")


def find(word: str) -> Code | None:
    """The code that a person means by its number or its name, in any case.

    >>> find("ig201") is find("201") is find("Unknown-Operation") is Code.UNKNOWN_OPERATION
    True
    """
    wanted = word.strip().lower().replace("_", "-")
    wanted = f"ig{wanted}" if wanted.isdigit() else wanted
    return next((c for c in Code if wanted in (c.lower(), name(c))), None)


def title(code: Code) -> str:
    """A code in a few words."""
    heading = explain(code).partition("\n")[0]
    return heading.removeprefix(f"# {code}: ")


def summary(code: Code) -> str:
    """The paragraph that says what a code means, on one line."""
    return " ".join(explain(code).split("\n\n")[1].split())


@cache
def explain(code: Code) -> str:
    """The page of a code, in Markdown.

    >>> explain(Code.UNKNOWN_OPERATION).splitlines()[0]
    '# IG201: unknown operation'
    """
    from importlib.resources import files  # only who asks for a page pays for this import

    page = files("inceptgraph.diagnostics").joinpath("explanations", f"{code}.md")
    return page.read_text(encoding="utf-8")
