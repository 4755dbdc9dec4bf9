"""The fastest engine for a network on this machine: all that can run it are compared and timed.

What engines say of their speed is of a family of networks and of the machines that it was measured
on. This measures the network itself, with what a bench measures with.
"""

from __future__ import annotations

import gc
import logging
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.engine._choice import ready
from inceptgraph.engine._make import make
from inceptgraph.engine._protocol import Choice, Engine
from inceptgraph.engine._verify import Incomparable, compare, references_of
from inceptgraph.graph import Graph
from inceptgraph.measure import (
    Budget,
    Lab,
    Subject,
    find_lab,
    in_a_line,
    rounds,
)
from inceptgraph.setting import Setting

if TYPE_CHECKING:
    from inceptgraph.passes import Optimize
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["Untimed", "fastest"]

logger = logging.getLogger("inceptgraph")

HEATS = 2
"""Rounds of all engines; the better of an engine's counts, since a busy machine may spoil one."""
BEHIND = 1.5
"""How many times as long as the quickest one an engine may take in these to be timed further."""
SECONDS = 3.0
"""Of rounds between those that are left: medians then settle within a percent or two."""


class Untimed(Exception):
    """Nothing can be said of any engine; why, after "since"."""


@dataclass
class _Entrant:
    """An engine that can run the network, with what it made.

    Attributes:
        engine: which.
        module: what it made.
        subject: the module with its inputs.
        samples: seconds of one call in each round.
        behind: it was, in the first rounds, and was timed no further.
    """

    engine: Engine
    module: Any
    subject: Subject
    samples: list[float]
    behind: bool = False

    @property
    def seconds(self) -> float:
        return statistics.median(self.samples)

    def __str__(self) -> str:
        taken = 1e3 * self.seconds
        return f"{self.engine.name} {taken:{'.3g' if taken < 100 else ',.0f'}} ms"


def fastest(
    graph: Graph,
    tensors: Tensors,
    setting: Setting,
    optimize: Optimize = True,
    *,
    lab: Lab | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[Any, Choice]:
    """Time every engine that is ready and can run a network, and take the fastest.

    Each is prepared and run on the same random inputs. One whose outputs are not those of the plain
    module in float64, up to the rounding of the setting's type, is left out with a warning, as is
    one that fails. The others are timed in interleaved rounds, in training whole steps with the
    losses of all heads. All of them are in memory at once until the last round.

    Args:
        graph: with shapes, both phases.
        tensors: its weights.
        setting: how it is to run.
        optimize: see :func:`inceptgraph.engine.make`.
        lab: what measures (default: torch's).
        clock: seconds.

    Returns:
        What the fastest made, and the choice with all figures.

    Raises:
        SpecError: no engine can run it, for as many reasons as there are.
        Untimed: the network itself fails on random inputs, or gives what cannot be compared, or no
            engine that can run it computes the same.
    """
    found = _Race(graph, tensors, setting, optimize, lab or find_lab(), clock)
    found.enter()
    found.run()
    return found.winner()


class _Race:
    """The engines side by side, and why some are left out."""

    def __init__(
        self,
        graph: Graph,
        tensors: Tensors,
        setting: Setting,
        optimize: Optimize,
        lab: Lab,
        clock: Callable[[], float],
    ) -> None:
        self._graph, self._tensors, self._setting = graph, tensors, setting
        self._optimize, self._lab, self._clock = optimize, lab, clock
        self._entrants: dict[str, _Entrant] = {}
        self._left_out: list[Diagnostic] = []
        self._failed = False

    def enter(self) -> None:
        """Have every engine prepare the network, and compare what it gives."""
        try:
            references = references_of(self._lab, self._graph, self._tensors, self._setting)
        except Incomparable as error:
            raise Untimed(str(error)) from error
        found, self._left_out = ready()
        for engine in found:
            logger.info("%s: preparing, to be timed", engine.name)
            try:
                module = self._prepared(engine)
                verdict = compare(references, module, self._setting)
                subject = self._lab.subject(module, self._graph, self._setting)
            except SpecError as error:
                logger.info("%s", error.diagnostics[0].message)
                self._left_out.append(error.diagnostics[0])
            except Exception as error:  # an engine may fail in any way
                self._leave_out(engine, in_a_line(error))
            else:
                if verdict.reason is None:
                    self._entrants[engine.name] = _Entrant(engine, module, subject, [])
                else:
                    self._leave_out(engine, verdict.reason)

    def run(self) -> None:
        """A few rounds of all, then as many as time allows of those that they left in question."""
        if not self._entrants:
            return
        self._time(self._entrants, Budget(rounds=HEATS))
        best = {name: min(each.samples) for name, each in self._entrants.items()}
        limit = BEHIND * min(best.values(), default=0.0)
        for name, each in self._entrants.items():
            each.behind = best[name] > limit
        ahead = {name: each for name, each in self._entrants.items() if not each.behind}
        if len(ahead) > 1:
            for each in ahead.values():
                each.samples.clear()
            self._time(ahead, Budget(seconds=SECONDS))

    def winner(self) -> tuple[Any, Choice]:
        """The module that the fastest made; nothing of the others is kept."""
        if not self._entrants and self._failed:
            told = "; ".join(each.message for each in self._left_out)
            raise Untimed(f"none computes what the plain module does: {told}")
        if not self._entrants:
            raise SpecError(dict.fromkeys(self._left_out))
        # the machine may have become slower since some were timed for the last time
        order = sorted(self._entrants.values(), key=lambda each: (each.behind, each.seconds))
        figures = ", ".join(map(str, order))
        reason = f"the fastest of those timed here for {self._setting}: {figures}"
        why = "; ".join([reason, *(each.message for each in self._left_out)])
        engine = order[0].engine
        # one that was trained while it was timed is not what was asked for
        module = None if self._setting.train else order[0].module
        self._entrants.clear()
        order.clear()
        gc.collect()
        return self._prepared(engine) if module is None else module, Choice(engine, why)

    def _prepared(self, engine: Engine) -> Any:
        return make(engine, self._graph, self._tensors, self._setting, self._optimize)

    def _time(self, entrants: Mapping[str, _Entrant], budget: Budget) -> None:
        subjects = {name: each.subject for name, each in entrants.items()}
        logger.info("timing %s side by side", ", ".join(subjects))
        for found in rounds(subjects, budget, self._clock):
            for name, seconds in found.seconds.items():
                entrants[name].samples.append(seconds)
            for name, reason in found.failures.items():
                self._leave_out(self._entrants.pop(name).engine, reason)

    def _leave_out(self, engine: Engine, reason: str) -> None:
        message = f"the engine `{engine.name}` is left out: {reason}"
        logger.warning("%s", message)
        self._failed = True
        self._left_out.append(Diagnostic(Code.ENGINE_REFUSES, message))
