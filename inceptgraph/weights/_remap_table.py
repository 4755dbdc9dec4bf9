"""Remap tables: what others call our layers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from inceptgraph.diagnostics import (
    Code,
    Diagnostic,
    Findings,
    Source,
    Span,
    SpecError,
    TooManyFindings,
    did_you_mean,
)
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence, parse, read
from inceptgraph.spec import need_text, read_keys, read_mapping
from inceptgraph.weights._patterns import BadPattern, Renaming
from inceptgraph.weights._tensorflow import name_of

__all__ = ["Line", "Table", "choose", "parse_table", "shipped"]

_KEYS = ("description", "spec", "names", "prefix", "absent", "ignore")
_WORDS = {"background": "first", "layout": "tensorflow"}
"""Keys that take one word."""
_HELP = "a table is `names:` with a line `their name: our path` for each layer"


@dataclass(frozen=True, eq=False)
class Line:
    """One line of a table.

    Attributes:
        rename: what it does to a name.
        span: where it is written.
    """

    rename: Renaming
    span: Span


@dataclass(frozen=True, eq=False)
class Table:
    """A table of what somebody's names become.

    Attributes:
        name: the shipped table's, or the path as the user gave it.
        source: its text.
        lines: the first that matches wins.
        description: whose names these are.
        specs: the shipped specs whose names they become.
        absent: patterns of our names that a file may lack.
        ignore: patterns of their names that mean nothing.
        prefix: what stands before all of their names, without its last dot.
        background: whether the first of one class more than ours is the background.
        tensorflow: whether names and axes are TensorFlow's; lines are about names in torch's terms.
    """

    name: str
    source: Source
    lines: tuple[Line, ...]
    description: str = ""
    specs: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    ignore: tuple[str, ...] = ()
    prefix: str = ""
    background: bool = False
    tensorflow: bool = False

    @property
    def sha256(self) -> str:
        """The hash of the table's text."""
        return hashlib.sha256(self.source.text.encode()).hexdigest()

    def rename(self, name: str) -> tuple[str, Line | None]:
        """Our name for one of theirs, and the line that says so; the name itself where none
        does."""
        name = name_of(name) if self.tensorflow else name
        for line in self.lines:
            if not name.startswith(line.rename.begin):
                continue  # as of most lines, which need no search
            renamed = line.rename(name)
            if renamed is not None:
                return renamed, line
        return name, None


def choose(remap: str | Path) -> Table:
    """The table that a user means: a shipped one's name, or a path.

    Raises:
        SpecError: there is none, or it is wrong.
    """
    text, path = str(remap), Path(remap)
    looks_like_path = isinstance(remap, Path) or path.suffix in (".yaml", ".yml") or "/" in text
    if not looks_like_path and text in shipped():
        return shipped()[text]
    if not looks_like_path and not os.path.exists(path):
        message = f"there is no remap table `{text}`"
        hint = did_you_mean(text, shipped()) or f"shipped: {', '.join(shipped())}"
        raise SpecError([Diagnostic(Code.BAD_REMAP, message, help=f"{hint}; or name a .yaml file")])
    findings = Findings()
    if os.path.exists(path) and not os.path.isfile(path) and not os.path.isdir(path):
        message = f"`{text}` is not a file"  # reading a pipe would wait for who writes to it
        raise SpecError([Diagnostic(Code.NOT_A_FILE, message, help="name a remap table's file")])
    source = read(path, findings)
    if source is None:
        raise SpecError(findings.ordered())
    return parse_table(source, text)


@cache
def shipped() -> dict[str, Table]:
    """Shipped tables by name."""
    folder = Path(__file__).resolve().parent / "tables"
    return {
        path.stem: parse_table(Source(path.name, path.read_text(encoding="utf-8")), path.stem)
        for path in sorted(folder.glob("*.yaml"))
    }


def parse_table(source: Source, name: str) -> Table:
    """Read a table.

    Raises:
        SpecError: every mistake in it, with its place.
    """
    findings = Findings()
    table = None
    try:
        tree = parse(source, findings)
        table = _table(tree, source, name, findings) if tree is not None else None
    except TooManyFindings:
        pass
    if table is None or findings.errors:
        raise SpecError(findings.ordered())
    return table


def _table(tree: Node, source: Source, name: str, findings: Findings) -> Table | None:
    root = read_mapping(tree, "a remap table", findings, _HELP)
    if root is None:
        return None
    items = read_keys(root, (*_KEYS, *_WORDS), "a remap table", findings, ("names",), help=_HELP)
    lines: tuple[Line, ...] = ()
    if "names" in items:
        names = read_mapping(items["names"].value, "`names`", findings, _HELP)
        lines = tuple(_lines(names, findings)) if names else ()
    return Table(
        name,
        source,
        lines,
        _text(items.get("description"), "`description`", findings),
        _words(items.get("spec"), "`spec`", findings),
        _words(items.get("absent"), "`absent`", findings),
        _words(items.get("ignore"), "`ignore`", findings),
        _text(items.get("prefix"), "`prefix`", findings).removesuffix("."),
        *(_is_set(items.get(key), key, findings) for key in _WORDS),
    )


def _text(entry: Entry | None, what: str, findings: Findings) -> str:
    text = need_text(entry.value, what, findings) if entry is not None else None
    return text.text if text is not None else ""


def _is_set(entry: Entry | None, key: str, findings: Findings) -> bool:
    """Whether a key is there that takes one word."""
    if entry is not None and _text(entry, f"`{key}`", findings) != _WORDS[key]:
        message = f"`{key}` is none that is known"
        hint = f"write `{key}: {_WORDS[key]}`, or leave it out"
        findings.add(Code.BAD_REMAP, message, entry.value.span, help=hint)
    return entry is not None


def _lines(names: Mapping, findings: Findings) -> Iterator[Line]:
    for entry in names.items.values():
        ours = need_text(entry.value, f"our path of `{entry.key.text}`", findings)
        if ours is None:
            continue
        try:
            renaming = Renaming.of(entry.key.text, ours.text)
        except BadPattern as error:
            place: Scalar = ours if error.in_ours else entry.key
            span = place.part(error.start, max(error.end, error.start + 1))
            findings.add(Code.BAD_REMAP, str(error), span, help=error.help)
            continue
        yield Line(renaming, entry.key.span)


def _words(entry: Entry | None, what: str, findings: Findings) -> tuple[str, ...]:
    """A word, or a list of words."""
    if entry is None:
        return ()
    several = isinstance(entry.value, Sequence)
    nodes = entry.value.items if isinstance(entry.value, Sequence) else [entry.value]
    shown = f"each of {what}" if several else what
    words = [need_text(node, shown, findings) for node in nodes]
    return tuple(word.text for word in words if word is not None)
