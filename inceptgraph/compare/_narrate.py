"""A comparison in the lines that a person would write, whatever they are printed as."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from inceptgraph.analysis import Cost
from inceptgraph.compare._changes import BlockChange, Change, Kind, Named, StageChange, StepChange
from inceptgraph.compare._comparison import Comparison
from inceptgraph.report import change, counted, pretty, value
from inceptgraph.types import axis_words, format_shape

__all__ = ["MARKS", "TOTALS", "Teller", "Told", "run", "size", "totals"]

MARKS: Final[Mapping[Kind, str]] = {
    Kind.ADDED: "+",
    Kind.REMOVED: "-",
    Kind.CHANGED: "~",
    Kind.RENAMED: "~",
    Kind.FOLLOWS: " ",
}
TOTALS: Final = (("params", "params"), ("MACs", "macs"), ("depth", "depth"))
_NOTHING: Final = Cost()
_SHOWN: Final = 8
_ORDER: Final = (Kind.CHANGED, Kind.REMOVED, Kind.ADDED)
_SCALES: Final = {2.0: "double", 0.5: "halve"}


@dataclass(frozen=True, slots=True)
class Told:
    """The lines on one thing, or on several that changed alike.

    Attributes:
        kind: what happened.
        names: of what.
        lines: what there is to say, one line or more.
        what: a word before the names.
    """

    kind: Kind
    names: tuple[str, ...]
    lines: tuple[str, ...]
    what: str = ""


@dataclass(frozen=True, slots=True)
class Teller:
    """Tells a comparison.

    Attributes:
        found: the comparison.
        code: how a word or a phrase of the spec stands in a line.
    """

    found: Comparison
    code: Callable[[str], str]

    def facts(self) -> Iterator[tuple[str, list[str]]]:
        """The changes of the network as a whole: a title, and the edits."""
        found = self.found
        yield "input", self._edits({n: _shapes(c) for n, c in found.inputs.items()})
        yield "images", self._edits({n: _words(c) for n, c in found.preprocessing.items()})
        yield "classes", _first(self._edits(found.classes))
        yield "params", self._edits(found.params)
        yield "defaults", self._edits(found.defaults)
        yield "outputs", self._edits(found.outputs)

    def edits(self) -> Iterator[Told]:
        """The edits: of blocks, then of stages, then of heads."""
        for block in self.found.blocks:
            yield Told(Kind.CHANGED, (block.name,), tuple(self._of_block(block)), "block")
        for noun, stages in (("stage", self.found.stages), ("head", self.found.heads)):
            for group in _groups(stage for stage in stages if _is_edited(stage)):
                lines = tuple(self._of_group(group, noun)) or ("",)
                yield Told(group[0].kind, tuple(stage.name for stage in group), lines)

    def follows(self) -> list[StageChange]:
        """The stages and heads that have another size, and of which nothing else is told."""
        stages = (s for s in (*self.found.stages, *self.found.heads) if not _is_edited(s))
        return [stage for stage in stages if size([stage])]

    def summary(self) -> str:
        """The line on what follows in size; empty where nothing does."""
        follows = self.follows()
        if not follows:
            return ""
        edited = len(follows) < len((*self.found.stages, *self.found.heads))
        heads = sum(stage in self.found.heads for stage in follows)
        nouns = (("stage", len(follows) - heads), ("head", heads))
        what = " and ".join(
            counted(n, f"other {noun}" if edited else noun) for noun, n in nouns if n
        )
        names = run([self.code(stage.name) for stage in follows])
        scaled = "".join(f", {scale}" for scale in _scales(follows))
        return f"{what} {'follows' if len(follows) == 1 else 'follow'} in size ({names}){scaled}"

    # -- blocks ------------------------------------------------------------------------------

    def _of_block(self, block: BlockChange) -> Iterator[str]:
        if block.changed == block.uses:
            yield f"in every use (×{block.uses})"
        else:
            yield f"in {block.changed} of {block.uses} uses"
        yield from self._steps(block.steps, short=False)

    # -- stages ------------------------------------------------------------------------------

    def _of_group(self, group: list[StageChange], noun: str) -> Iterator[str]:
        """What happened to stages, then what it does to their size."""
        stage, many = group[0], len(group) > 1
        number = f"{counted(len(group), noun)}: " if len(group) > 2 else ""
        if stage.kind is Kind.RENAMED:
            yield f"renamed from {self.code(stage.place)}"
        if stage.kind is Kind.REMOVED:
            yield ", ".join([f"{number}{_operation(stage.op.before)}", *_listed(size(group))])
            return
        if stage.op.before != stage.op.after:
            former = f"{_operation(stage.op.before)} → " if stage.op.before else ""
            given = "".join(_alike(group))
            operation = self.code(f"{former}{_operation(stage.op.after)}{given}")
            yield f"{number}{operation}{self._place(group)}"
        elif stage.arguments:
            yield number + ", ".join(self._edits(stage.arguments))
        elif number:
            yield counted(len(group), noun)
        yield from self._steps((s for s in stage.steps if not s.shared), short=many)
        if told := size(group):
            yield told

    def _place(self, group: list[StageChange]) -> str:
        """Where new stages stand."""
        stage = group[0]
        if len(group) > 1:
            return f", each after one {self.code(stage.behind)} stage" if stage.behind else ""
        return f", reads {self.code(stage.place)}" if stage.place else ""

    # -- steps -------------------------------------------------------------------------------

    def _steps(self, steps: Iterable[StepChange], *, short: bool) -> Iterator[str]:
        """Edits of steps, those that are alike in one line."""
        alike: dict[tuple[Kind, str], dict[str, None]] = {}
        for step in sorted(steps, key=lambda step: _ORDER.index(step.kind)):
            name = step.path.rpartition(".")[2] if short else step.path
            alike.setdefault((step.kind, _edit_of(step)), {})[name] = None
        for (kind, text), names in alike.items():
            mark = "" if kind is Kind.CHANGED else f"{MARKS[kind]} "
            times = f" (×{len(names)})" if len(names) > 2 else ""
            label = run(list(names)) + times
            yield self.code(f"{mark}{label}: {text}" if label else f"{mark}{text}")

    def _edits(self, changes: Named) -> list[str]:
        return [self.code(_edit(name, change)) for name, change in changes.items()]


def run(names: list[str]) -> str:
    """Names of a run: the first and the last of many."""
    return ", ".join(names) if len(names) < 3 else f"{names[0]} … {names[-1]}"


def size(group: list[StageChange]) -> str:
    """Shapes where there is one stage, and what all of them cost more or less."""
    parts = []
    shape = _shapes(group[0].shape)
    if len(group) == 1 and shape.before and shape.after and shape.before != shape.after:
        parts.append(f"{shape.before} → {shape.after}")
    elif len(group) == 1 and not (shape.before and shape.after):
        parts.append(shape.before or shape.after)
    for title, field in TOTALS[:2]:
        old, new = (
            sum(getattr(stage.cost[side] or _NOTHING, field) for stage in group) for side in (0, 1)
        )
        if old != new:
            parts.append(f"{title} {change(old, new)}")
    return ", ".join(parts)


def totals(found: Comparison) -> list[tuple[str, int, int]]:
    """Title, before and after of each total; those with heads where that differs."""
    old, new = found.cost
    rows = [(title, getattr(old, f), getattr(new, f)) for title, f in TOTALS]
    old, new = found.cost_with_heads
    if (old, new) != tuple(found.cost):
        rows += [(f"{t} with heads", getattr(old, f), getattr(new, f)) for t, f in TOTALS[:2]]
    return rows


def _is_edited(stage: StageChange) -> bool:
    """Whether there is something to tell of the stage itself."""
    if stage.kind is not Kind.CHANGED:
        return stage.kind is not Kind.FOLLOWS
    own = any(not step.shared for step in stage.steps)
    return bool(stage.arguments) or own or stage.op.before != stage.op.after


def _groups(stages: Iterable[StageChange]) -> Iterator[list[StageChange]]:
    """Stages that were edited in the same way go together."""
    groups: dict[str, list[StageChange]] = {}
    for stage in stages:
        groups.setdefault(repr(_way(stage)), []).append(stage)
    yield from groups.values()


def _way(stage: StageChange) -> tuple[Any, ...]:
    """How a stage was edited, as far as others may share it."""
    if stage.kind is Kind.RENAMED:
        return (stage.name,)
    if stage.kind is not Kind.CHANGED:
        added = stage.kind is Kind.ADDED  # of what is gone it does not matter where it stood
        return (stage.kind, stage.op, [*stage.arguments], stage.behind if added else None)
    op = stage.op if stage.op.before != stage.op.after else None
    steps = {(s.kind, s.path.rpartition(".")[2], _edit_of(s)) for s in stage.steps if not s.shared}
    return (op, stage.arguments, sorted(steps))


def _alike(group: list[StageChange]) -> Iterator[str]:
    """What new stages are given: the value, or the first and the last."""
    for name, given in group[0].arguments.items():
        if given.before is None:
            values = dict.fromkeys(value(stage.arguments[name].after) for stage in group)
            yield f", {name}: {' … '.join(dict.fromkeys((*[*values][:1], *[*values][-1:])))}"


def _edit_of(step: StepChange) -> str:
    """What happened to a step."""
    if step.kind is not Kind.CHANGED:
        side = 1 if step.kind is Kind.ADDED else 0
        given = (f", {name}: {value(change[side])}" for name, change in step.arguments.items())
        return pretty(step.op[side]) + "".join(given)
    if step.op.before != step.op.after:
        return f"{_operation(step.op.before)} → {_operation(step.op.after)}"
    return ", ".join(_edit(name, change) for name, change in step.arguments.items())


def _edit(name: str, edit: Change) -> str:
    if edit.before is None:
        return f"+ {name}: {value(edit.after)}"
    if edit.after is None:
        return f"- {name}: {value(edit.before)}"
    return f"{name}: {value(edit.before)} → {value(edit.after)}"


def _operation(name: str | None) -> str:
    return pretty(name) if name else "steps"


def _listed(text: str) -> list[str]:
    return [text] if text else []


def _words(said: Change) -> Change:
    return Change(*(each.words() if each else None for each in said))


def _first(edits: list[str]) -> list[str]:
    """The first of many, and how many more there are."""
    more = len(edits) - _SHOWN
    return edits if more <= 1 else [*edits[:_SHOWN], f"and {more} more"]


def _shapes(shapes: Change) -> Change:
    return Change(*(format_shape(shape) if shape else None for shape in shapes))


def _scales(stages: Iterable[StageChange]) -> Iterator[str]:
    """By what simple factor channels, or all extents, of several stages change."""
    scaled: dict[str, Counter[float]] = {"channels": Counter()}
    for stage in stages:
        before, after = stage.shape
        scaled["channels"][after[0] / before[0]] += 1
        steps = {new / old for old, new in zip(before[1:], after[1:], strict=False)}
        if len(before) == len(after) and len(steps) == 1:
            scaled.setdefault(axis_words(len(before) - 1), Counter()).update(steps)
    for what, factors in scaled.items():
        for factor, word in _SCALES.items():
            if factors[factor] > 1:
                yield f"{what} {word} in {factors[factor]}"
