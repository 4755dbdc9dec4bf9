"""What a graph is made of: nodes, named results, and the parts of the spec that they came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from inceptgraph.diagnostics import Span
from inceptgraph.ops import DEFAULT_LOSS, Operation
from inceptgraph.source import Origin
from inceptgraph.types import Shape

if TYPE_CHECKING:
    from inceptgraph.graph.recipes import Recipe

__all__ = ["InvalidGraph", "Node", "Output", "Scope", "ScopeKind"]


class InvalidGraph(Exception):
    """A graph that breaks its own rules: a defect in a pass or in a hand-made graph."""


@dataclass(frozen=True, slots=True)
class Node:
    """One operation with its operands.

    Attributes:
        name: path of spec names, such as ``inception_3a.3x3.reduce.conv``; weights are named after
            it in a ``state_dict``.
        op: the operation and its attributes.
        inputs: names of the operands, in order.
        shape: shape of the output once it is inferred.
        origin: where the step is written.
        recipes: how its weights come from those of the original network, by their names in the
            step; None where they are the original's own, at ``name.weight`` and so on.
        shares: the node whose weights it uses as its own, at ``shares.weight`` and so on; None
            where it has its own, or recipes. That node has weights of its own, and need not be
            there: training alone may compute it.
    """

    name: str
    op: Operation
    inputs: tuple[str, ...] = ()
    shape: Shape | None = None
    origin: Origin | None = field(default=None, compare=False)
    recipes: Mapping[str, Recipe] | None = None
    shares: str | None = None

    def shaped(self, op: Operation, shape: Shape | None) -> Node:
        """The node with its operation settled and its shape inferred."""
        # for every step of a network: `replace` takes twice as long
        return Node(self.name, op, self.inputs, shape, self.origin, self.recipes, self.shares)

    @property
    def original(self) -> str:
        """The node of the original network that has its weights, where no recipes say more."""
        return self.shares or self.name


@dataclass(frozen=True, slots=True)
class Output:
    """A named result: an output of the network, or the end of an auxiliary head.

    Attributes:
        name: what the caller gets it as.
        node: the node that computes it.
        loss_weight: the weight of its loss in the total.
        training_only: whether it is a head, which exists in training alone.
        loss: what training compares it by, a name of :data:`inceptgraph.ops.LOSSES`.
        written: where the spec says so; None where it does not.
    """

    name: str
    node: str
    loss_weight: float = 1.0
    training_only: bool = False
    loss: str = DEFAULT_LOSS
    written: Span | None = field(default=None, compare=False)

    @property
    def trained(self) -> str:
        """What training makes of it, as far as that is not what it makes of any, such as
        ``mse, weight 0.5``."""
        loss = "" if self.loss == DEFAULT_LOSS else self.loss
        weight = "" if self.loss_weight == 1 else f"weight {self.loss_weight:g}"
        return ", ".join(filter(None, (loss, weight)))


class ScopeKind:
    """The origin of a scope in the spec."""

    STAGE = "stage"
    HEAD = "head"
    STEP = "step"


@dataclass(frozen=True, slots=True)
class Scope:
    """A named part of a spec that holds nodes: a stage, a head, a step or branch with a body.

    Attributes:
        path: its path of spec names, a prefix of the names of its nodes.
        kind: one of :class:`ScopeKind`.
        block: the block or operation that the spec names there, None for an inline body.
        arguments: the block's parameters as they were evaluated, defaults included.
        output: the node whose value the scope hands on.
        given: the parameters that the use itself wrote.
        origin: where it is written.
    """

    path: str
    kind: str
    block: str | None
    arguments: Mapping[str, Any]
    output: str
    given: tuple[str, ...] = ()
    origin: Origin | None = field(default=None, compare=False)

    @property
    def copies(self) -> int | None:
        """How many copies a ``repeat:`` chains here, at ``path.0`` and so on; None where there is
        no ``repeat:``."""
        return self.arguments["repeat"] if self.given == ("repeat",) else None
