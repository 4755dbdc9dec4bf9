"""Blocks as tables: a chain as rows, a fork as columns, a join as a bar below them.

Every table nests in a cell of the one around it and grows with that cell, so that a lone operation
fills its branch and branches of two and of three operations end at one line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from inceptgraph.analysis import Cost
from inceptgraph.ops.shape import Identity
from inceptgraph.types import Family, format_shape
from inceptgraph_graphviz.colours import Heat, Theme, heat_of, heat_step
from inceptgraph_graphviz.escaping import count, html, share
from inceptgraph_graphviz.marks import Mark, signed
from inceptgraph_graphviz.markup import LARGE, SMALL, bold, cell, font, listed, table
from inceptgraph_graphviz.picture import Block, Kind
from inceptgraph_graphviz.rows import Row
from inceptgraph_graphviz.structure import Fork, Item, Repeat, Series

__all__ = ["Painter"]

_GAP = 2
"""Points between two cells."""


@dataclass(frozen=True)
class Painter:
    """Draws blocks in one theme.

    Attributes:
        theme: the colours.
        heat: what tints the blocks.
        total: cost of the whole network.
        largest: of the blocks' values of what ``heat`` names; 0 to tint nothing.
        ports: for the rows at whose cells an edge begins, what to call the cell.
        marked: parts without a mark stand back.
    """

    theme: Theme
    heat: Heat
    total: Cost
    largest: int
    ports: Mapping[str, str]
    marked: bool = False

    # -- blocks ------------------------------------------------------------------------------

    def block(self, block: Block, series: Series) -> str:
        """A block whose rows are a series."""
        if block.kind is Kind.STACK and len(block.rows) == 1:
            return self.operation(block.rows[0])
        match series:
            case (Repeat(series=copy),):
                series = copy
        body = cell(self._series(series, shapes=True))
        rows = [body] if block.kind is Kind.STACK else [cell(self._header(block)), body]
        return self._frame(block, rows)

    def stage(self, block: Block) -> str:
        """A block without its inside: name, kind, output shape and cost."""
        shape = font(format_shape(block.shape), self.theme.text)
        about = font(block.about, self.theme.muted)
        rows = [
            _two_ends(self._title(block), about),
            _two_ends(shape, font(self.costs(block), self.theme.muted)),
        ]
        return self._frame(block, map(cell, rows))

    def operation(self, row: Row, *, shape: bool = True) -> str:
        """An operation that stands alone."""
        return table([self._operation(row, shape=shape)])

    def result(self, block: Block) -> str:
        """The name of a result."""
        hue, tint = self.theme.hue(Family.OUTPUT), self.theme.tint(Family.OUTPUT)
        return table([cell(html(block.title), border=1, cellpadding=5, color=hue, bgcolor=tint)])

    def tall_header(self, block: Block) -> str:
        """Name and costs one below the other, so that edges pass beside them."""
        lines = [self._title(block)]
        lines += [font(part, self.theme.muted) for part in self.costs(block).split(" · ")]
        return table(cell(line, align="left") for line in lines)

    def costs(self, block: Block) -> str:
        """Parameters, multiply-adds and the block's share of the network, where there are any."""
        cost = block.cost
        params = f"{count(cost.params)} params" if cost.params else ""
        params = f"weights of {block.shares}" if block.shares else params
        macs = f"{count(cost.macs)} MACs" if cost.macs else ""
        if block.kind is Kind.HEAD:
            loss = "" if block.loss_weight is None else f"loss × {block.loss_weight:g}"
            return listed(params, loss)
        if self.heat == "params" and cost.params:
            return listed(f"{params} ({share(cost.params, self.total.params)})", macs)
        if self.heat == "memory":
            part = share(cost.activations, self.total.activations)
            return listed(params, macs, f"{count(cost.activations)} activations ({part})")
        return listed(params, macs, share(cost.macs, self.total.macs) if macs else "")

    def background(self, block: Block) -> str:
        """The block's heat; heads, which do not run in evaluation, stay cool."""
        if self.heat == "none" or block.kind is Kind.HEAD:
            return self.theme.heat[0]
        return self.theme.heat[heat_step(heat_of(block.cost, self.heat), self.largest)]

    def _header(self, block: Block) -> str:
        """Name at the left, costs at the right."""
        # no-break spaces: an SVG drops a space at the start of a text
        copies = font(f"\u00a0×\u00a0{block.times}", self.theme.text, 10) if block.times else ""
        costs = font(self.costs(block), self.theme.muted)
        return _two_ends(self._title(block) + copies, costs)

    def _title(self, block: Block) -> str:
        return _pointed_out(block.title, block.mark, bold)

    def outline(self, block: Block) -> tuple[str, str]:
        """Style and colour of the line around a block."""
        dashed = block.kind is Kind.HEAD or block.mark is Mark.REMOVED
        colour = self.theme.muted if block.kind is Kind.HEAD else self.theme.outline
        if block.mark is not None:
            colour = self.theme.marks[block.mark]
        return "rounded,dashed" if dashed else "rounded", colour

    def _frame(self, block: Block, rows: Iterable[str]) -> str:
        style, color = self.outline(block)
        background = self.background(block)
        return table(rows, border=1, cellpadding=1, style=style, color=color, bgcolor=background)

    # -- series ------------------------------------------------------------------------------

    def _series(self, series: Series, *, shapes: bool = False) -> str:
        """A chain as rows; ``shapes`` says whether to write an output shape where it changes."""
        if not series:
            return table([self._identity()], cellspacing=_GAP)
        if all(isinstance(item, Row) for item in series):
            rows = [item for item in series if isinstance(item, Row)]
            return self._beside(rows) if shapes else self._rows(rows)
        parts: list[str] = []
        before: Item | None = None
        for item in series:
            if isinstance(item, Fork):
                branches = [cell(self._series(branch)) for branch in item.branches]
                parts.append(table(["".join(branches)]))
            elif isinstance(item, Repeat):
                parts.append(self._copies(item))
            elif isinstance(before, Fork) and item.family is Family.MERGE:
                parts.append(table([self._join(item)], cellspacing=_GAP))
            else:
                known = before.extents if isinstance(before, Row) else None
                parts.append(self._rows([item], shape=shapes and item.extents != known))
            before = item
        return table(map(cell, parts))

    def _rows(self, rows: Iterable[Row], *, shape: bool = False) -> str:
        return table((self._operation(row, shape=shape) for row in rows), cellspacing=_GAP)

    def _beside(self, rows: Iterable[Row]) -> str:
        """Rows with their shapes, where they change, in a column of its own."""
        lines = []
        last = ""
        for row in rows:
            shape = font(row.extents, self.theme.muted) if row.extents != last else ""
            lines.append(self._operation(row) + cell(shape, align="left", cellpadding=2))
            last = row.extents
        return table(lines, cellspacing=_GAP)

    def _copies(self, repeat: Repeat) -> str:
        """A chain that stands for several, in a frame with their number."""
        times = cell(font(f"× {repeat.times}", self.theme.text, 10), cellpadding=3)
        inside = cell(self._series(repeat.series, shapes=True))
        look = {"style": "rounded,dotted", "color": self.theme.muted}
        return table([cell(table([inside + times], border=1, **look))], cellspacing=_GAP)

    # -- cells -------------------------------------------------------------------------------

    def _operation(self, row: Row, *, shape: bool = False) -> str:
        if isinstance(row.nodes[0].op, Identity):
            return self._identity(row)
        text = self._label(row) if self.marked else html(row.label)
        if shape:
            text += f"&nbsp; {font(row.extents, self.theme.muted)}"
        return self._cell(f"&nbsp;{text}&nbsp;", row, padding=3)

    def _join(self, row: Row) -> str:
        """The bar below a fork, with the shape that the block hands on."""
        shape = font(row.extents, self.theme.muted)
        return self._cell(f"{self._label(row, SMALL)}&nbsp; {shape}", row, padding=1)

    def _identity(self, row: Row | None = None) -> str:
        """A branch that hands its input on."""
        mark = row.mark if row else None
        colour = self.theme.marks[mark] if mark else self.theme.muted
        return cell(
            _pointed_out("identity", mark, lambda text: font(text, self.theme.muted)),
            border=1,
            style="dashed",
            color=colour,
            cellpadding=3,
            tooltip=_tooltip(row) if row else None,
            port=self.ports.get(row.name) if row else None,
        )

    def _label(self, row: Row, size: int = LARGE) -> str:
        muted = self.marked and row.mark in (None, Mark.REMOVED)
        colour = self.theme.muted if muted else self.theme.text
        return _pointed_out(row.label, row.mark, lambda text: font(text, colour, size))

    def _cell(self, content: str, row: Row, *, padding: int) -> str:
        border, inside = self._colours(row)
        return cell(
            content,
            border=1,
            cellpadding=padding,
            style="dashed" if row.mark is Mark.REMOVED else None,
            color=border,
            bgcolor=inside,
            port=self.ports.get(row.name),
            tooltip=_tooltip(row),
        )

    def _colours(self, row: Row) -> tuple[str, str]:
        """Border and inside of an operation."""
        if row.mark is not None:
            return self.theme.marks[row.mark], self.theme.mark_tints[row.mark]
        if self.marked:
            return self.theme.outline, self.theme.plain
        return self.theme.hue(row.family), self.theme.tint(row.family)


def _two_ends(left: str, right: str) -> str:
    left = cell(left, align="left", cellpadding=3)
    return table([left + cell(right, align="right", cellpadding=3)])


def _pointed_out(text: str, mark: Mark | None, set_in: Callable[[str], str]) -> str:
    """A text with the sign of its mark, which says what happened also to who cannot see colours;
    struck through if it is gone."""
    if mark is not Mark.REMOVED:
        return set_in(signed(text, mark))
    return f"{set_in(signed('', mark))}<s>{set_in(text)}</s>"


def _tooltip(row: Row) -> str:
    operations = ", ".join(node.op.label() for node in row.nodes)
    return f"{row.name}: {operations} → {row.extents}"
