"""Passes: rewrites of the graph that compute the same, with what each needs and promises.

A pass works on the graph alone, never on a framework's. It is exact: what it changes about weights
it says as :mod:`inceptgraph.graph.recipes`. A package offers one of its own through the
entry-point group ``inceptgraph.passes``; the entry point's name is the pass's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from inceptgraph.graph import Graph, InvalidGraph

__all__ = ["Optimize", "Pass", "Property", "Step", "Target", "asked", "run"]


class Property(StrEnum):
    """The properties that a graph can have."""

    INFERENCE = "inference"
    """It holds what runs in evaluation alone."""

    NO_BATCH_NORM = "no batch norm"
    """No batch normalisation is left: its statistics are in other steps' weights."""


@dataclass(frozen=True, slots=True)
class Target:
    """The machine that a graph is to run on, for passes that pay only there.

    Attributes:
        batch: samples at a time.
        call_cost: what one more step costs beside its arithmetic, in multiply-adds.
        copy_cost: what it costs to copy one element, in multiply-adds.
        pool_cost: what it costs a pool to read one element of a window, in multiply-adds.
        fuses_activations: whether a ReLU costs nothing behind a convolution.
    """

    batch: int = 1
    call_cost: float = 1.0e6
    copy_cost: float = 12.0
    pool_cost: float = 1.0
    fuses_activations: bool = False


Optimize = bool | Target | Sequence[str]
"""Whether to run the passes, or what they are to know of where the graph is to run, or the names of
those to run, in order."""


def asked(optimize: Optimize) -> tuple[Target | None, Sequence[str] | None]:
    """The target of a graph and the names of its passes; each None where it is not said."""
    if isinstance(optimize, Target):
        return optimize, None
    return None, None if isinstance(optimize, bool) else optimize


@dataclass(frozen=True, slots=True)
class Pass:
    """A rewrite with its contract.

    Attributes:
        name: a verb, as ``--passes`` and ``--print-after`` take it.
        rewrite: gives the same graph object where there is nothing to do.
        requires: what must hold of the graph before.
        ensures: what holds after, beside what held before.
        in_training: it is exact there, too: values, gradients, and the names of the weights.
        after: names of passes that run before it: it runs right behind the last of them.
        before: names of passes that run after it; right before the first of them where it names
            none in ``after``. A pass that names none runs last.
    """

    name: str
    rewrite: Callable[[Graph, Target], Graph]
    requires: frozenset[Property] = frozenset()
    ensures: frozenset[Property] = frozenset()
    in_training: bool = False
    after: tuple[str, ...] = ()
    before: tuple[str, ...] = ()

    @property
    def summary(self) -> str:
        """Its work in a line."""
        return (self.rewrite.__doc__ or "").partition("\n")[0]


@dataclass(frozen=True, slots=True)
class Step:
    """A pass that was run.

    Attributes:
        name: of the pass.
        before: the graph before it.
        after: the graph after it, verified; ``before`` itself where nothing changed.
    """

    name: str
    before: Graph
    after: Graph

    @property
    def changed(self) -> bool:
        return self.after is not self.before


def run(
    passes: Iterable[Pass],
    graph: Graph,
    target: Target,
    observe: Callable[[Step], None] = lambda step: None,
) -> Graph:
    """Run passes in order, and verify the graph after each.

    Args:
        passes: in order.
        graph: with shapes.
        target: what it is to run on.
        observe: told of each pass.

    Raises:
        InvalidGraph: a pass lacks what it requires, or broke the graph; the message names it.
    """
    known: frozenset[Property] = frozenset()
    for each in passes:
        if missing := each.requires - known:
            wanted = ", ".join(sorted(missing))
            raise InvalidGraph(f"the pass {each.name} requires a graph with: {wanted}")
        try:
            after = each.rewrite(graph, target)
            after = after if after is graph else after.verify()
        except InvalidGraph as error:
            raise InvalidGraph(f"the pass {each.name} broke the graph: {error}") from error
        observe(Step(each.name, graph, after))
        graph, known = after, known | each.ensures
    return graph
