"""Edits in the definitions of blocks: told once, not at every use."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from inceptgraph.compare._changes import BlockChange, StageChange, StepChange

__all__ = ["share"]


def share(
    stages: Iterable[StageChange], uses: Mapping[str, int]
) -> tuple[tuple[BlockChange, ...], tuple[StageChange, ...]]:
    """Gather the edits that several uses of a block share.

    Args:
        stages: of the network, heads included.
        uses: how often both networks use each block.

    Returns:
        The blocks, and the stages with those edits marked as shared.
    """
    stages = tuple(stages)
    alike: dict[str, list[tuple[str, StepChange]]] = {}
    for stage in stages:
        for step in stage.steps:
            alike.setdefault(_edit(step), []).append((stage.name, step))
    edits: dict[str, list[StepChange]] = {}
    changed: dict[str, set[tuple[str, str]]] = {}
    shared: set[str] = set()
    for edit, places in alike.items():
        common = _common([step for _, step in places])
        if common is not None and common.block is not None and len(places) > 1:
            edits.setdefault(common.block, []).append(common)
            changed.setdefault(common.block, set()).update((s, each.use) for s, each in places)
            shared.add(edit)
    blocks = tuple(
        BlockChange(name, uses[name], len(changed[name]), tuple(steps))
        for name, steps in edits.items()
    )
    return blocks, tuple(_marked(stage, shared) for stage in stages)


def _edit(step: StepChange) -> str:
    """What is the same of an edit in every use of its block."""
    return repr((step.block, step.place, step.kind, step.op, [*step.arguments], step.written))


def _common(steps: list[StepChange]) -> StepChange | None:
    """One edit for several uses: with their values where they agree, else with the texts; None
    where neither tells it."""
    first = steps[0]
    arguments = {}
    for name, change in first.arguments.items():
        if all(step.arguments[name] == change for step in steps):
            arguments[name] = change
        elif name in first.written:
            arguments[name] = first.written[name]
        else:
            return None
    return replace(first, path=first.place, use="", arguments=arguments)


def _marked(stage: StageChange, shared: set[str]) -> StageChange:
    steps = (replace(step, shared=_edit(step) in shared) for step in stage.steps)
    return replace(stage, steps=tuple(steps))
