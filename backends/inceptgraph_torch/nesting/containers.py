"""A graph as nested modules: what contains what, and how values flow inside each container.

The nesting is that of the names: ``inception_3a.3x3.reduce.conv`` is the layer ``conv`` in
``reduce`` in ``3x3`` in ``inception_3a``. A container whose children form a chain, or branches
over one input that are joined, is recognised as such; any other gets a ``forward`` of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from inceptgraph.graph import Graph
from inceptgraph.ops import Input
from inceptgraph_torch.names import argument_names, module_path
from inceptgraph_torch.rules import Concatenate, Fold, Function, Layer, rule

__all__ = [
    "Call",
    "Container",
    "Part",
    "Statement",
    "Style",
    "Value",
    "arguments",
    "connect",
    "nest",
]
__all__ += ["style"]


class Style(Enum):
    """The way in which a container runs its children."""

    CHAIN = "chain"
    CONCAT = "concat"
    SUM = "sum"
    OWN = "own"
    OPEN = "open"
    """Not at all: the container around it runs them."""


@dataclass
class Call:
    """Creation of a layer: its class and arguments."""

    kind: Any  # a class of torch or of layers.py, or the name of a generated class
    args: list[Any]
    kwargs: dict[str, Any]


@dataclass(frozen=True)
class Value:
    """A value inside a container: an operand from outside, or the result of a child."""

    node: str


@dataclass(frozen=True)
class Statement:
    """One line of a ``forward``: a child, or a function, applied to values.

    Attributes:
        child: the child that is called, or a path of names through open ones; empty for a function.
        function: the function that is applied; None for a child.
        operands: what it reads.
        results: what it makes; a container may hand on several values.
        training_only: whether evaluation does without it.
        own: for a child that is called elsewhere, too, the name of this use of it; ``child`` is
            then the path of the module in the network, until the statement has its place.
    """

    child: str
    function: Function | None
    operands: tuple[Value, ...]
    results: tuple[Value, ...]
    training_only: bool = False
    own: str = ""


@dataclass
class Container:
    """A module that holds others.

    Attributes:
        path: its path; empty for the network.
        block: the block of the spec that it is a use of, if it is.
        arguments: that block's parameters.
        given: those that the use itself wrote; the others are the block's defaults.
        children: layers and containers by name, in order.
        inputs: values that come from outside; none of the network, whose graph has them.
        outputs: values that are used outside: its own result, then those of steps inside it.
        statements: how values flow.
        style: what the flow amounts to.
    """

    path: str
    block: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    given: tuple[str, ...] = ()
    children: dict[str, Part] = field(default_factory=dict)
    inputs: list[Value] = field(default_factory=list)
    outputs: list[Value] = field(default_factory=list)
    statements: list[Statement] = field(default_factory=list)
    style: Style = Style.OWN

    def walk(self) -> Iterator[Container]:
        """This container and those inside it, inner ones first."""
        for child in self.children.values():
            if isinstance(child, Container):
                yield from child.walk()
        yield self

    def find(self, path: str) -> Part | None:
        """The child at a path of names; None for none."""
        part: Part | None = self
        for name in path.split("."):
            part = part.children.get(name) if isinstance(part, Container) else None
        return part


Part = Call | Container


def arguments(container: Container, graph: Graph | None = None) -> dict[Value, str]:
    """What a container's ``forward`` calls its inputs; ``graph`` is given for the network."""
    if graph:
        return {Value(node): name for node, name in argument_names(graph).items()}
    if len(container.inputs) == 1:
        return {container.inputs[0]: "x"}
    return {value: f"x{number}" for number, value in enumerate(container.inputs, 1)}


def nest(graph: Graph) -> Container:
    """The nested modules of a graph, both phases, with statements in the order of its nodes."""
    needed = set(graph.phase("eval").nodes)
    needed.update(path for name in tuple(needed) for path in _around(name))
    root = _place(graph, "", needed)
    containers = {container.path: container for container in root.walk()}
    _find_boundaries(graph, containers)
    for container in containers.values():
        connect(container)
    return root


