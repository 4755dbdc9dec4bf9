"""Values of arguments: ``$parameters``, arithmetic over them, and their types."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from inceptgraph.diagnostics import Code, Span
from inceptgraph.source import Mapping as MappingNode
from inceptgraph.source import Node, Scalar, Sequence
from inceptgraph.spec._arithmetic import MAX_NUMBER, compute
from inceptgraph.spec._environment import (
    FAILED,
    VALUE_NAME,
    Unavailable,
    ValueProblem,
    describe,
    lookup,
)

__all__ = [
    "FAILED",
    "TYPES",
    "Unavailable",
    "ValueProblem",
    "describe",
    "evaluate",
    "fits",
    "is_fraction",
    "references",
]

TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a word",
    "size": "a whole number or a list of them, one for each axis",
    "any": "any value",
}

MAX_ITEMS = 1_024

_REFERENCE = re.compile(rf"\$({VALUE_NAME})")
_MENTION = re.compile(rf"\$\{{?({VALUE_NAME})")


def references(node: Node) -> Iterator[tuple[str, Span]]:
    """Every ``$name`` and ``$step.extent`` in a value, with its place; ``${name}`` means to be
    one."""
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and "$" in node.value:
                for match in _MENTION.finditer(node.value):
                    yield match[1], node.part(match.start(), match.end())
        elif isinstance(node, Sequence):
            stack.extend(reversed(node.items))
        else:
            stack.extend(entry.value for entry in reversed(node.items.values()))


def evaluate(node: Node, environment: Mapping[str, Any]) -> Any:
    """The plain value of an argument.

    Args:
        node: the value as written.
        environment: values of the parameters in scope.

    Returns:
        A scalar, list or dict. A number that is not whole and was computed is a ``Fraction``.

    Raises:
        ValueProblem: a number is none that a network can hold, or arithmetic fails.
        Unavailable: it depends on a value that failed before.
    """
    if isinstance(node, Sequence):
        return _within_bounds([*_each(node.items, environment)], node)
    if isinstance(node, MappingNode):
        items = node.items.items()
        return _within_bounds({k: evaluate(e.value, environment) for k, e in items}, node)
    value = node.value
    if isinstance(value, int | float):
        if abs(value) <= MAX_NUMBER:
            return value
        finite = isinstance(value, int) or math.isfinite(value)  # an int may be past any float
        what = "is too large a number" if finite else "is not a finite number"
        shown = node.text if len(node.text) <= 40 else node.text[:40] + "…"
        hint = f"the largest is {MAX_NUMBER:,}" if finite else None
        raise ValueProblem(Code.BAD_ARGUMENT, f"`{shown}` {what}", node.span.first_line(), hint)
    if not isinstance(value, str) or "$" not in value:
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole:
        return lookup(whole[1], environment, node)
    return compute(node, environment)


def _each(items: Iterable[Node], environment: Mapping[str, Any]) -> Iterator[Any]:
    """The values in a list; what it says many times is computed once."""
    known: dict[str, Any] = {}
    for item in items:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            yield evaluate(item, environment)
            continue
        if item.value not in known:
            known[item.value] = evaluate(item, environment)
        yield known[item.value]


def _within_bounds(value: Any, node: Node) -> Any:
    """A list or mapping, if it is no larger than arguments are: lists can double in each
    parameter that holds the one before twice."""
    if _size(value, MAX_ITEMS) <= MAX_ITEMS:
        return value
    message = f"a value holds at most {MAX_ITEMS:,} others"
    raise ValueProblem(Code.TOO_LARGE, message, node.span.first_line())


def _size(value: Any, most: int) -> int:
    """How many values there are in one, itself included; past ``most`` it stops counting."""
    if not isinstance(value, list | dict):
        return 1
    size = 1
    for item in value.values() if isinstance(value, dict) else value:
        size += _size(item, most)
        if size > most:
            break
    return size


def fits(value: Any, type_name: str) -> bool:
    """True where a value is of a parameter's type."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if type_name == "int":
        return whole
    if type_name == "float":
        return whole or isinstance(value, float) or is_fraction(value)
    if type_name == "bool":
        return isinstance(value, bool)
    if type_name == "string":
        return isinstance(value, str)
    if type_name == "size":
        several = isinstance(value, list) and 1 <= len(value) <= 3
        return whole or (several and all(type(item) is int for item in value))
    return True


def is_fraction(value: Any) -> bool:
    """True where a value is an exact number that is not whole."""
    return hasattr(value, "denominator") and not isinstance(value, int)
