"""Python expressions, laid out as a formatter would."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WIDTH", "Brackets", "Expression", "layout"]

WIDTH = 100


@dataclass(frozen=True)
class Brackets:
    """``opening``, comma-separated items, ``closing``; an item may have a label before it."""

    opening: str
    items: tuple[tuple[str, Expression], ...]
    closing: str


Expression = str | Brackets


def _flat(expression: Expression) -> str:
    if isinstance(expression, str):
        return expression
    items = ", ".join(label + _flat(item) for label, item in expression.items)
    return f"{expression.opening}{items}{expression.closing}"


def layout(head: str, expression: Expression, indent: int, *, after: int = 0) -> list[str]:
    """Lines of ``head`` followed by the expression, one item a line where it does not fit.

    Args:
        head: what the first line begins with.
        expression: what follows it.
        indent: spaces before each line.
        after: letters for which the last line needs room.
    """
    pad = " " * indent
    flat = f"{pad}{head}{_flat(expression)}"
    if isinstance(expression, str) or len(flat) + after <= WIDTH or not expression.items:
        return [flat]
    label, item = expression.items[0]
    if len(expression.items) == 1 and isinstance(item, Brackets):
        # a lone argument hugs its brackets: Chain({ … })
        hugged = Brackets(
            expression.opening + label + item.opening, item.items, item.closing + expression.closing
        )
        return layout(head, hugged, indent, after=after)
    lines = [f"{pad}{head}{expression.opening}"]
    for label, item in expression.items:
        *inner, last = layout(label, item, indent + 4, after=1)
        lines += [*inner, f"{last},"]
    return [*lines, f"{pad}{expression.closing}"]
