"""Sequences as images of height 1, whose numbers lie in memory as theirs do."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.diagnostics import ShapeError
from inceptgraph.graph import Graph, Node
from inceptgraph.graph.recipes import Recipe, Reshaped
from inceptgraph.ops import BUILT_IN, Input, Operation
from inceptgraph.types import Shape

__all__ = ["as_image", "on_images"]


def on_images(graph: Graph) -> Graph:
    """The graph over images that computes the same; itself where it has no sequences.

    Args:
        graph: with shapes, each step of which :func:`as_image` takes.
    """
    if all(len(graph.shape(name)) != 2 for name in graph.nodes):
        return graph
    return graph.rewrite(filter(None, (as_image(graph, node) for node in graph.nodes.values())))


def as_image(graph: Graph, node: Node) -> Node | None:
    """A step over images of height 1 where it is one over sequences, with its weights in the shape
    that they then have; None where it cannot be one."""
    before, own = graph.operands(node), graph.shape(node.name)
    if all(len(shape) != 2 for shape in (*before, own)):
        return node
    operands, shape = tuple(map(_image, before)), _image(own)
    op: Operation = Input(shape=shape) if isinstance(node.op, Input) else node.op.on_images()
    try:
        fits = isinstance(op, Input) or (op.op in BUILT_IN and op.infer(*operands) == shape)
    except ShapeError:
        fits = False
    if not fits:
        return None
    wanted, given = op.weights(*operands), graph.recipes(node)
    made: dict[str, Recipe] = {
        name: given[name]
        if given[name].shape == weight.shape
        else Reshaped(given[name], weight.shape)
        for name, weight in wanted.items()
    }
    if made == given:
        return replace(node, op=op, shape=shape)
    return replace(node, op=op, shape=shape, recipes=made, shares=None)


def _image(shape: Shape) -> Shape:
    return (shape[0], 1, shape[1]) if len(shape) == 2 else shape
