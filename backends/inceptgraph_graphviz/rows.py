"""Rows: what a diagram shows of a graph, an operation each.

An author writes "3×3 conv, 64" and means the convolution with its normalisation and activation.
So a row is a convolution or linear layer with the normalisation and the activation that follow it
by the wiring; every other operation is a row of its own. An activation that is not the usual ReLU
is named: "3×3 conv, 64, SiLU". A step that hands on what it reads, such as a scale by 1, has no row
where it alone reads the one before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from inceptgraph.analysis import Cost, node_cost
from inceptgraph.graph import Graph, Node
from inceptgraph.ops.activation import Relu
from inceptgraph.ops.norm import Lrn
from inceptgraph.types import Family, Shape, format_shape
from inceptgraph_graphviz.marks import Mark, mark_of

__all__ = ["Row", "make_rows", "summed"]


@dataclass(frozen=True)
class Row:
    """One operation of a diagram.

    Attributes:
        nodes: the operation, then those that it is drawn with.
        shape: shape of what the last of them computes.
        cost: of all of them.
        hides: it belongs to the row before it, and is only shown because everything is.
        mark: what is pointed out of it.
        shares: the step whose weights it uses, where its stage does not use those of one other.
        last_shape: where it stands for copies, what the last of them computes; it differs from
            ``shape`` in its channels alone.
    """

    nodes: tuple[Node, ...]
    shape: Shape
    cost: Cost
    hides: bool = False
    mark: Mark | None = None
    shares: str | None = None
    last_shape: Shape | None = None

    @property
    def name(self) -> str:
        """The row's identity: the path of its operation."""
        return self.nodes[0].name

    @property
    def output(self) -> str:
        """The node whose value the row hands on."""
        return self.nodes[-1].name

    @property
    def operands(self) -> tuple[str, ...]:
        """The nodes that the row reads."""
        return self.nodes[0].inputs

    @property
    def family(self) -> Family:
        return self.nodes[0].op.family

    @property
    def extents(self) -> str:
        """The shape as text: ``28×28×256``, or ``28×28×64 … 256`` from the first copy to the
        last."""
        last = self.last_shape or self.shape
        return format_shape(self.shape) + (f" … {last[0]}" if last != self.shape else "")

    @cached_property
    def label(self) -> str:
        """The words of an author; an input goes by its name."""
        return self.name if self.family is Family.INPUT else self.operation

    @cached_property
    def operation(self) -> str:
        """The words of an author; ReLU goes without saying, another activation does not."""
        activations = (n.op for n in self.nodes[1:] if n.op.family is Family.ACTIVATION)
        named = (op.label() for op in activations if not isinstance(op, Relu))
        shared = [f"weights of {self.shares}"] if self.shares else []
        return ", ".join([self.nodes[0].op.label(), *named, *shared])


def _cost(graph: Graph, nodes: Sequence[Node]) -> Cost:
    """What the nodes of one row cost together; only the last one's activations leave it."""
    costs = [node_cost(graph, graph.nodes[node.name]) for node in nodes if node.name in graph.nodes]
    together = summed(costs)
    return replace(together, activations=costs[-1].activations) if costs else together


def summed(costs: Iterable[Cost]) -> Cost:
    """The cost of several parts; their depth is that of paths, which do not add."""
    params = macs = activations = 0
    for each in costs:
        params += each.params
        macs += each.macs
        activations += each.activations
    return Cost(params=params, macs=macs, activations=activations)


def _mark(marks: Mapping[str, str], nodes: Sequence[Node]) -> Mark | None:
    """The mark of a row: its operation's, or changed where something that it is drawn with is."""
    own, *others = (mark_of(marks, node.name) for node in nodes)
    return own or (Mark.CHANGED if any(others) else None)


