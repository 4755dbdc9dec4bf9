"""Containers to modules, each with an fx graph of its own."""

from __future__ import annotations

import operator

from torch import fx, nn

from inceptgraph.graph import Graph
from inceptgraph_torch.block import Block
from inceptgraph_torch.names import class_name, identifier
from inceptgraph_torch.nesting import Call, Container, Statement, Style, Value, arguments, build
from inceptgraph_torch.preprocessing import settings
from inceptgraph_torch.spec_module import (
    CLASSES,
    LOSS_WEIGHTS,
    LOSSES,
    PREPROCESSING,
    STEP,
    TRAINING_ONLY,
    SpecModule,
)

__all__ = ["emit"]


def emit(graph: Graph, *, flat: bool = False) -> SpecModule:
    """Make the module of a graph, with layers as torch makes them.

    Args:
        graph: with shapes, both phases.
        flat: leave all containers open: the network's own graph runs every step.
    """
    tree = build(graph, flat=flat)
    network = SpecModule(_layers(tree), _wire_network(tree, graph), identifier(graph.name))
    _put_blocks(network, tree)
    return network


def _layers(container: Container) -> nn.Module:
    """A container's layers under their names, in modules that cannot be called."""
    holder = nn.Module()
    for name, part in container.children.items():
        holder.add_module(name, _layers(part) if isinstance(part, Container) else _layer(part))
    return holder


def _layer(call: Call) -> nn.Module:
    layer: nn.Module = call.kind(*call.args, **call.kwargs)
    return layer


def _put_blocks(module: nn.Module, container: Container) -> None:
    """Put blocks into the places of their layers, outer ones first: torch compiles a module with
    all that is inside it."""
    for name, part in container.children.items():
        if isinstance(part, Container):
            inner = module.get_submodule(name)
            if part.style is not Style.OPEN:
                inner = Block(inner, _wire(part), _class_name(part))
                module.add_module(name, inner)
            _put_blocks(inner, part)


def _class_name(container: Container) -> str:
    """That of its block; of steps without one, that of their flow, or their own."""
    is_plain = container.style is not Style.OWN
    own = container.style.value if is_plain else container.path.rpartition(".")[2]
    return class_name(container.block or own, set())


def _wire_network(tree: Container, graph: Graph) -> fx.Graph:
    wiring, values = _run(tree, graph)
    results = {output.name: values[Value(output.node)] for output in graph.outputs}
    single = len(results) == 1
    returned = wiring.output(next(iter(results.values())) if single else results)
    returned.meta[TRAINING_ONLY] = tuple(o.name for o in graph.outputs if o.training_only)
    returned.meta[LOSSES] = {o.name: o.loss for o in graph.outputs}
    returned.meta[LOSS_WEIGHTS] = {o.name: o.loss_weight for o in graph.outputs}
    returned.meta[PREPROCESSING], returned.meta[CLASSES] = settings(graph), graph.classes
    return wiring


def _wire(container: Container) -> fx.Graph:
    wiring, values = _run(container)
    results = tuple(values[value] for value in container.outputs)
    wiring.output(results[0] if len(results) == 1 else results)
    return wiring


def _run(container: Container, graph: Graph | None = None) -> tuple[fx.Graph, dict[Value, fx.Node]]:
    """The statements of a container, without an output yet, and all values; ``graph`` is given for
    the network."""
    wiring = fx.Graph()
    names = arguments(container, graph)
    values = {value: wiring.placeholder(name) for value, name in names.items()}
    for statement in container.statements:
        for value, node in zip(statement.results, _called(statement, wiring, values), strict=True):
            node.meta.setdefault(STEP, value.node)  # a sum of one is that one
            values[value] = node
    return wiring, values


def _called(statement: Statement, wiring: fx.Graph, values: dict[Value, fx.Node]) -> list[fx.Node]:
    operands = [values[value] for value in statement.operands]
    if statement.function is not None:
        return [statement.function.emit(wiring, operands)]
    found = wiring.call_module(statement.child, tuple(operands))
    if len(statement.results) == 1:
        return [found]
    places = range(len(statement.results))
    return [wiring.call_function(operator.getitem, (found, place)) for place in places]
