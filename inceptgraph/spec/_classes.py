"""``classes``: the names of what a network tells apart, and the file that holds them."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.diagnostics import Code, Findings, Label, Source, Span
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence
from inceptgraph.spec._library import NAMES_SUFFIX
from inceptgraph.spec._models import Classes
from inceptgraph.spec._structure import kind_of, need_text, read_keys

__all__ = ["CLASSES_KEYS", "names_file", "names_in_file", "read_classes", "with_names"]

CLASSES_KEYS = ("names", "background")

_FORM = "write `classes: [cat, dog]`, or name a file with one a line: `classes: names.txt`"


def names_file(entry: Entry) -> Scalar | None:
    """The file that holds the names; None where they are written out."""
    names = _names(entry)
    is_file = isinstance(names, Scalar) and names.text.endswith(NAMES_SUFFIX)
    return names if isinstance(names, Scalar) and is_file else None


def _names(entry: Entry) -> Node | None:
    if not isinstance(entry.value, Mapping):
        return entry.value
    names = entry.value.items.get("names")
    return names.value if names else None


def with_names(entry: Entry, names: Node) -> Entry:
    """``classes`` with its names written out."""
    if not isinstance(entry.value, Mapping):
        return Entry(entry.key, names)
    items = entry.value.items
    inner = replace(items["names"], value=names)
    return Entry(entry.key, Mapping({**items, "names": inner}, entry.value.span))


def names_in_file(source: Source) -> Sequence:
    """The lines of a file, without those at its end that hold nothing."""
    lines = [line.strip() for line in source.lines]
    while lines and not lines[-1]:
        lines.pop()
    spans = (Span(source, row, 0, row, max(len(line), 1)) for row, line in enumerate(lines))
    items: list[Node] = [Scalar(t, t, span) for t, span in zip(lines, spans, strict=True)]
    return Sequence(items, Span(source, 0, 0, max(len(lines) - 1, 0), 0))


def read_classes(entry: Entry, findings: Findings) -> Classes | None:
    """The classes of a spec; None where they cannot be read."""
    names = _names(entry)
    background = None
    if isinstance(entry.value, Mapping):
        span = entry.key.span
        items = read_keys(entry.value, CLASSES_KEYS, "`classes`", findings, ("names",), at=span)
        if "background" in items:
            what, hint = "the name of the `background`", "write `background: nothing`, say"
            background = need_text(items["background"].value, what, findings, hint)
            if background is None:
                return None
        names = items["names"].value if "names" in items else None
        if names is None:
            return None
    if not isinstance(names, Sequence):
        what = kind_of(names) if names else "empty"
        message = f"`classes` must be a list of names or a {NAMES_SUFFIX} file, but is {what}"
        span = names.span if names else entry.value.span
        findings.add(Code.WRONG_TYPE, message, span.first_line(), help=_FORM)
        return None
    words = [background] if background else []
    for item in names.items:
        word = need_text(item, "the name of a class", findings, "a number may be one: `7`")
        if word is None:
            return None
        words.append(word)
    if len(words) < 2:
        message = "`classes` names fewer than two, between which there is nothing to tell"
        findings.add(Code.EMPTY_BODY, message, names.span.first_line(), help=_FORM)
        return None
    first: dict[str, Scalar] = {}
    for word in words:
        other = first.setdefault(word.text, word)
        if other is not word:
            message = f"two classes are called `{word.text}`"
            known = Label(other.span, "first used here")
            hint = "a class is told by its name: give each its own"
            findings.add(Code.NAME_CLASH, message, word.span, "here again", known, help=hint)
            return None
    return Classes(entry.key, tuple(first), background is not None)
