"""The blocks of a picture in the language Mermaid, which many Markdown viewers draw."""

from __future__ import annotations

from collections.abc import Iterator

from inceptgraph.types import format_shape
from inceptgraph_graphviz.picture import Block, Kind, Picture
from inceptgraph_graphviz.text import count, mermaid

__all__ = ["write"]


def write(picture: Picture, *, direction: str = "TB") -> str:
    """One node a block, one edge a link."""
    return "\n".join(_lines(picture, direction)) + "\n"


def _lines(picture: Picture, direction: str) -> Iterator[str]:
    yield f"flowchart {direction}"
    for index, block in enumerate(picture.blocks):
        yield f"  b{index}{_shape(block)}"
    seen = set()
    for link in picture.links:
        arrow = "-.->" if picture.blocks[link.head].kind is Kind.HEAD else "-->"
        line = f"  b{link.tail} {arrow} b{link.head}"
        if line not in seen:
            seen.add(line)
            yield line


def _shape(block: Block) -> str:
    if block.kind is Kind.OUTPUT:
        return f'(["{mermaid(block.title)}"])'
    if block.kind is Kind.STACK:
        return '["' + "<br>".join(mermaid(row.label) for row in block.rows) + '"]'
    params = f"{count(block.cost.params)} params" if block.cost.params else ""
    facts = [format_shape(block.last.shape), params]
    return f'["{mermaid(block.title)}<br>{" · ".join(filter(None, facts))}"]'
