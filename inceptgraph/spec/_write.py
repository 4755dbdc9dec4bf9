"""A tree as the text of a spec, laid out as a person would.

Steps stand in flow style, one a line, where they fit; sections and long bodies in block style.
Comments are not part of a tree, so they are lost.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence, resolve

__all__ = ["to_yaml"]

WIDTH = 120

# what needs no quotes: words, numbers and arithmetic, without the characters that YAML reads
_PLAIN = re.compile(r"[\w$(./=~+-](?:[\w$()./*%+=~<>-]|:(?=[\w/])| (?!#))*", re.ASCII)
_INDICATORS = ("-", "?", ":", "---", "...", "=", "<<")

_SECTIONS = ("defaults", "blocks", "stages", "aux_heads")
_BODIES = ("steps", "branches")


def to_yaml(spec: Mapping) -> str:
    """The text of a spec.

    Args:
        spec: the whole spec; parsed again, the text gives the same values.
    """
    lines = []
    for index, (key, entry) in enumerate(spec.items.items()):
        opens = key in _SECTIONS and isinstance(entry.value, Mapping) and entry.value.items
        lines += [""] if opens and index else []
        if not opens:
            lines += _entry(entry, 0)
            continue
        lines.append(f"{_key(entry.key)}:")
        assert isinstance(entry.value, Mapping)
        lines += _entries(entry.value, 2, 2 if key == "blocks" else 0)
        lines += [""]
    text = "\n".join(lines) + "\n"
    return re.sub(r"\n{2,}", "\n\n", text).rstrip("\n") + "\n"


def _entries(mapping: Mapping, indent: int, opened: int = 0) -> Iterator[str]:
    """A mapping in block style; the values of short entries stand in one column.

    ``opened`` levels of mappings below it are in block style however short they are.
    """
    flat = {k: _flow(e.value) for k, e in mapping.items.items()} if not opened else {}
    widest = max((len(_key(e.key)) for e in mapping.items.values()), default=0)
    aligned = flat and all(indent + widest + 2 + len(text) <= WIDTH for text in flat.values())
    for key, entry in mapping.items.items():
        if aligned:
            name = f"{_key(entry.key)}:"
            yield f"{' ' * indent}{name:<{widest + 2}}{flat[key]}".rstrip()
        else:
            yield from _entry(entry, indent, opened)


def _entry(entry: Entry, indent: int, opened: int = 0) -> Iterator[str]:
    name, value = f"{' ' * indent}{_key(entry.key)}:", entry.value
    text = _flow(value)
    block = isinstance(value, Mapping | Sequence) and value.items
    fits = len(name) + 1 + len(text) <= WIDTH
    opens = opened and isinstance(value, Mapping)
    if opens and opened == 1:  # of a block: its body's steps, and beside it what is short
        opens = entry.key.text in _BODIES
    if not block or (fits and not opens):
        yield f"{name} {text}".rstrip()
    elif isinstance(value, Mapping):
        yield name
        yield from _entries(value, indent + 2, max(opened - 1, 0))
    else:
        assert isinstance(value, Sequence)
        yield name
        for item in value.items:
            yield f"{' ' * (indent + 2)}- {_flow(item)}"


def _flow(node: Node) -> str:
    if isinstance(node, Scalar):
        return _scalar(node)
    if isinstance(node, Sequence):
        return f"[{', '.join(map(_flow, node.items))}]"
    inner = (f"{_key(entry.key)}: {_flow(entry.value)}" for entry in node.items.values())
    return f"{{{', '.join(inner)}}}"


def _key(key: Scalar) -> str:
    """A key is its text, whatever kind of scalar that is."""
    return key.text if _is_plain(key.text) else _quoted(key.text)


def _scalar(scalar: Scalar) -> str:
    if not isinstance(scalar.value, str):
        return scalar.text or "null"
    if _is_plain(scalar.text) and resolve(scalar.text) == scalar.text:
        return scalar.text
    return _quoted(scalar.text)


def _quoted(text: str) -> str:
    """In double quotes, where YAML has the escapes of JSON, and one for any character."""
    written = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in written)


def _is_plain(text: str) -> bool:
    return (
        _PLAIN.fullmatch(text) is not None
        and not text.endswith(" ")
        and not text.startswith(("- ", "= ", "~ "))
        and text not in _INDICATORS
    )
