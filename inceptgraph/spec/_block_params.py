"""Names in a block: its own parameters, and the network's where it may see them."""

from __future__ import annotations

from collections.abc import Collection, Container

from inceptgraph.diagnostics import Findings, Source
from inceptgraph.source import Mapping, Node
from inceptgraph.spec._models import Block
from inceptgraph.spec._params import check_defaults_order, check_references, lint_unused

__all__ = ["check_block"]


def check_block(
    block: Block,
    written: Node,
    outer: Collection[str],
    sealed: Container[Source],
    source: Source,
    findings: Findings,
) -> set[str]:
    """Check what a block names; returns the outer parameters that it uses.

    Outer parameters are in scope but for what is written in ``sealed``; an edit may bring them into
    a block that stands there. A parameter that the block never uses is told where the block stands
    in the file at hand.
    """
    defaults_see = () if block.name.span.source in sealed else outer
    used = check_defaults_order(block.params, defaults_see, findings)
    parts = _body_parts(written)
    used |= check_references(parts, block.params, findings, outer=outer, sealed=sealed)
    if block.readable and block.name.span.source is source:
        lint_unused(block.params, used, f"the block `{block.name.text}`", findings)
    return used - block.params.keys()


def _body_parts(block: Node) -> list[Node]:
    """The parts of a block in which its parameters are used."""
    if not isinstance(block, Mapping):
        return []
    skipped = ("params", "description", "inputs")
    return [entry.value for key, entry in block.items.items() if key not in skipped]
