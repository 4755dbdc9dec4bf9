"""What networks are held to, made once for all of them."""

from __future__ import annotations

import math
from typing import Any

from inceptgraph.analysis import total
from inceptgraph.graph import Graph
from inceptgraph.measure._agreement import (
    DRAWS,
    ROUNDOFF,
    Maker,
    Verdict,
    error_of,
    judge,
    relative_error,
    same_form,
)
from inceptgraph.measure._failure import in_a_line
from inceptgraph.measure._lab import Lab, Outputs
from inceptgraph.setting import Setting
from inceptgraph.weights.recipe_values import Tensors

__all__ = ["NoReference", "Reference"]


class NoReference(Exception):
    """The network itself cannot be run; the text says why."""


class Reference:
    """The outputs of a network by the plain module in float64, and what each type of numbers
    explains, which is found when outputs in it are first judged.

    Attributes:
        outputs: what the network gives.
    """

    def __init__(
        self,
        lab: Lab,
        graph: Graph,
        tensors: Tensors,
        setting: Setting,
        magnitude: float = 1.0,
    ) -> None:
        """Args:
        lab: what runs the plain module.
        graph: the network, with shapes, both phases.
        tensors: its weights.
        setting: how it runs; its type of numbers is not used.
        magnitude: of the inputs, as in :meth:`inceptgraph.measure.Lab.subject`.

        Raises:
            NoReference: it fails, such as batch normalisation of one sample in training.
        """
        self._lab, self._graph, self._tensors = lab, graph, tensors
        self._magnitude = magnitude
        self._depth = total(graph.phase("eval")).depth
        self._errors: dict[Setting, tuple[float | None, float | None]] = {}
        self._by_chance: dict[Setting, float] = {}
        try:
            self.outputs = lab.reference(graph, tensors, setting, magnitude)
        except Exception as error:
            raise NoReference(f"the network itself fails: {in_a_line(error)}") from error

    def compare(self, module: Any, setting: Setting) -> Verdict:
        """Run what an engine made, and judge what it gives.

        Args:
            module: as :meth:`inceptgraph.engine.Engine.prepare` returns it.
            setting: how it runs.
        """
        subject = self._lab.subject(module, self._graph, setting, self._magnitude)
        return self.judge(subject.outputs(), setting)

    def judge(self, found: Outputs, setting: Setting, wanted: Outputs | None = None) -> Verdict:
        """Compare what a network gave.

        Args:
            found: its outputs.
            setting: how it ran.
            wanted: what else it is held to, such as the outputs for other weights.
        """
        plain, reordered = self._explained(setting)
        wanted = self.outputs if wanted is None else wanted
        about = setting.dtype, plain, self._depth, reordered
        verdict = judge(found, wanted, *about)
        if verdict.reason is None or verdict.error is None:
            return verdict
        return judge(found, wanted, *about, self._rounded(setting))  # which takes some references

    def is_finite_in(self, setting: Setting) -> bool:
        """True where the plain module gives finite numbers in the setting's type, or cannot run."""
        plain = self._explained(setting)[0]
        return plain is None or math.isfinite(plain)

    def judge_plain(self, found: Outputs, setting: Setting) -> Verdict:
        """Compare what the plain module gave, which others are then held to: it is not run again.

        Args:
            found: its outputs.
            setting: how it ran.
        """
        plain = relative_error(found, self.outputs) if same_form(found, self.outputs) else None
        self._errors[setting] = plain, self._error(self._lab.reordered, setting)
        return self.judge(found, setting)

    def _explained(self, setting: Setting) -> tuple[float | None, float | None]:
        """The errors of the plain module in a type, as it is and reordered, found once."""
        if setting not in self._errors:
            self._errors[setting] = (
                self._error(self._lab.plain, setting),
                self._error(self._lab.reordered, setting),
            )
        return self._errors[setting]

    def _rounded(self, setting: Setting) -> float:
        """The error that roundings at random make, found once."""
        if setting not in self._by_chance:
            given = self._graph, self._tensors, setting, self._magnitude, ROUNDOFF[setting.dtype]
            drawn = (self._lab.rounded(*given, seed) for seed in range(DRAWS))
            try:
                found = max(relative_error(each, self.outputs) for each in drawn)
            except Exception:  # it cannot be run so, and explains nothing
                found = 0.0
            self._by_chance[setting] = found
        return self._by_chance[setting]

    def _error(self, make: Maker, setting: Setting) -> float | None:
        given = self._graph, self._tensors, setting, self.outputs, self._magnitude
        return error_of(self._lab, make, *given)
