"""A picture before it has a look: blocks of rows, and the links between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from inceptgraph.analysis import Cost
from inceptgraph.types import Shape
from inceptgraph_graphviz.marks import Mark, combined
from inceptgraph_graphviz.rows import Row
from inceptgraph_graphviz.structure import Repeat, Series

__all__ = ["Block", "Kind", "Link", "Picture"]


class Kind(StrEnum):
    """The kinds of block."""

    BLOCK = "block"
    """A stage or a section, with a header."""
    STACK = "stack"
    """Plain operations, one after another, without a header."""
    HEAD = "head"
    """An auxiliary head, which runs in training alone."""
    OUTPUT = "output"
    """The name of a result, where a network has several."""


@dataclass(frozen=True)
class Block:
    """A part of a network that is drawn as one box.

    Attributes:
        path: the stage that it shows, the first one of several.
        title: what to call it.
        kind: what it is.
        about: the block or operation that the spec names there.
        rows: its operations.
        series: how they hang together; None if they must be drawn with edges.
        cost: of all rows.
        loss_weight: of an auxiliary head.
        shares: the stage or step whose weights all of it uses.
    """

    path: str
    title: str
    kind: Kind
    about: str
    rows: tuple[Row, ...]
    series: Series | None
    cost: Cost
    loss_weight: float | None = None
    shares: str | None = None

    @property
    def last(self) -> Row:
        """The row whose value the block hands on."""
        return self.rows[-1]

    @property
    def shape(self) -> Shape:
        """Of that value; what is gone hands nothing on."""
        left = (row for row in reversed(self.rows) if row.mark is not Mark.REMOVED)
        return next(left, self.last).shape

    @property
    def times(self) -> int | None:
        """The number of equal copies that the whole block is; None where it is no such chain."""
        match self.series:
            case (Repeat(times=times),):
                return times
        return None

    @property
    def mark(self) -> Mark | None:
        """The mark of the whole block."""
        return combined(row.mark for row in self.rows)


@dataclass(frozen=True, slots=True)
class Link:
    """A value that goes from one block into another.

    Attributes:
        tail: index of the block that it leaves.
        head: index of the block that it enters.
        tail_row: the row that computes it.
        head_row: the row that reads it.
    """

    tail: int
    head: int
    tail_row: Row
    head_row: Row


@dataclass(frozen=True)
class Picture:
    """Everything that a diagram shows.

    Attributes:
        name: the network's name.
        blocks: in the order of the spec; heads, then outputs, come last.
        links: between them, each once, in the order of their readers.
        total: cost of what runs in evaluation.
        marked: it points out parts, before which all others stand back.
    """

    name: str
    blocks: tuple[Block, ...]
    links: tuple[Link, ...]
    total: Cost
    marked: bool = False
