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
from inceptgraph_torch.names import module_path
from inceptgraph_torch.nesting.containers import Container, Statement, Style, nest, style
from inceptgraph_torch.nesting.shared import Shared, share

__all__ = ["build"]


def build(graph: Graph, *, flat: bool = False) -> Container:
    """The nested modules of a graph, both phases, as they can run.

    Args:
        graph: with shapes.
        flat: open all containers, so that the network itself runs every step.
    """
    refused: set[str] = set()
    while True:
        root = nest(graph)
        shared = share(root, graph, refused, whole=not flat)
        try:
            _arrange(root, shared, flat)
        except _Apart as apart:
            refused.add(apart.args[0])
            continue
        root.style = Style.OWN
        return root


class _Apart(Exception):
    """A container that would be called from several places has to be opened; it has the path of
    the module."""


def _arrange(root: Container, shared: Shared, flat: bool) -> None:
    """Open what has to be, and put the statements of each container into their order."""
    for container in root.walk():
        children = {n: c for n, c in container.children.items() if isinstance(c, Container)}
        wanted = [name for name, each in children.items() if flat or each.path in shared.opened]
        _open(container, wanted, shared)
        _settle(container, shared)
    for container in root.walk():
        _settle_names(container)
        if container.style is not Style.OPEN:
            container.style = style(container)


def _settle_names(container: Container) -> None:
    """Leave out children of which nothing is left, and call modules that are called once more by
    their path in the container."""
    for name, child in [*container.children.items()]:
        if isinstance(child, Container) and not child.children and child.style is Style.OPEN:
            del container.children[name]
    inside = f"{module_path(container.path)}." if container.path else ""
    container.statements = [
        replace(s, child=s.child.removeprefix(inside))
        if s.own and s.child.startswith(inside)
        else s
        for s in container.statements
    ]


def _settle(container: Container, shared: Shared) -> None:
    """Order the statements of a container, those inside it being in order, and open those of its
    children that cannot run at once. What can stay in its place does."""
    while True:
        reads = _reads(container.statements)
        try:
            order = list(networkx.lexicographical_topological_sort(reads))
        except networkx.NetworkXUnfeasible:
            cycle = networkx.find_cycle(reads)
            waiting = [container.statements[place] for place, _ in cycle]
            for statement in waiting:
                if statement.own and statement.child in shared.called:
                    raise _Apart(statement.child) from None
            _open(container, {s.child for s in waiting if not s.own}, shared)
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


def _open(container: Container, names: Collection[str], shared: Shared) -> None:
    """Take those of the children of these names that are containers apart."""
    for name in names:
        child = container.find(name)
        if isinstance(child, Container) and module_path(child.path) in shared.called:
            raise _Apart(module_path(child.path))
    container.statements = [
        part
        for statement in container.statements
        for part in _opened(container, statement, statement.child in names)
    ]


def _opened(container: Container, statement: Statement, open: bool) -> Iterator[Statement]:
    """The statement, or those of the child that it calls, as the container around it calls them."""
    child = None if statement.own else container.find(statement.child)
    if not open or not isinstance(child, Container):
        yield statement
        return
    child.style, child.block = Style.OPEN, None
    for inner in child.statements:
        path = inner.child if inner.own else f"{statement.child}.{inner.child}"
        path = path if inner.child else ""
        yield replace(inner, child=path)
