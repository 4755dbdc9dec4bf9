"""A comparison as plain data."""

from __future__ import annotations

from typing import Any

from inceptgraph.compare._changes import Change, Kind, Named, StageChange, StepChange
from inceptgraph.compare._comparison import Comparison
from inceptgraph.compare._narrate import TOTALS

__all__ = ["to_json"]


def to_json(found: Comparison) -> dict[str, Any]:
    """The data of a comparison as plain dicts and lists, which ``json`` writes.

    >>> import inceptgraph
    >>> to_json(inceptgraph.diff("googlenet", "googlenet_no_heads"))["totals"]["params_with_aux"]
    {'before': 13378280, 'after': 6998552}
    """
    return {
        "equal": found.equal,
        "name": _change(found.name),
        "inputs": _changes(found.inputs),
        "preprocessing": _changes(found.preprocessing),
        "classes": _changes(found.classes),
        "outputs": _changes(found.outputs),
        "params": _changes(found.params),
        "defaults": _changes(found.defaults),
        "blocks": [
            {
                "name": block.name,
                "uses": block.uses,
                "changed": block.changed,
                "steps": [_step(step) for step in block.steps],
            }
            for block in found.blocks
        ],
        "stages": [_stage(stage) for stage in found.stages],
        "aux_heads": [_stage(head) for head in found.heads],
        "totals": {
            f"{field}{suffix}": _change(Change(*(getattr(cost, field) for cost in costs)))
            for suffix, costs in (("", found.cost), ("_with_aux", found.cost_with_heads))
            for _, field in TOTALS
        },
    }


def _stage(stage: StageChange) -> dict[str, Any]:
    costs = {
        field: {side: getattr(its, field) for side, its in stage.cost._asdict().items() if its}
        for _, field in TOTALS
    }
    return {
        "name": stage.name,
        "kind": stage.kind.value,
        **({"renamed_from": stage.place} if stage.kind is Kind.RENAMED else {}),
        "op": _change(stage.op),
        "arguments": _changes(stage.arguments),
        "out": _change(stage.shape),
        **costs,
        "steps": [
            {**_step(step), "block": step.block, "told_of_block": step.shared}
            for step in stage.steps
        ],
    }


def _step(step: StepChange) -> dict[str, Any]:
    return {
        "name": step.path,
        "kind": step.kind.value,
        "op": _change(step.op),
        "arguments": _changes(step.arguments),
    }


def _changes(changes: Named) -> dict[str, Any]:
    return {name: _change(each) for name, each in changes.items()}


def _change(each: Change) -> dict[str, Any]:
    return {side: _plain(value) for side, value in each._asdict().items()}


def _plain(value: Any) -> Any:
    """A value as JSON has it."""
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    return list(value) if isinstance(value, tuple) else value
