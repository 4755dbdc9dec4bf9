"""Engines that compute nothing, on a clock that they move: what is timed is known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from tiny_network import TINY

from inceptgraph import plugins
from inceptgraph.diagnostics import Code, Diagnostic, Source
from inceptgraph.engine import ENTRY_POINTS, Measured, Setting
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.pipeline import to_graph

GRAPH = to_graph(Source("tiny.yaml", TINY))
WANTED = {"0": np.linspace(-2.0, 2.0, 10).reshape(2, 5)}


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@dataclass
class StubSubject:
    """Takes so long for a call, and gives the reference with an error."""

    name: str
    clock: Clock
    cost: float
    off: float = 0.0
    fails_at: int = 10**9
    found: dict[str, Any] = field(default_factory=lambda: WANTED)
    log: list[str] = field(default_factory=list)
    calls: int = 0

    def outputs(self) -> dict[str, Any]:
        return {name: value + self.off * 2.0 for name, value in self.found.items()}

    def call(self) -> None:
        self.calls += 1
        if self.calls >= self.fails_at:
            raise RuntimeError("out\n of luck")
        self.clock.now += self.cost
        self.log.append(self.name)

    def wait(self) -> None:
        self.log.append("")


class StubLab:
    """A lab whose modules are subjects."""

    def __init__(self, clock: Clock, plain: dict[str, StubSubject]) -> None:
        self.clock, self.plain_by_dtype = clock, plain
        self.peer_outputs: dict[str, Any] | None = None
        self.kept = False
        self.reordered_by_dtype: dict[str, StubSubject] = {}

    def check(self, setting: Setting) -> None:
        pass

    def facts(self, setting: Setting) -> dict[str, str]:
        return {"stub": "1.0"}

    def keep_memory(self) -> bool:
        self.kept = True
        return True

    def weights(self, graph: Graph, fitted: Any, seed: int) -> dict[str, Any]:
        return {}

    def remarks(self, graph: Graph, tensors: Any) -> list[str]:
        return ["`stem` gives zeros alone"]

    def warm_up(self, graph: Graph, tensors: Any, setting: Setting) -> None:
        pass

    def plain(self, graph: Graph, tensors: Any, setting: Setting) -> StubSubject:
        return self.plain_by_dtype[setting.dtype]

    def reordered(self, graph: Graph, tensors: Any, setting: Setting) -> StubSubject | None:
        return self.reordered_by_dtype.get(setting.dtype)

    def draw_peer(self, factory: Callable[[], Any], graph: Graph) -> Any:
        return factory()

    def peer(self, drawn: Any, setting: Setting, *, compiled: bool) -> Any:
        return drawn

    def subject(
        self, module: StubSubject, graph: Graph, setting: Setting, magnitude: float = 1.0
    ) -> StubSubject:
        return module

    def reference(
        self, graph: Graph, tensors: Any, setting: Setting, magnitude: float = 1.0
    ) -> dict[str, Any]:
        return WANTED

    def rounded(
        self, graph: Graph, tensors: Any, setting: Setting, magnitude: float, *chance: Any
    ) -> dict[str, Any]:
        return self.reference(graph, tensors, setting, magnitude)

    def peer_reference(self, module: Any, graph: Graph, setting: Setting) -> Any:
        return self.peer_outputs

    def peak(self, setting: Setting) -> float | None:
        return None if setting.dtype == "float16" else 1e9

    def watch_memory(self, setting: Setting) -> Callable[[], int | None]:
        return lambda: None

    def forget(self) -> None:
        pass


@dataclass
class StubEngine:
    """Prepares a subject; its speed is what `auto` goes by."""

    name: str
    subject: StubSubject | Exception
    fast: Any = 1.0
    figures: Sequence[Measured] = ()
    refuses: str | None = None
    export: str | None = None
    needs: str | None = None

    def missing(self) -> str | None:
        return self.needs

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        return Diagnostic(Code.ENGINE_REFUSES, self.refuses) if self.refuses else None

    def target(self, setting: Setting) -> Target:
        return Target()

    def speed(self, setting: Setting) -> Any:
        return self.fast

    def prepare(self, graph: Graph, tensors: Any, setting: Setting) -> Any:
        if isinstance(self.subject, Exception):
            raise self.subject
        return self.subject


@dataclass(frozen=True)
class _Point:
    """An entry point that gives an engine, or fails."""

    name: str
    offered: Any
    value: str = "stub:engine"
    dist: None = None

    def load(self) -> Any:
        if isinstance(self.offered, Exception):
            raise self.offered
        return self.offered


def offer(monkeypatch: pytest.MonkeyPatch, engines: Mapping[str, Any]) -> None:
    """Have packages offer these engines alone, those that are added later, too; an exception in the
    place of one is raised where it is loaded."""
    before = plugins.points

    def points(group: str) -> Mapping[str, Any]:
        if group != ENTRY_POINTS:
            return before(group)
        return {name: _Point(name, offered) for name, offered in engines.items()}

    monkeypatch.setattr(plugins, "points", points)
