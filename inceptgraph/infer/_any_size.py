"""Shapes for images, sequences and volumes of any size."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from inceptgraph.graph import Graph, Node
from inceptgraph.ops import BUILT_IN, Axis, Extent, Operation
from inceptgraph.types import AXES, Shape

__all__ = ["at_any_size"]


def at_any_size(graph: Graph) -> Graph | None:
    """The graph with shapes for maps of any extents, such as images of any height and width; None
    where something depends on them.

    What depends on the size of the inputs is an :class:`inceptgraph.ops.Extent`. This is a proof
    and no list: each operation infers its shape and its weights from what is no number. All inputs
    that are maps have one size.

    Args:
        graph: with shapes. Of one that passes rewrote nothing is known, since they rewrite for the
            size that is declared.
    """
    maps = [node for node in graph.inputs if len(graph.shape(node.name)) > 1]
    sizes = {graph.shape(node.name)[1:] for node in maps}
    if len(sizes) != 1 or graph.rewritten_from is not None:
        return None
    (declared,) = sizes
    axes = zip(AXES[len(declared)], declared, strict=True)
    # a shape holds whole numbers, and what stands in their place
    size = cast("Shape", tuple(Extent(Axis(name, extent)) for name, extent in axes))
    nodes = dict(graph.nodes)
    nodes |= {each.name: replace(each, shape=(graph.shape(each.name)[0], *size)) for each in maps}
    try:
        for node in graph.nodes.values():
            if node.inputs:
                operands = tuple(cast("Shape", nodes[name].shape) for name in node.inputs)
                nodes[node.name] = replace(node, shape=_shape(graph, node, operands))
    except TypeError:  # something needs a number
        return None
    except Exception:  # an operation of a package may say so in any way
        if node.op.op in BUILT_IN:
            raise
        return None
    return graph.with_nodes(nodes)


def _shape(graph: Graph, node: Node, operands: tuple[Shape, ...]) -> Shape:
    """What a node infers.

    Raises:
        TypeError: it depends on the size, or its weights do, or its arguments may.
    """
    op = node.op
    settles = type(op).settled is not Operation.settled
    if settles and (op.op not in BUILT_IN or not isinstance(operands[0][0], int)):
        raise TypeError(f"what `{op.op}` is may be settled by the size of its operands")
    shape = op.infer(*operands)
    if op.weights(*operands) != graph.weights(node) or not all(shape):
        raise TypeError(f"the weights of `{node.name}` depend on the size, or nothing is left")
    return shape
