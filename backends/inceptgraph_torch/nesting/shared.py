"""Layers and containers that a graph uses more than once, as modules that are called again.

A container whose layers are all those of another, run in the same way, is not made: who runs it
calls the other. Any other shared layer is called at the place of the first step that has it, by the
innermost container around both. The containers between are opened, so that each module has one
place, and one name in a ``state_dict``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from inceptgraph.graph import Graph
from inceptgraph_torch.names import module_path
from inceptgraph_torch.nesting.containers import Call, Container, Statement, Value, connect

__all__ = ["Shared", "share"]


@dataclass(frozen=True)
class Shared:
    """Containers that are not as the spec has them.

    Attributes:
        called: of those that are called more than once, the paths of their modules.
        opened: the paths of those that call what is outside.
    """

    called: frozenset[str] = frozenset()
    opened: frozenset[str] = frozenset()


def share(root: Container, graph: Graph, refused: Collection[str], *, whole: bool = True) -> Shared:
    """Let what shares weights call the modules that have them.

    Args:
        root: the nested modules, a layer for each step; they are changed.
        graph: of which they are.
        refused: the paths of modules that cannot be called as a whole.
        whole: False to call layers alone.
    """
    if all(graph.holder(name) == name for name in graph.nodes):
        return Shared()
    sharing = _Sharing(root, graph, refused, whole)
    sharing.visit(root)
    return sharing.apply()


@dataclass(frozen=True)
class _Use:
    """A container that runs the layers of another."""

    around: Container
    place: int
    own: Container
    other: Container
    values: dict[Value, Value]
    """From the values of the other to its own."""


class _Sharing:
    def __init__(
        self, root: Container, graph: Graph, refused: Collection[str], whole: bool
    ) -> None:
        self.root, self.graph, self.refused, self.whole = root, graph, refused, whole
        self.containers = {container.path: container for container in root.walk()}
        self.uses: list[_Use] = []
        self.layers: list[tuple[Container, int, str]] = []

    # -- finding -----------------------------------------------------------------------------

    def visit(self, container: Container) -> None:
        """Find what is shared in a container, the largest parts first."""
        for place, statement in enumerate(container.statements):
            child = container.children.get(statement.child)
            if isinstance(child, Container):
                other = self.lender(child)
                values = self.mirrored(other, child) if other else None
                if other is not None and values is not None:
                    self.uses.append(_Use(container, place, child, other, values))
                else:
                    self.visit(child)
            elif isinstance(child, Call):
                name = statement.results[0].node
                if (holder := self.graph.holder(name)) != name:
                    self.check(name, child, holder)
                    self.layers.append((container, place, holder))

    def check(self, name: str, layer: Call, holder: str) -> None:
        path, _, last = holder.rpartition(".")
        if self.containers[path].children[module_path(last)] != layer:
            op = self.graph.nodes[name].op.op
            message = f"{name}: a layer of {op} depends on what it reads, and cannot be {holder}'s"
            raise NotImplementedError(message)

    def lender(self, container: Container) -> Container | None:
        """The container that may be called in the place of one, by the first of its layers."""
        for name in _nodes(container):
            if self.graph.weights(self.graph.nodes[name]):
                end, holder = name.removeprefix(container.path), self.graph.holder(name)
                path = holder.removesuffix(end) if holder.endswith(end) else container.path
                usable = self.whole and path != container.path
                usable &= module_path(path) not in self.refused
                return self.containers.get(path) if usable else None
        return None

    def mirrored(self, other: Container, own: Container) -> dict[Value, Value] | None:
        """The values of a container by those of another; None where they do not run alike."""
        values: dict[Value, Value] = {}
        made: set[Value] = set()
        return values if self.alike(other, own, values, made) else None

    def alike(
        self, other: Container, own: Container, values: dict[Value, Value], made: set[Value]
    ) -> bool:
        if len(other.statements) != len(own.statements):
            return False
        for theirs, ours in zip(other.statements, own.statements, strict=True):
            if (theirs.child, theirs.function) != (ours.child, ours.function):
                return False
            layer, its = own.children.get(ours.child), other.children.get(theirs.child)
            if isinstance(layer, Container) and isinstance(its, Container):
                if not self.alike(its, layer, values, made):
                    return False
                continue
            if layer != its or not self.same_weights(theirs, ours):
                return False
            if not _same_operands(theirs, ours, values, made):
                return False
            values.update(zip(theirs.results, ours.results, strict=True))
            made.update(ours.results)
        return True

    def same_weights(self, theirs: Statement, ours: Statement) -> bool:
        one, other = theirs.results[0].node, ours.results[0].node
        held = self.graph.holder(one) == self.graph.holder(other)
        return held or not self.graph.weights(self.graph.nodes[other])

    # -- changing ----------------------------------------------------------------------------

    def apply(self) -> Shared:
        """Call what was found, where it is."""
        for use in reversed(self.uses):  # what is lent may hold uses of its own, found before it
            _hand_on(use.other, use.own, {ours: theirs for theirs, ours in use.values.items()})
        for container in self.containers.values():
            connect(container)
        opened: set[str] = set()
        for use in self.uses:
            opened |= _between(use.around, use.other.path)
            operands, results = (
                tuple(use.values[value] for value in values)
                for values in (use.other.inputs, use.other.outputs)
            )
            _call(use.around, use.place, use.other.path, operands=operands, results=results)
        for container, place, holder in self.layers:
            opened |= _between(container, holder)
            _call(container, place, holder)
        return Shared(frozenset(map(_module, self.uses)), frozenset(opened))


def _module(use: _Use) -> str:
    return module_path(use.other.path)


def _nodes(container: Container) -> Iterator[str]:
    """The nodes that a container computes by layers."""
    for statement in container.statements:
        child = container.children.get(statement.child)
        if isinstance(child, Container):
            yield from _nodes(child)
        elif child is not None:
            yield statement.results[0].node


def _same_operands(
    theirs: Statement, ours: Statement, values: dict[Value, Value], made: set[Value]
) -> bool:
    """Whether two steps read the same in two containers: what the same steps made, or what comes
    in at the same places."""
    if len(theirs.operands) != len(ours.operands):
        return False
    for value, own in zip(theirs.operands, ours.operands, strict=True):
        if value not in values and own in made:
            return False
        if values.setdefault(value, own) != own:
            return False
    return True


def _hand_on(other: Container, own: Container, theirs: dict[Value, Value]) -> None:
    """Have a container return what either is read for."""
    wanted = (theirs[value] for value in own.outputs)
    other.outputs = list(dict.fromkeys((*other.outputs, *wanted)))
    for name, child in own.children.items():
        inner = other.children[name]
        if isinstance(child, Container) and isinstance(inner, Container):
            _hand_on(inner, child, theirs)


def _between(container: Container, path: str) -> set[str]:
    """The paths of the containers, this one and those around it, that a path is not in."""
    around, found = container.path, set()
    while around and not path.startswith(f"{around}."):
        found.add(around)
        around = around.rpartition(".")[0]
    return found


def _call(
    container: Container,
    place: int,
    path: str,
    *,
    operands: tuple[Value, ...] | None = None,
    results: tuple[Value, ...] | None = None,
) -> None:
    """Let a statement call the module at a path, in the place of its own."""
    statement = container.statements[place]
    del container.children[statement.child]
    container.statements[place] = replace(
        statement,
        child=module_path(path),
        operands=statement.operands if operands is None else operands,
        results=statement.results if results is None else results,
        own=statement.child,
    )
