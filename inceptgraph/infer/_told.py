"""The finding of an operation that does not fit what it reads."""

from __future__ import annotations

from dataclasses import replace

from inceptgraph.diagnostics import Code, Findings, ShapeError
from inceptgraph.graph import Node
from inceptgraph.infer._mismatch import Nodes, explain_mismatch, explain_rank, inputs_note
from inceptgraph.types import Shape

__all__ = ["report"]


def report(
    error: ShapeError, node: Node, shapes: tuple[Shape, ...], nodes: Nodes, findings: Findings
) -> None:
    """Tell of a node that cannot take its operands.

    Args:
        error: what is wrong.
        node: that it is wrong with.
        shapes: of its operands.
        nodes: all before it, with their shapes.
        findings: receives it.
    """
    origin = node.origin
    span = origin.argument(error.argument) if origin else None
    uses = origin.uses() if origin else ()
    ranks = {len(shape) for shape in shapes}
    if len(shapes) > 1 and (error.axes or len(ranks) > 1):
        if error.operands is not None:
            node = replace(node, inputs=tuple(node.inputs[i] for i in error.operands))
            shapes = tuple(shapes[i] for i in error.operands)
        story = explain_mismatch(error.axes, node, shapes, nodes)
        labels, notes, help = story.labels, story.notes, error.help or story.help
    else:
        labels = explain_rank(node, nodes) if error.code is Code.WRONG_RANK else ()
        notes, help = inputs_note(node, shapes), error.help
        if error.code is Code.WRONG_RANK and not labels and ranks == {1}:
            help = "what comes in is a vector: give the input `channels`, `height` and `width`"
    # A step inside others is named by its path; at the top the caret is on the name itself.
    path = f"`{node.name}`" if "." in node.name else ""
    findings.add(error.code, error.message, span, path, *labels, *uses, notes=notes, help=help)