def make_rows(
    graph: Graph,
    sections: Mapping[str, str],
    *,
    fuse: bool = True,
    by_stage: bool = False,
    marks: Mapping[str, str] | None = None,
    priced: Graph | None = None,
) -> list[Row]:
    """The rows of a graph, operands first.

    Args:
        graph: with shapes.
        sections: the section of each stage that is in one.
        fuse: without it every operation is a row, and those that would be hidden say so.
        by_stage: no row reaches beyond its stage.
        marks: what to point out, by path.
        priced: what costs are those of, where that is not the graph; a node that it lacks is free.
    """
    marks = marks or {}
    followers = _Followers(graph, sections, by_stage, marks)
    # a block says of all of it whose weights it has
    stages = {graph.stage_of(node.name) for node in graph.nodes.values() if node.shares}
    blocks = {stage for stage in stages if stage not in graph.nodes and graph.shared(stage)}
    rows = []
    taken: set[str] = set()
    for node in graph.nodes.values():
        if node.name in taken:
            continue
        nodes = followers.with_node(node)
        taken.update(follower.name for follower in nodes)
        for group in (nodes,) if fuse else zip(nodes):
            shape = graph.shape(group[-1].name)
            cost, mark = _cost(priced or graph, group), _mark(marks, group)
            shares = None if graph.stage_of(group[0].name) in blocks else group[0].shares
            rows.append(Row(group, shape, cost, group[0] is not node, mark, shares))
    return rows


class _Followers:
    """Finds the norm, the activation and the steps that do nothing that hide in a row."""

    def __init__(
        self, graph: Graph, sections: Mapping[str, str], by_stage: bool, marks: Mapping[str, str]
    ) -> None:
        self.graph, self.sections, self.by_stage, self.marks = graph, sections, by_stage, marks
        self.results = {output.node for output in graph.outputs}
        self.heads = {scope.path for scope in graph.heads}
        self.sizes = Counter(map(graph.stage_of, graph.nodes))

    def with_node(self, node: Node) -> tuple[Node, ...]:
        """A node with those that alone read it: any with steps that do nothing, a convolution or
        linear layer with its norm and activation as well."""
        nodes = [node]
        wanted = [Family.NORM, Family.ACTIVATION]
        if node.op.family not in (Family.CONV, Family.LINEAR):
            wanted = []
        while (follower := self._follower(nodes)) is not None:
            family = follower.op.family
            if family in wanted and not isinstance(follower.op, Lrn):
                wanted = wanted[wanted.index(family) + 1 :]
            elif not self._is_idle(follower):
                break
            nodes.append(follower)
        return tuple(nodes)

    def _follower(self, nodes: Sequence[Node]) -> Node | None:
        """The node that alone reads the last one, and nothing else, in the same block."""
        last = nodes[-1].name
        users = self.graph.users[last]
        if last in self.results or len(users) != 1:
            return None
        follower = self.graph.nodes[users[0]]
        fits = len(follower.inputs) == 1 and self._together(nodes, follower)
        return follower if fits else None

    def _is_idle(self, node: Node) -> bool:
        """Whether nothing is lost by not showing a node."""
        return node.op.is_identity() and mark_of(self.marks, node.name) is None

    def _together(self, nodes: Sequence[Node], follower: Node) -> bool:
        """Whether they are drawn in one block: in one stage or one section, or as a stage of its
        own each."""
        if self._presence(nodes[0]) is not self._presence(follower):
            return False
        stages = [self.graph.stage_of(node.name) for node in nodes]
        stage = self.graph.stage_of(follower.name)
        if stage in stages:
            return True
        if self.by_stage or stage in self.heads or stages[-1] in self.heads:
            return False
        section = self.sections.get(stages[0])
        if section != self.sections.get(stage):
            return False
        whole = all(self.sizes[name] == stages.count(name) for name in stages)
        return section is not None or (whole and self.sizes[stage] == 1)

    def _presence(self, node: Node) -> Mark | None:
        """Whether a node came or went: then it does not hide in the row of one that did not."""
        mark = mark_of(self.marks, node.name)
        return None if mark is Mark.CHANGED else mark