def _place(graph: Graph, path: str, needed: AbstractSet[str]) -> Container:
    """The container at a path, with a statement for each layer, function or container in it.

    ``needed`` holds the nodes and containers that evaluation needs.
    """
    container = _new(graph, path)
    for inner in graph.children(path):
        node = graph.nodes.get(inner)
        if node is not None and isinstance(node.op, Input):
            continue
        child, function = module_path(inner.rpartition(".")[2]), None
        operands: tuple[Value, ...] = ()
        results: tuple[Value, ...] = ()  # of a container: see connect
        if node is None:
            part = _place(graph, inner, needed)
            if not part.statements:  # of inputs alone, which stand in no container
                continue
            container.children[child] = part
        else:
            operands, results = tuple(map(Value, node.inputs)), (Value(inner),)
            lowered = rule(node.op, *graph.operands(node))
            if isinstance(lowered, Layer):
                call = Call(lowered.kind, list(lowered.args), dict(lowered.kwargs))
                container.children[child] = call
            else:
                child, function = "", lowered
        training_only = inner not in needed
        container.statements.append(Statement(child, function, operands, results, training_only))
    return container


def _new(graph: Graph, path: str) -> Container:
    scope = graph.scopes.get(path)
    if scope is None or scope.block is None or scope.copies is not None:
        return Container(path)
    return Container(path, scope.block, dict(scope.arguments), scope.given)


def _find_boundaries(graph: Graph, containers: dict[str, Container]) -> None:
    """Which values enter and leave each container."""
    enter: dict[str, dict[str, None]] = {path: {} for path in containers}
    leave: dict[str, dict[str, None]] = {path: {} for path in containers}
    around = {name: tuple(_around(name)) for name in graph.nodes}
    around.update({node.name: () for node in graph.inputs})  # in no container, whatever their name
    for node in graph.nodes.values():
        for operand in node.inputs:
            for path in around[node.name]:
                if path not in around[operand]:
                    enter[path][operand] = None
            for path in around[operand]:
                if path not in around[node.name]:
                    leave[path][operand] = None
    for output in graph.outputs:
        for path in around[output.node]:
            leave[path][output.node] = None
    places = {name: place for place, name in enumerate(graph.nodes)}
    for path, container in containers.items():
        own = graph.scopes[path].output if path in graph.scopes else None
        container.inputs = [Value(name) for name in enter[path]]
        ordered = sorted(leave[path], key=lambda name: (name != own, places[name]))
        container.outputs = [Value(name) for name in ordered]


def _around(name: str) -> Iterator[str]:
    """The paths of the containers around a node, outermost first."""
    end = name.find(".")
    while end != -1:
        yield name[:end]
        end = name.find(".", end + 1)


def connect(container: Container) -> None:
    """Give the statements that call containers their operands and results."""
    for index, statement in enumerate(container.statements):
        inner = container.children.get(statement.child)
        if isinstance(inner, Container):
            container.statements[index] = replace(
                statement, operands=tuple(inner.inputs), results=tuple(inner.outputs)
            )


def style(container: Container) -> Style:
    """The style of a container's flow, its statements being in the order they run in."""
    statements = container.statements
    handed_on = [container.inputs, container.outputs, *(s.results for s in statements)]
    if any(len(values) != 1 for values in handed_on):  # a container inside may make several
        return Style.OWN
    called = [statement.child for statement in statements if statement.function is None]
    if called != list(container.children):
        return Style.OWN
    current = tuple(container.inputs)
    for statement in statements:
        if statement.function is not None or statement.operands != current:
            break
        current = statement.results
    else:
        return Style.CHAIN if current == tuple(container.outputs) else Style.OWN
    *branches, join = statements
    source = tuple(container.inputs)
    parallel = all(s.function is None and s.operands == source for s in branches)
    ends = tuple(s.results[0] for s in branches)
    if not parallel or join.operands != ends or join.results != tuple(container.outputs):
        return Style.OWN
    if isinstance(join.function, Concatenate):
        return Style.CONCAT
    is_sum = isinstance(join.function, Fold) and join.function.symbol == "+"
    return Style.SUM if is_sum else Style.OWN
