"""A canonical order of the layers of a network, whatever order its code makes or calls them in.

It follows from what is computed: a layer stands behind those that it needs, branches stand in the
order in which they are concatenated, and of terms that are added, whose order means nothing, the
longest chain comes first. So two implementations of one network list the same layers.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TypeVar

__all__ = ["canonical"]

Node = TypeVar("Node", bound=Hashable)


def canonical(
    outputs: Iterable[Node],
    operands: Callable[[Node], Sequence[Node]],
    joins: Callable[[Node], bool],
    enters: Callable[[Node], bool],
) -> list[list[Node]]:
    """For each output the nodes it needs, without those that an earlier output needs.

    Args:
        outputs: the network's own, then the heads'.
        operands: what a node reads, in order.
        joins: whether that order has a meaning, as in a concatenation.
        enters: whether data comes in here; a chain is as long as the way from there.
    """
    outputs = list(outputs)
    depth: dict[Node, int] = {}
    for node in _postorder(outputs, operands, set()):
        before = max((depth[operand] for operand in operands(node)), default=0)
        depth[node] = before + 1 if before or enters(node) else 0

    def ordered(node: Node) -> Sequence[Node]:
        found = operands(node)
        return found if joins(node) else sorted(found, key=lambda operand: -depth[operand])

    seen: set[Node] = set()
    return [_postorder([output], ordered, seen) for output in outputs]


def _postorder(
    roots: Iterable[Node], operands: Callable[[Node], Sequence[Node]], seen: set[Node]
) -> list[Node]:
    """Nodes behind what they read. A loop, since networks are deeper than Python's stack."""
    found: list[Node] = []
    pending = [(root, False) for root in reversed(list(roots))]
    while pending:
        node, complete = pending.pop()
        if complete:
            found.append(node)
        elif node not in seen:
            seen.add(node)
            pending.append((node, True))
            pending += [(operand, False) for operand in reversed(operands(node))]
    return found
