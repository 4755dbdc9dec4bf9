"""What became of a graph that Dynamo handed over."""

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
    """

    node: str
    operator: str
    reason: str
    place: str = ""

    def __str__(self) -> str:
        place = f" at {self.place}" if self.place else ""
        return f"{self.operator} ({self.node}){place}: {self.reason}"


@dataclass(frozen=True)
class Report:
    """What was taken of a graph, and what was not.

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
    def warnings(self) -> tuple[str, ...]:
        """What may surprise: a line for each kind of node that was left, with the first place."""
        kinds: dict[tuple[str, str], list[Left]] = {}
        for each in self.left:
            if each.reason != ALONE:
                kinds.setdefault((each.operator, each.reason), []).append(each)
        lines = [self.whole] if self.whole else []
        return (*lines, *(_kind(alike) for alike in kinds.values()))


def _kind(alike: list[Left]) -> str:
    more = f", and {len(alike) - 1} more like it" if alike[1:] else ""
    return f"left to torch: {alike[0]}{more}"


def left(node: fx.Node, reason: str) -> Left:
    """A node that was not taken."""
    source = node.args[0] if node.target is operator.getitem else node
    assert isinstance(source, fx.Node)
    return Left(node.name, str(source.target), reason, _place(source))


def _place(node: fx.Node) -> str:
    """The innermost line of the model's code, as ``file:line``."""
    found = re.findall(r'File "([^"]+)", line (\d+)', node.meta.get("stack_trace") or "")
    return ":".join(found[-1]) if found else ""
