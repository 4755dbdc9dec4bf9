"""Losses that cannot compare what they are given."""

from __future__ import annotations

from inceptgraph.diagnostics import Code, Findings
from inceptgraph.graph import Graph, Output
from inceptgraph.ops import LOSSES, Target
from inceptgraph.types import KINDS, Shape, format_shape

__all__ = ["check_losses"]


def check_losses(graph: Graph, findings: Findings) -> None:
    """Report losses that are written and do not fit the shape of their output, or of a head that
    has the output's.

    Args:
        graph: with the shapes that could be inferred.
        findings: receives what does not fit.
    """
    of_outputs = {output.written for output in graph.outputs if not output.training_only}
    for output in graph.outputs:
        shape = graph.nodes[output.node].shape
        if output.written is None or shape is None:
            continue
        message, help = _misfit(output, shape)
        if output.training_only and output.written in of_outputs:
            help = f"without one of its own the head `{output.name}` has this `loss`: give it one"
        if message:
            findings.add(Code.BAD_ARGUMENT, message, output.written, help=help)


def _misfit(output: Output, shape: Shape) -> tuple[str, str]:
    """What does not fit, and what to do; nothing where the loss fits."""
    loss = LOSSES[output.loss]
    kind = KINDS[len(shape) - 1]
    if loss.images and len(shape) != 3:
        given = f"`{output.name}` is {kind} of {format_shape(shape)}"
        return (
            f"`{output.loss}` compares images, and {given}",
            "write `loss: cross_entropy`, which takes any rank",
        )
    if loss.target is Target.CLASSES and shape[0] == 1:
        what = "feature" if len(shape) == 1 else "channel"
        return (
            f"`{output.loss}` is always 0 here: `{output.name}` has one {what}, so one class",
            "one number that says yes or no has `loss: binary_cross_entropy`",
        )
    return "", ""
