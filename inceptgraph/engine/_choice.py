"""Installed engines, and the choice of ``auto`` among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeGuard

from inceptgraph import plugins
from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean
from inceptgraph.engine._make import as_run
from inceptgraph.engine._protocol import Choice, Engine
from inceptgraph.graph import Graph
from inceptgraph.setting import Setting

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["AUTO", "ENTRY_POINTS", "choose", "find", "installed", "ready"]

ENTRY_POINTS = "inceptgraph.engines"

AUTO = "auto"
"""The word for whichever engine is fastest here: by what they say, or as measured."""


def installed() -> tuple[Engine, ...]:
    """The engines that packages offer, by name, whether what they need is there or not.

    Raises:
        SpecError: one cannot be loaded.
    """
    return tuple(_loaded(point) for point in plugins.points(ENTRY_POINTS).values())


def find(name: str) -> Engine:
    """The engine of this name, ready to run.

    Raises:
        SpecError: there is none, or it cannot be loaded, or what it needs is not installed.
    """
    offered = plugins.points(ENTRY_POINTS)
    if name not in offered:
        known = [AUTO, *offered]
        hint = did_you_mean(name, known) or f"there are: {', '.join(known)}"
        raise _error(Code.UNKNOWN_ENGINE, f"there is no engine `{name}`", hint)
    engine = _loaded(offered[name])
    if command := engine.missing():
        message = f"the engine `{name}` is not installed"
        raise _error(Code.UNKNOWN_ENGINE, message, f"install it: {command}")
    return engine


def choose(
    name: str, graph: Graph, setting: Setting, failed: Mapping[str, Diagnostic] | None = None
) -> Choice:
    """The engine of a name; for ``auto`` the one expected to be the fastest that can run the graph.

    Args:
        name: of an engine, or ``auto``.
        graph: with shapes.
        setting: how it is to run.
        failed: why engines could not make what runs, by their names: ``auto`` passes over them.

    Raises:
        SpecError: it is not there or cannot run the graph; for ``auto``, none can.
    """
    graph = as_run(graph, setting)
    if name != AUTO:
        engine = find(name)
        if refusal := engine.refusal(graph, setting):
            raise SpecError([refusal])
        return Choice(engine, "asked for")
    candidates, refusals = ready()
    candidates.sort(key=lambda engine: engine.speed(setting), reverse=True)
    for engine in candidates:
        refusal = (failed or {}).get(engine.name) or engine.refusal(graph, setting)
        if refusal is None:
            others = [e for e in candidates if e is not engine and not e.refusal(graph, setting)]
            return Choice(engine, _reason(engine, others, refusals, setting))
        refusals.append(refusal)
    # a setting that makes no sense is one mistake, which more than one engine may tell
    mistakes = [refusal for refusal in refusals if refusal.code is Code.BAD_OPTION]
    raise SpecError(dict.fromkeys(mistakes or refusals))


def ready() -> tuple[list[Engine], list[Diagnostic]]:
    """The engines that have what they need, and why others could not be loaded."""
    found: list[Engine] = []
    broken: list[Diagnostic] = []
    for point in plugins.points(ENTRY_POINTS).values():
        try:
            engine = _loaded(point)
        except SpecError as error:
            broken += error.diagnostics
        else:
            if engine.missing() is None:
                found.append(engine)
    return found, broken


def _reason(
    engine: Engine, others: Iterable[Engine], refusals: Iterable[Diagnostic], setting: Setting
) -> str:
    """Why an engine, though nothing was measured here, and none of this network."""
    slower = [f"{each.name} {each.speed(setting):.1f} ×" for each in others]
    reason = f"expected to be the fastest here for {setting}: on networks of the Inception family"
    reason += f" about {engine.speed(setting):.1f} × torch eager"
    reason += f" ({', '.join(slower)})" if slower else ""
    return "; ".join([reason, *(refusal.message for refusal in refusals)])


def _loaded(point: EntryPoint) -> Engine:
    return plugins.loaded(point, _is_engine, "engine", "some of what one has")


def _is_engine(offered: object) -> TypeGuard[Engine]:
    return isinstance(offered, Engine)


def _error(code: Code, message: str, help: str) -> SpecError:
    return SpecError([Diagnostic(code, message, help=help)])
