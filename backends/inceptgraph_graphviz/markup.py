"""The HTML-like markup of Graphviz's labels."""

from __future__ import annotations

from collections.abc import Iterable

from inceptgraph_graphviz.escaping import html

__all__ = ["LARGE", "SMALL", "bold", "cell", "font", "listed", "table"]

SMALL, LARGE = 8, 10
"""Point sizes: of shapes and costs, and of operations."""


def table(rows: Iterable[str], **attributes: object) -> str:
    """A table of rows of cells; without lines and space unless ``attributes`` give some."""
    given = {"border": 0, "cellborder": 0, "cellspacing": 0, "cellpadding": 0, **attributes}
    return f"<table{_written(given)}>{''.join(f'<tr>{row}</tr>' for row in rows)}</table>"


def cell(content: str, **attributes: object) -> str:
    """A cell; ``content`` is markup, an attribute that is None is left out."""
    return f"<td{_written(attributes)}>{content}</td>"


def font(text: str, colour: str, size: int = SMALL) -> str:
    """Text, not markup, in a colour and a size.

    Graphviz takes an empty ``<font>`` for an error, hence the space.
    """
    return f'<font color="{colour}" point-size="{size}">{html(text) or " "}</font>'


def bold(text: str) -> str:
    """A name; it must not be empty either."""
    return f"<b>{html(text) or ' '}</b>"


def listed(*parts: str) -> str:
    """Facts in a line, without those that are empty."""
    return " · ".join(filter(None, parts))


def _written(attributes: dict[str, object]) -> str:
    given = ((key, value) for key, value in attributes.items() if value is not None)
    return "".join(f' {key}="{html(str(value))}"' for key, value in given)
