"""Names in scope while a body is expanded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from inceptgraph.diagnostics import Code, Findings, Span, closest, did_you_mean
from inceptgraph.expand._shapes import Shapes
from inceptgraph.source import Origin, Scalar
from inceptgraph.spec import FAILED, NoExtent, listed
from inceptgraph.types import format_shape, named_extents

__all__ = [
    "ALL_COPIES",
    "Environment",
    "Frame",
    "Names",
    "Target",
    "all_copies",
    "coming_in",
    "find_step",
    "resolve",
]


class Target(NamedTuple):
    """The target of a name: a step by its path, or a value that comes in and has no inside.

    Attributes:
        node: the node that holds the value; None where it could not be built.
        path: for a step, its path.
        copies: for a repeated step, the nodes of its copies' values, in order.
    """

    node: str | None
    path: str | None = None
    copies: tuple[str | None, ...] | None = None


Names = MutableMapping[str, Target]

COMES_IN = "$in"
"""What comes into a body, in ``$in.channels``; no step has this name."""

ALL_COPIES = ".*"
"""What follows a repeated step's name in a ``from:`` that reads all of its copies."""


@dataclass(slots=True, eq=False)
class Environment(Mapping[str, Any]):
    """What a ``$name`` may stand for: parameters, and the extents of what is in scope.

    Attributes:
        parameters: their values, by name.
        names: what is in scope; ``step.height`` is an extent of one.
        shape: of a node.
    """

    parameters: Mapping[str, Any]
    names: Names
    shape: Shapes

    def over(self, names: Names) -> Environment:
        """The same parameters with other names in scope."""
        return Environment(self.parameters, names, self.shape)

    def __getitem__(self, name: str) -> Any:
        if "." not in name:
            return self.parameters[name]
        asked, _, extent = name.partition(".")
        step = COMES_IN if asked == "in" and COMES_IN in self.names else asked
        target = self.names.get(step)
        if target is None:
            raise self.unknown(step, extent)
        shape = self.shape.some(target.node) if target.node is not None else None
        if shape is None:
            return FAILED  # what is wrong with it is told where it stands
        extents = named_extents(shape)
        what = "what comes in" if step == COMES_IN else f"`{step}`"
        if extent not in extents:
            size = format_shape(shape) if shape[1:] else f"a vector of {shape[0]} features"
            meant = closest(extent, extents) or list(extents)
            hint = f"there is {listed(f'${asked}.{each}' for each in meant)}"
            raise NoExtent(f"{what} is {size}, and has no `{extent}`", hint)
        assert target.node is not None
        if self.shape.varies(target.node, list(extents).index(extent)):
            hint = "only what is alike at every size is known where an input's extent is `free`"
            raise NoExtent(f"the `{extent}` of {what} depends on the input's, which is free", hint)
        return extents[extent]

    def unknown(self, step: str, extent: str) -> NoExtent:
        """What is told of a name that is not in scope."""
        known = [name.lstrip("$") for name in self.names]
        meant = closest(step, known) or known[-8:]
        hint = f"in scope here: {', '.join(f'`${each}.{extent}`' for each in meant)}"
        if step == "in":
            return NoExtent("several things come in here, and `$in` could be any", hint)
        return NoExtent(f"nothing that is called `{step}` is in scope here", hint)

    def __iter__(self) -> Iterator[str]:
        return iter(self.parameters)

    def __len__(self) -> int:
        return len(self.parameters)


def coming_in(inputs: Mapping[str, str | None]) -> dict[str, Target]:
    """The names of what comes into a body, each with its node; one alone is ``$in``, too."""
    names = {name: Target(node) for name, node in inputs.items()}
    return names | ({COMES_IN: next(iter(names.values()))} if len(names) == 1 else {})


class Frame(NamedTuple):
    """The place in which a step is being expanded.

    Attributes:
        prefix: path of the enclosing scope with a trailing dot, or nothing.
        environment: what values may use.
        origin: the use of a block that this stands in.
        depth: how many bodies are around it.
        blocks: the blocks around it, outermost first.
    """

    prefix: str
    environment: Environment
    origin: Origin | None = None
    depth: int = 0
    blocks: tuple[str, ...] = ()

    @property
    def names(self) -> Names:
        """What ``from:`` may use."""
        return self.environment.names

    def over(self, names: Names) -> Frame:
        """The same place with other names in scope."""
        return Frame(self.prefix, self.environment.over(names), *self[2:])

    def inside(self, path: str, names: Names) -> Frame:
        """The body of a step at a path."""
        return Frame(
            f"{path}.", self.environment.over(names), self.origin, self.depth + 1, self.blocks
        )


def resolve(
    source: Scalar,
    names: Mapping[str, Target],
    results: Mapping[str, str | None],
    reported: set[Span],
    findings: Findings,
) -> str | None:
    """The node that a ``from:`` means; ``a.b`` is a step inside ``a``."""
    if "." not in source.text:
        target = names.get(source.text)
        return target.node if target else None  # it may have failed, which has been reported
    path = find_step(source, names, results, reported, findings)
    return results[path] if path is not None else None


def find_step(
    source: Scalar,
    names: Mapping[str, Target],
    results: Mapping[str, str | None],
    reported: set[Span],
    findings: Findings,
) -> str | None:
    """The path of the step that a ``share:`` means, or a ``from:`` of a step inside another."""
    head, dot, rest = source.text.partition(".")
    target = names.get(head)
    if target is None or target.node is None:
        return None  # it failed, or does not exist, which has been reported
    path = f"{target.path}.{rest}" if dot else target.path
    if target.path is not None and path in results:
        return path
    if source.span in reported:
        return None
    reported.add(source.span)
    prefix = f"{target.path}."
    known = [p[len(prefix) :] for p in results if p.startswith(prefix)] if target.path else []
    inside = f"it holds {', '.join(f'`{name}`' for name in known[:8])}" if known else None
    hint = did_you_mean(rest, known) or inside or f"`{head}` holds no steps: write `{head}`"
    message = f"there is no step `{rest}` inside `{head}`"
    span = source.part(len(head) + 1, len(source.text)) if rest else source.span
    findings.add(Code.UNKNOWN_REFERENCE, message, span, help=hint)
    return None


def all_copies(
    source: Scalar, names: Mapping[str, Target], findings: Findings
) -> tuple[str | None, ...]:
    """The nodes that ``a.*`` means: the results of all copies of ``a``, in order."""
    name = source.text.removesuffix(ALL_COPIES)
    target = names.get(name)
    if target is not None and target.copies is not None:
        return target.copies
    known = name.partition(".")[0] in names
    if known and (target is None or target.node is not None):
        message = f"`{source.text}` reads all copies of a step, and `{name}` is not repeated"
        if target is None:
            message = f"`{source.text}` reads copies of a step that is inside another"
        hint = "`from: a.*` reads all copies of a step `a: {repeat: …}`, beside it or outside"
        findings.add(Code.UNKNOWN_REFERENCE, message, source.span, help=hint)
    return (None,)
