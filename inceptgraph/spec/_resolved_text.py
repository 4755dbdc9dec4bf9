"""The text of a spec as it was resolved: in one file, with values replaced."""

from __future__ import annotations

from collections.abc import Container, Iterator
from collections.abc import Mapping as MappingType
from itertools import chain
from typing import Any

from inceptgraph.diagnostics import Findings, Source
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence, parse, to_plain
from inceptgraph.spec._classes import names_file
from inceptgraph.spec._library import SUFFIXES
from inceptgraph.spec._load import KEYS
from inceptgraph.spec._override import apply, declares_parameter, flow, path_keys, redeclared
from inceptgraph.spec._write import to_yaml

__all__ = ["edited_text", "named_paths", "whole_text", "without_expectations"]


def whole_text(tree: Node, used: Container[str | None], *, expect: bool = True) -> str:
    """A spec that extends or includes others, as one that does not, in the usual order.

    Args:
        tree: made whole.
        used: the blocks that the network uses; a library has more. What steps name that are not
            there, on a condition or since there are none of them, is kept beside these.
        expect: whether to keep what the spec expects of itself.
    """
    assert isinstance(tree, Mapping)
    kept = (key for key in KEYS if key in tree.items and (expect or key != "expect"))
    items = {key: tree.items[key] for key in kept}
    blocks = items.get("blocks")
    if blocks is not None and isinstance(blocks.value, Mapping):
        every = blocks.value.items
        named = [name for name in every if name in used]
        roots = [items[key].value for key in ("stages", "aux_heads", "params") if key in items]
        words = {word for root in roots for word in _words(root)}
        named += [name for name in every if name not in named and name in words]
        for name in named:  # which grows
            words = set(_words(every[name].value))
            named += [other for other in every if other in words and other not in named]
        own = {name: entry for name, entry in every.items() if name in named}
        items["blocks"] = Entry(blocks.key, Mapping(own, blocks.value.span))
        if not own:
            del items["blocks"]
    return to_yaml(Mapping(items, tree.span))


def _words(node: Node) -> Iterator[str]:
    """The texts of all values, of declarations such as ``string = relu`` the default alone."""
    if isinstance(node, Scalar):
        yield node.text.rpartition("=")[2].strip()
    else:
        inner = node.items if isinstance(node, Sequence) else [e.value for e in node.items.values()]
        yield from chain.from_iterable(map(_words, inner))


def edited_text(text: str, overrides: MappingType[str, Any]) -> str:
    """The text of a spec after overrides.

    What the spec expected of itself is left out: it was true of the text before.

    Args:
        text: a spec without errors.
        overrides: as for :func:`inceptgraph.spec.apply`, and accepted by it.
    """
    if not overrides:
        return text
    root = _parse(text)
    assert root is not None
    tree = apply(root, overrides, Findings())
    wanted = to_plain(tree)
    wanted.pop("expect", None)
    edited = text
    for path, value in overrides.items():
        written = value if isinstance(value, str) else flow(value)
        edited = _replaced(edited, path_keys(path), written)
    edited = without_expectations(edited)
    result = _parse(edited)
    if result is not None and to_plain(result) == wanted:
        return edited
    # A value that cannot stand where the old one stood: comments are lost, never the meaning.
    assert isinstance(tree, Mapping)
    return to_yaml(Mapping({k: e for k, e in tree.items.items() if k != "expect"}, tree.span))


def _parse(text: str) -> Node | None:
    return parse(Source("spec.yaml", text), Findings())


def _replaced(text: str, keys: list[str], value: str) -> str:
    container = _parse(text)
    for key in keys[:-1]:
        if not isinstance(container, Mapping) or key not in container.items:
            return text
        container = container.items[key].value
    if not isinstance(container, Mapping) or not container.items:
        return text
    entry = container.items.get(keys[-1])
    if entry is not None:
        given = _parse(value)
        if declares_parameter(keys) and given is not None:
            declaration = redeclared(entry.value, given)
            value = to_plain(declaration) if declaration is not given else value
        start = _offset(text, entry.value.span.line, entry.value.span.column)
        return text[:start] + value + text[_end(text, entry.value) :]
    # before the first key of the mapping, in the style that the mapping is written in
    first = next(iter(container.items.values())).key.span
    start = _offset(text, first.line, first.column)
    in_flow = text[_offset(text, container.span.line, container.span.column)] == "{"
    separator = ", " if in_flow else "\n" + " " * first.column
    return f"{text[:start]}{keys[-1]}: {value}{separator}{text[start:]}"


def without_expectations(text: str) -> str:
    """The text of a spec without its ``expect``, for one that is about to change."""
    root = _parse(text)
    if not isinstance(root, Mapping) or "expect" not in root.items:
        return text
    entry = root.items["expect"]
    start = _offset(text, entry.key.span.line, 0)
    following = text.find("\n", _end(text, entry.value))
    return text[:start] + ("" if following == -1 else text[following + 1 :])


def named_paths(text: str) -> list[str]:
    """The files of one's own that a spec extends and includes, and that of its classes, as its text
    names them."""
    root = _parse(text)
    items = root.items if isinstance(root, Mapping) else {}
    values = [items[key].value for key in ("extends", "include") if key in items]
    words = chain.from_iterable(v.items if isinstance(v, Sequence) else [v] for v in values)
    named = (word.text for word in words if isinstance(word, Scalar))
    file = names_file(items["classes"]) if "classes" in items else None
    return [*(text for text in named if text.endswith(SUFFIXES)), *([file.text] if file else [])]


def _offset(text: str, line: int, column: int) -> int:
    return sum(map(len, text.splitlines(keepends=True)[:line])) + column


def _end(text: str, node: Node) -> int:
    """Where a value ends; a mapping in block style ends with its last value."""
    opening = text[_offset(text, node.span.line, node.span.column)]
    if isinstance(node, Scalar) or opening in "{[":
        return _offset(text, node.span.end_line, node.span.end_column)
    inner = node.items if isinstance(node, Sequence) else [e.value for e in node.items.values()]
    return _end(text, inner[-1])
