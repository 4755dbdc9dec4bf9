"""``classes``: as many as an output that tells classes apart has numbers."""

from __future__ import annotations

from inceptgraph.diagnostics import Code, Findings
from inceptgraph.graph import Graph
from inceptgraph.ops import LOSSES, Target
from inceptgraph.spec import Classes

__all__ = ["check_classes"]


def check_classes(classes: Classes, graph: Graph, findings: Findings) -> None:
    """Report classes that are not as many as any output of the network tells apart.

    Args:
        classes: of a spec.
        graph: with shapes.
        findings: receives what does not fit.
    """
    told = {
        output.name: graph.shape(output.node)[0]
        for output in graph.outputs
        if not output.training_only and LOSSES[output.loss].target is Target.CLASSES
    }
    count = len(classes.names)
    if count in told.values():
        return
    with_it = ", the background among them" if classes.background else ""
    why, hint = "no output is compared by classes", "leave it out, or change the output's `loss`"
    if told:
        sizes = (f"`{name}` tells {size} apart" for name, size in told.items())
        why, hint = " and ".join(sizes), "name each of them once, in the order of the output"
    message = f"`classes` names {count}{with_it}, but {why}"
    findings.add(Code.BAD_ARGUMENT, message, classes.key.span, help=hint)
