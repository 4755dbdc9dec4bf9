"""Places of specs and libraries of blocks: shipped ones by name, others by path."""

from __future__ import annotations

import os
from collections.abc import Container
from enum import StrEnum
from functools import cache
from pathlib import Path

from inceptgraph.diagnostics import Code, Findings, Source, Span, did_you_mean
from inceptgraph.source import Scalar, names_in

__all__ = ["NAMES_SUFFIX", "SUFFIXES", "Kind", "beside", "locate", "named", "shipped"]

SUFFIXES = (".yaml", ".yml")

NAMES_SUFFIX = ".txt"
"""The ending of a file of classes, so that a spec cannot make anyone read another file."""


class Kind(StrEnum):
    """The purpose of a file."""

    SPEC = "spec"
    LIBRARY = "library"


_FOLDERS = {Kind.SPEC: ".", Kind.LIBRARY: "blocks"}


@cache
def shipped(kind: Kind = Kind.SPEC) -> dict[str, Path]:
    """Shipped specs, or libraries of blocks, by name."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "specs", package.parent / "specs"):
        found = {path.stem: path for path in sorted((folder / _FOLDERS[kind]).glob("*.yaml"))}
        if found:
            return found
    return {}


def locate(spec: str | Path, findings: Findings) -> Path | None:
    """The file that a user means: a path, ``-`` for standard input, or a shipped spec's name."""
    text = str(spec)
    path = Path(spec)
    looks_like_path = isinstance(spec, Path) or path.suffix in SUFFIXES or "/" in text
    if text == "-" or looks_like_path or os.path.exists(path):
        return path
    known = shipped()
    if text in known:
        return known[text]
    where = Span(Source(text, ""), 0, 0, 0, 0)
    message = f"there is no file and no shipped spec `{text}`"
    hint = did_you_mean(text, known) or f"shipped: {', '.join(known)}"
    findings.add(Code.UNKNOWN_SPEC, message, where, help=hint)
    return None


def named(word: Scalar, kind: Kind, findings: Findings) -> Path | None:
    """The file that a spec names: a shipped one's name, or a path from the spec's own folder.

    A path ends in ``.yaml`` or ``.yml``, so that a spec cannot make anyone read another file.

    Args:
        word: as written; its source says which folder it is in.
        kind: what the file is to be.
        findings: receives what is wrong.
    """
    text = word.text
    known = shipped(kind)
    if not text.endswith(SUFFIXES):
        if text in known:
            return known[text]
        message = f"there is no shipped {kind} `{text}`"
        other = next(other for other in Kind if other is not kind)
        hint = did_you_mean(text, known) or (
            f"`inceptgraph list {_LISTS[kind]}` shows them; a file of your own ends in .yaml:"
            f" `{text}.yaml`"
        )
        if text in shipped(other):
            hint = f"`{text}` is a {other}: write `{_KEYWORDS[other]}: {text}`"
        elif "/" in text or "\\" in text:
            hint = "a path ends in .yaml"
        findings.add(Code.UNKNOWN_SPEC, message, word.span.first_line(), help=hint)
        return None
    return beside(word, SUFFIXES, findings, known)


def beside(
    word: Scalar, suffixes: tuple[str, ...], findings: Findings, known: Container[str] = ()
) -> Path | None:
    """The file that a spec names by its path from the spec's own folder.

    Args:
        word: as written.
        suffixes: what names of such files end in.
        findings: receives what is wrong.
        known: those that are meant by their names alone.
    """
    text = word.text
    path = Path(word.span.source.name).parent / text
    if os.path.isfile(path):
        return path
    if "://" in text:
        message = f"`{text}` is an address, and a spec is made of files"
        hint = "save it beside this one, and name the file"
        findings.add(Code.UNKNOWN_SPEC, message, word.span.first_line(), help=hint)
        return None
    if os.path.lexists(path):
        what = "a directory" if os.path.isdir(path) else "not a regular file"
        what = what if os.path.exists(path) else "a link that leads nowhere"
        findings.add(Code.NOT_A_FILE, f"`{path}` is {what}", word.span.first_line())
        return None
    message = f"there is no file `{path}`"
    siblings = (name for name in names_in(path.parent) if name.endswith(suffixes))
    hint = did_you_mean(path.name, siblings) or "a path is read from the folder of this file"
    if Path(text).stem in known:
        hint = f"the shipped one is meant by its name alone: `{Path(text).stem}`"
    findings.add(Code.FILE_NOT_FOUND, message, word.span.first_line(), help=hint)
    return None


_KEYWORDS = {Kind.SPEC: "extends", Kind.LIBRARY: "include"}
_LISTS = {Kind.SPEC: "specs", Kind.LIBRARY: "blocks"}
