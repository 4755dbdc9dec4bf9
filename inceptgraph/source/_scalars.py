"""Plain scalars under the YAML 1.2 core schema."""

from __future__ import annotations

import re

from inceptgraph.diagnostics import Code, Findings
from inceptgraph.source._tree import Entry, Node, Scalar

__all__ = ["resolve", "split_joined"]

_JOINED = re.compile(r"([A-Za-z0-9_.-]+):(\xa0*)(\S.*)")
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]{1,4000}")
_BASED = re.compile(r"0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,3000}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


def resolve(text: str) -> str | int | float | bool | None:
    """The value of a plain scalar.

    >>> resolve("no"), resolve("010"), resolve("0o10"), resolve("1e-5"), resolve("~")
    ('no', 10, 8, 1e-05, None)
    """
    if text in _NULL:
        return None
    first = text[0]
    if first in "tTfF":
        return True if text in _TRUE else False if text in _FALSE else text
    if first in "0123456789+-.":
        if _INT.fullmatch(text):
            return int(text)
        if _BASED.fullmatch(text):
            return int(text[2:], 8 if text[1] == "o" else 16)
        if _FLOAT.fullmatch(text):
            return float(text)
        if _SPECIAL.fullmatch(text):
            return float(text.replace(".", ""))
    return text


def split_joined(key: Scalar, value: Node, findings: Findings) -> Entry | None:
    """``{op:conv2d}`` is one word to YAML: report what is meant, and read that."""
    if not (isinstance(value, Scalar) and value.text == "" and value.span is key.span):
        return None
    match = _JOINED.fullmatch(key.text)
    if match is None or key.span.end_column - key.span.column != len(key.text):
        return None
    name, space, text = match.groups()
    colon, start = len(name), len(name) + 1 + len(space)
    message, hint = "a space is missing after this `:`", f"write `{name}: {text}`"
    if space:
        message = "the space after this `:` is a no-break space (U+00A0)"
        hint = "replace it by a plain space"
    findings.add(Code.YAML_SYNTAX, message, key.part(colon, start), help=hint)
    return Entry(
        Scalar(resolve(name), name, key.part(0, colon)),
        Scalar(resolve(text), text, key.part(start, start + len(text))),
    )
