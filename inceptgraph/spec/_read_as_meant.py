"""Slips of layout that are reported once and then read as they were meant."""

from __future__ import annotations

from inceptgraph.diagnostics import Code, Findings, Label
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence
from inceptgraph.spec._structure import RESERVED

__all__ = ["join_calls", "with_merge_inside", "with_merge_outside"]

_NO_VALUES = frozenset(RESERVED) - {"repeat", "when"}
"""Keys of a step behind which no value is computed."""


def with_merge_inside(mapping: Mapping, what: str, findings: Findings) -> Mapping:
    """Steps with a ``merge`` that stands behind a step with branches moved inside that step.

    Args:
        mapping: steps by name.
        what: how messages name them.
        findings: receives what is moved.
    """
    stray, items = mapping.items.get("merge"), dict(mapping.items)
    place = list(items).index("merge") if stray else 0
    if stray is None or place == 0:
        return mapping
    name = list(items)[place - 1]
    fork = items[name]
    own = fork.value.items if isinstance(fork.value, Mapping) else {}
    if not isinstance(fork.value, Mapping) or "branches" not in own or "merge" in own:
        return mapping
    message = f"`merge` stands among {what}, not beside the `branches` of `{name}`"
    label = Label(own["branches"].key.span, "these branches")
    hint = "indent it as far as `branches`"
    findings.add(Code.BAD_NAME, message, stray.key.span, "", label, help=hint)
    del items["merge"]
    items[name] = Entry(fork.key, Mapping({**own, "merge": stray}, fork.value.span))
    return Mapping(items, mapping.span)


def with_merge_outside(
    branches: Mapping, merge: Entry | None, what: str, findings: Findings
) -> tuple[Mapping, Entry | None]:
    """Branches, and a ``merge`` that stands among them taken out.

    Args:
        branches: by name.
        merge: that stands beside them; where there is one, another is none.
        what: how messages name what has the branches.
        findings: receives what is taken out.
    """
    stray = branches.items.get("merge")
    if merge is not None or stray is None or not isinstance(stray.value, Scalar):
        return branches, merge
    message = f"`merge` stands among the branches of {what}, not beside `branches`"
    hint = "indent it as far as `branches`"
    findings.add(Code.BAD_NAME, message, stray.key.span, help=hint)
    rest = {name: entry for name, entry in branches.items.items() if name != "merge"}
    return Mapping(rest, branches.span), stray


def join_calls(arguments: dict[str, Entry], findings: Findings) -> None:
    """Join arguments that the comma of a call parts in braces: ``{out: min(1, $a), …}``.

    Args:
        arguments: of a step, by name; they are changed in place.
        findings: receives what is joined.
    """
    for key, entry in arguments.items():
        if isinstance(entry.value, Sequence) and key not in _NO_VALUES:
            arguments[key] = Entry(entry.key, _with_calls(entry.value, findings))
    whole: str | None = None
    for key, entry in list(arguments.items()):
        value = entry.value
        if key in _NO_VALUES:
            continue
        if whole is None:
            text = value.text if isinstance(value, Scalar) else ""
            if isinstance(value, Scalar) and _is_open(text) and value.value == text:
                whole = key
            continue
        first = arguments[whole].value
        assert isinstance(first, Scalar)
        if not isinstance(value, Scalar) or value.value is not None or key.isidentifier():
            return  # an argument of its own: the bracket is not closed at all
        del arguments[key]
        call = _joined(first, entry.key)
        arguments[whole] = Entry(arguments[whole].key, call)
        if not _is_open(call.text):
            _report(call, f"{whole}: ", "argument", "braces", findings)
            whole = None


def _with_calls(values: Sequence, findings: Findings) -> Sequence:
    """A list in which a call that its commas part, ``[min(1, $a), 3]``, is one value again."""
    found: list[Node] = []
    for item in values.items:
        last = found[-1] if found else None
        text = last.text if isinstance(last, Scalar) and last.value == last.text else ""
        if not _is_open(text) or not isinstance(last, Scalar) or not isinstance(item, Scalar):
            found.append(item)
            continue
        found[-1] = call = _joined(last, item)
        if not _is_open(call.text):
            _report(call, "", "value", "brackets", findings)
    return Sequence(found, values.span)


def _joined(first: Scalar, more: Scalar) -> Scalar:
    """One value of two that a comma parts."""
    text = f"{first.text}, {more.text}"
    return Scalar(text, text, first.span.to(more.span))


def _report(call: Scalar, before: str, what: str, where: str, findings: Findings) -> None:
    """Say that a call that is whole again was parted; of one without arithmetic nothing, which is
    told where it has no value."""
    if "$" not in call.text:
        return
    message = f"the comma in this call ends the {what}, as every comma in {where} does"
    hint = f'put it in quotes, `{before}"{call.text}"`'
    findings.add(Code.BAD_EXPRESSION, message, call.span.first_line(), help=hint)


def _is_open(text: str) -> bool:
    return text.count("(") > text.count(")")
