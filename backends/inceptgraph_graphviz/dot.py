"""The picture as DOT: blocks as nodes, columns as ranks, heads beside what they tap."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from inceptgraph_graphviz.colours import heat_of
from inceptgraph_graphviz.escaping import quoted
from inceptgraph_graphviz.extent import extents
from inceptgraph_graphviz.fold import Columns, arrange
from inceptgraph_graphviz.html_table import Painter
from inceptgraph_graphviz.legend import family_swatches, heat_scale, legend, mark_swatches
from inceptgraph_graphviz.marks import Mark
from inceptgraph_graphviz.picture import Block, Kind, Link, Picture
from inceptgraph_graphviz.picture_options import Look
from inceptgraph_graphviz.rows import Row
from inceptgraph_graphviz.structure import rows_of

__all__ = ["FONT", "write"]

FONT: Final = "Roboto,Helvetica,Arial,sans-serif"
"""The font that is bundled, then those that are as wide."""

_POINT: Final = "shape=point width=0.014 height=0.014"
"""As wide as an edge, to round a corner off."""


def write(picture: Picture, look: Look) -> str:
    """The picture as a text in the language DOT."""
    return "\n".join(_Writer(picture, look).lines()) + "\n"


class _Writer:
    def __init__(self, picture: Picture, look: Look) -> None:
        self.picture, self.look = picture, look
        down = look.direction == "TB"
        sizes = extents(picture, by_stage=look.depth == 1, down=down)
        self.folded = arrange(picture, sizes, look.fold, down=down)
        self.column = {i: n for n, column in enumerate(self.folded.columns) for i in column}
        self.rank = _ranks(picture, self.folded, self.column)
        spine = [block for block in picture.blocks if block.kind is not Kind.HEAD]
        largest = 0
        if look.heat != "none" and len(spine) > 1:
            largest = max(heat_of(block.cost, look.heat) for block in spine)
        taps = dict.fromkeys(link.tail_row.name for link in picture.links if self._is_tap(link))
        ports = {name: f"tap{number}" for number, name in enumerate(taps)}
        self.stepping = {link.tail for link in picture.links if link.head == link.tail + 1}
        self.shapes = {
            node.name: row.shape for b in picture.blocks for row in b.rows for node in row.nodes
        }
        self.painter = Painter(
            look.colours, look.heat, picture.total, largest, ports, picture.marked
        )

    def lines(self) -> Iterator[str]:
        theme = self.look.colours
        yield f"digraph {quoted(self.picture.name)} {{"
        yield f"  graph [{self._graph_attributes()}]"
        yield f'  node [shape=plain fontname="{FONT}" fontsize=10 fontcolor="{theme.text}"]'
        yield f'  edge [color="{theme.edge}" arrowsize=0.6]'
        for index, block in enumerate(self.picture.blocks):
            yield from self._block(index, block)
        for link in self.picture.links:
            yield from self._link(link)
        yield from self._column_tops()
        yield "}"

    def _graph_attributes(self) -> str:
        down = self.look.direction == "TB"
        parts = [
            f"rankdir={self.look.direction}",
            f"ranksep={0.22 if down else 0.35}",
            f"nodesep={0.45 if down else 0.3}",
            "newrank=true",
            f'bgcolor="{self.look.colours.paper}"',
            "pad=0.1",
            f'fontname="{FONT}"',
            "fontsize=10",
            f'fontcolor="{self.look.colours.text}"',
        ]
        if self.look.legend:
            parts.append(f"labelloc=b label=<{self._legend()}>")
        return " ".join(parts)

    def _legend(self) -> str:
        picture, painter, look = self.picture, self.painter, self.look
        inside = [row for block in picture.blocks for row in block.rows]
        if picture.marked:
            signs = {row.mark for row in inside}
            if look.depth == 1:
                signs = {block.mark for block in picture.blocks}
            swatches = mark_swatches(look.colours, signs)
        else:
            families = [row.family for row in inside if look.depth > 1]
            swatches = family_swatches(look.colours, families)
        heat = heat_scale(look.colours, look.heat, painter.largest)
        return legend(look.colours, picture.name, picture.total, swatches + heat)

    # -- nodes -------------------------------------------------------------------------------

    def _block(self, index: int, block: Block) -> Iterator[str]:
        if block.kind is Kind.OUTPUT:
            label = self.painter.result(block)
        elif self.look.depth == 1:
            label = self.painter.stage(block)
        elif block.series is not None:
            label = self.painter.block(block, block.series)
        else:
            yield from self._cluster(block)
            return
        group = f'group="spine {self.column[index]}" ' if index in self.column else ""
        yield f"  {self._node(index)} [{group}label=<{label}>]"

    def _cluster(self, block: Block) -> Iterator[str]:
        """A block whose wiring is no series: its operations as boxes with edges."""
        style, colour = self.painter.outline(block)
        yield f"  subgraph {quoted('cluster ' + block.path)} {{"
        yield (
            f'    graph [style="{style.replace("rounded", "rounded,filled")}" margin=8'
            f' color="{colour}"'
            f' fillcolor="{self.painter.background(block)}" labelloc=t labeljust=l'
            f" label=<{self.painter.tall_header(block)}>]"
        )
        home = {node.name: row for row in block.rows for node in row.nodes}
        for row in block.rows:
            changes = any(self.shapes[operand] != row.shape for operand in row.operands)
            label = self.painter.operation(row, shape=changes or not row.operands)
            yield f"    {quoted(row.name)} [label=<{label}>]"
        for row in block.rows:
            for operand in row.operands:
                if operand in home:
                    tail = home[operand]
                    style = self._style(tail.mark, row.mark)
                    yield f"    {quoted(tail.name)} -> {quoted(row.name)}{style}"
        yield "  }"

    def _node(self, index: int, row: Row | None = None) -> str:
        """The DOT node that stands for a block, or for a row of a block with edges."""
        block = self.picture.blocks[index]
        if block.kind is Kind.OUTPUT:
            return quoted(f"output:{block.path}")
        if block.series is not None or self.look.depth == 1:
            return quoted(block.path)
        return quoted((row or block.rows[0]).name)

    # -- edges -------------------------------------------------------------------------------

    def _is_tap(self, link: Link) -> bool:
        """Whether an edge begins at a row inside a table, and not at the whole block.

        A row of a copy that is not drawn has no cell to begin at.
        """
        block = self.picture.blocks[link.tail]
        if block.series is None or self.look.depth == 1 or link.tail_row.name == block.last.name:
            return False
        return any(row.name == link.tail_row.name for row in rows_of(block.series))

    def _passes_by(self, link: Link) -> bool:
        """Whether an edge leads around blocks that stand between its ends."""
        below = self.rank[link.head] - self.rank[link.tail] > 1
        return below and link.tail in self.stepping

    def _link(self, link: Link) -> Iterator[str]:
        tail, head = self._node(link.tail, link.tail_row), self._node(link.head, link.head_row)
        start = tail
        side = "e" if self.look.direction == "TB" else "s"
        if self._is_tap(link):
            start = f"{tail}:{self.painter.ports[link.tail_row.name]}:{side}"
        columns = self.column.get(link.tail), self.column.get(link.head)
        marks = [self.picture.blocks[end].mark for end in (link.tail, link.head)]
        if columns[1] is None:
            yield f"  {{ rank=same {tail} {head} }}"
            yield f"  {start} -> {head} [style=dashed]{self._style(*marks)}"
        elif columns[0] == columns[1] or columns[0] is None:
            if link.head == link.tail + 1:
                yield f"  {start} -> {head} [weight=10]{self._style(*marks)}"
            elif self._passes_by(link) and start == tail:
                yield f"  {tail}:{side} -> {head}:{side}{self._style(*marks)}"
            else:
                yield f"  {start} -> {head}{self._style(*marks)}"
        elif self.rank[link.tail] > self.rank[link.head]:
            yield from self._bus(tail, head, columns[1], self._style(*marks))
        else:
            yield f"  {start} -> {head} [constraint=false]{self._style(*marks)}"

    def _style(self, *marks: Mark | None) -> str:
        """How an edge between parts with these marks looks, where one of them is gone."""
        colour = self.look.colours.marks[Mark.REMOVED]
        return f' [style=dashed color="{colour}"]' if Mark.REMOVED in marks else ""

    def _bus(self, tail: str, head: str, column: int, style: str) -> Iterator[str]:
        """A link into the next column: out at the side, along the gutter, in at the side.

        Two points without size are its corners. Left to itself, Graphviz leads such a long link
        around and across the columns. The points share their ranks with the ends of the link, so
        that it constrains no more than a ``constraint=false`` edge.
        """
        low, high = quoted(f"gutter:{column}:low"), quoted(f"gutter:{column}:high")
        colour = self.look.colours.edge
        for point, end in ((low, tail), (high, head)):
            yield f'  {point} [{_POINT} color="{colour}" group="gutter {column}"]'
            yield f"  {{ rank=same {end} {point} }}"
        yield f"  {tail} -> {low} [dir=none headclip=false]{style}"
        yield f"  {high} -> {low} [dir=none headclip=false tailclip=false]{style}"
        yield f"  {high} -> {head} [tailclip=false]{style}"

    def _column_tops(self) -> Iterator[str]:
        """Columns begin on one line, from left to right; a point holds the place of a lower one."""
        if len(self.folded.columns) == 1:
            return
        tops = []
        for number, column in enumerate(self.folded.columns):
            first = self._node(column[0])
            if self.folded.offsets[number]:
                top = quoted(f"column:{number}")
                yield f"  {top} [{_POINT} style=invis]"
                lower = self.folded.offsets[number]
                yield f"  {top} -> {first} [style=invis minlen={lower} weight=1000]"
                first = top
            tops.append(first)
        yield f"  {{ rank=same {' '.join(tops)} }}"
        yield f"  {' -> '.join(tops)} [style=invis]"


def _ranks(picture: Picture, folded: Columns, column: dict[int, int]) -> dict[int, int]:
    """The rank of each block of the spine, or a higher one."""
    rank = {i: folded.offsets[number] for i, number in column.items()}
    for link in picture.links:  # in the order of the readers
        if column.get(link.tail) == column.get(link.head) is not None:
            rank[link.head] = max(rank[link.head], rank[link.tail] + 1)
    return rank
