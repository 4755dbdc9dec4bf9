"""Shared weights that do not fit where they are used once more."""

from __future__ import annotations

from inceptgraph.diagnostics import Code, Findings, Label
from inceptgraph.graph import Graph, Node
from inceptgraph.source import Origin
from inceptgraph.types import KINDS

__all__ = ["check_shared"]


def check_shared(graph: Graph, findings: Findings) -> None:
    """Report the first step of each use whose operands need weights of other shapes than those it
    shares, or are of another rank; the size of a map changes no weight.

    Args:
        graph: with the shapes that could be inferred.
        findings: receives what does not fit.
    """
    reported: set[str] = set()
    for node in graph.nodes.values():
        owner = None if node.shares is None else graph.nodes.get(node.shares)
        if owner is None or node.shape is None or owner.shape is None:
            continue
        use, lender = _uses(node.name, owner.name)
        alike = node.op == owner.op and graph.weights(node) == graph.weights(owner)
        alike = alike and _rank(graph, node) == _rank(graph, owner)
        if use in reported or alike:
            continue
        reported.add(use)
        message, hint = _told(graph, node, owner)
        at, there = _origin(node, use), _origin(owner, lender)
        findings.add(
            Code.CANNOT_SHARE,
            message,
            at.span if at else None,
            "",
            *([Label(there.span, f"`{there.path}` has them")] if there else []),
            *(at.uses() if at else ()),
            help=hint,
        )


def _rank(graph: Graph, node: Node) -> int:
    return len(graph.operands(node)[0])


def _told(graph: Graph, node: Node, owner: Node) -> tuple[str, str]:
    """What does not fit, and what to do."""
    made, given = (graph.operands(each)[0] for each in (owner, node))
    if len(made) != len(given):
        here, there = KINDS[len(given) - 1], KINDS[len(made) - 1]
        return (
            f"`{node.name}` shares weights of `{owner.name}`, but reads {here}, not {there}",
            "let both read what has one rank, or give it weights of its own",
        )
    if node.op != owner.op or made[0] == given[0]:
        return (
            f"`{node.name}` shares weights of `{owner.name}`, but is {node.op.label()} here and"
            f" {owner.op.label()} there",
            "its arguments depend on what it reads: let both read what has one shape",
        )
    unit = "channels" if len(made) > 1 else "features"
    return (
        f"`{node.name}` shares weights that `{owner.name}` has for {made[0]} {unit}, but reads"
        f" {given[0]}",
        f"bring what it reads to {made[0]} {unit} first, or give it weights of its own",
    )


def _uses(sharer: str, owner: str) -> tuple[str, str]:
    """The paths of the two steps of which one says that it shares, by those of nodes inside."""
    own, its = sharer.split("."), owner.split(".")
    while len(own) > 1 < len(its) and own[-1] == its[-1]:
        del own[-1], its[-1]
    return ".".join(own), ".".join(its)


def _origin(node: Node, path: str) -> Origin | None:
    """Where the step at a path is written, in which a node stands; else where the node is."""
    origin = node.origin
    while origin is not None and origin.path != path:
        origin = origin.parent
    return origin or node.origin
