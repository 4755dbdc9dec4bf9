"""The tree: scalars, mappings and sequences with their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from inceptgraph.diagnostics import Label, Span

__all__ = ["Entry", "Mapping", "Node", "Origin", "Scalar", "Sequence", "to_plain"]


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A leaf: its value under the core schema and the text it was written as."""

    value: str | int | float | bool | None
    text: str
    span: Span

    def part(self, start: int, end: int) -> Span:
        """Characters of the text; all of it where quoting or folding moved them."""
        span = self.span
        written = span.end_column - span.column
        if span.line == span.end_line and written in (len(self.text), len(self.text) + 2):
            shift = (written - len(self.text)) // 2
            return span.part(start + shift, end + shift)
        return span.first_line()


@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A key with its value.

    Attributes:
        key: as written, or as it was meant.
        value: what stands behind it.
        slip: the key was misspelt and is read as meant, which has been reported.
    """

    key: Scalar
    value: Node
    slip: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    items: dict[str, Entry]
    span: Span


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    items: list[Node]
    span: Span


Node = Scalar | Mapping | Sequence


@dataclass(frozen=True, slots=True, eq=False)
class Origin:
    """The place where a step is written, and the uses of blocks through which it came to be.

    Attributes:
        span: the step's name.
        arguments: what the step gives its operation, with positions.
        path: the path of the step in the network.
        parent: the origin of the block's use that this step stands in.
        copies: what the step says of its copies, ``repeat`` or ``when``, where this is of all of
            them, or of none.
    """

    span: Span
    arguments: dict[str, Entry]
    path: str
    parent: Origin | None = None
    copies: dict[str, Entry] = field(default_factory=dict)

    @property
    def written(self) -> dict[str, Entry]:
        """All that the step says: its arguments, and what it says of its copies."""
        return self.arguments | self.copies

    def argument(self, name: str | None) -> Span:
        """The place of an argument's value; that of the step's name where it is not written."""
        entry = self.arguments.get(name) if name else None
        return entry.value.span.first_line() if entry else self.span

    def uses(self) -> tuple[Label, ...]:
        """The uses of blocks that led here, innermost first, as places to cite."""
        return self.parent.and_uses() if self.parent else ()

    def and_uses(self) -> tuple[Label, ...]:
        """This use of a block, and those that led to it."""
        labels = []
        origin: Origin | None = self
        while origin is not None:
            labels.append(Label(origin.span, f"used here, as `{origin.path}`"))
            origin = origin.parent
        return tuple(labels)


def to_plain(node: Node) -> Any:
    """The tree as plain dicts, lists and scalars, without positions."""
    if isinstance(node, Scalar):
        return node.value
    if isinstance(node, Sequence):
        return [to_plain(item) for item in node.items]
    return {key: to_plain(entry.value) for key, entry in node.items.items()}
