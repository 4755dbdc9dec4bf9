"""Inheritance: what a spec that extends another keeps of it."""

from __future__ import annotations

import re

from inceptgraph.diagnostics import Code, Findings, Label
from inceptgraph.source import Entry, Mapping, Node, Scalar
from inceptgraph.spec._override import redeclared
from inceptgraph.spec._values import TYPES

__all__ = ["inherit"]

_BY_NAME = ("params", "defaults", "blocks", "aux_heads")
"""Sections whose entries replace those of the same name, beside the others."""

_OWN = ("description", "expect")
"""What a spec says of itself, which is not true of another."""


def inherit(base: Mapping, variant: Mapping, findings: Findings) -> Mapping:
    """The base with what the variant says instead.

    ``params``, ``defaults``, ``blocks`` and ``aux_heads`` are merged by name; every other section
    replaces the base's. Stages change through edits alone.

    Args:
        base: a whole spec.
        variant: the spec that extends it.
        findings: receives what is wrong.
    """
    items = {key: entry for key, entry in base.items.items() if key not in _OWN}
    own = dict(variant.items)
    stages = own.pop("stages", None)
    if stages is not None:
        findings.add(
            Code.CONFLICTING_KEYS,
            "a spec that extends another changes its stages with `edit`",
            stages.key.span,
            "these would take the place of all others",
            Label(own["extends"].key.span, "the stages come from here"),
            help="write `edit: {conv1: {set: {out: 96}}}`, or `{replace: …}`, `{after: …}`",
        )
    if own.keys() & {"input", "inputs"}:
        items.pop("input", None)
        items.pop("inputs", None)
    for key, entry in own.items():
        before = items.get(key)
        if before is not None and key in _BY_NAME:
            entry = Entry(entry.key, _merged(key, before.value, entry.value))
        items[key] = entry
    return Mapping(items, variant.span)


def _merged(section: str, before: Node, after: Node) -> Node:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return after
    items = dict(before.items)
    for name, entry in after.items.items():
        old = items.get(name)
        if old is not None and section == "params":
            # the key stays the base's: a note on the type then points at its declaration
            entry = Entry(old.key, _declared(old.value, entry.value))
        elif old is not None and section == "defaults":
            entry = Entry(entry.key, _merged("", old.value, entry.value))
        items[name] = entry
    return Mapping(items, after.span)


def _declared(before: Node, after: Node) -> Node:
    """A parameter's new default under its old type, unless the variant declares it anew."""
    words = "|".join(TYPES)
    written = after.value if isinstance(after, Scalar) else None
    anew = isinstance(written, str) and re.match(rf"\s*({words})\s*(=|$)", written)
    return after if anew else redeclared(before, after)
