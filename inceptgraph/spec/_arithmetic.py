"""Arithmetic over parameters: total and exact.

``+ - * / // %``, a sign, brackets and five functions over whole numbers and decimals; comparisons
of numbers, and ``and or not`` over what those say. Numbers are whole or fractions, so ``0.1 * 30``
is 3 and ``64 / 3`` is no number of channels.
"""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from inceptgraph.diagnostics import Code, closest, did_you_mean
from inceptgraph.source import Scalar
from inceptgraph.spec._environment import (
    VALUE_NAME,
    Unavailable,
    ValueProblem,
    describe,
    lookup,
    used_values,
)

if TYPE_CHECKING:
    from fractions import Fraction

__all__ = ["MAX_NUMBER", "compute"]

MAX_LENGTH = 200
MAX_NUMBER = 2**53
MAX_DIGITS = 40

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?)(?![\w.])"
    r"|\$(?P<name>" + VALUE_NAME + r")"
    r"|(?P<op>//|\*\*|[=!<>]=|[-+*/%(),<>]|(?:and|or|not)\b)|(?P<call>[a-z]+)\s*\()",
    re.ASCII,
)
_BINARY: dict[str, tuple[int, Callable[[Any, Any], Any]]] = {
    "or": (1, operator.or_),
    "and": (2, operator.and_),
    "==": (4, operator.eq),
    "!=": (4, operator.ne),
    "<": (4, operator.lt),
    "<=": (4, operator.le),
    ">": (4, operator.gt),
    ">=": (4, operator.ge),
    "+": (5, operator.add),
    "-": (5, operator.sub),
    "*": (6, operator.mul),
    "/": (6, lambda left, right: _exact(left, right)),
    "//": (6, operator.floordiv),
    "%": (6, operator.mod),
}
"""How strongly each binds, and what it does."""
_PREFIX: dict[str, tuple[int, Callable[[Any], Any]]] = {
    "not": (3, operator.not_),
    "+": (7, operator.pos),
    "-": (7, operator.neg),
}
_CALLS: dict[str, tuple[bool, Callable[..., Any]]] = {
    "min": (True, lambda *values: min(values)),
    "max": (True, lambda *values: max(values)),
    "floor": (False, math.floor),
    "ceil": (False, math.ceil),
    "round": (False, lambda value: math.floor(value * 2 + 1) // 2),
}
"""The functions, and whether each takes several numbers; a half is rounded up."""
_LOGIC = ("and", "or", "not")
_COMPARES = _BINARY["=="][0]
_OPERATORS = (
    "numbers, `$parameters`, `+ - * / // %`, brackets, `min max floor ceil round`, and conditions"
    " of `== != < <= > >= and or not`"
)
_AS_ELSEWHERE = {"=": "==", "&&": "and", "&": "and", "||": "or", "|": "or", "!": "not"}
"""Operators of other languages, and how they are written here."""


_STRAY_COMMA = "a comma stands between the numbers of `min(…)` or `max(…)` alone"


def compute(node: Scalar, environment: Mapping[str, Any]) -> int | Fraction | bool:
    """The value of an expression: a number, or whether a condition holds.

    Raises:
        ValueProblem: it is not arithmetic, or has no value.
        Unavailable: a parameter in it has none.
    """
    for name in environment:
        if f"${name}" in node.text and not re.fullmatch(r"\w+", name):
            raise Unavailable  # a parameter whose name was refused
    return _Expression(node, environment).result()


class _Expression:
    """One expression, by precedence climbing with two explicit stacks."""

    def __init__(self, node: Scalar, environment: Mapping[str, Any]) -> None:
        self.node = node
        self.text = node.text
        self.environment = environment
        self.values: list[int | Fraction | bool] = []
        self.operators: list[tuple[str, int]] = []
        self.open: list[tuple[str | None, int]] = []
        """Of each open bracket the function, and how many values stand before it."""

    def result(self) -> int | Fraction | bool:
        if len(self.text) > MAX_LENGTH:
            message = f"an expression is at most {MAX_LENGTH} characters long"
            hint = "name its parts under `params:`"
            raise self.problem(message, 0, len(self.text), hint)
        tokens = list(self.tokens())  # all of it is read before any of it fails to have a value
        operand_next = True
        for match in tokens:
            operand_next = self.take(match, operand_next)
        if operand_next:
            last = self.extent(tokens[-1]) if tokens else (0, len(self.text))
            after = f" after `{self.text[slice(*last)]}`" if tokens else ""
            message = f"a number or a `$parameter` is missing{after}"
            raise self.problem(message, *last)
        self.reduce(0)
        if self.operators:
            at = self.operators[-1][1]
            raise self.problem("this bracket is never closed", at, at + 1)
        result = self.values[0]
        return result if isinstance(result, bool) else _exact(result)

    def take(self, match: re.Match[str], operand_next: bool) -> bool:
        """Use one token; says whether an operand must follow."""
        sign = match["op"]
        start, end = self.extent(match)
        if sign is None or sign in ("(", "not"):
            if not operand_next:
                hint = "to multiply, write `*`"
                raise self.problem("an operator is missing before this", start, end, hint)
            if sign == "(" or match["call"]:
                self.open.append((match["call"], len(self.values)))
                self.operators.append(("(", end - 1))
                return True
            if sign == "not":
                self.operators.append(("unary not", start))
                return True
            self.values.append(self.operand(match))
            return False
        if operand_next and sign not in _PREFIX:
            raise self.problem("a number or a `$parameter` is missing before this", start, end)
        if sign in (")", ","):
            self.reduce(0)
            if not self.operators:
                what = "this bracket closes nothing" if sign == ")" else _STRAY_COMMA
                raise self.problem(what, start, end)
            if sign == ")":
                self.operators.pop()
                self.close()
            elif not _CALLS.get(self.open[-1][0] or "", (False,))[0]:
                raise self.problem(_STRAY_COMMA, start, end)
            return sign == ","
        if operand_next:
            self.operators.append((f"unary {sign}", start))
            return True
        self.reduce(_BINARY[sign][0])
        self.operators.append((sign, start))
        return True

    def close(self) -> None:
        """Replace the values of a bracket by what its function makes of them."""
        call, before = self.open.pop()
        if call is not None:
            given = self.values[before:]
            if any(isinstance(value, bool) for value in given):
                message = f"`{call}` is of numbers, not of conditions"
                raise self.problem(message, 0, len(self.text), self.values_of())
            self.values[before:] = [_CALLS[call][1](*given)]

    def tokens(self) -> Iterator[re.Match[str]]:
        position, end = 0, len(self.text.rstrip())
        while position < end:
            match = _TOKEN.match(self.text, position)
            unknown = match is not None and match["call"] and match["call"] not in _CALLS
            if match is None or match["op"] == "**" or unknown:
                raise self.no_token(position)
            yield match
            position = match.end()

    def no_token(self, position: int) -> ValueProblem:
        """The text that stands where a token should."""
        rest = self.text[position:]
        at = position + len(rest) - len(rest.lstrip())
        rest = rest.lstrip()
        braces = re.match(r"\$\{\s*(\w+)\s*\}", rest)
        if braces:
            hint = f"write `${braces[1]}`"
            return self.problem("a parameter has no braces", at, at + braces.end(), hint)
        if rest.startswith("**"):
            hint = f"multiply as often as needed; there are {_OPERATORS}"
            return self.problem("there are no powers in the arithmetic", at, at + 2, hint)
        word = re.match(r"[A-Za-z_]\w*", rest)
        if word is None:
            width = len(re.match(r"\$|[\d.][\w.]*|&&|\|\||.", rest, re.DOTALL)[0])  # type: ignore[index]
            message = f"`{rest[:width]}` is not part of the arithmetic"
            hint = "a parameter is written `$name`" if rest[0] == "$" else f"there are {_OPERATORS}"
            if rest[:width] in _AS_ELSEWHERE:
                hint = f"write `{_AS_ELSEWHERE[rest[:width]]}`"
            return self.problem(message, at, at + width, hint)
        name, stop = word[0], at + word.end()
        if rest[word.end() :].lstrip().startswith("("):
            hint = did_you_mean(name, _CALLS) or f"there are {_OPERATORS}"
            return self.problem(f"there is no function `{name}` in the arithmetic", at, stop, hint)
        known = [name] if name in self.environment else closest(name, self.environment)
        if self.text[:at].rstrip().endswith(("==", "!=")):
            hint = "numbers are compared, and words are not: give it a `bool` parameter"
            return self.problem(f"`{name}` is a word, not a number", at, stop, hint)
        hint = f"did you mean `${known[0]}`?" if known else f"there are {_OPERATORS}"
        return self.problem(f"`{name}` is a word, not a number", at, stop, hint)

    def extent(self, match: re.Match[str]) -> tuple[int, int]:
        return match.end() - len(match[0].lstrip()), match.end()

    def operand(self, match: re.Match[str]) -> int | Fraction | bool:
        start, end = self.extent(match)
        if match["number"]:
            value: Any = float(match["number"])
            if abs(value) > MAX_NUMBER:
                hint = f"the largest is {MAX_NUMBER:,}"
                raise self.problem("this number is too large", start, end, hint)
            # what is next to nothing is taken as its nearest float: its digits may be endless
            exact = len(match["number"]) < MAX_DIGITS and abs(value) > 1e-30
            if match["number"].isdecimal():
                return int(match["number"])
            return _exact(value, written=match["number"] if exact else None)
        value = lookup(match["name"], self.environment, self.node)
        if isinstance(value, bool):
            return value
        try:
            return _exact(value)
        except (TypeError, ValueError, OverflowError):
            message = f"`${match['name']}` is {describe(value)}, not a number"
            raise self.problem(message, start, end) from None

    def reduce(self, strength: int) -> None:
        """Apply the operators that bind at least as strongly, back to the last open bracket."""
        while self.operators and self.operators[-1][0] != "(":
            sign, at = self.operators[-1]
            prefix, _, symbol = sign.rpartition(" ")
            binding, apply = _PREFIX[symbol] if prefix else _BINARY[symbol]
            if binding < strength:
                return
            self.operators.pop()
            operands = (
                [self.values.pop()] if prefix else [self.values.pop(), self.values.pop()][::-1]
            )
            self.check(symbol, at, operands)
            value = apply(*operands)
            if abs(value) > MAX_NUMBER or value.denominator > 10 ** (2 * MAX_DIGITS):
                message = f"`{self.text.strip()}` is beyond what the arithmetic can hold"
                raise self.problem(message, 0, len(self.text), self.values_of())
            self.values.append(value)

    def check(self, symbol: str, at: int, operands: list[int | Fraction | bool]) -> None:
        """Numbers compute and compare; conditions are joined; nothing is divided by zero."""
        end = at + len(symbol)
        conditions = [isinstance(value, bool) for value in operands]
        if symbol in _LOGIC and not all(conditions):
            does = "turns conditions round" if symbol == "not" else "joins conditions"
            message = f"`{symbol}` {does}, and a number is none"
            raise self.problem(message, at, end, "compare it: `$n > 0`")
        if symbol not in _LOGIC and any(conditions):
            compares = _BINARY[symbol][0] == _COMPARES
            message = (
                f"`{symbol}` {'compares' if compares else 'computes with'} numbers, not conditions"
            )
            hint = "a condition stands by itself or behind `not`; `and` and `or` join two"
            raise self.problem(message, at, end, hint)
        if symbol in ("/", "//", "%") and operands[1] == 0:
            message = f"`{self.text.strip()}` divides by zero"
            code, place = Code.DIVISION_BY_ZERO, self.node.part(at, end)
            raise ValueProblem(code, message, place, self.values_of())

    def values_of(self) -> str | None:
        """The values of the parameters in it, as a hint."""
        used = used_values(self.text, self.environment)
        return f"here {used}" if used else None

    def problem(self, message: str, start: int, end: int, help: str | None = None) -> ValueProblem:
        return ValueProblem(Code.BAD_EXPRESSION, message, self.node.part(start, end), help)


def _exact(value: Any, over: int | Fraction = 1, *, written: str | None = None) -> int | Fraction:
    """An exact number, as an int where it is whole, which is several times as fast; a decimal as it
    was written, not its nearest binary fraction."""
    if isinstance(value, bool):
        raise TypeError
    if isinstance(value, int) and over == 1:
        return value
    from fractions import Fraction  # milliseconds to import: only these pay

    if not isinstance(value, int | float | Fraction):
        raise TypeError
    exact = Fraction(written or (repr(value) if isinstance(value, float) else value)) / over
    return exact.numerator if exact.denominator == 1 else exact
