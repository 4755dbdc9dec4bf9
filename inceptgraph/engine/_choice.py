"""Installed engines, and the choice of ``auto`` among them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real
from typing import TYPE_CHECKING

from inceptgraph import plugins
from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean
from inceptgraph.engine._make import as_run
from inceptgraph.engine._protocol import Choice, Engine
from inceptgraph.engine._speeds import Measured, measured, usual_batch
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

    Engines that were measured on such a machine come first, by their speed; then those that were
    measured on others alone; then those that were measured nowhere; both by their names.

    Args:
        name: of an engine, or ``auto``.
        graph: with shapes.
        setting: how it is to run.
        failed: why engines could not make what runs, by their names: ``auto`` passes over them.

    Raises:
        SpecError: it is not there or cannot run the graph; for ``auto``, none can, or one says
            what is no speed.
    """
    graph = as_run(graph, setting)
    if name != AUTO:
        engine = find(name)
        if refusal := engine.refusal(graph, setting):
            raise SpecError([refusal])
        return Choice(engine, "asked for")
    candidates, refusals = ready()
    speeds = {engine.name: _speed(engine, setting) for engine in candidates}
    # those of one rank stay in the order of their names
    candidates.sort(key=lambda e: (speeds[e.name] or 0.0, bool(_figures(e))), reverse=True)
    able: list[Engine] = []
    for engine in candidates:
        refusal = (failed or {}).get(engine.name) or engine.refusal(graph, setting)
        if refusal is None:
            able.append(engine)
        elif not able:
            refusals.append(refusal)
    if able:
        return Choice(able[0], _reason(able, speeds, refusals, setting))
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
    able: Sequence[Engine],
    speeds: Mapping[str, float | None],
    refusals: Iterable[Diagnostic],
    setting: Setting,
) -> str:
    """Why the first of those that can run a network, of which nothing was measured itself."""
    engine, *others = able
    known = {name: f"{value:.1f} ×" for name, value in speeds.items() if value is not None}
    if engine.name in known:
        reason = f"expected to be the fastest here for {setting}: on networks of the Inception "
        reason += f"family about {known[engine.name]} torch eager"
        slower = [f"{each.name} {known[each.name]}" for each in others if each.name in known]
        reason += f" ({', '.join(slower)})" if slower else ""
        if found := measured(_figures(engine), setting):
            reason += f", measured at batch {usual_batch(setting)} on {found}"
        unknown = [each.name for each in others if each.name not in known]
        told = [f"not measured on such a machine: {', '.join(unknown)}"] if unknown else []
    else:
        reason = f"not chosen by speed, since no engine that can run it was measured for {setting}"
        reason += " on such a machine"
        told = ["`autotune=True` and `inceptgraph bench` measure"]
    return "; ".join([reason, *told, *(refusal.message for refusal in refusals)])


def _speed(engine: Engine, setting: Setting) -> float | None:
    """What an engine says of its speed.

    Raises:
        SpecError: it is none.
    """
    said: object = engine.speed(setting)
    if said is None:
        return None
    if isinstance(said, Real) and not isinstance(said, bool) and 0 < float(said) < math.inf:
        return float(said)
    message = f"the engine `{engine.name}` says that its speed for {setting} is {said!r}"
    hint = "its `speed` is to give a positive number, or None where nothing was measured"
    raise _error(Code.BROKEN_PLUGIN, message, hint)


def _figures(engine: Engine) -> Sequence[Measured]:
    found: Sequence[Measured] = getattr(engine, "figures", ())
    return found


def _loaded(point: EntryPoint | plugins.Clash) -> Engine:
    return plugins.loaded(point, Engine, "engine")


def _error(code: Code, message: str, help: str) -> SpecError:
    return SpecError([Diagnostic(code, message, help=help)])
