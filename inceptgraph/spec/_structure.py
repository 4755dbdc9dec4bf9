"""Checks of every part of a spec: its keys, its kind and its name."""

from __future__ import annotations

import re
from collections.abc import Iterable

from inceptgraph.diagnostics import Code, Findings, Span, closest, did_you_mean
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence

__all__ = [
    "NAME",
    "PARAMETER_NAME",
    "RESERVED",
    "check_name",
    "entries_of",
    "kind_of",
    "listed",
    "need_text",
    "read_keys",
    "read_mapping",
    "rename",
]

RESERVED = ("op", "from", "repeat", "share", "when", "steps", "branches", "merge")
NAME = r"[A-Za-z0-9_][A-Za-z0-9_-]*"
PARAMETER_NAME = r"[A-Za-z0-9_]+"


def listed(words: Iterable[str], last: str = "and") -> str:
    """Words in backticks, as a sentence lists them.

    >>> listed(["a", "b", "c"])
    '`a`, `b` and `c`'
    """
    quoted = [f"`{word}`" for word in words]
    return f" {last} ".join(filter(None, [", ".join(quoted[:-1]), *quoted[-1:]]))


def kind_of(node: Node) -> str:
    """The kind of a value, as a message names it."""
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, Mapping):
        return "a mapping"
    if node.text == "":
        return "empty"
    kinds = {str: "the word", bool: "", int: "the number", float: "the number"}
    text = node.text if len(node.text) <= 40 else node.text[:40] + "…"
    return f"{kinds.get(type(node.value), '')} `{text}`".strip()


def read_keys(
    mapping: Mapping,
    known: Iterable[str],
    what: str,
    findings: Findings,
    required: Iterable[str] = (),
    *,
    at: Span | None = None,
    help: str | None = None,
) -> dict[str, Entry]:
    """The entries of a mapping that has a fixed set of keys.

    Reports keys that it should not have, and those that it lacks. A misspelt key is read as the
    one it is a slip for, so that one slip is one finding.

    Args:
        mapping: as written.
        known: the keys that it may have.
        what: how messages name it.
        findings: receives what is wrong.
        required: the keys that it must have.
        at: where to report what is missing; else at its first key.
        help: how to mend what is missing.
    """
    known = tuple(known)
    items = dict(mapping.items)
    for name in [name for name in items if name not in known]:
        key = items[name].key
        free = [k for k in known if k not in items]
        close = closest(name, free)
        hint = did_you_mean(name, free) or f"its keys are {listed(known)}"
        findings.add(Code.UNKNOWN_KEY, f"{what} has no key `{name}`", key.span, help=hint)
        if close:
            rename(items, name, close[0])
        else:
            del items[name]
    missing = [name for name in required if name not in items]
    if missing:
        first = next(iter(mapping.items.values()), None)
        span = at or (first.key.span if first else mapping.span.first_line())
        findings.add(Code.MISSING_KEY, f"{what} needs {listed(missing)}", span, help=help)
    return items


def rename(items: dict[str, Entry], old: str, new: str) -> None:
    """Give an entry another key, in its place."""
    entries = list(items.items())
    items.clear()
    for name, entry in entries:
        if name == old:
            key = Scalar(new, new, entry.key.span)
            items[new] = Entry(key, entry.value, slip=True)
        else:
            items[name] = entry


def entries_of(mapping: Mapping, section: str) -> dict[str, Entry]:
    """The entries of a section; none where it is not written, or is no mapping."""
    entry = mapping.items.get(section)
    return entry.value.items if entry and isinstance(entry.value, Mapping) else {}


def read_mapping(
    node: Node, what: str, findings: Findings, help: str | None = None
) -> Mapping | None:
    """``node`` as a mapping; reports it if it is none."""
    if isinstance(node, Mapping):
        return node
    message = f"{what} must be a mapping (`key: value`), but is {kind_of(node)}"
    findings.add(Code.WRONG_TYPE, message, node.span.first_line(), help=help)
    return None


def need_text(node: Node, what: str, findings: Findings, help: str | None = None) -> Scalar | None:
    """``node`` as a word; a number counts as the word that it is written as."""
    if isinstance(node, Scalar) and node.value is not None and node.text:
        return node
    message = f"{what} must be a word, but is {kind_of(node)}"
    findings.add(Code.WRONG_TYPE, message, node.span.first_line(), help=help)
    return None


def check_name(key: Scalar, what: str, findings: Findings, pattern: str = NAME) -> None:
    """Names are parts of paths, and so of the names of weights."""
    article = "an" if what[0] in "aeiou" else "a"
    if key.text in RESERVED:
        message = f"{article} {what} cannot be called `{key.text}`: the language uses this word"
        findings.add(Code.BAD_NAME, message, key.span, help=f"call it `{key.text}_1`, say")
    elif not re.fullmatch(pattern, key.text):
        message = f"`{_shown(key.text)}` cannot be the name of {article} {what}"
        dash = "" if pattern != NAME else ", `-`"
        hint = f"a name is made of letters, digits{dash} and `_`"
        better = re.sub(r"[^A-Za-z0-9_]+", "_", key.text).strip("_")
        if re.fullmatch(pattern, better) and len(better) < 60:
            hint += f", such as `{better}`"
        findings.add(Code.BAD_NAME, message, key.span.first_line(), help=hint)


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:60] + "…"
