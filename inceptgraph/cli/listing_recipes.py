"""``list recipes``: the shipped training recipes."""

from __future__ import annotations

from typing import Any

from inceptgraph.cli import console
from inceptgraph.report import Column, Row, draw
from inceptgraph.training import choose, shipped

__all__ = ["recipes", "show_recipes"]

Item = dict[str, Any]


def recipes() -> list[Item]:
    """Every shipped training recipe."""
    return [_recipe(name) for name in shipped()]


def _recipe(name: str) -> Item:
    recipe = choose(shipped()[name])
    return {
        "name": name,
        "path": str(shipped()[name]),
        "length": str(recipe.length),
        "batch": recipe.batch,
        "optimizer": recipe.optimizer.word,
        "schedule": recipe.schedule.word,
        "average": recipe.average.word if recipe.average else None,
        "description": recipe.description,
        "source": recipe.source,
    }


def show_recipes(items: list[Item]) -> str:
    """The table."""
    columns = (
        Column("name"),
        Column("length", right=True),
        Column("batch", right=True),
        Column("optimizer"),
        Column("schedule"),
        Column("whose it is"),
    )
    keys = ("name", "length", "batch", "optimizer", "schedule", "description")
    rows = [Row(tuple(str(item[key]) for key in keys)) for item in items]
    return draw(columns, rows, color=console.colored())
