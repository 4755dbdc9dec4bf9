"""Parser events to a tree.

The YAML 1.2 core schema decides what a plain scalar means (``no`` is a string, ``010`` is ten,
``1e-5`` a number). Keys are text, duplicates are refused, merge keys and tags are not part of the
language. The tree is built in a loop: its depth and its size, counted after aliases are expanded,
are bounded before anything grows.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import yaml

from inceptgraph.diagnostics import Code, Findings, Label, Source, Span
from inceptgraph.source._characters import refuse_characters
from inceptgraph.source._read import SPEC, Kind
from inceptgraph.source._scalars import resolve, split_joined
from inceptgraph.source._tree import Entry, Mapping, Node, Scalar, Sequence

__all__ = ["MAX_DEPTH", "MAX_NODES", "parse"]

MAX_DEPTH = 64
MAX_NODES = 2_000_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(source: Source, findings: Findings, kind: Kind = SPEC) -> Node | None:
    """Compose the one document of a source into a positioned tree.

    Returns None after reporting why where the text is not one YAML document within bounds.
    """
    if refuse_characters(source, findings):
        return None
    composer = _Composer(source, findings, kind)
    try:
        return composer.compose()
    except _Stop:
        return None
    except yaml.YAMLError as error:
        from inceptgraph.source._syntax import report_syntax  # good texts do without

        report_syntax(error, source, findings)
        return None


class _Stop(Exception):
    """Composition cannot go on; the reason has been reported."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A part of the tree that has a name: how many values it holds, how deep they are nested."""

    node: Node
    size: int
    height: int


@dataclass(slots=True, eq=False)
class _Open:
    """A collection whose end has not been read yet."""

    node: Mapping | Sequence
    start: Span
    count_before: int
    anchor: str | None
    key: Scalar | None = None
    height: int = 1


