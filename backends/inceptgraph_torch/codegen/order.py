"""The statements of a container in an order in which they can run.

In the graph of a spec, what a container needs is there before its first step. A pass may move a
step away from the others of its container, so that the container would have to run in two halves:
it is then opened, which leaves it as a holder of layers that the container around it calls.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush

from inceptgraph.graph import Graph
from inceptgraph_torch.codegen.nesting import Container, Statement, Style, nest, style

__all__ = ["build"]


def build(graph: Graph) -> Container:
    """The nested modules of a graph, both phases, as they can be written."""
    root = nest(graph)
    for container in root.walk():
        _settle(container)
        container.style = style(container)
    root.style = Style.OWN
    return root


def _settle(container: Container) -> None:
    """Order the statements of a container, those inside it being in order, and open those of its
    children that cannot run at once. What can stay in its place does."""
    while True:
        readers = _readers(container.statements)
        sorter = TopologicalSorter(readers)
        try:
            sorter.prepare()
        except CycleError as error:
            cycle = {container.statements[index].child for index in error.args[1]}
            container.statements = [
                part
                for statement in container.statements
                for part in _opened(container, statement, statement.child in cycle)
            ]
            continue
        container.statements = [container.statements[index] for index in _first_first(sorter)]
        return


def _readers(statements: list[Statement]) -> dict[int, set[int]]:
    """For each statement, by its place, those that must run before it."""
    makers = {value: index for index, s in enumerate(statements) for value in s.results}
    return {
        index: {makers[value] for value in s.operands if value in makers}
        for index, s in enumerate(statements)
    }


def _first_first(sorter: TopologicalSorter[int]) -> Iterator[int]:
    """Of what can run, always that which stands first."""
    ready: list[int] = []
    while sorter.is_active():
        for index in sorter.get_ready():
            heappush(ready, index)
        index = heappop(ready)
        yield index
        sorter.done(index)


def _opened(container: Container, statement: Statement, open: bool) -> Iterator[Statement]:
    """The statement, or those of the child that it calls, as the container around it calls them."""
    child = container.find(statement.child)
    if not open or not isinstance(child, Container):
        yield statement
        return
    child.style, child.block = Style.OPEN, None
    for inner in child.statements:
        path = f"{statement.child}.{inner.child}" if inner.child else ""
        yield replace(inner, child=path)
