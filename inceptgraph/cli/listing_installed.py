"""What packages offer, listed: passes, backends and engines, with what is wrong with one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inceptgraph import backend, plugins
from inceptgraph.cli import console
from inceptgraph.diagnostics import SpecError
from inceptgraph.report import Column, Row, draw

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["backends", "engines", "passes", "show_backends", "show_engines", "show_passes"]

Item = dict[str, Any]


def passes() -> list[Item]:
    """The passes, in the order in which they run."""
    from inceptgraph.passes import installed

    return [
        {
            "name": each.name,
            "place": place,
            "description": each.summary,
            "requires": sorted(each.requires),
            "ensures": sorted(each.ensures),
            "in_training": each.in_training,
        }
        for place, each in enumerate(installed(), start=1)
    ]


def show_passes(items: list[Item]) -> str:
    """The table of them."""
    columns = (
        Column("", right=True),
        Column("name"),
        Column("training"),
        Column("requires"),
        Column("what it does"),
    )
    rows = [
        Row(
            (
                str(item["place"]),
                item["name"],
                "exact" if item["in_training"] else "–",
                ", ".join(item["requires"]) or "–",
                item["description"],
            )
        )
        for item in items
    ]
    return draw(columns, rows, color=console.colored())


def backends() -> list[Item]:
    """The backends, not loaded."""
    return [_offered(point) for point in plugins.points(backend.ENTRY_POINTS).values()]


def _offered(point: EntryPoint | plugins.Clash) -> Item:
    """What a package offers, and what is wrong with that as far as one can tell unloaded."""
    item: Item = {
        "name": point.name,
        "target": point.value,
        "package": point.dist.name if point.dist is not None else None,
    }
    if isinstance(point, plugins.Clash):
        item["problem"] = f"offered by {point.value}: keep one"
    return item


def show_backends(items: list[Item]) -> str:
    """The table of them."""
    columns = (Column("name"), Column("package"), Column("target"))
    rows = [
        Row((item["name"], item["package"] or "", item.get("problem") or item["target"]))
        for item in items
    ]
    return draw(columns, rows, color=console.colored())


def engines() -> list[Item]:
    """The engines, and whether each can be used here."""
    from inceptgraph import engine

    found = []
    for point in plugins.points(engine.ENTRY_POINTS).values():
        item = _offered(point)
        try:
            missing = plugins.loaded(point, engine.Engine, "engine").missing()
        except SpecError as error:
            item |= {"ready": False, "problem": error.diagnostics[0].message}
        else:
            item |= {"ready": missing is None, "install": missing}
        found.append(item)
    return found


def show_engines(items: list[Item]) -> str:
    """The table of them."""
    columns = (Column("name"), Column("package"), Column("state"))
    rows = [Row((item["name"], item["package"] or "", _state(item))) for item in items]
    return draw(columns, rows, color=console.colored())


def _state(engine: Item) -> str:
    if engine["ready"]:
        return "ready"
    if install := engine.get("install"):
        return f"not installed: {install}"
    return f"cannot be used: {engine['problem']}"
