"""Bounds on a network's size: what is written small can be endless once blocks are expanded."""

from __future__ import annotations

from dataclasses import dataclass

from inceptgraph.diagnostics import Code, Findings, Label, Span

__all__ = ["MAX_DEPTH", "MAX_STEPS", "Budget", "Exhausted"]

MAX_STEPS = 200_000
MAX_DEPTH = 64


class Exhausted(Exception):
    """The budget of steps is spent; it has been reported."""


@dataclass
class Budget:
    """Counts expansions, those that fail included: they take time as well."""

    findings: Findings
    steps: int = 0

    def spend(self, cost: int, at: Span, uses: tuple[Label, ...]) -> None:
        """Count a step.

        Args:
            cost: 1, and more for one that is uncommonly large.
            at: its name.
            uses: the uses of blocks that led to it.

        Raises:
            Exhausted: there are more than anyone can mean.
        """
        self.steps += cost
        self.foresee(0, at, uses)

    def foresee(self, cost: int, at: Span, uses: tuple[Label, ...]) -> None:
        """Refuse steps that are sure to come before they are made.

        Args:
            cost: what they would cost beside what was spent.
            at: what asks for them.
            uses: the uses of blocks that led to it.

        Raises:
            Exhausted: there would be more than anyone can mean.
        """
        if self.steps + cost <= MAX_STEPS:
            return
        message = f"the network has more than {MAX_STEPS:,} steps"
        hint = "do blocks use one another many times, or is a `repeat` larger than it should be?"
        self.findings.add(Code.TOO_LARGE, message, at, "", *uses[-1:], help=hint)
        raise Exhausted
