"""Orders and names of nodes, as rewriting a graph needs them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

__all__ = ["followed", "in_order"]


class _Reads(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def inputs(self) -> tuple[str, ...]: ...


Node = TypeVar("Node", bound=_Reads)


def followed(replaced: Mapping[str, str]) -> Callable[[str], str]:
    """What has a node's value now, through any number of replacements.

    >>> followed({"a": "b", "b": "c"})("a")
    'c'
    """

    def new_name(name: str) -> str:
        while name in replaced:
            name = replaced[name]
        return name

    return new_name


def in_order(nodes: Mapping[str, Node]) -> dict[str, Node]:
    """Nodes with operands before their users, otherwise in the order that they have.

    Raises:
        ValueError: a node reads one that is not there, or is made of its own result.
    """
    ordered: dict[str, Node] = {}
    waiting: set[str] = set()
    for start in nodes:
        pending = [start]
        while pending:
            node = nodes[pending[-1]]
            missing = () if node.name in ordered else [o for o in node.inputs if o not in ordered]
            if not missing:
                ordered[node.name] = node
                pending.pop()
                continue
            for operand in missing:
                if operand in waiting or operand not in nodes:
                    wrong = "is made of it" if operand in waiting else "does not exist"
                    raise ValueError(f"{node.name}: its operand {operand} {wrong}")
            waiting.add(node.name)
            pending.extend(missing)
        waiting.clear()
    return ordered
