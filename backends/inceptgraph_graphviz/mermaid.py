"""The blocks of a picture in the language Mermaid, which many Markdown viewers draw."""

from __future__ import annotations

from collections.abc import Iterator

from inceptgraph.types import format_shape
from inceptgraph_graphviz.colours import LIGHT
from inceptgraph_graphviz.escaping import count, mermaid
from inceptgraph_graphviz.marks import Mark, signed
from inceptgraph_graphviz.picture import Block, Kind, Picture

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
        ends = picture.blocks[link.tail], picture.blocks[link.head]
        dotted = ends[1].kind is Kind.HEAD or any(block.mark is Mark.REMOVED for block in ends)
        line = f"  b{link.tail} {'-.->' if dotted else '-->'} b{link.head}"
        if line not in seen:
            seen.add(line)
            yield line
    yield from _classes(picture)


def _classes(picture: Picture) -> Iterator[str]:
    """What is marked, in colour."""
    for mark in Mark:
        marked = [f"b{i}" for i, block in enumerate(picture.blocks) if block.mark is mark]
        if marked:
            dashes = ",stroke-dasharray:4" if mark is Mark.REMOVED else ""
            colours = f"stroke:{LIGHT.marks[mark]},fill:{LIGHT.mark_tints[mark]}"
            yield f"  classDef {mark.value} {colours},color:{LIGHT.text}{dashes}"
            yield f"  class {','.join(marked)} {mark.value}"


def _shape(block: Block) -> str:
    if block.kind is Kind.OUTPUT:
        return f'(["{mermaid(block.title)}"])'
    if block.kind is Kind.STACK:
        return '["' + "<br>".join(mermaid(signed(row.label, row.mark)) for row in block.rows) + '"]'
    params = f"{count(block.cost.params)} params" if block.cost.params else ""
    params = f"weights of {mermaid(block.shares)}" if block.shares else params
    title = f"{block.title} × {block.times}" if block.times else block.title
    facts = [format_shape(block.shape), params]
    return f'["{mermaid(signed(title, block.mark))}<br>{" · ".join(filter(None, facts))}"]'
