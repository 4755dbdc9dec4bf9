"""Values of arguments: ``$parameters``, arithmetic over them, and their types.

The arithmetic is total and exact: ``+ - * / // %``, unary minus and brackets over whole numbers
and decimals, with no calls and no attributes. Numbers are fractions until the end, so ``0.1 * 30``
is 3 and ``64 / 3`` is no number of channels.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from inceptgraph.errors import Code, Span
from inceptgraph.source import Mapping as MappingNode
from inceptgraph.source import Node, Scalar, Sequence

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = [
    "FAILED",
    "TYPES",
    "Unavailable",
    "ValueProblem",
    "describe",
    "evaluate",
    "fits",
    "references",
]

TYPES = {
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "string": "a word",
    "size": "a whole number or [height, width]",
    "any": "any value",
}

MAX_LENGTH = 200
MAX_NUMBER = 2**53

_REFERENCE = re.compile(r"\$([A-Za-z0-9_]*)")
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)|\$(?P<name>[A-Za-z0-9_]+)|(?P<op>//|[-+*/%()]))"
)
_BINARY: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "+": (1, operator.add),
    "-": (1, operator.sub),
    "*": (2, operator.mul),
    "/": (2, operator.truediv),
    "//": (2, operator.floordiv),
    "%": (2, operator.mod),
}


class ValueProblem(Exception):
    """A value that cannot be evaluated; says where in the text."""

    def __init__(self, code: Code, message: str, span: Span, help: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.span, self.help = code, message, span, help


class Unavailable(Exception):
    """A value depends on a parameter whose own value failed, which has been reported."""


FAILED: Any = object()
"""In an environment: the value of this parameter could not be computed."""


def references(node: Node) -> Iterator[tuple[str, Span]]:
    """Every ``$name`` in a value, with its place."""
    stack = [node]
    while stack:
        node = stack.pop()
        if isinstance(node, Scalar):
            if isinstance(node.value, str) and "$" in node.value:
                for match in _REFERENCE.finditer(node.value):
                    yield match[1], _part(node, match.start(), match.end())
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
        ValueProblem: a parameter is unknown, or arithmetic fails.
        Unavailable: it depends on a value that failed before.
    """
    if isinstance(node, Sequence):
        return [evaluate(item, environment) for item in node.items]
    if isinstance(node, MappingNode):
        return {key: evaluate(entry.value, environment) for key, entry in node.items.items()}
    text = node.value
    if not isinstance(text, str) or "$" not in text:
        return node.value
    whole = _REFERENCE.fullmatch(text)
    if whole:
        return _lookup(whole[1], environment, node.span)
    return _Arithmetic(node, environment).result()


def _lookup(name: str, environment: Mapping[str, Any], span: Span) -> Any:
    if name not in environment:
        raise ValueProblem(Code.UNKNOWN_PARAMETER, f"there is no parameter `${name}`", span)
    value = environment[name]
    if value is FAILED:
        raise Unavailable
    return value


def _part(node: Scalar, start: int, end: int) -> Span:
    """A part of a scalar's text; the whole of it where quoting or folding moved characters."""
    span = node.span
    written = span.end_column - span.column
    if span.line == span.end_line and written in (len(node.text), len(node.text) + 2):
        shift = (written - len(node.text)) // 2
        return span.part(start + shift, end + shift)
    return span.first_line()


