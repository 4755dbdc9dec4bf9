"""A network whose inputs may have any extents, at those of a call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from inceptgraph.graph import Graph, Node
from inceptgraph.infer._probe import Misfit, Probe
from inceptgraph.ops import Input
from inceptgraph.types import Shape, extent_names, extent_noun

__all__ = ["at_shapes"]


def at_shapes(graph: Graph, shapes: Sequence[Shape]) -> Graph:
    """The network for inputs of other shapes, which its free axes allow.

    Args:
        graph: with shapes, and the least extents of its free axes; not rewritten by passes, which
            go by one size.
        shapes: of one sample of each input, in order.

    Raises:
        ValueError: a shape differs in more than free axes, or has an extent that those may not
            have, or two inputs differ in one; or a step does not fit.
    """
    sizes: dict[str, int] = {}
    for node, shape in zip(graph.inputs, shapes, strict=True):
        for axis, extent in _extents(node, shape).items():
            if sizes.setdefault(axis, extent) != extent:
                told = f"{sizes[axis]} and {extent}"
                noun = extent_noun(axis)
                raise ValueError(f"the inputs differ in their {noun}, which is free: {told}")
    try:
        found = Probe(graph, graph.nodes).shapes(sizes)
    except Misfit as misfit:
        told = " and ".join(f"{extent_noun(axis)} {extent}" for axis, extent in sizes.items())
        raise ValueError(f"at {told}, `{misfit.node.name}` does not fit: {misfit.error}") from None
    return graph.with_nodes(
        {
            name: replace(node, op=node.op.at(sizes), shape=found[name])
            if isinstance(node.op, Input)
            else replace(node, shape=found[name])
            for name, node in graph.nodes.items()
        }
    )


def _extents(node: Node, shape: Shape) -> dict[str, int]:
    """The extents of the free axes of an input in a shape that it may have."""
    op = node.op
    assert isinstance(op, Input)
    names = extent_names(len(op.shape) - 1)
    wanted = dict(zip(names, op.shape, strict=True)) | dict.fromkeys(op.free)
    fits = len(shape) == len(names) and all(
        size in (extent, None) for size, extent in zip(wanted.values(), shape, strict=True)
    )
    if not fits:
        expected = ", ".join(("batch", *(str(size or axis) for axis, size in wanted.items())))
        given = ", ".join(("batch", *map(str, shape)))
        raise ValueError(f"`{node.name}` is of shape ({given}), but the network takes ({expected})")
    extents = dict(zip(names, shape, strict=True))
    for axis, least in zip(op.free, op.least, strict=True):
        if extents[axis] < least or extents[axis] % op.multiple:
            steps = f" that are multiples of {op.multiple}" if op.multiple > 1 else ""
            allowed = f"the network takes extents from {least} on{steps}"
            raise ValueError(
                f"`{node.name}` has the {extent_noun(axis)} {extents[axis]}, but {allowed}"
            )
    return {axis: extents[axis] for axis in op.free}
