"""Parameters: how blocks and the network declare them, and whether what names them may."""

from __future__ import annotations

import re
from collections.abc import Collection, Container, Iterable

from inceptgraph.diagnostics import (
    Code,
    Findings,
    Label,
    Severity,
    Source,
    Span,
    closest,
    did_you_mean,
)
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence, parse
from inceptgraph.spec._models import Param
from inceptgraph.spec._read_as_meant import join_calls
from inceptgraph.spec._structure import PARAMETER_NAME, check_name, read_mapping
from inceptgraph.spec._values import TYPES, references

__all__ = ["check_defaults_order", "check_references", "lint_unused", "read_params"]

_DECLARATION = re.compile(r"\s*(\w*)\s*(?:=\s*(.*?)\s*)?", re.DOTALL)
_LONGEST = 500
"""Characters of a declaration: more than anyone writes, and few enough for any expression."""


def read_params(node: Node, what: str, findings: Findings) -> dict[str, Param]:
    """Read ``params:``; a declaration that cannot be read leaves a parameter of any value."""
    if isinstance(node, Sequence):
        words = [item for item in node.items if isinstance(item, Scalar) and item.text]
        example = ", ".join(f"{word.text}: int" for word in words) or "out: int, kernel: size = 1"
        help = f"write what each one is: `{{{example}}}`"
        read_mapping(node, what, findings, help)
        return {word.text: Param(word, "any", None, readable=False) for word in words}
    mapping = read_mapping(node, what, findings, "declare each one as `name: type`, such as `int`")
    found = {}
    declared = dict(mapping.items) if mapping else {}
    join_calls(declared, findings)
    for entry in declared.values():
        check_name(entry.key, "parameter", findings, pattern=PARAMETER_NAME)
        named = re.fullmatch(PARAMETER_NAME, entry.key.text) is not None
        param = _read(entry, findings) if named else None
        found[entry.key.text] = param or Param(entry.key, "any", None, readable=False)
    return found


def _read(entry: Entry, findings: Findings) -> Param | None:
    """``int``, ``int = 3``, or a bare default whose type is its own."""
    key, value = entry.key, entry.value
    if isinstance(value, Mapping) or (isinstance(value, Scalar) and value.text == ""):
        given = "is a mapping" if isinstance(value, Mapping) else "has neither a type nor a default"
        message = f"the parameter `{key.text}` {given}"
        hint = f"write a type, `{key.text}: int`, a default, or both, `{key.text}: int = 3`"
        findings.add(Code.WRONG_TYPE, message, value.span.first_line(), help=hint)
        return None
    if isinstance(value, Sequence):
        return Param(key, "size" if len(value.items) in (2, 3) else "any", value)
    if isinstance(value.value, str):
        return _read_declaration(key, value, findings)
    kind = type(value.value).__name__
    return Param(key, kind if kind in TYPES else "any", value)


def _read_declaration(key: Scalar, value: Scalar, findings: Findings) -> Param | None:
    match = _DECLARATION.fullmatch(value.text) if len(value.text) <= _LONGEST else None
    type_name = match[1] if match else value.text
    if match is None or type_name not in TYPES:
        word = type_name or value.text
        start = match.start(1) if match and match[1] else 0
        hint = did_you_mean(word, TYPES) or f"the types are {', '.join(TYPES)}"
        if match and match[2] is None and not closest(word, TYPES):
            hint += f"; a word as the default is written `string = {word}`"
        message = f"`{word}` is not a type of parameters"
        findings.add(Code.BAD_TYPE_NAME, message, value.part(start, start + len(word)), help=hint)
        return None
    if match[2] is None:
        return Param(key, type_name, None)
    default = _inline_value(match[2], value.part(match.start(2), match.end(2)), findings)
    return Param(key, type_name, default) if default is not None else None


