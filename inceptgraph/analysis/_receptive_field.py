"""Receptive fields: how much of the input a pixel of a feature map can depend on.

The recurrence over layers, and the union over paths, are those of A. Araujo, W. Norris and J. Sim,
*Computing Receptive Fields of Convolutional Neural Networks*, Distill 2019,
doi:10.23915/distill.00021. As there, a field counts the padding that it covers, so it may be larger
than the input: it is a property of the layers, and that of a pixel far from every border.

What reads a whole map at once, such as a global pool, has no field of a fixed size. It is told
apart instead of swallowing everything after it: a squeeze-and-excitation gate depends on the whole
map, and what it multiplies still has a field of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from inceptgraph.graph import Graph, Node
from inceptgraph.ops import HERE, Reaches

__all__ = ["Field", "largest_field", "receptive_fields"]


@dataclass(frozen=True, slots=True)
class Field:
    """The receptive field of one pixel of a node's output, or of a vector.

    Attributes:
        local: what it reads of the input through steps that read a window or a pixel, along each
            axis, in pixels of the input; ``stride`` is the distance between the fields of
            neighbours. None where there are no such paths.
        whole: it depends, on some path, on a whole map.
    """

    local: Reaches | None = None
    whole: bool = False

    @property
    def size(self) -> tuple[int, ...] | None:
        """Extents of the local field, such as height and width, in pixels of the input."""
        return tuple(axis.extent for axis in self.local) if self.local else None

    def joined(self, other: Field) -> Field:
        """The union of two fields. Where neighbours are at unlike distances in the two, no one size
        is true of every pixel, and the whole stands in as an upper bound."""
        whole = self.whole or other.whole
        if self.local is None or other.local is None:
            return Field(self.local or other.local, whole)
        if len(self.local) != len(other.local):
            return Field(None, True)
        axes = [own.joined(its) for own, its in zip(self.local, other.local, strict=True)]
        known = tuple(axis for axis in axes if axis)
        return Field(known, whole) if len(known) == len(axes) else Field(None, True)


def receptive_fields(graph: Graph) -> dict[str, Field]:
    """The field of every node, by name; all inputs are counted on one grid of pixels.

    Args:
        graph: with shapes.

    >>> import inceptgraph
    >>> receptive_fields(inceptgraph.to_graph("googlenet"))["inception_3a.merge"].size
    (59, 59)
    """
    fields: dict[str, Field] = {}
    for node in graph.nodes.values():
        if not node.inputs:
            rank = len(graph.shape(node.name)) - 1
            fields[node.name] = Field((HERE,) * rank) if rank else Field(whole=True)
            continue
        field = Field()
        reaches = node.op.reach(*graph.operands(node))
        for operand, reach in zip(node.inputs, reaches, strict=True):
            field = field.joined(_through(reach, fields[operand]))
        fields[node.name] = field
    return fields


def _through(reach: Reaches | None, below: Field) -> Field:
    """The field of what reads a map with a field of its own."""
    if reach is None or below.local is None:
        return Field(whole=True)
    axes = zip(reach, below.local, strict=True)
    return Field(tuple(own.through(other) for own, other in axes), below.whole)


def largest_field(graph: Graph, fields: dict[str, Field] | None = None) -> tuple[int, ...] | None:
    """Extents, in pixels of the input, of the largest local field of any feature map that has more
    than one pixel: in a classifier that of the last map before the global pool.

    A map of a single pixel does not count: its window covers all that is left of the map before it,
    so its size tells of the input's size and not of the layers.

    Args:
        graph: with shapes; take ``graph.phase("eval")`` for the network without heads.
        fields: those of the graph, where they are known already.

    Returns:
        None where no step computes such a map, or maps of unlike rank are computed.
    """
    known = fields or receptive_fields(graph)
    sizes = [
        size
        for node in graph.nodes.values()
        if _is_wide(graph, node) and (size := known[node.name].size)
    ]
    if len({len(size) for size in sizes}) != 1:
        return None
    return tuple(map(max, zip(*sizes, strict=True)))


def _is_wide(graph: Graph, node: Node) -> bool:
    shape = graph.shape(node.name)
    return bool(node.inputs) and any(extent > 1 for extent in shape[1:])
