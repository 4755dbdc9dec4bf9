"""Bounds on a network's size: what is written small can be endless once blocks are expanded.

The steps are counted before any is made. A block's are counted once for each set of those arguments
on which the number depends, so that blocks which use one another many times cost no more than their
text.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

from inceptgraph.diagnostics import Code, Findings, Label, Span
from inceptgraph.expand._arguments import Values
from inceptgraph.expand._frame import ALL_COPIES, Environment, Frame, Names, Target
from inceptgraph.expand._shapes import Shapes
from inceptgraph.source import Node, Origin, Sequence
from inceptgraph.spec import Block, Chain, Spec, Step, parameters_that_count, references

__all__ = ["MAX_DEPTH", "MAX_STEPS", "refuse_too_many"]

MAX_STEPS = 200_000
MAX_DEPTH = 64
MAX_COUNTED = 10_000
"""Uses of blocks with different arguments on which a number of copies depends."""

_BLOCKS = "do blocks use one another many times? For copies in a chain, there is `repeat:`"
_REPEAT = "is this `repeat` larger than it should be?"


def refuse_too_many(spec: Spec, network: Mapping[str, Any], findings: Findings) -> bool:
    """Report a network of more steps than anyone can mean; says whether it is one.

    Args:
        spec: as loaded.
        network: values of the network's parameters.
        findings: receives it.
    """
    counter = _Counter(spec, network)
    steps = [*spec.stages.steps.values(), *(head.step for head in spec.heads.values())]
    try:
        place = counter.place(steps, Frame("", Environment(network, {}, Shapes({}))))
    except _NeedsShape as found:
        name, span = found.args
        message = f"how many steps there are, and which, cannot depend on `${name}`"
        hint = "steps are counted before shapes are known; `when:` may depend on one"
        findings.add(Code.BAD_ARGUMENT, message, span, help=hint)
        return True
    except _TooManyUses as found:
        message = f"blocks are used with more than {MAX_COUNTED:,} different numbers of copies"
        findings.add(Code.TOO_LARGE, message, found.args[0], help=_BLOCKS)
        return True
    if place is not None:
        span, uses, hint = place
        message = f"the network has more than {MAX_STEPS:,} steps"
        findings.add(Code.TOO_LARGE, message, span, "", *uses, help=hint)
    return place is not None


class _TooManyUses(Exception):
    """The counting itself has no end in sight; it has the place of a use."""


class _NeedsShape(Exception):
    """A number of steps depends on a shape; it has what is asked for, and where."""


class _Counted(Values):
    """Values on which the number of steps depends."""

    def value(
        self, node: Node, environment: Mapping[str, Any], origin: Origin | None = None
    ) -> Any:
        for name, span in references(node):
            if "." in name:
                raise _NeedsShape(name, span)
        return super().value(node, environment, origin)


class _Silence(Findings):
    """Nothing is said while counting: what is wrong with a value is told where it is used."""

    def add(self, *args: Any, **kwargs: Any) -> None:
        """Hear nothing."""


class _Counter:
    """Counts steps, those that fail included: they take time as well."""

    def __init__(self, spec: Spec, network: Mapping[str, Any]) -> None:
        self.blocks = spec.blocks
        self.deciding = parameters_that_count(spec.blocks)
        self.values = _Counted(spec, _Silence())
        self.values.network = dict(network)
        self.known: dict[tuple[str, int, str], int] = {}

    def total(self, step: Step, frame: Frame) -> int:
        """All copies of a step; of none, the one that is tried. What follows can read them."""
        copies, each = self.copies(step, frame), self.once(step, frame)
        frame.names[step.name.text] = Target(None, None, (None,) * copies)
        return max(copies, 1) * each

    def copies(self, step: Step, frame: Frame) -> int:
        if step.repeat is None:
            return 1
        count = self.values.whole(step.repeat, frame.environment, "repeat", least=0)
        return count if count is not None and count <= MAX_STEPS else 0

    def once(self, step: Step, frame: Frame) -> int:
        """One copy of a step, and what is in it; past the bound it stops counting."""
        block = self.block(step, frame)
        if block is None and step.body is None:
            return _weight(step, block, frame)
        steps, within = self.inside(step, block, frame)
        # one whose arguments fail has no steps, and says nothing of other uses
        key = (
            (block.name.text, within.depth, repr(within.environment.parameters))
            if block and steps
            else None
        )
        count = self.known.get(key) if key else None
        if count is None:
            count = 0
            for inner in steps:
                count += self.total(inner, within)
                if count > MAX_STEPS:
                    break
            if key:
                self.known[key] = count
            if len(self.known) > MAX_COUNTED:
                raise _TooManyUses(step.name.span)
        return _weight(step, block, frame) + count

    def block(self, step: Step, frame: Frame) -> Block | None:
        """The block that a step uses."""
        if step.operation is None:
            return None
        value = self.values.value(step.operation, frame.environment)
        return self.blocks.get(value) if isinstance(value, str) else None

    def inside(self, step: Step, block: Block | None, frame: Frame) -> tuple[list[Step], Frame]:
        """The steps of a step's body, and where they are."""
        body, parameters = step.body, frame.environment.parameters
        names: Names = ChainMap({}, frame.names)
        if block is not None and block.readable and frame.depth < MAX_DEPTH:
            deciding = self.deciding[block.name.text]
            arguments = self.values.block_arguments(step, block, frame, {}, deciding)
            if arguments is not None:
                body, parameters = block.body, {**self.values.network, **arguments}
                names = {}
        steps: Mapping[str, Step] = {}
        if body is not None:
            steps = body.steps if isinstance(body, Chain) else body.branches
        environment = Environment(parameters, names, Shapes({}))
        return list(steps.values()), Frame("", environment, depth=frame.depth + 1)

    def place(
        self, steps: Iterable[Step], frame: Frame
    ) -> tuple[Span, tuple[Label, ...], str] | None:
        """The step that is one too many, the use of a block that it comes from, and a hint."""
        spent, path = 0, ""
        uses: tuple[Label, ...] = ()
        pending = iter(steps)
        while (step := next(pending, None)) is not None:
            total = self.total(step, frame)
            if spent + total <= MAX_STEPS:
                spent += total
                continue
            if step.repeat is not None and spent + self.once(step, frame) <= MAX_STEPS:
                return step.repeat.span.first_line(), uses, _REPEAT
            block = self.block(step, frame)
            spent += _weight(step, block, frame)
            if spent > MAX_STEPS:
                return step.name.span, uses, _BLOCKS
            path += step.name.text
            if block is not None and not uses:
                uses = (Label(step.name.span, f"used here, as `{path}`"),)
            path += ".0." if step.repeat is not None else "."
            inner, frame = self.inside(step, block, frame)
            pending = iter(inner)
        return None


def _weight(step: Step, block: Block | None, frame: Frame) -> int:
    """What a step counts for: 1, and more where it is uncommonly large."""
    reads = 0
    lists = (e.value for e in step.arguments.values() if isinstance(e.value, Sequence))
    given = len(step.arguments) + sum(len(each.items) for each in lists)
    for source in step.sources or ():
        target = frame.names.get(source.text.removesuffix(ALL_COPIES))
        several = target.copies if target and source.text.endswith(ALL_COPIES) else None
        reads += 1 if several is None else len(several)
    params = len(block.params) // 8 if block else 0
    return 1 + (given + reads) // 8 + params
