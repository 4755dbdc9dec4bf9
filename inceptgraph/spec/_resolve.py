"""``extends`` and ``include``: a spec made whole out of the files that it names.

The result is one tree, whose every part knows the file in which it is written; what comes after
sees no difference between a spec in one file and one in several.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from inceptgraph.diagnostics import Code, Findings, Label, Source, Span, closest
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence, parse, read
from inceptgraph.spec._classes import names_file, names_in_file, with_names
from inceptgraph.spec._edits import apply_edits
from inceptgraph.spec._inherit import inherit
from inceptgraph.spec._library import NAMES_SUFFIX, Kind, beside, named
from inceptgraph.spec._structure import entries_of, need_text, read_keys, read_mapping, rename

__all__ = ["COMPOSING", "LIBRARY_KEYS", "Resolved", "is_library", "resolve"]

COMPOSING = ("extends", "include", "edit")
"""Keys of a spec that name other files, or change what those say."""

_NAMING = frozenset((*COMPOSING, "classes"))
"""Keys of a spec that may name files."""

LIBRARY_KEYS = ("description", "source", "include", "blocks")
MAX_FILES = 100


@dataclass(frozen=True, slots=True)
class Resolved:
    """A spec as one tree.

    Attributes:
        tree: without the keys in :data:`COMPOSING`.
        others: the files besides the spec's own that went into it.
        libraries: those of them that are libraries of blocks.
        removed: where an edit removed a step, by the step's name.
    """

    tree: Node
    others: tuple[Source, ...] = ()
    libraries: frozenset[Source] = frozenset()
    removed: dict[str, Span] = field(default_factory=dict)


def is_library(tree: Node) -> bool:
    """True where a file is a library of blocks and not a spec."""
    return isinstance(tree, Mapping) and "blocks" in tree.items and tree.items.keys() <= _LIBRARY


_LIBRARY = frozenset(LIBRARY_KEYS)


def resolve(tree: Node, source: Source, findings: Findings) -> Resolved | None:
    """Make a spec whole.

    Args:
        tree: the parsed spec.
        source: its text; paths in it are read from this file's folder.
        findings: receives what is wrong.

    Returns:
        None where a file that the spec needs cannot be had.
    """
    if not isinstance(tree, Mapping):
        return Resolved(tree)  # the reader of specs says what is wrong
    own = _with_slips_read(tree, findings)
    if not own.items.keys() & _NAMING:
        return Resolved(own)
    return _Resolver(findings).resolve(own, source)


def _with_slips_read(tree: Mapping, findings: Findings) -> Mapping:
    """A misspelt ``extends`` or ``include`` is read as one: else much would seem to be missing."""
    meant = ("include",) if "stages" in tree.items else COMPOSING
    for name in tuple(tree.items):
        slip = closest(name, [key for key in meant if key not in tree.items])
        if name in (*COMPOSING, *LIBRARY_KEYS) or not slip:
            continue
        message, place = f"a spec has no key `{name}`", tree.items[name].key.span
        findings.add(Code.UNKNOWN_KEY, message, place, help=f"did you mean `{slip[0]}`?")
        items = dict(tree.items)
        rename(items, name, slip[0])
        return Mapping(items, tree.span)
    return tree


class _Resolver:
    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.opened: dict[str, tuple[Mapping, Source]] = {}
        self.libraries: dict[Source, None] = {}
        self.removed: dict[str, Span] = {}
        self.names: list[Source] = []

    def resolve(self, own: Mapping, source: Source) -> Resolved | None:
        layers = self.layers(own, source)
        if layers is None:
            return None
        whole: Mapping | None = None
        for layer in reversed(layers):
            included = self.included(layer)
            if included is None:
                return None
            named = self.with_classes(_with_blocks(layer, included))
            if named is None:
                return None
            layer = named
            edit = layer.items.get("edit")
            if whole is None and edit is not None:
                message = "`edit` changes a spec that this one extends, and it extends none"
                hint = "write the stages as they should be, or say `extends: …`"
                self.findings.add(Code.BAD_EDIT, message, edit.key.span, help=hint)
            elif whole is not None:
                layer = inherit(whole, layer, self.findings)
                layer = apply_edits(layer, edit, self.removed, self.findings) if edit else layer
            items = {key: entry for key, entry in layer.items.items() if key not in COMPOSING}
            whole = Mapping(items, layer.span)
        assert whole is not None
        others = (*(source for _, source in self.opened.values()), *self.names)
        return Resolved(whole, others, frozenset(self.libraries), self.removed)

    def layers(self, own: Mapping, source: Source) -> list[Mapping] | None:
        """The spec and what it extends, one after the other, its own first."""
        found = [own]
        passed: dict[str, Label] = {}
        here = os.path.realpath(source.name)
        while (entry := found[-1].items.get("extends")) is not None:
            hint = "name one spec: `extends: googlenet`"
            word = need_text(entry.value, "`extends`", self.findings, hint)
            path = named(word, Kind.SPEC, self.findings) if word else None
            if word is None or path is None:
                return None
            passed[here] = Label(word.span, f"extends `{word.text}` here")
            here = os.path.realpath(path)
            if here in passed:
                self.report_loop(here, passed)
                return None
            base = self.open(str(path), here, word, Kind.SPEC)
            if base is None:
                return None
            found.append(base)
        return found

    def report_loop(self, at: str, passed: dict[str, Label]) -> None:
        files = list(passed)
        loop = files[files.index(at) :]
        first, *others = (passed[file] for file in loop)
        arrows = " → ".join(os.path.basename(file) for file in (*loop, loop[0]))
        message = f"`{os.path.basename(at)}` extends itself" + (f": {arrows}" if others else "")
        hint = "a chain of `extends` ends in a spec that has `input` and `stages`"
        self.findings.add(Code.EXTENDS_ITSELF, message, first.span, first.text, *others, help=hint)

    def open(self, path: str, identity: str, word: Scalar, kind: Kind) -> Mapping | None:
        """A file as a mapping, read once; None where it cannot be used as what it is named for."""
        if identity in self.opened:
            return self.opened[identity][0]
        if len(self.opened) == MAX_FILES:
            message = f"this spec is made of more than {MAX_FILES} files"
            self.findings.add(Code.TOO_LARGE, message, word.span.first_line())
            return None
        source = read(path, self.findings)
        tree = parse(source, self.findings) if source else None
        if source is None or tree is None:
            return None
        what = f"the {kind} `{word.text}`"
        mapping = read_mapping(tree, what, self.findings)
        if mapping is None:
            return None
        self.opened[identity] = mapping, source
        if kind is Kind.LIBRARY:
            self.libraries[source] = None
        if is_library(mapping) is not (kind is Kind.LIBRARY):
            self.report_kind(mapping, word, kind)
            return None
        return mapping

    def report_kind(self, mapping: Mapping, word: Scalar, kind: Kind) -> None:
        """A library that is extended, a spec that is included, or a library with strange keys."""
        if kind is Kind.SPEC:
            message = f"`{word.text}` is a library of blocks, not a spec"
            hint = f"write `include: {word.text}`"
        elif "stages" in mapping.items or "extends" in mapping.items:
            message = f"`{word.text}` is a spec, not a library of blocks"
            hint = f"write `extends: {word.text}`, or move its blocks to a file of their own"
        else:
            what = f"the library `{word.text}`"
            read_keys(mapping, LIBRARY_KEYS, what, self.findings, ("blocks",))
            return
        self.findings.add(Code.UNKNOWN_SPEC, message, word.span.first_line(), help=hint)

    def with_classes(self, layer: Mapping) -> Mapping | None:
        """A spec with the names of its classes written out; None where their file cannot be had."""
        entry = layer.items.get("classes")
        word = names_file(entry) if entry else None
        if entry is None or word is None:
            return layer
        path = beside(word, (NAMES_SUFFIX,), self.findings)
        source = read(path, self.findings) if path else None
        if source is None:
            return None
        self.names.append(source)
        named = with_names(entry, names_in_file(source))
        return Mapping({**layer.items, "classes": named}, layer.span)

    # -- libraries ---------------------------------------------------------------------------

    def included(self, layer: Mapping) -> dict[str, Entry] | None:
        """The blocks of the libraries that a file includes, by name."""
        found: dict[str, Entry] = {}
        seen: set[str] = set()
        return found if self.gather(layer, found, seen) else None

    def gather(self, layer: Mapping, found: dict[str, Entry], seen: set[str]) -> bool:
        entry = layer.items.get("include")
        if entry is None:
            return True
        own = entries_of(layer, "blocks")
        words = entry.value.items if isinstance(entry.value, Sequence) else [entry.value]
        hint = "name libraries of blocks: `include: conv_bn`, or `include: [conv_bn, …]`"
        for node in words:
            word = need_text(node, "`include`", self.findings, hint)
            path = named(word, Kind.LIBRARY, self.findings) if word else None
            if word is None or path is None:
                return False
            identity = os.path.realpath(path)
            if identity in seen:
                continue  # two libraries may build on a third
            seen.add(identity)
            library = self.open(str(path), identity, word, Kind.LIBRARY)
            if library is None or not self.gather(library, found, seen):
                return False
            for name, block in entries_of(library, "blocks").items():
                self.check_clash(name, block, found.get(name), own)
                found[name] = block
        return True

    def check_clash(
        self, name: str, block: Entry, other: Entry | None, own: dict[str, Entry]
    ) -> None:
        if other is None or name in own or other.key.span == block.key.span:
            return
        message = f"two libraries define the block `{name}`"
        first = Label(other.key.span, "and here")
        hint = f"include one of them, or define `{name}` yourself under `blocks:`"
        self.findings.add(Code.NAME_CLASH, message, block.key.span, "here", first, help=hint)


def _with_blocks(layer: Mapping, included: dict[str, Entry]) -> Mapping:
    """A spec with the blocks of its libraries; its own win."""
    entry = layer.items.get("blocks")
    if not included or (entry is not None and not isinstance(entry.value, Mapping)):
        return layer
    include = layer.items["include"]
    key = entry.key if entry else Scalar("blocks", "blocks", include.key.span)
    span = entry.value.span if entry else include.value.span
    merged = Mapping({**included, **entries_of(layer, "blocks")}, span)
    return Mapping({**layer.items, "blocks": Entry(key, merged)}, layer.span)
