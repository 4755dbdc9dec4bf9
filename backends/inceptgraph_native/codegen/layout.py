"""Where each value of a graph lies.

A buffer holds maps with their channels innermost, so that a concatenation is a buffer in which
every branch writes its own range of channels, whatever their number, and a cut is a view.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from inceptgraph.graph import Graph, Node
from inceptgraph.ops import Input
from inceptgraph.ops.merge import Concat
from inceptgraph.ops.shape import Channels
from inceptgraph.types import Shape
from inceptgraph_native.codegen.fusion import Unit, is_alias

__all__ = ["Buffer", "Layout", "Place", "lay_out", "plane"]

LINE = 16
"""Float32 numbers of a cache line."""


@dataclass(slots=True)
class Buffer:
    """Memory for maps of one height and width.

    Attributes:
        index: its number.
        height: rows,
        width: and columns of the map inside.
        channels: of all values that lie in it.
        border: pixels of zeros around the map: top, bottom, left, right.
        used: the first and the last step that use it.
    """

    index: int
    height: int
    width: int
    channels: int
    border: tuple[int, int, int, int] = (0, 0, 0, 0)
    used: tuple[int, int] | None = field(default=None)

    @property
    def pixel(self) -> int:
        """Numbers from a pixel to the next.

        Whole cache lines, and no multiple of 16 of them: the same channel of neighbouring pixels
        would fall into few sets of the cache. Few channels lie dense.
        """
        if self.channels < LINE:
            return self.channels
        lines = -(-self.channels // LINE)
        return LINE * (lines + 1 if lines % 16 == 0 else lines)

    @property
    def row(self) -> int:
        """Numbers from a row to the next."""
        return self.pixel * (self.width + self.border[2] + self.border[3])

    @property
    def image(self) -> int:
        """Numbers from an image to the next."""
        rows = self.height + self.border[0] + self.border[1]
        return -(-self.row * rows // LINE) * LINE

    @property
    def start(self) -> int:
        """Where the map's first pixel is."""
        return self.border[0] * self.row + self.border[2] * self.pixel

    @property
    def dense(self) -> bool:
        """Whether a row follows the one before without a gap."""
        return self.row == self.pixel * self.width

    def surround(self, border: Iterable[int]) -> None:
        """Have at least so many pixels of zeros around the map."""
        top, bottom, left, right = map(max, self.border, border)
        self.border = (top, bottom, left, right)

    def use(self, step: int) -> None:
        first, last = self.used or (step, step)
        self.used = (min(first, step), max(last, step))


@dataclass(frozen=True, slots=True)
class Place:
    """A range of channels of a buffer, from ``channel`` on."""

    buffer: Buffer
    channel: int
    channels: int

    def part(self, start: int, stop: int) -> Place:
        return Place(self.buffer, self.channel + start, stop - start)


@dataclass(frozen=True, slots=True)
class Layout:
    """Where values lie.

    Attributes:
        places: of each node that is computed, by name.
        copies: values that a concatenation must copy into its buffer, and where, by the
            concatenation's name.
        buffers: all of them.
    """

    places: Mapping[str, Place]
    copies: Mapping[str, list[tuple[str, Place]]]
    buffers: list[Buffer]


def plane(shape: Shape) -> tuple[int, int]:
    """Height and width; a vector is a map of one pixel."""
    return (shape[1], shape[2]) if len(shape) == 3 else (1, 1)


def lay_out(graph: Graph, calls: Iterable[Unit]) -> Layout:
    """Give every value a place, those that are concatenated in the place of the whole."""
    places: dict[str, Place] = {}
    copies: dict[str, list[tuple[str, Place]]] = {}
    buffers: list[Buffer] = []
    # what is written by a kernel can be written anywhere
    movable = {cut.name for unit in calls for cut in unit.cuts}

    def new(shape: Shape) -> Place:
        buffers.append(Buffer(len(buffers), *plane(shape), shape[0]))
        return Place(buffers[-1], 0, shape[0])

    concats = [node for node in graph.nodes.values() if isinstance(node.op, Concat)]
    movable |= {node.name for node in concats}
    for node in reversed(concats):  # an outer one gives its inner ones their places
        place = places.get(node.name) or new(graph.shape(node.name))
        places[node.name] = place
        start = 0
        for operand in node.inputs:
            part = place.part(start, start + graph.shape(operand)[0])
            start = part.channel - place.channel + part.channels
            if operand in movable and operand not in places:
                places[operand] = part
            else:
                copies.setdefault(node.name, []).append((operand, part))
    for node in graph.nodes.values():
        if node.name not in places and (node.name in movable or isinstance(node.op, Input)):
            places[node.name] = new(graph.shape(node.name))
        elif node.name not in places and is_alias(graph, node) and node.inputs[0] in places:
            places[node.name] = _alias(places[node.inputs[0]], node)
    return Layout(places, copies, buffers)


def _alias(place: Place, node: Node) -> Place:
    if isinstance(node.op, Channels):
        return place.part(*node.op.extent)
    return place
