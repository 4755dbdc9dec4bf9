"""Trees of values to dataclasses, by the types of their fields, with findings where they differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from inceptgraph.diagnostics import Code, Findings, closest, did_you_mean
from inceptgraph.source import Mapping, Node, Scalar, Sequence
from inceptgraph.spec import kind_of, listed, need_text, read_keys, read_mapping
from inceptgraph.training._recipe import Bounds, Duration

__all__ = ["FAILED", "read_form"]

T = TypeVar("T")

FAILED: Any = object()
"""What could not be read; why is reported."""

_DURATION = re.compile(r"(\d{1,12}) *(epoch|step)s?")
_HINTS: dict[str, str] = {
    "optimizer": "write `optimizer: {name: sgd, lr: 0.1, momentum: 0.9}`",
    "schedule": "write `schedule: {name: cosine, warm_up: 5 epochs}`",
    "average": "write `average: {name: ema, decay: 0.9999}`",
    "rules": "write `rules: [{kind: biases, lr: 2, decay: 0}]`",
    "crop": "write `crop: {name: area}`",
}


def read_form(kind: type[T], node: Node, what: str, findings: Findings) -> T:
    """An object of a dataclass; FAILED where something is wrong, all of which is reported.

    Args:
        kind: the dataclass.
        node: a mapping, if all is well.
        what: it is, for messages: "a recipe", "`loss`".
        findings: receives what is wrong.
    """
    last = what.strip("`")
    mapping = read_mapping(node, what, findings, _HINTS.get(last))
    return FAILED if mapping is None else _form(kind, mapping, what, findings)


def _form(kind: type[T], mapping: Mapping, what: str, findings: Findings) -> T:
    own = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    required = [
        name
        for name, each in own.items()
        if each.default is MISSING and each.default_factory is MISSING
    ]
    items = read_keys(mapping, own, what, findings, required)
    types = get_type_hints(kind, include_extras=True)
    values = {
        name: _value(types[name], entry.value, f"`{name}`", findings)
        for name, entry in items.items()
    }
    if FAILED in values.values() or not set(required) <= values.keys():
        return FAILED  # type: ignore[no-any-return]
    return kind(**values)


def _value(wanted: Any, node: Node, what: str, findings: Findings) -> Any:
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin in (Union, UnionType):
        return _one_of(arguments, node, what, findings)
    if origin is Annotated:
        return _number(arguments[0], arguments[1], node, what, findings)
    if origin is Literal:
        return _word(arguments, node, what, findings)
    if origin is tuple:
        return _list(arguments, node, what, findings)
    if origin is dict:
        return _named(arguments[1], node, what, findings)
    if wanted is Duration:
        return _duration(node, what, findings)
    if is_dataclass(wanted):
        return read_form(wanted, node, what, findings)  # type: ignore[arg-type]
    if wanted is bool:
        return _flag(node, what, findings)
    text = need_text(node, what, findings)
    return FAILED if text is None else text.text


def _one_of(kinds: tuple[Any, ...], node: Node, what: str, findings: Findings) -> Any:
    """A value of one of several types: None or another, or a class that ``name`` says."""
    if NoneType in kinds:
        if isinstance(node, Scalar) and node.value is None:
            return None
        kinds = tuple(kind for kind in kinds if kind is not NoneType)
        if len(kinds) == 1:
            return _value(kinds[0], node, what, findings)
    named = {kind.word: kind for kind in kinds}
    mapping = read_mapping(node, what, findings, _HINTS.get(what.strip("`")))
    if mapping is None:
        return FAILED
    items = dict(mapping.items)
    entry = items.pop("name", None)
    if entry is None:
        place = next((each.key.span for each in items.values()), mapping.span.first_line())
        hint = f"name one: {listed(named, 'or')}"
        findings.add(Code.MISSING_KEY, f"{what} needs `name`", place, help=hint)
        return FAILED
    word = _word(tuple(named), entry.value, f"`name` of {what}", findings)
    if word is FAILED:
        return FAILED
    return _form(named[word], Mapping(items, mapping.span), f"{what} `{word}`", findings)


def _number(kind: type, bounds: Bounds, node: Node, what: str, findings: Findings) -> Any:
    value = node.value if isinstance(node, Scalar) else None
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole and kind is float and abs(value) < 2**1000:  # type: ignore[arg-type]
        value = float(value)  # type: ignore[arg-type]
    if type(value) is kind and bounds.holds(value):  # type: ignore[arg-type]
        return value
    noun = "a whole number" if kind is int else "a number"
    return _refuse(node, what, f"must be {noun}, {bounds}", findings, _quoted(node))


def _quoted(node: Node) -> str | None:
    """The hint on a number that is a text."""
    if isinstance(node, Scalar) and isinstance(node.value, str):
        if re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", node.text):
            return f"quotes make it a text: write {node.text}"
        if re.fullmatch(r"[\d.]+ */ *[\d.]+", node.text):
            return "write the number itself: a recipe has no arithmetic"
    return None


def _word(words: tuple[str, ...], node: Node, what: str, findings: Findings) -> Any:
    if isinstance(node, Scalar) and node.value in words:
        return node.value
    hint = did_you_mean(node.text, words) if isinstance(node, Scalar) else None
    return _refuse(node, what, f"must be {listed(words, 'or')}", findings, hint)


def _flag(node: Node, what: str, findings: Findings) -> Any:
    if isinstance(node, Scalar) and isinstance(node.value, bool):
        return node.value
    meant = {"yes": "true", "on": "true", "no": "false", "off": "false"}
    word = node.text.lower() if isinstance(node, Scalar) else ""
    hint = f"in YAML 1.2 `{word}` is a word: write `{meant[word]}`" if word in meant else None
    return _refuse(node, what, "must be true or false", findings, hint)


def _duration(node: Node, what: str, findings: Findings) -> Any:
    text = node.text if isinstance(node, Scalar) else ""
    match = _DURATION.fullmatch(text)
    if match and int(match[1]):
        return Duration(int(match[1]), f"{match[2]}s")  # type: ignore[arg-type]
    number, _, unit = text.partition(" ")
    hint = "write `60 epochs` or `320000 steps`"
    if number.isdigit() and int(number):
        close = closest(unit.strip(), ("epochs", "steps"))
        meant = f"`{number} {close[0]}`" if close else f"`{number} epochs` or `{number} steps`"
        hint = f"write {meant}"
    return _refuse(node, what, "must be a number of epochs or steps", findings, hint)


def _list(kinds: tuple[Any, ...], node: Node, what: str, findings: Findings) -> Any:
    """A list of any length of one type, where a single one stands for itself; or one of each."""
    several = kinds[-1] is Ellipsis
    nodes = node.items if isinstance(node, Sequence) else [node]
    if not several and len(nodes) != len(kinds):
        wanted = f"must be a list of {len(kinds)} numbers"
        return _refuse(node, what, wanted, findings, "such as `[0.08, 1.0]`")
    each = kinds[:1] * len(nodes) if several else kinds
    name = f"each of {what}" if isinstance(node, Sequence) else what
    if several and is_dataclass(kinds[0]):
        if not isinstance(node, Sequence):
            return _refuse(node, what, "must be a list", findings, _HINTS.get(what.strip("`")))
        name = f"a part of {what}"
    values = [_value(kind, item, name, findings) for kind, item in zip(each, nodes, strict=True)]
    return FAILED if FAILED in values else tuple(values)


def _named(kind: Any, node: Node, what: str, findings: Findings) -> Any:
    mapping = read_mapping(node, what, findings)
    if mapping is None:
        return FAILED
    read: Callable[[str], Any] = lambda name: _value(  # noqa: E731
        kind, mapping.items[name].value, f"`{name}` of {what}", findings
    )
    values = {name: read(name) for name in mapping.items}
    return FAILED if FAILED in values.values() else values


def _refuse(node: Node, what: str, reason: str, findings: Findings, help: str | None) -> Any:
    message = f"{what} {reason}, but is {kind_of(node)}"
    findings.add(Code.BAD_ARGUMENT, message, node.span.first_line(), help=help)
    return FAILED
