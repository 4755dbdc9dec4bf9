"""YAML text to a tree of values that know where they are written.

The YAML 1.2 core schema decides what a plain scalar means (``no`` is a string, ``010`` is ten,
``1e-5`` a number). Keys are text, duplicates are refused, merge keys and tags are not part of the
language. The tree is built from parser events in a loop: depth and size, counted after aliases are
expanded, are bounded before anything grows.
"""

from __future__ import annotations

import gc
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from inceptgraph.errors import Code, Findings, Label, Source, Span

__all__ = ["Entry", "Mapping", "Node", "Origin", "Scalar", "Sequence", "parse", "read", "to_plain"]

MAX_BYTES = 64 * 2**20
MAX_DEPTH = 64
MAX_NODES = 8_000_000

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INT = re.compile(r"[-+]?[0-9]{1,4000}")
_BASED = re.compile(r"0o[0-7]{1,4000}|0x[0-9a-fA-F]{1,4000}")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_SPECIAL = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A leaf: its value under the core schema and the text it was written as."""

    value: str | int | float | bool | None
    text: str
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    key: Scalar
    value: Node


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    items: dict[str, Entry]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    items: list[Node]
    span: Span


Node = Scalar | Mapping | Sequence


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """Where a step is written, and through which uses of blocks it came to be.

    Attributes:
        span: the step's name.
        arguments: what the step gives its operation, with positions.
        path: the path of the step in the network.
        parent: the origin of the block's use that this step stands in.
    """

    span: Span
    arguments: dict[str, Entry]
    path: str
    parent: Origin | None = None

    def argument(self, name: str | None) -> Span:
        """Where an argument's value is written; the step's name where it is not."""
        entry = self.arguments.get(name) if name else None
        return entry.value.span.first_line() if entry else self.span

    def uses(self) -> tuple[Label, ...]:
        """The uses of blocks that led here, innermost first, as places to cite."""
        labels = []
        origin = self.parent
        while origin is not None:
            labels.append(Label(origin.span, f"used here, as `{origin.path}`"))
            origin = origin.parent
        return tuple(labels)


def to_plain(node: Node) -> Any:
    """The tree as plain dicts, lists and scalars, without positions."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [to_plain(item) for item in node.items]
    return {key: to_plain(entry.value) for key, entry in node.items.items()}


def read(path: str | Path, findings: Findings) -> Source | None:
    """Read a spec's text; ``-`` is standard input. Says why where it cannot."""
    name = "<stdin>" if str(path) == "-" else str(path)
    where = Span(Source(name, ""), 0, 0, 0, 0)
    try:
        if name == "<stdin>":
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with open(path, "rb") as file:
                data = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        findings.add(Code.FILE_NOT_FOUND, f"there is no file `{name}`", where)
        return None
    except IsADirectoryError:
        hint = f"name a file in it, or check them all: inceptgraph check {name.rstrip('/')}/*.yaml"
        findings.add(Code.NOT_A_FILE, f"`{name}` is a directory, not a spec", where, help=hint)
        return None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        findings.add(Code.NOT_A_FILE, f"`{name}` cannot be read: {reason}", where)
        return None
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        findings.add(Code.TOO_LARGE, f"`{name}` is larger than {limit} MiB", where)
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"`{name}` is not UTF-8 text: byte {error.start} is 0x{data[error.start]:02x}"
        findings.add(Code.NOT_TEXT, message, where, help="a spec is a YAML file in UTF-8")
        return None
    if "\0" in text:
        message = f"`{name}` is a binary file: byte {data.index(0)} is zero"
        findings.add(Code.NOT_TEXT, message, where, help="a spec is a YAML file in UTF-8")
        return None
    return Source(name, text)


def parse(source: Source, findings: Findings) -> Node | None:
    """Compose the one document of a source into a positioned tree.

    Returns None after reporting why where the text is not one YAML document within bounds.
    """
    composer = _Composer(source, findings)
    with _no_garbage_collection():
        try:
            return composer.compose()
        except _Stop:
            return None
        except yaml.YAMLError as error:
            _report_syntax(error, source, findings)
            return None


