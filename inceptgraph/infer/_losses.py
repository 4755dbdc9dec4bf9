"""Losses that cannot compare what they are given."""

from __future__ import annotations

from inceptgraph.diagnostics import Code, Findings
from inceptgraph.graph import Graph, Output
from inceptgraph.ops import LOSSES, Target
from inceptgraph.types import KINDS, Shape, format_shape

__all__ = ["check_losses"]


def check_losses(graph: Graph, findings: Findings) -> None:
    """Report losses that are written and do not fit the shape of their output.

    Args:
        graph: with the shapes that could be inferred.
        findings: receives what does not fit.
    """
    for output in graph.outputs:
        shape = graph.nodes[output.node].shape
        if output.written is not None and shape is not None:
            _check(output, shape, findings)


def _check(output: Output, shape: Shape, findings: Findings) -> None:
    loss = LOSSES[output.loss]
    kind = KINDS[len(shape) - 1]
    if loss.images and len(shape) != 3:
        given = f"`{output.name}` is {kind} of {format_shape(shape)}"
        findings.add(
            Code.BAD_ARGUMENT,
            f"`{output.loss}` compares images, and {given}",
            output.written,
            help="write `loss: cross_entropy`, which takes any rank",
        )
    elif loss.target is Target.CLASSES and shape[0] == 1:
        what = "feature" if len(shape) == 1 else "channel"
        findings.add(
            Code.BAD_ARGUMENT,
            f"`{output.loss}` is always 0 here: `{output.name}` has one {what}, so one class",
            output.written,
            help="one number that says yes or no has `loss: binary_cross_entropy`",
        )
