"""A spec as typed data: what was written, checked for structure, every part with its place.

Values stay as source nodes, since ``$parameters`` get theirs only when a block is used. Operations
are pydantic models; these are dataclasses, since they are built from positioned nodes and not
from plain values.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from inceptgraph.diagnostics import Source, Span
from inceptgraph.source import Entry, Mapping, Node, Scalar

__all__ = ["Block", "Body", "Chain", "Classes", "Fork", "Head", "Inflate", "Param", "Section"]
__all__ += ["Spec", "Step"]


@dataclass(frozen=True, slots=True, eq=False)
class Param:
    """A parameter of a block or of the network.

    Attributes:
        name: as written.
        type: one of :data:`inceptgraph.spec.TYPES`.
        default: its default, None where every use must give one.
        readable: whether the declaration could be read; what depends on it is not at fault if not.
    """

    name: Scalar
    type: str
    default: Node | None
    readable: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """A step, a branch or a stage: an operation or block by name, or a body of its own.

    Attributes:
        name: as written.
        operation: the name of an operation or block; None where ``body`` is written inline, and
            where it is another step once more.
        body: an inline body.
        arguments: what is passed to the operation or block.
        sources: what it reads; None for the step before it.
        repeat: how often it is chained; None for once.
        when: the condition on which it is there; None for always.
        share: the step that it is once more, with the same weights.
    """

    name: Scalar
    operation: Scalar | None
    body: Body | None
    arguments: dict[str, Entry]
    sources: tuple[Scalar, ...] | None = None
    repeat: Node | None = None
    when: Node | None = None
    share: Scalar | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Steps, each feeding the next unless it says ``from:``. The last one is the result."""

    steps: dict[str, Step]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Fork:
    """Branches over one input, joined by an operation in the order in which they are written."""

    branches: dict[str, Step]
    merge: Step
    span: Span


Body = Chain | Fork


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """A named body with parameters, used like an operation.

    Attributes:
        name: as written.
        params: by name, in order.
        inputs: the names that its body gives to what it reads.
        body: its steps or branches.
        readable: whether all of it could be read; its uses are not at fault if not.
    """

    name: Scalar
    params: dict[str, Param]
    inputs: tuple[str, ...]
    body: Body
    readable: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """An output of the network.

    Attributes:
        source: the step whose result it is.
        loss: the name of its loss; None where none is written.
        loss_weight: of its loss; None where none is written.
    """

    source: Scalar
    loss: Node | None = None
    loss_weight: Node | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """A classifier that exists in training alone."""

    step: Step
    loss_weight: Node
    loss: Node | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Section:
    """A run of stages under one title."""

    name: Scalar
    first: Scalar
    last: Scalar


@dataclass(frozen=True, slots=True, eq=False)
class Inflate:
    """What makes videos of a spec's images.

    Attributes:
        key: the word ``inflate``.
        frames: how many a video has.
        kernel: how many of them a window of more than one pixel spans; None for as many as its
            longer side has pixels.
    """

    key: Scalar
    frames: Entry
    kernel: Node | None


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The classes that a network tells apart, in the order of its outputs.

    Attributes:
        key: the word ``classes``.
        names: of all of them, the background's first where there is one.
        background: whether there is one, which no label of data has.
    """

    key: Scalar
    names: tuple[str, ...]
    background: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Spec:
    """A whole spec."""

    source: Source
    name: str
    description: str | None
    inputs: dict[str, tuple[Scalar, Mapping]]
    params: dict[str, Param]
    defaults: dict[str, tuple[Scalar, Mapping]]
    blocks: dict[str, Block]
    stages: Chain
    outputs: dict[str, Result]
    heads: dict[str, Head]
    sections: dict[str, Section]
    expect: Mapping | None
    inflate: Inflate | None = None
    classes: Classes | None = None
    removed: dict[str, Span] = field(default_factory=dict)
    """Where an edit removed a step of the base, by the step's name."""
