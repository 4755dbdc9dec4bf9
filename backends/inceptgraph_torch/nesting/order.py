"""The statements of a container in an order in which they can run.

In the graph of a spec, what a container needs is there before its first step. A pass may move a
step away from the others of its container, so that the container would have to run in two halves:
it is then opened, which leaves it as a holder of layers that the container around it calls.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import networkx

from inceptgraph.graph import Graph
from inceptgraph_torch.nesting.containers import Container, Statement, Style, nest, style

__all__ = ["build"]


def build(graph: Graph, *, flat: bool = False) -> Container:
    """The nested modules of a graph, both phases, as they can run.

    Args:
        graph: with shapes.
        flat: open all containers, so that the network itself runs every step.
    """
    root = nest(graph)
    for container in root.walk():
        if flat:
            _open(container, container.children)
        _settle(container)
        container.style = style(container)
    root.style = Style.OWN
    return root


def _settle(container: Container) -> None:
    """Order the statements of a container, those inside it being in order, and open those of its
    children that cannot run at once. What can stay in its place does."""
    while True:
        reads = _reads(container.statements)
        try:
            order = list(networkx.lexicographical_topological_sort(reads))
        except networkx.NetworkXUnfeasible:
            cycle = networkx.find_cycle(reads)
            _open(container, {container.statements[place].child for place, _ in cycle})
            continue
        container.statements = [container.statements[place] for place in order]
        return


def _reads(statements: list[Statement]) -> networkx.DiGraph[int]:
    """The statements, by their place, with an edge to each from those that must run before it."""
    makers = {value: place for place, s in enumerate(statements) for value in s.results}
    reads: networkx.DiGraph[int] = networkx.DiGraph()
    reads.add_nodes_from(range(len(statements)))
    reads.add_edges_from(
        (makers[value], place)
        for place, s in enumerate(statements)
        for value in s.operands
        if value in makers
    )
    return reads


def _open(container: Container, names: Collection[str]) -> None:
    """Take those of the children of these names that are containers apart."""
    container.statements = [
        part
        for statement in container.statements
        for part in _opened(container, statement, statement.child in names)
    ]


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