class _Arithmetic:
    """One expression, by precedence climbing with two explicit stacks."""

    def __init__(self, node: Scalar, environment: Mapping[str, Any]) -> None:
        self.node = node
        self.text = node.text
        self.environment = environment
        self.values: list[Fraction] = []
        self.operators: list[tuple[str, int]] = []

    def result(self) -> int | Fraction:
        if len(self.text) > MAX_LENGTH:
            message = f"an expression is at most {MAX_LENGTH} characters long"
            raise self.problem(Code.BAD_EXPRESSION, message, 0, len(self.text))
        operand_next = True
        for match in self.tokens():
            operand_next = self.take(match, operand_next)
        if operand_next:
            message = "the expression ends where a number or `$parameter` should stand"
            raise self.problem(Code.BAD_EXPRESSION, message, len(self.text) - 1, len(self.text))
        self.reduce(0)
        if self.operators:
            at = self.operators[-1][1]
            raise self.problem(Code.BAD_EXPRESSION, "this bracket is never closed", at, at + 1)
        value = self.values[0]
        return value.numerator if value.denominator == 1 else value

    def take(self, match: re.Match[str], operand_next: bool) -> bool:
        """Use one token; says whether an operand must follow."""
        sign, at = match["op"], match.end() - 1
        if sign is None or sign == "(":
            if not operand_next:
                message = "an operator such as `*` is missing before this"
                raise self.problem(Code.BAD_EXPRESSION, message, *self.extent(match))
            if sign == "(":
                self.operators.append(("(", at))
                return True
            self.values.append(self.operand(match))
            return False
        if sign == ")":
            if operand_next:
                message = "a number or `$parameter` is missing before this"
                raise self.problem(Code.BAD_EXPRESSION, message, at, at + 1)
            self.reduce(0)
            if not self.operators:
                message = "this bracket closes nothing"
                raise self.problem(Code.BAD_EXPRESSION, message, at, at + 1)
            self.operators.pop()
            return False
        if operand_next:
            if sign not in "+-":
                message = "a number or `$parameter` is missing before this"
                raise self.problem(Code.BAD_EXPRESSION, message, *self.extent(match))
            self.values.append(_fraction(0))
            self.operators.append(("unary" + sign, at))
            return True
        self.reduce(_BINARY[sign][0])
        self.operators.append((sign, at))
        return True

    def tokens(self) -> Iterator[re.Match[str]]:
        position, end = 0, len(self.text.rstrip())
        while position < end:
            match = _TOKEN.match(self.text, position)
            if match is None:
                at = position + len(self.text[position:]) - len(self.text[position:].lstrip())
                message = f"`{self.text[at]}` is not part of the arithmetic"
                hint = "numbers, $parameters, + - * / // % and round brackets are"
                raise self.problem(Code.BAD_EXPRESSION, message, at, at + 1, hint)
            yield match
            position = match.end()

    def extent(self, match: re.Match[str]) -> tuple[int, int]:
        return match.end() - len(match[0].lstrip()), match.end()

    def operand(self, match: re.Match[str]) -> Fraction:
        start, end = self.extent(match)
        if match["number"]:
            value: Any = float(match["number"])
            if abs(value) > MAX_NUMBER:
                raise self.problem(Code.BAD_EXPRESSION, "this number is too large", start, end)
            return _fraction(match["number"] if len(match["number"]) < 40 else value)
        value = _lookup(match["name"], self.environment, _part(self.node, start, end))
        try:
            return _fraction(value)
        except (TypeError, ValueError, OverflowError):
            message = f"`${match['name']}` is {describe(value)}, not a number"
            raise self.problem(Code.BAD_EXPRESSION, message, start, end) from None

    def reduce(self, strength: int) -> None:
        """Apply the operators that bind at least as strongly, back to the last open bracket."""
        while self.operators and self.operators[-1][0] != "(":
            sign, at = self.operators[-1]
            # A sign binds more strongly than any operator between two numbers.
            binding, apply = (3, _BINARY[sign[-1]][1]) if len(sign) > 2 else _BINARY[sign]
            if binding < strength:
                return
            self.operators.pop()
            right, left = self.values.pop(), self.values.pop()
            if sign in ("/", "//", "%") and right == 0:
                message = f"`{self.text.strip()}` divides by zero"
                raise self.problem(Code.DIVISION_BY_ZERO, message, at, at + 1)
            value = apply(left, right)
            if abs(value) > MAX_NUMBER:
                message = f"`{self.text.strip()}` is too large a number"
                raise self.problem(Code.BAD_EXPRESSION, message, 0, len(self.text))
            self.values.append(_fraction(value))

    def problem(
        self, code: Code, message: str, start: int, end: int, help: str | None = None
    ) -> ValueProblem:
        return ValueProblem(code, message, _part(self.node, start, end), help)


def _fraction(value: Any) -> Fraction:
    from fractions import Fraction

    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        raise TypeError
    # repr: a decimal as it was written, not its nearest binary fraction
    return Fraction(repr(value) if isinstance(value, float) else value)


def fits(value: Any, type_name: str) -> bool:
    """Whether a value is of a parameter's type."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if type_name == "int":
        return whole
    if type_name == "float":
        return whole or isinstance(value, float) or _is_fraction(value)
    if type_name == "bool":
        return isinstance(value, bool)
    if type_name == "string":
        return isinstance(value, str)
    if type_name == "size":
        pair = isinstance(value, list) and len(value) == 2
        return whole or (pair and all(type(item) is int for item in value))
    return True


def _is_fraction(value: Any) -> bool:
    return hasattr(value, "denominator") and not isinstance(value, int)


def describe(value: Any) -> str:
    """A value as a message names it.

    >>> describe("many"), describe([1, 2]), describe(None)
    ('`many`', 'the list [1, 2]', 'nothing')
    """
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, list):
        text = ", ".join(map(str, value))
        return f"the list [{text if len(text) < 40 else text[:40] + '…'}]"
    if isinstance(value, dict):
        return "a mapping"
    text = str(value)
    return f"`{text if len(text) < 60 else text[:60] + '…'}`"
