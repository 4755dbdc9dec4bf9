"""Names in scope while a body is expanded."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from inceptgraph.diagnostics import Code, Findings, Span, did_you_mean
from inceptgraph.source import Origin, Scalar

__all__ = ["ALL_COPIES", "Frame", "Names", "Target", "all_copies", "resolve"]


@dataclass(frozen=True, slots=True)
class Target:
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

ALL_COPIES = ".*"
"""What follows a repeated step's name in a ``from:`` that reads all of its copies."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """The place in which a step is being expanded.

    Attributes:
        prefix: path of the enclosing scope with a trailing dot, or nothing.
        environment: values of the parameters in scope.
        names: what ``from:`` may use.
        origin: the use of a block that this stands in.
        depth: how many bodies are around it.
        blocks: the blocks around it, outermost first.
    """

    prefix: str
    environment: Mapping[str, Any]
    names: Names
    origin: Origin | None = None
    depth: int = 0
    blocks: tuple[str, ...] = ()


def resolve(
    source: Scalar,
    names: Mapping[str, Target],
    results: Mapping[str, str | None],
    reported: set[Span],
    findings: Findings,
) -> str | None:
    """The node that a ``from:`` means; ``a.b`` is a step inside ``a``."""
    head, dot, rest = source.text.partition(".")
    target = names.get(head)
    if target is None or target.node is None:
        return None  # it failed, or does not exist, which has been reported
    if not dot:
        return target.node
    path = f"{target.path}.{rest}"
    if target.path is not None and path in results:
        return results[path]
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
