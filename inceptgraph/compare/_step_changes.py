"""Differences between the steps inside a stage, and what explains them.

Two stages are walked side by side, part by part. An argument whose text is the same on both sides
and refers to a parameter differs because the parameter does: that is told where the parameter got
another value, and not again here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from inceptgraph.compare._changes import Change, Kind, Named, StepChange, differences
from inceptgraph.compare._tree import Part, Parts
from inceptgraph.graph import source_of, sources

__all__ = ["StepComparison"]

_REFERENCE = re.compile(r"\$\{?(\w+)")


class StepComparison:
    """Compares steps of two networks.

    Attributes:
        defaults: what differs because ``defaults:`` do, as ``conv2d.bias``, as far as it was met.
    """

    def __init__(self, old: Parts, new: Parts) -> None:
        self.old, self.new = old, new
        self.defaults: dict[str, Change] = {}

    def compare(self, before: str, after: str) -> tuple[list[StepChange], Named, Change]:
        """The differences of a stage: inside, in what it is given, and in what it uses."""
        found = [*self._both(before, after), *self._rewired(before, after)]
        own = [step for step in found if not step.path and step.block is None]
        inside = [step for step in found if step.path or step.block is not None]
        used = self.new.part(after).op  # where nothing is told of it, at most another word for it
        return inside, (own[0].arguments if own else {}), own[0].op if own else Change(used, used)

    # -- walking -----------------------------------------------------------------------------

    def _both(self, before: str, after: str) -> Iterator[StepChange]:
        """A part that both networks have."""
        if self.old.content(before) == self.new.content(after):
            return  # however it is written
        a, b = self.old.part(before), self.new.part(after)
        if a.op != b.op and (a.any_rank is None or a.any_rank != b.any_rank):
            yield from self._other(a, b, after)
            # a body of its own says itself what it is
            if b.op is None:
                yield from self._children(self.new, after, Kind.ADDED)
            elif a.op is None:
                yield from self._children(self.old, before, Kind.REMOVED)
            return
        yield from self._arguments(before, after, a, b)
        if a.copies is not None and b.copies is not None:
            for copy in range(min(a.copies, b.copies)):
                yield from self._inside(f"{before}.{copy}", f"{after}.{copy}")
        elif a.copies is b.copies:
            yield from self._inside(before, after)

    def _arguments(self, before: str, after: str, a: Part, b: Part) -> Iterator[StepChange]:
        """What two uses of one block or operation are given."""
        changed = differences(a.arguments, b.arguments)
        bare = {n: c for n, c in changed.items() if n not in a.written and n not in b.written}
        told = {
            n: c
            for n, c in changed.items()
            if n not in bare and self._tells(a.written.get(n), b.written.get(n), before, after)
        }
        if told:
            yield self._step(after, Kind.CHANGED, Change(b.op, b.op), told, _texts(a, b, told))
        if not b.block:
            self.defaults.update({f"{b.op}.{name}": change for name, change in bare.items()})
            return
        # a default that differs is an edit of the block; a new parameter matters where it is used
        defaults = {n: c for n, c in bare.items() if n in a.arguments and n in b.arguments}
        if defaults:
            use, op = _below_stage(after), Change(b.op, b.op)
            yield StepChange(use, Kind.CHANGED, op, defaults, {}, b.op, use)

    def _inside(self, before: str, after: str) -> Iterator[StepChange]:
        """What a part holds."""
        olds, news = self.old.children(before), self.new.children(after)
        for name in news:
            if name in olds:
                yield from self._both(f"{before}.{name}", f"{after}.{name}")
            else:
                yield self._one_sided(self.new, f"{after}.{name}", Kind.ADDED)
        for name in olds:
            if name not in news:
                yield self._one_sided(self.old, f"{before}.{name}", Kind.REMOVED)

    def _other(self, a: Part, b: Part, path: str) -> Iterator[StepChange]:
        """Something else altogether: what it is given says it, its steps need no comparison."""
        op = Change(a.op, b.op)
        use = self.new.use(path)
        if use is not None and op in self._explanations(path):
            return
        given = {name: Change(None, value) for name, value in b.given.items()}
        written = {name: Change(None, text) for name, text in b.written.items()}
        yield self._step(path, Kind.CHANGED, op, given, written)

    def _children(self, parts: Parts, path: str, kind: Kind) -> Iterator[StepChange]:
        for name in parts.children(path):
            yield self._one_sided(parts, f"{path}.{name}", kind)

    def _one_sided(self, parts: Parts, path: str, kind: Kind) -> StepChange:
        part = parts.part(path)

        def side(value: Any) -> Change:
            return Change(None, value) if kind is Kind.ADDED else Change(value, None)

        given = {name: side(value) for name, value in part.given.items()}
        written = {name: side(text) for name, text in part.written.items()}
        return self._step(path, kind, side(part.op or "steps"), given, written, parts)

    def _step(
        self,
        path: str,
        kind: Kind,
        op: Change,
        arguments: Named,
        written: Named,
        parts: Parts | None = None,
    ) -> StepChange:
        use = (parts or self.new).use(path)
        block, place = (use.block, _below_stage(use.path)) if use else (None, "")
        return StepChange(_below_stage(path), kind, op, arguments, written, block, place)

    # -- explaining --------------------------------------------------------------------------

    def _tells(self, old: Any, new: Any, before: str, after: str) -> bool:
        """Whether an argument with these texts was edited, rather than what it refers to."""
        names = _REFERENCE.findall(str(new))
        uses = self.old.use(before), self.new.use(after)
        if old != new or not names or not all(uses):
            return True
        # a name that is a parameter of the block on one side alone means another thing
        one, other = ({name for name in names if use and name in use.arguments} for use in uses)
        return one != other

    def _explanations(self, path: str) -> list[Change]:
        """How the arguments of the block around a path differ."""
        use = self.new.use(path)
        before = self.old.graph.scopes.get(use.path) if use else None
        if use is None or before is None:
            return []
        return list(differences(before.arguments, use.arguments).values())

    # -- wiring ------------------------------------------------------------------------------

    def _rewired(self, before: str, after: str) -> Iterator[StepChange]:
        """Steps that read something else, where all steps are still there."""
        olds = {node.name[len(before) :]: node for node in self.old.graph.within(before)}
        news = {node.name[len(after) :]: node for node in self.new.graph.within(after)}
        if olds.keys() != news.keys():
            return
        # what the whole stage reads is told of the stage, unless that is the same
        outside = sources(self.old.graph, before) == sources(self.new.graph, after)
        for path, node in news.items():
            reads = Change(
                _reads(self.old, olds[path].inputs, olds[path].name, before, outside),
                _reads(self.new, node.inputs, node.name, after, outside),
            )
            if reads.before != reads.after:
                op = Change(olds[path].op.op, node.op.op)
                yield self._step(node.name, Kind.CHANGED, op, {"from": reads}, {})


def _reads(
    parts: Parts, names: tuple[str, ...], reader: str, stage: str, outside: bool
) -> list[str]:
    """Operands: those in the same use of a block by their path in it, those in the stage by their
    path below it, others by their stage."""
    use = parts.use(reader)
    near = f"{use.path}." if use else f"{stage}."
    found = []
    for name in names:
        if name.startswith(near):
            found.append(name.removeprefix(near))
        elif name.startswith(f"{stage}."):
            found.append(name.removeprefix(f"{stage}."))
        elif outside:
            found.append(source_of(parts.graph, name))
    return found


def _below_stage(path: str) -> str:
    return path.partition(".")[2]


def _texts(a: Part, b: Part, names: Named) -> dict[str, Change]:
    return {name: Change(a.written.get(name), b.written.get(name)) for name in names}