class _Stop(Exception):
    """Composition cannot go on; the reason has been reported."""


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """A tree under construction holds no cycles: collecting it over and over only costs time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(slots=True, eq=False)
class _Open:
    """A collection whose end has not been read yet."""

    node: Mapping | Sequence
    start: Span
    count_before: int
    anchor: str | None
    key: Scalar | None = None


class _Composer:
    def __init__(self, source: Source, findings: Findings) -> None:
        self.source = source
        self.findings = findings
        self.count = 0
        self.anchors: dict[str, tuple[Node, int]] = {}
        self.stack: list[_Open] = []
        self.root: Node | None = None
        self.documents = 0

    def compose(self) -> Node | None:
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
            self.findings.add(
                Code.EMPTY_FILE,
                f"`{self.source.name}` holds no spec",
                Span(self.source, 0, 0, 0, 0),
                help="`inceptgraph init` writes a first spec to start from",
            )
            raise _Stop
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
                "a file holds one spec: split it in two",
            )

    def scalar(self, event: Any) -> None:
        span = self.span(event)
        text: str = event.value
        if event.tag is not None:
            self.refuse_tag(event.tag, span)
        plain = event.implicit[0] and not event.style
        node = Scalar(_resolve(text) if plain else text, text, span)
        self.add(node, event.anchor, 1)

    def start(self, event: Any) -> None:
        span = self.span(event)
        if event.tag is not None:
            self.refuse_tag(event.tag, span)
        if len(self.stack) >= MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} levels deep"
            hint = "no network needs this depth: give the inner part a name under `blocks:`"
            self.fail(Code.TOO_DEEP, message, span.first_line(), hint)
        is_mapping = isinstance(event, yaml.MappingStartEvent)
        node: Mapping | Sequence = Mapping({}, span) if is_mapping else Sequence([], span)
        if self.stack and isinstance(self.stack[-1].node, Mapping) and self.stack[-1].key is None:
            message = "a key is a plain word, not a list or a mapping"
            self.fail(Code.UNSUPPORTED_YAML, message, span.first_line())
        self.stack.append(_Open(node, span, self.count, event.anchor))

    def end(self, event: Any) -> None:
        opened = self.stack.pop()
        end = event.end_mark
        span = Span(self.source, opened.start.line, opened.start.column, end.line, end.column)
        node = opened.node
        whole = Mapping(node.items, span) if isinstance(node, Mapping) else Sequence(node.items, span)
        self.add(whole, opened.anchor, 1 + self.count - opened.count_before, already_counted=True)

    def alias(self, event: Any) -> None:
        span = self.span(event)
        if event.anchor not in self.anchors:
            inside = any(opened.anchor == event.anchor for opened in self.stack)
            message = (
                f"the alias `*{event.anchor}` stands inside the value that it names"
                if inside
                else f"the alias `*{event.anchor}` names no anchor above it"
            )
            self.fail(Code.ALIAS, message, span)
        node, size = self.anchors[event.anchor]
        self.add(node, None, size)

    def add(self, node: Node, anchor: str | None, size: int, already_counted: bool = False) -> None:
        self.count += 1 if already_counted else size
        if self.count > MAX_NODES:
            message = f"holds more than {MAX_NODES:,} values once its aliases are expanded"
            hint = "name what repeats under `blocks:`, and use `repeat:`"
            self.fail(Code.TOO_LARGE, message, node.span.first_line(), hint)
        if anchor is not None:
            self.anchors[anchor] = (node, size)
        if not self.stack:
            self.root = node
            return
        parent = self.stack[-1]
        if isinstance(parent.node, Sequence):
            parent.node.items.append(node)
        elif parent.key is None:
            self.take_key(parent, node)
        else:
            parent.node.items.setdefault(parent.key.text, Entry(parent.key, node))
            parent.key = None

    def take_key(self, parent: _Open, node: Node) -> None:
        assert isinstance(parent.node, Mapping)
        if not isinstance(node, Scalar):
            message = "a key is a plain word, not a list or a mapping"
            self.fail(Code.UNSUPPORTED_YAML, message, node.span.first_line())
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
                f"`{node.text}` is written twice in the same place",
                node.span,
                "here again",
                Label(earlier.key.span, "first written here"),
                help="rename one of them, or remove it",
            )
        parent.key = node

    def refuse_tag(self, tag: str, span: Span) -> None:
        self.fail(
            Code.UNSUPPORTED_YAML,
            f"the tag `{tag}` is not part of the language",
            span.first_line(),
            "a spec is plain data: write the value without a tag",
        )


def _resolve(text: str) -> str | int | float | bool | None:
    """What a plain scalar means under the YAML 1.2 core schema."""
    if text in _NULL:
        return None
    first = text[0]
    if first.isalpha() and first in "tTfF":
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


def _report_syntax(error: yaml.YAMLError, source: Source, findings: Findings) -> None:
    """Turn the parser's complaint into a finding at the place it names."""
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    context = getattr(error, "context", None)
    context_mark = getattr(error, "context_mark", None)
    lines = source.lines
    line = min(mark.line if mark else 0, max(len(lines) - 1, 0))
    text = lines[line] if lines else ""
    column = min(mark.column if mark and mark.line == line else len(text), len(text))
    if "\t" in text[: column + 1] and not text[:column].strip():
        findings.add(
            Code.TAB,
            "a tab is used for indentation",
            Span(source, line, text.index("\t"), line, text.index("\t") + 1),
            help="YAML indents with spaces: replace the tab, and set your editor to spaces",
        )
        return
    labels = []
    if context and context_mark and (context_mark.line, context_mark.column) != (line, column):
        at = Span(source, context_mark.line, context_mark.column, context_mark.line, context_mark.column + 1)
        labels.append(Label(at, str(context)))
    findings.add(
        Code.YAML_SYNTAX,
        f"this is not YAML: {problem}",
        Span(source, line, column, line, column + 1),
        "",
        *labels,
        help=_syntax_help(str(problem), text),
    )


def _syntax_help(problem: str, line: str) -> str | None:
    if "mapping values are not allowed" in problem:
        return "put quotes round a value that holds `: `, or check the indentation of this line"
    if "expected ',' or" in problem:
        return "a comma or a closing bracket is missing before this place"
    if "did not find expected key" in problem or "expected <block end>" in problem:
        return "this line is indented differently from its neighbours"
    if "found character that cannot start any token" in problem:
        return "put quotes round a value that starts with this character"
    if "unexpected end of stream" in problem:
        return "a quote or bracket that was opened is never closed"
    return None
