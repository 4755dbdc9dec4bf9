"""The graph of a network: the one thing that every pass and every backend reads.

A :class:`Graph` is its nodes in an order in which operands come first. ``Node.inputs`` says what a
step reads, in order; :attr:`Graph.digraph` is that wiring as networkx knows it, and what phases,
orders, users and checks are found in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar, cast

from inceptgraph.graph._digraph import (
    check_order,
    leading_to,
    make_digraph,
    misplaced,
    ordered,
)
from inceptgraph.graph._equality import correspondence
from inceptgraph.graph._nodes import InvalidGraph, Node, Output, Scope, ScopeKind
from inceptgraph.graph._owners import owners
from inceptgraph.graph._replaced import followed
from inceptgraph.graph._verify import verify
from inceptgraph.ops import Input, Preprocessing, Weight
from inceptgraph.types import Phase, Shape

if TYPE_CHECKING:
    import networkx

    from inceptgraph.graph.recipes import Recipe

__all__ = ["Graph", "InvalidGraph", "Node", "Output", "Scope", "ScopeKind"]

T = TypeVar("T")


@dataclass(frozen=True)
class Graph:
    """A network.

    Attributes:
        name: the network's name.
        nodes: by name, operands before their users.
        outputs: named results, those of the network first, then the auxiliary heads.
        scopes: the parts of the spec, by path, outer ones first.
        sections: runs of stages that diagrams and tables group, by name: first and last stage.
        rewritten_from: for a graph that a pass made, the weights of the original, by their names;
            see :attr:`originals`.
        preprocessing: what an image is made into before an input takes it, by the input's name;
            nothing of inputs of which nobody says.
        classes: the classes that the network tells apart, by name, in the order of its outputs;
            None where nobody names them.
        background: whether the first of them is the background, which no label of data has.
    """

    name: str
    nodes: dict[str, Node]
    outputs: tuple[Output, ...]
    scopes: dict[str, Scope] = field(default_factory=dict)
    sections: dict[str, tuple[str, str]] = field(default_factory=dict)
    rewritten_from: Mapping[str, Weight] | None = None
    preprocessing: Mapping[str, Preprocessing] = field(default_factory=dict)
    classes: tuple[str, ...] | None = None
    background: bool = False
    _found: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __repr__(self) -> str:
        """In a line: a network has hundreds of nodes."""
        outputs = ", ".join(output.name for output in self.outputs)
        return f"<Graph {self.name}: {len(self.nodes)} nodes, returns {outputs}>"

    # -- reading -----------------------------------------------------------------------------

    def shape(self, name: str) -> Shape:
        """Shape of a node's output. Raises InvalidGraph before shapes are inferred."""
        shape = self.nodes[name].shape
        if shape is None:
            raise InvalidGraph(f"{name} has no shape yet: run infer first")
        return shape

    def operands(self, node: Node) -> tuple[Shape, ...]:
        """Shapes of a node's operands, in order."""
        found: list[Shape] = []  # a loop, since this runs some times for every step of a network
        for name in node.inputs:
            shape = self.nodes[name].shape
            found.append(self.shape(name) if shape is None else shape)
        return tuple(found)

    def weights(self, node: Node) -> dict[str, Weight]:
        """The tensors that a node computes with, by their names in it."""
        return node.op.weights(*self.operands(node))

    @cached_property
    def originals(self) -> Mapping[str, Weight]:
        """The weights that a file for this network holds, by their names: those that the network
        had before any pass rewrote it."""
        if self.rewritten_from is not None:
            return self.rewritten_from
        found: dict[str, Weight] = {}
        for node in self.nodes.values():
            for name, weight in self.weights(node).items():
                found.setdefault(f"{node.original}.{name}", weight)
        return found

    def recipes(self, node: Node) -> Mapping[str, Recipe]:
        """How each of a node's weights comes from the originals."""
        if node.recipes is not None:
            return node.recipes
        from inceptgraph.graph.recipes import Original  # which no spec needs

        weights = self.weights(node).items()
        return {name: Original(f"{node.original}.{name}", weight.shape) for name, weight in weights}

    def owner(self, name: str) -> str:
        """The name under which a node's weights are held. Nodes of one operation whose weights are
        the same tensors have one owner: a backend holds those once."""
        return self._owners.get(name, name)

    def own_weights(self, node: Node) -> dict[str, Weight]:
        """The tensors that a node is the first to compute with, by their names in it: none where
        it shares those of one before it."""
        shares = self._owners and self.holder(node.name) != node.name
        return {} if shares else self.weights(node)

    def holder(self, name: str) -> str:
        """The first node that computes with a node's weights: itself unless it shares them."""
        return self._first.get(self.owner(name), name)

    @cached_property
    def _owners(self) -> Mapping[str, str]:
        return owners(self)

    @cached_property
    def _first(self) -> Mapping[str, str]:
        """The first node of each owner of weights."""
        return {owner: name for name, owner in reversed([*self._owners.items()])}

    def shared(self, path: str) -> str | None:
        """The path of the part whose weights a part uses as its own, or each copy in it does; None
        where it has some of its own, or several lend it theirs."""
        lent: dict[str, str] = {}
        for node in self.within(path):
            if node.shares is not None:
                lent[node.name.removeprefix(path)] = node.shares
            elif self.weights(node):
                return None
        parts = {name.removesuffix(end): None for end, name in lent.items() if name.endswith(end)}
        for part in parts:
            ours = ((self.nodes.get(part + end), part + end) for end in lent)
            if [node.original if node else name for node, name in ours] == [*lent.values()]:
                return part  # of which steps may share weights among themselves
        scope = self.scopes.get(path)
        copies = (scope.copies if scope else None) or 0
        each = {self.shared(f"{path}.{copy}") for copy in range(copies)}
        return each.pop() if len(each) == 1 else None

    @property
    def inputs(self) -> tuple[Node, ...]:
        """The nodes where data enters, in the order of the spec."""
        return tuple(node for node in self.nodes.values() if isinstance(node.op, Input))

    @property
    def has_free_axes(self) -> bool:
        """Whether an input may have any extents."""
        return any(isinstance(node.op, Input) and node.op.free for node in self.nodes.values())

    @cached_property
    def users(self) -> dict[str, tuple[str, ...]]:
        """For each node, the nodes that read it, in order, once each."""
        return {name: tuple(readers) for name, readers in self.digraph.adjacency()}

    @cached_property
    def _returned(self) -> frozenset[str]:
        return frozenset(output.node for output in self.outputs)

    def sole_reader(self, name: str) -> Node | None:
        """The node that alone reads a node; None where there are others, or none, or the value is
        returned."""
        users = self.users[name]
        return self.nodes[users[0]] if len(users) == 1 and name not in self._returned else None

    def leading_to(self, outputs: Iterable[Output]) -> dict[str, Node]:
        """The nodes that some outputs need, and the inputs."""
        needed = leading_to(self.digraph, {output.node for output in outputs})
        return {n: v for n, v in self.nodes.items() if n in needed or isinstance(v.op, Input)}

    @cached_property
    def stages(self) -> tuple[Scope, ...]:
        """The top level of the spec, without the auxiliary heads."""
        return tuple(s for s in self.scopes.values() if s.kind == ScopeKind.STAGE)

    @cached_property
    def heads(self) -> tuple[Scope, ...]:
        """The auxiliary heads."""
        return tuple(s for s in self.scopes.values() if s.kind == ScopeKind.HEAD)

    def within(self, path: str) -> tuple[Node, ...]:
        """The nodes at or below a path, in order."""
        return tuple(self.nodes[name] for name in self._members.get(path, ()))

    def children(self, path: str) -> tuple[str, ...]:
        """The paths one level below a path, in the order of their first nodes; those of the top
        level below ``""``."""
        return tuple(self._children.get(path, ()))

    @staticmethod
    def stage_of(path: str) -> str:
        """The stage, head or input that a node or a scope belongs to: the first part of its
        path."""
        return path.partition(".")[0]

    @cached_property
    def _members(self) -> dict[str, list[str]]:
        members: dict[str, list[str]] = {}
        for name in self.nodes:
            end = len(name)
            while end != -1:
                members.setdefault(name[:end], []).append(name)
                end = name.rfind(".", 0, end)
        return members

    @cached_property
    def _children(self) -> dict[str, list[str]]:
        children: dict[str, list[str]] = {}
        for path in self._members:
            children.setdefault(path.rpartition(".")[0], []).append(path)
        return children

    @cached_property
    def digraph(self) -> networkx.DiGraph[str]:
        """The wiring as a networkx ``DiGraph``, made once and frozen: nodes carry ``node``, edges
        ``operands``, the positions at which the value enters. ``networkx.DiGraph(graph.digraph)``
        is a copy that can be changed."""
        return make_digraph(self.name, self.nodes)

    def same_as(self, other: Graph) -> bool:
        """Whether two networks are equal up to names: the same operations with the same arguments
        and shapes, wired alike operand by operand, with the same inputs and outputs, in order.

        Steps that share weights do so in both. Steps that no output needs do not count, nor where
        weights come from, nor what inputs and classes mean. Linear, and exact.
        """
        return correspondence(self, other) is not None

    def once(self, function: Callable[[Graph], T]) -> T:
        """What a function says of this graph, which does not change: asked once, and kept."""
        if function not in self._found:
            self._found[function] = function(self)
        return cast(T, self._found[function])

    # -- changing ----------------------------------------------------------------------------

    def with_nodes(self, nodes: dict[str, Node]) -> Graph:
        """The same graph over other nodes."""
        return replace(self, nodes=nodes)

    def rewrite(self, nodes: Iterable[Node], replaced: Mapping[str, str] | None = None) -> Graph:
        """The graph over other nodes that compute the same.

        Args:
            nodes: in any order; operands come first in the result.
            replaced: for nodes that are gone, the node that now has their value. Who read them,
                outputs and scopes follow.

        Raises:
            InvalidGraph: a node reads one that is not there, or is made of its own result.
        """
        new_name = followed(replaced or {})
        renamed = {
            node.name: replace(
                node,
                inputs=tuple(new_name(operand) for operand in node.inputs),
                shares=None if node.recipes is not None else node.shares,
            )
            for node in nodes
        }
        outputs = tuple(replace(output, node=new_name(output.node)) for output in self.outputs)
        scopes = {
            path: replace(scope, output=new_name(scope.output))
            for path, scope in self.scopes.items()
            if new_name(scope.output) in renamed
        }
        over = self._over(renamed, outputs, scopes)
        rewritten = replace(over, rewritten_from=self.originals)
        if misplaced(rewritten.digraph) is not None:
            rewritten = rewritten.with_nodes(ordered(rewritten.digraph))
            check_order(rewritten.digraph)
        return rewritten

    def phase(self, phase: Phase | str) -> Graph:
        """The graph as it runs in training (everything) or in evaluation (no auxiliary heads,
        nor anything that only they need)."""
        return self if Phase(phase) is Phase.TRAIN else self._evaluated

    @cached_property
    def _evaluated(self) -> Graph:
        outputs = tuple(output for output in self.outputs if not output.training_only)
        kept = self.leading_to(outputs)
        if len(kept) == len(self.nodes) and len(outputs) == len(self.outputs):
            return self
        scopes = {path: scope for path, scope in self.scopes.items() if scope.output in kept}
        return self._over(kept, outputs, scopes)

    def _over(
        self, nodes: dict[str, Node], outputs: tuple[Output, ...], scopes: dict[str, Scope]
    ) -> Graph:
        sections = self._sections_over(scopes)
        return replace(self, nodes=nodes, outputs=outputs, scopes=scopes, sections=sections)

    def _sections_over(self, scopes: Mapping[str, Scope]) -> dict[str, tuple[str, str]]:
        """The sections, without the stages that are not among ``scopes``."""
        order = [stage.path for stage in self.stages]
        found = {}
        for name, (first, last) in self.sections.items():
            run = order[order.index(first) : order.index(last) + 1]
            left = [stage for stage in run if stage in scopes]
            if left:
                found[name] = (left[0], left[-1])
        return found

    # -- checking ----------------------------------------------------------------------------

    def verify(self) -> Graph:
        """Check the rules that every pass must keep, and return the graph.

        A value has one producer, the node of its name. Operands come before their users (hence no
        cycles), every operation has as many as it takes, shapes are what the operations infer,
        outputs and scopes name nodes that exist, an input leads to each output, sections name
        stages that exist, and no two outputs have one name. Nodes that share weights are of one
        operation, with weights of the same shapes.

        Raises:
            InvalidGraph: with the node and the rule that it breaks.
        """
        verify(self)
        return self
