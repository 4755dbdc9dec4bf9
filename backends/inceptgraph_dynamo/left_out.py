"""Reports of what became of a graph that Dynamo handed over."""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass

from torch import fx

from inceptgraph.engine import Choice
from inceptgraph.graph import Graph

__all__ = ["ALONE", "Left", "Report", "Taken", "left"]

ALONE = "there is no convolution or linear layer beside it"
"""Why torch runs what an engine could run, too, but no better."""


@dataclass(frozen=True)
class Taken:
    """A part that an engine runs.

    Attributes:
        graph: the network, before any pass.
        choice: the engine, and why it was picked.
    """

    graph: Graph
    choice: Choice

    def __str__(self) -> str:
        return f"{len(self.graph.nodes) - len(self.graph.inputs)} operations by {self.choice}"


@dataclass(frozen=True)
class Left:
    """A node that torch runs.

    Attributes:
        node: its name in the graph.
        operator: what it calls.
        reason: why it was not taken.
        place: the line of the model that it comes from, where that is known.
        part: the number of the part that was left as a whole, where it was in one.
    """

    node: str
    operator: str
    reason: str
    place: str = ""
    part: int | None = None

    def __str__(self) -> str:
        place = f" at {self.place}" if self.place else ""
        return f"{self.operator} ({self.node}){place}: {self.reason}"


@dataclass(frozen=True)
class Report:
    """A report of what was taken of a graph, and what was not.

    Attributes:
        taken: the parts.
        left: the nodes that torch runs, in order.
        whole: why nothing was taken, where that has one reason.
    """

    taken: tuple[Taken, ...] = ()
    left: tuple[Left, ...] = ()
    whole: str = ""

    def __str__(self) -> str:
        lines = [self.whole] if self.whole else []
        lines += [f"part {index}: {part}" for index, part in enumerate(self.taken)]
        lines += [f"left to torch: {each}" for each in self.left]
        return "\n".join(lines)

    @property
    def warnings(self) -> dict[str, str]:
        """Lines on what may surprise: one for all parts that were left for one reason, and one
        for each kind of other node, with the first place; by what is to be told once. That is the
        reason alone of parts, which are others in each graph of a model."""
        kinds: dict[str, list[Left]] = {}
        for each in self.left:
            if each.reason != ALONE:
                alone = f"{each.operator}: {each.reason}"
                kinds.setdefault(alone if each.part is None else each.reason, []).append(each)
        lines = {self.whole: self.whole} if self.whole else {}
        return lines | {about: _told(alike) for about, alike in kinds.items()}


def _told(alike: list[Left]) -> str:
    first = alike[0]
    if first.part is None:
        more = f", and {len(alike) - 1} more like it" if alike[1:] else ""
        return f"left to torch: {first}{more}"
    parts = len({each.part for each in alike})
    what = f"{parts} part{'s' * (parts > 1)} of {len(alike)} operation{'s' * (len(alike) > 1)}"
    place = f", from {first.place}" if first.place else ""
    return f"left to torch: {what}{place}: {first.reason}"


def left(node: fx.Node, reason: str, part: int | None = None) -> Left:
    """A node that was not taken.

    Args:
        node: which.
        reason: why.
        part: see :class:`Left`.
    """
    source = node.args[0] if node.target is operator.getitem else node
    assert isinstance(source, fx.Node)
    return Left(node.name, str(source.target), reason, _place(source), part)


def _place(node: fx.Node) -> str:
    """The innermost line of the model's code, as ``file:line``."""
    found = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    return ":".join(found[-1]) if found else ""