class _Composer:
    def __init__(self, source: Source, findings: Findings, kind: Kind) -> None:
        self.source = source
        self.findings = findings
        self.kind = kind
        self.count = 0
        self.anchors: dict[str, _Value] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.documents = 0

    def compose(self) -> Node:
        events = {
            yaml.ScalarEvent: self.scalar,
            yaml.MappingStartEvent: self.start,
            yaml.SequenceStartEvent: self.start,
            yaml.MappingEndEvent: self.end,
            yaml.SequenceEndEvent: self.end,
            yaml.AliasEvent: self.alias,
            yaml.DocumentStartEvent: self.document,
        }
        for event in yaml.parse(self.source.text, Loader=_LOADER):
            handle = events.get(type(event))
            if handle is not None:
                handle(event)
        empty = isinstance(self.root, Scalar) and self.root.text == ""
        if self.root is None or empty:
            nothing = "holds nothing but comments" if self.source.text.strip() else "is empty"
            self.fail(
                Code.EMPTY_FILE,
                f"`{self.source.name}` {nothing}",
                Span(self.source, 0, 0, 0, 0),
                self.kind.start,
            )
        assert self.root is not None
        return self.root

    def span(self, event: Any) -> Span:
        a, b = event.start_mark, event.end_mark
        return Span(self.source, a.line, a.column, b.line, b.column)

    def fail(self, code: Code, message: str, span: Span, help: str | None = None) -> None:
        self.findings.add(code, message, span, help=help)
        raise _Stop

    def document(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            self.fail(
                Code.UNSUPPORTED_YAML,
                "a second YAML document starts here",
                self.span(event),
                "a file holds one spec: put this one into a file of its own",
            )

    def scalar(self, event: Any) -> None:
        span = self.span(event)
        text: str = event.value
        if event.tag is not None:
            self.refuse_tag(span)
        plain = event.implicit[0] and not event.style
        if plain and not text and self.stack and self.stack[-1].key is not None:
            span = self.stack[-1].key.span  # an empty value has no place but its key's
        node = Scalar(resolve(text) if plain else text, text, span)
        self.add(node, event.anchor)

    def start(self, event: Any) -> None:
        span = self.span(event)
        if event.tag is not None:
            self.refuse_tag(span)
        if len(self.stack) >= MAX_DEPTH:
            self.too_deep(span)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        node: Mapping | Sequence = Mapping({}, span) if is_mapping else Sequence([], span)
        if self.stack and isinstance(self.stack[-1].node, Mapping) and self.stack[-1].key is None:
            self.refuse_key(span)
        self.stack.append(_Open(node, span, self.count, event.anchor))

    def end(self, event: Any) -> None:
        opened = self.stack.pop()
        line, column = event.end_mark.line, event.end_mark.column
        if event.start_mark.index == event.end_mark.index:  # by indentation, not by a bracket
            line, column = self.end_of_text(opened, line, column)
        span = Span(self.source, opened.start.line, opened.start.column, line, column)
        node = opened.node
        whole: Node = (
            Mapping(node.items, span) if isinstance(node, Mapping) else Sequence(node.items, span)
        )
        self.count += 1
        size = self.count - opened.count_before
        self.place(whole, opened.anchor, size, opened.height)

    def end_of_text(self, opened: _Open, line: int, column: int) -> tuple[int, int]:
        """The end of what an indented collection holds, before the blank lines that follow."""
        node = opened.node
        parts = list(node.items.values())[-1:] if isinstance(node, Mapping) else node.items[-1:]
        for part in parts:
            last = part.value.span if isinstance(part, Entry) else part.span
            after_key = part.key.span if isinstance(part, Entry) else last
            end = max((s.end_line, s.end_column) for s in (last, after_key))
            if end < (line, column):
                return max(end, (opened.start.line, opened.start.column))
        return line, column

    def alias(self, event: Any) -> None:
        span = self.span(event)
        value = self.anchors.get(event.anchor)
        if value is None:
            inside = any(opened.anchor == event.anchor for opened in self.stack)
            message = (
                f"the alias `*{event.anchor}` stands inside the value that it names"
                if inside
                else f"there is no anchor `&{event.anchor}` above this alias"
            )
            hint = "a value cannot hold itself" if inside else None
            self.fail(Code.ALIAS, message, span, hint)
            return
        if len(self.stack) + value.height > MAX_DEPTH:
            self.too_deep(span)
        node = value.node
        if isinstance(node, Scalar):
            node = Scalar(node.value, node.text, span)
        self.add(node, None, value.size, value.height)

    def add(self, node: Node, anchor: str | None, size: int = 1, height: int = 0) -> None:
        self.count += size
        if self.count > MAX_NODES:
            written = "" if size == 1 else ", counting every alias in full"
            message = f"the file holds more than {MAX_NODES:,} values{written}"
            hint = "name what repeats under `blocks:`, and use `repeat:`"
            span = self.stack[-1].start if self.stack else node.span
            self.fail(Code.TOO_LARGE, message, span.first_line(), hint)
        self.place(node, anchor, size, height)

    def place(self, node: Node, anchor: str | None, size: int, height: int) -> None:
        if anchor is not None:
            self.anchors[anchor] = _Value(node, size, height)
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        if height >= parent.height:
            parent.height = height + 1
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is None:
            self.take_key(parent, node)
        else:
            key, parent.key = parent.key, None
            entry = split_joined(key, node, self.findings) or Entry(key, node)
            parent.node.items.setdefault(entry.key.text, entry)

    def take_key(self, parent: _Open, node: Node) -> None:
        assert isinstance(parent.node, Mapping)
        if not isinstance(node, Scalar):
            self.refuse_key(node.span)
            return
        if node.text == "<<":
            self.fail(
                Code.UNSUPPORTED_YAML,
                "merge keys (`<<`) are not part of the language",
                node.span,
                "name the common part under `blocks:` and give it parameters",
            )
        earlier = parent.node.items.get(node.text)
        if earlier is not None:
            self.findings.add(
                Code.DUPLICATE_KEY,
                f"the key `{node.text}` is written twice in one mapping",
                node.span.first_line(),
                "here again",
                Label(earlier.key.span.first_line(), "first written here"),
                help="rename one of them, or remove it",
            )
        parent.key = node

    def too_deep(self, span: Span) -> None:
        message = f"nested more than {MAX_DEPTH} levels deep"
        hint = "no network needs this depth: give the inner part a name under `blocks:`"
        self.fail(Code.TOO_DEEP, message, span.first_line(), hint)

    def refuse_key(self, span: Span) -> None:
        message = "a key is a plain word, not a list or a mapping"
        hint = "a value that begins with a bracket or `?` needs a key before it, or quotes round it"
        self.fail(Code.UNSUPPORTED_YAML, message, span.first_line(), hint)

    def refuse_tag(self, span: Span) -> None:
        written = self.source.lines[span.line][span.column :].split()[0].rstrip(",]}")
        self.fail(
            Code.UNSUPPORTED_YAML,
            f"the tag `{written}` is not part of the language",
            Span(self.source, span.line, span.column, span.line, span.column + len(written)),
            f"a {self.kind.noun} is plain data: write the value without a tag",
        )
