"""What a ``$name`` in a value may stand for, and the words for values and for what is wrong."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from inceptgraph.diagnostics import Code, Span
from inceptgraph.source import Scalar

__all__ = [
    "FAILED",
    "VALUE_NAME",
    "NoExtent",
    "Unavailable",
    "ValueProblem",
    "describe",
    "lookup",
    "used_values",
]

VALUE_NAME = r"[A-Za-z0-9_]+(?:\.[A-Za-z0-9][A-Za-z0-9_]*)*"
"""What follows a ``$``: a parameter, or an extent of a step, ``conv1.height``. Of a step inside
another there is none: ``a.b.height`` is told as what is no extent of ``a``."""

FAILED: Any = object()
"""In an environment: the value of this parameter could not be computed."""


class ValueProblem(Exception):
    """A value that cannot be evaluated; says where in the text."""

    def __init__(self, code: Code, message: str, span: Span, help: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.span, self.help = code, message, span, help


class Unavailable(Exception):
    """A value depends on one that there is not, which has been reported."""


class NoExtent(Exception):
    """An environment has no such extent; its arguments are a message and a help."""


def lookup(name: str, environment: Mapping[str, Any], node: Scalar) -> Any:
    """The value of a parameter, or an extent of a step, that a value names.

    Raises:
        Unavailable: it has none.
        ValueProblem: there is no such step or extent.
    """
    try:
        value = environment[name]
    except NoExtent as problem:
        message, hint = problem.args
        raise ValueProblem(Code.UNKNOWN_REFERENCE, message, _place(name, node), hint) from None
    except KeyError:
        if "." not in name:
            raise Unavailable from None
        message = f"`${name}` has no value here, where nothing comes in"
        hint = "an extent is known in stages and heads, in blocks and in the defaults of theirs"
        raise ValueProblem(Code.UNKNOWN_REFERENCE, message, _place(name, node), hint) from None
    if value is FAILED:
        raise Unavailable
    return value


def _place(name: str, node: Scalar) -> Span:
    start = node.text.find(f"${name}")
    return node.part(start, start + len(name) + 1)


def used_values(text: str, environment: Mapping[str, Any]) -> str:
    """The values of the parameters in an expression, in words.

    >>> used_values("$out * $width", {"out": 18, "width": 0.75})
    '`$out` is 18 and `$width` is 0.75'
    """
    names = dict.fromkeys(re.findall(rf"\$({VALUE_NAME})", text))
    known = {n: environment[n] for n in names if environment.get(n, FAILED) is not FAILED}
    parts = [f"`${name}` is {describe(value, quote=False)}" for name, value in known.items()]
    return " and ".join(filter(None, [", ".join(parts[:-1]), *parts[-1:]]))


def describe(value: Any, *, quote: bool = True) -> str:
    """A value as a message names it.

    >>> describe("many"), describe([1, 2]), describe(None), describe(3)
    ('the word `many`', 'the list [1, 2]', 'empty', '`3`')
    """
    if value is None:
        return "empty"
    if isinstance(value, list):
        text = ", ".join(describe(item, quote=False).removeprefix("the list ") for item in value)
        return f"the list [{text if len(text) < 40 else text[:40] + '…'}]"
    if isinstance(value, dict):
        return "a mapping"
    text = str(value).lower() if isinstance(value, bool) else str(value)
    text = text if len(text) < 60 else text[:60] + "…"
    if isinstance(value, str):
        kind = "the word" if re.fullmatch(r"[A-Za-z_][\w-]*", value) else "the text"
        return f"{kind} `{text}`" if quote else text
    return f"`{text}`" if quote else text
