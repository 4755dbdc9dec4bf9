"""Refusals of an operation's model, in the words of a spec."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from inceptgraph.diagnostics import Code, did_you_mean
from inceptgraph.ops import Operation
from inceptgraph.source import Entry, Node, Scalar
from inceptgraph.source import Mapping as MappingNode
from inceptgraph.source import Sequence as SequenceNode
from inceptgraph.spec import describe, fits, is_fraction, listed
from inceptgraph.types import AXES

__all__ = ["ROUND", "Refusal", "fraction", "hint_for", "locate", "refusal", "settings"]

_KINDS = {
    "int_type": ("a whole number", "int"),
    "int_from_float": ("a whole number", "int"),
    "float_type": ("a number", "float"),
    "bool_type": ("true or false", "bool"),
    "string_type": ("a word", "string"),
}
_BOUNDS = {
    "greater_than": ("more than", "gt"),
    "greater_than_equal": ("at least", "ge"),
    "less_than": ("less than", "lt"),
    "less_than_equal": ("at most", "le"),
}
ROUND = "round it: `round(…)`, `floor(…)` or `ceil(…)`"
_COLON = re.compile(r": (?=(?:[^`]*`[^`]*`)*[^`]*$)")
"""A colon that is not inside backticks."""


@dataclass(frozen=True)
class Refusal:
    """The reason for a refusal: a code, what to say after the argument's name, and a hint."""

    code: Code
    reason: str
    help: str | None = None


def refusal(problem: Mapping[str, Any], value: Any, environment: Iterable[str]) -> Refusal:
    """Translate one error of pydantic.

    Args:
        problem: the error.
        value: what was given.
        environment: the parameters in scope.
    """
    kind, context = problem["type"], problem.get("ctx", {})
    whole = kind in ("int_type", "int_from_float", "size", "padding")
    if whole and fits(value, "float") and not fits(value, "int"):
        reason = f"must be a whole number, but is {fraction(value)}"
        return Refusal(Code.FRACTION, reason, ROUND)
    if kind == "unknown_word":
        known = context["known"]
        meant = did_you_mean(str(context["word"]), known) or f"there are {listed(known)}"
        return Refusal(Code.BAD_ARGUMENT, f"cannot be `{context['word']}`", meant)
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        hint = did_you_mean(str(value), choices)
        reason = f"must be {listed(choices, 'or')}, but is {describe(value)}"
        return Refusal(Code.BAD_ARGUMENT, reason, hint)
    if kind in _BOUNDS:
        words, key = _BOUNDS[kind]
        reason = f"must be {words} {context[key]:g}, but is {describe(value)}"
        return Refusal(Code.BAD_ARGUMENT, reason)
    if kind in _KINDS:
        wanted, type_name = _KINDS[kind]
        reason = f"must be {wanted}, but is {describe(value)}"
        return Refusal(Code.BAD_ARGUMENT, reason, hint_for(value, type_name, environment))
    # A message of an operation's own: "is …", "must …", with a hint after a colon.
    message, *rest = _COLON.split(str(problem["msg"]).replace("{{", "{").replace("}}", "}"), 1)
    message = re.sub(r"^(an? \w+ )?is ", "must be ", message)
    if not message.startswith("must "):
        message = f"is refused ({message})"
    type_name = "size" if kind in ("size", "padding") else "any"
    found = rest[0] if rest else hint_for(value, type_name, environment)
    given = "" if isinstance(value, dict) else f", but is {describe(value)}"
    return Refusal(Code.BAD_ARGUMENT, message + given, found)


def hint_for(value: Any, type_name: str, environment: Iterable[str]) -> str | None:
    """The hint on what the author of a value of the wrong type may have meant."""
    if not isinstance(value, str):
        return "the only such words are `true` and `false`" if type_name == "bool" else None
    if type_name == "bool" and value.lower() in ("yes", "no", "on", "off", "y", "n"):
        meant = "true" if value.lower() in ("yes", "on", "y") else "false"
        return f"in YAML 1.2 `{value}` is a word: write `{meant}`"
    if type_name not in ("int", "float", "size") or len(value) > 100:
        return None
    if re.fullmatch(r"[-+]?[0-9]+", value):
        return f"quotes make it a text: write {value}"
    if type_name == "size" and re.fullmatch(r"\s*\d+(\s*[x×,]\s*\d+){1,2}\s*", value):
        numbers = re.findall(r"\d+", value)
        axes = ", then ".join(AXES[len(numbers)])
        return f"write `[{', '.join(numbers)}]`: {axes}"
    if value.startswith("(") and type_name == "size":
        return "a list has square brackets: write `[3, 3]`"
    words = set(re.findall(r"[A-Za-z_]\w*", value))
    if words and words <= set(environment):
        meant = re.sub(r"(?<![\w$])([A-Za-z_]\w*)", r"$\1", value)
        return f"parameters begin with `$`: write `{meant}`"
    plain = re.sub(r"\b(min|max|floor|ceil|round)\(", "+(", value)
    if re.fullmatch(r"[-+*/%().,\s\d]*[-+*/%][-+*/%().,\s\d]*", plain):
        return "arithmetic needs a `$parameter` in it: write the number itself"
    return None


def fraction(value: Any) -> str:
    """A number that is not whole, as a decimal, and in full where that says more.

    >>> from fractions import Fraction
    >>> fraction(Fraction(64, 3)), fraction(2.5), fraction(64.0)
    ('64/3 = 21.3333', '2.5', 'the decimal 64.0')
    """
    if isinstance(value, float) and value.is_integer():
        return f"the decimal {value}"
    decimal = f"{float(value):.6g}"
    if not is_fraction(value) or value.denominator in (2, 4, 5, 8, 10, 20, 100):
        return decimal
    return f"{value} = {decimal}" if len(str(value)) < 24 else decimal


def locate(node: Node, inner: Iterable[Any]) -> tuple[Node | None, Entry | None]:
    """The part of a value that an error's ``loc`` leads to, and its entry in a mapping."""
    entry: Entry | None = None
    for step in inner:
        if isinstance(node, MappingNode) and str(step) in node.items:
            entry = node.items[str(step)]
            node = entry.value
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.items):
            node = node.items[step]
        elif isinstance(node, Scalar):
            return None, None
    return node, entry


def settings(kind: type[Operation], name: str) -> dict[str, None]:
    """The settings that a structured argument of an operation may have, of any of its forms."""
    models = get_args(kind.model_fields[name].annotation)
    found: dict[str, None] = {}
    for model in models:
        if isinstance(model, type) and issubclass(model, BaseModel):
            found.update(dict.fromkeys(model.model_fields))
    return found
