"""Paths of edits: which steps one names, and what is said where it names none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Mapping as MappingType
from typing import NamedTuple

from inceptgraph.diagnostics import Code, Findings, Label, Span, did_you_mean
from inceptgraph.source import Entry, Mapping, Node, Scalar
from inceptgraph.spec._structure import entries_of, listed

__all__ = ["Siblings", "Target", "find", "holds_steps", "report_nothing"]

Siblings = dict[str, Entry]
"""The steps among which a step stands."""


class Target(NamedTuple):
    """A step that an edit means.

    Attributes:
        keys: where it stands in the tree.
        matched: what ``*`` stands for.
    """

    keys: tuple[str, ...]
    matched: str | None


def find(spec: Mapping, path: Scalar, findings: Findings) -> Iterator[Target]:
    """The steps that a path names; one ``*`` in it stands for any characters.

    Args:
        spec: the whole spec.
        path: the key of an edit.
        findings: receives a path that has more than one ``*``.
    """
    if path.text.count("*") > 1:
        message = f"`{path.text}` has more than one `*`"
        hint = "one `*` stands for any characters, and is known by that in new names"
        findings.add(Code.BAD_EDIT, message, path.span, help=hint)
        return
    parts = path.text.split(".")
    for section in ("stages", "aux_heads"):
        yield from _matches(entries_of(spec, section), parts, (section,), None)
    if parts[0] == "blocks" and len(parts) > 2:
        yield from _matches(entries_of(spec, "blocks"), parts[1:], ("blocks",), None)


def report_nothing(
    spec: Mapping, path: Scalar, removed: MappingType[str, Span], findings: Findings
) -> None:
    """Say of a path that names no step how far it leads, and what there is.

    Args:
        spec: the whole spec.
        path: the key of an edit.
        removed: where steps were removed, by their names.
        findings: receives it, unless they hold already what is wrong with the path.
    """
    if not findings.has(Code.BAD_EDIT, path.span):
        _DeadEnd(spec, path, removed, findings).report()


def holds_steps(mapping: Mapping) -> bool:
    """True where a mapping is several steps by name, and not one."""
    return "op" not in mapping.items and all(
        isinstance(entry.value, Mapping) for entry in mapping.items.values()
    )


# -- a path in the tree ----------------------------------------------------------------------


def _body(step: Node) -> tuple[tuple[str, ...], Siblings] | None:
    """Where the steps of a body stand in a step, a branch or a block."""
    if not isinstance(step, Mapping):
        return None
    for key in ("steps", "branches"):
        entry = step.items.get(key)
        if entry is not None and isinstance(entry.value, Mapping):
            return (key,), entry.value.items
    return ((), step.items) if step.items and holds_steps(step) else None


def _matches(
    siblings: Siblings, parts: list[str], keys: tuple[str, ...], matched: str | None
) -> Iterator[Target]:
    for name, captured in _names(siblings, parts[0], matched):
        if len(parts) == 1:
            yield Target((*keys, name), captured)
            continue
        body = _body(siblings[name].value)
        if body is not None:
            inner, steps = body
            yield from _matches(steps, parts[1:], (*keys, name, *inner), captured)


def _names(
    siblings: Siblings, part: str, matched: str | None = None
) -> Iterator[tuple[str, str | None]]:
    """The names that a part of a path means, and what ``*`` stands for in each."""
    if "*" not in part:
        if part in siblings:
            yield part, matched
        return
    pattern = re.compile("(.*)".join(map(re.escape, part.split("*"))))
    for name in siblings:
        match = pattern.fullmatch(name)
        if match is not None:
            yield name, match[1]


# -- where it ends ---------------------------------------------------------------------------


class _DeadEnd:
    """A path that names no step."""

    def __init__(
        self,
        spec: Mapping,
        path: Scalar,
        removed: MappingType[str, Span],
        findings: Findings,
    ) -> None:
        self.path = path
        self.parts = path.text.split(".")
        self.removed = removed
        self.findings = findings
        self.blocks = entries_of(spec, "blocks")
        self.steps = {**entries_of(spec, "stages"), **entries_of(spec, "aux_heads")}

    def report(self) -> None:
        path, parts = self.path, self.parts
        if "" in parts:
            message = f"a name is empty in the path `{path.text}`"
            hint = "a path is names with a dot between them: `blocks.conv.relu`"
            self.findings.add(Code.BAD_EDIT, message, path.span, help=hint)
            return
        at, where, start = self.steps, "the spec", 0
        if parts[0] == "blocks":
            at, where, start = self.blocks, "`blocks`", 1
        for depth in range(start, len(parts)):
            name = next((name for name, _ in _names(at, parts[depth])), None)
            if name is None:
                self.missing(depth, where, at)
                return
            step = at[name].value
            body = _body(step)
            if depth == len(parts) - 1:
                break
            if isinstance(step, Mapping) and "repeat" in step.items and parts[depth + 1].isdigit():
                self.copy(depth, step)
                return
            if body is None:
                self.no_inside(depth, step)
                return
            at, where = body[1], f"`{'.'.join(parts[: depth + 1])}`"
        message = f"`{path.text}` is a block, and an edit changes a step"
        hint = f"define `{parts[-1]}` anew under `blocks:`, or edit a step in it: `{path.text}.…`"
        if len(parts) == 1:
            message = "`blocks` holds all blocks, and an edit changes a step"
            hint = "name a step of one of them: `blocks.conv.relu`"
        self.findings.add(Code.BAD_EDIT, message, path.span, help=hint)

    def missing(self, depth: int, where: str, known: Siblings) -> None:
        """A name that is not there."""
        part = self.parts[depth]
        start = sum(len(before) + 1 for before in self.parts[:depth])
        span = self.path.part(start, start + len(part))
        message = f"there is no step `{part}` in {where}"
        more = f", among {len(known)}" if len(known) > 8 else ""
        hint = did_you_mean(part, known) or f"there are {listed([*known][:8])}{more}"
        labels = []
        if depth == 0 and part in self.removed:
            labels = [Label(self.removed[part], "this edit removes it")]
            hint = "one of the two edits is too many"
        elif depth == 0 and part in self.blocks:
            inside = ".".join(self.parts[1:]) or "…"
            hint = f"`{part}` is a block: write `blocks.{part}.{inside}`"
        self.findings.add(Code.UNKNOWN_REFERENCE, message, span, "", *labels, help=hint)

    def copy(self, depth: int, step: Mapping) -> None:
        """A path to one of the copies that ``repeat`` makes."""
        outer, copy = ".".join(self.parts[: depth + 1]), self.parts[depth + 1]
        inner = "".join(f".{part}" for part in self.parts[depth + 2 :])
        span = self.path.part(len(outer) + 1, len(outer) + 1 + len(copy))
        message = f"`{outer}.{copy}` is a copy that `repeat` makes: no edit changes one alone"
        entry = step.items.get("op")
        op = entry.value.text if entry and isinstance(entry.value, Scalar) else ""
        all_of_them = f"blocks.{op}{inner}" if inner and op in self.blocks else f"{outer}{inner}"
        hint = f"edit all of them, `{all_of_them}: …`, or replace `{outer}` by steps of their own"
        self.findings.add(Code.BAD_EDIT, message, span, help=hint)

    def no_inside(self, depth: int, step: Node) -> None:
        """A path into a step that is a use of a block, or a single operation."""
        outer, inner = ".".join(self.parts[: depth + 1]), ".".join(self.parts[depth + 1 :])
        entry = step.items.get("op") if isinstance(step, Mapping) else None
        op = entry.value.text if entry and isinstance(entry.value, Scalar) else ""
        span = self.path.part(len(outer) + 1, len(self.path.text))
        message = f"`{outer}` is a step of its own, with no `{inner}` inside"
        hint = f"edit its arguments, `{outer}: {{set: {{…}}}}`, or replace it"
        if op in self.blocks:
            message = f"`{outer}` is a use of the block `{op}`, and `{inner}` is inside that"
            hint = (
                f"edit the block, `blocks.{op}.{inner}: …`, or this use alone:"
                f" `{outer}: {{set: {{…}}}}`"
            )
        shared = step.items.get("share") if isinstance(step, Mapping) else None
        if shared is not None and isinstance(shared.value, Scalar):
            owner = shared.value.text
            message = f"`{outer}` is `{owner}` once more, with nothing of its own inside"
            hint = f"edit that, `{owner}.{inner}: …`, which changes both"
        self.findings.add(Code.BAD_EDIT, message, span, help=hint)