def _inline_value(text: str, place: Span, findings: Findings) -> Node | None:
    """The default in ``size = [1, 7]``, at its place in the declaration."""
    inner = Findings()
    node = parse(Source(place.source.name, text), inner) if text else None
    if node is None:
        message = "the default of this parameter cannot be read"
        hint = "after `=` comes a value, such as `3`, `same` or `[1, 7]`"
        findings.add(Code.WRONG_TYPE, message, place, help=hint)
        return None
    return _moved(node, place)


def _moved(node: Node, place: Span) -> Node:
    """A node that was parsed apart, at its place in the source."""
    exact = node.span.line == node.span.end_line == 0 and place.line == place.end_line
    exact = exact and node.span.end_column <= place.end_column - place.column
    span = place.part(node.span.column, node.span.end_column) if exact else place
    if isinstance(node, Scalar):
        return Scalar(node.value, node.text, span)
    if isinstance(node, Sequence):
        return Sequence([_moved(item, place) for item in node.items], span)
    items = {
        name: Entry(Scalar(name, name, place), _moved(entry.value, place))
        for name, entry in node.items.items()
    }
    return Mapping(items, span)


# -- scopes ---------------------------------------------------------------------------------


def check_references(
    nodes: Iterable[Node],
    params: Collection[str],
    findings: Findings,
    *,
    outer: Collection[str] = (),
    sealed: Container[Source] = (),
) -> set[str]:
    """Report ``$names`` that are not in scope.

    Args:
        nodes: what is written; extents in it are none of this function's business.
        params: in scope everywhere.
        findings: receives what is wrong.
        outer: in scope but for what is written in ``sealed``.
        sealed: files that see nothing from outside.

    Returns:
        The names that occur or are meant.
    """
    used: set[str] = set()
    inside = params
    everywhere = (*params, *outer)
    for node in nodes:
        for name, span in references(node):
            used.add(name)
            if "." in name:
                continue  # an extent, which is judged where a value asks for it
            params = inside if span.source in sealed else everywhere
            if name in params:
                continue
            if name == "in":
                message = "`$in` is what comes in, which is no value"
                hint = "ask for an extent: `$in.channels`"
                findings.add(Code.UNKNOWN_PARAMETER, message, span, help=hint)
                continue
            meant = closest(name, params)
            used.update(meant)
            if any(known.startswith(f"{name}-") for known in params):
                continue  # the name of the parameter was refused, which has been reported
            hint = (
                f"did you mean {' or '.join(f'`${m}`' for m in meant)}?"
                if meant
                else f"in scope here: {', '.join(f'${p}' for p in params)}"
                if params
                else f"declare it: `params: {{{name}: int}}`"
            )
            findings.add(
                Code.UNKNOWN_PARAMETER, f"there is no parameter `${name}`", span, help=hint
            )
    return used


def check_defaults_order(
    params: dict[str, Param], outer: Collection[str], findings: Findings
) -> set[str]:
    """A default may use parameters declared before it; returns the names that defaults use."""
    used: set[str] = set()
    before: dict[str, None] = dict.fromkeys(outer)
    for name, param in params.items():
        if param.default is not None:
            unknown: list[Node] = [param.default]
            for later, span in references(param.default):
                if later in params and later not in before:
                    what = "itself" if later == name else f"`${later}`, which is declared later"
                    findings.add(
                        Code.UNKNOWN_PARAMETER,
                        f"the default of `{name}` uses {what}",
                        span,
                        "",
                        *([] if later == name else [Label(params[later].name.span, "here")]),
                        help="a default can use the parameters above it",
                    )
                    unknown = []
                    used.add(later)
            used |= check_references(unknown, before, findings)
        before[name] = None
    return used


def lint_unused(
    params: dict[str, Param],
    used: set[str],
    owner: str,
    findings: Findings,
    others: Iterable[str] = (),
) -> None:
    """Warn of parameters that nothing names; one may be a slip for one of ``others``."""
    for name, param in params.items():
        if name in used or not param.readable:
            continue
        findings.add(
            Code.UNUSED_PARAMETER,
            f"{owner} never uses its parameter `{name}`",
            param.name.span,
            help=did_you_mean(name, others)
            or f"write `${name}` where it should count, or remove it",
            severity=Severity.WARNING,
        )
