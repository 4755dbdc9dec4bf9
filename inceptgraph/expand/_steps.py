"""Steps and bodies to nodes.

Findings do not stop it: a step that fails leaves no node, and what depends on it is left out in
silence, so that one mistake is one finding.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

from inceptgraph.diagnostics import Code, Findings, Label, ShapeError, Span
from inceptgraph.expand._arguments import Values, as_floats
from inceptgraph.expand._budget import MAX_DEPTH, MAX_STEPS
from inceptgraph.expand._frame import (
    ALL_COPIES,
    Environment,
    Frame,
    Target,
    all_copies,
    coming_in,
    find_step,
    resolve,
)
from inceptgraph.expand._merge_checks import report_no_merge, warn_of_one_input
from inceptgraph.expand._shapes import Inferred, Shapes
from inceptgraph.expand._step_findings import (
    count_of_inputs,
    report_depth,
    report_no_branch,
    report_no_copies,
    report_nothing_shared,
    report_other_steps,
    sources_span,
)
from inceptgraph.graph import Node, Scope, ScopeKind
from inceptgraph.ops import Operation
from inceptgraph.ops.shape import Identity
from inceptgraph.source import Entry, Origin, Scalar
from inceptgraph.spec import (
    FAILED,
    Block,
    Body,
    Chain,
    Fork,
    Spec,
    Step,
    check_arguments,
    describe,
    find_operation,
    listed,
    operation_exists,
)
from inceptgraph.types import Family

__all__ = ["Inputs", "StepExpander"]

Inputs = tuple[str | None, ...]
"""The nodes that a step reads; None for one that could not be built."""

_PENDING = Scope("", ScopeKind.STEP, None, {}, "")
"""Keeps an outer scope's place before the scopes inside it."""


class Made(NamedTuple):
    """A step that was expanded, to be expanded once more by who shares its weights.

    Attributes:
        step: as it is written; one that shares itself stands for the one that it shares.
        frame: where it stands.
        copies: how many it is; None for one that is not repeated.
        nodes: how many nodes came of it.
    """

    step: Step
    frame: Frame
    copies: int | None
    nodes: int


class StepExpander:
    """Expands steps; gathers nodes, scopes, and for each step's path the node of its value."""

    def __init__(self, spec: Spec, findings: Findings) -> None:
        self.spec = spec
        self.findings = findings
        self.values = Values(spec, findings)
        self.nodes: dict[str, Node] = {}
        self.shape = Shapes(self.nodes)
        self.scopes: dict[str, Scope] = {}
        self.results: dict[str, str | None] = {}
        self.copies: dict[str, Inputs] = {}
        self.made: dict[str, Made] = {}
        self.reported: set[Span] = set()
        self.window_frames: int | None = None
        """In a spec that is inflated, how many frames a window of several pixels spans."""
        self.failed: dict[tuple[str, int, str], list[Inferred]] = {}
        """Uses of blocks that failed, by depth and arguments, with the shapes that values had asked
        for: another would fail alike."""

    # -- bodies ------------------------------------------------------------------------------

    def chain(self, chain: Chain, frame: Frame, inputs: Inputs) -> str | None:
        """Steps in order, each in scope for those after it."""
        names: ChainMap[str, Target] = ChainMap({}, frame.names)
        inner = frame.over(names)
        current = inputs
        for name, step in chain.steps.items():
            result = self.step(step, inner, current)
            names[name] = self.target(result, frame.prefix + name)
            current = (result,)
        return current[0] if chain.steps else None

    def fork(self, fork: Fork, frame: Frame, inputs: Inputs) -> str | None:
        """Branches over one input, and the operation that joins their ends."""
        names: ChainMap[str, Target] = ChainMap({}, frame.names)
        inner = frame.over(names)
        ends = []
        for name, branch in fork.branches.items():
            path = frame.prefix + name
            there = self.there(branch, inner)
            if there is None:
                self.results[path] = inputs[0]
            else:
                ends.append(self.step(there, inner, inputs))
            names[name] = self.target(self.results[path], path)
        kind = self.operation(fork.merge, frame)
        if kind is None or fork.merge.operation is None:
            return None
        if isinstance(kind, Block) or kind.family is not Family.MERGE:
            report_no_merge(fork.merge.operation, kind, self.findings)
            return None
        if not ends:
            report_no_branch(fork, self.findings)
            return None
        if len(ends) == 1 and len(fork.branches) > 1:
            return ends[0]
        if len(fork.branches) == 1:
            hint = "one branch needs no merge: write it as `steps:`"
            warn_of_one_input(kind, fork.merge.operation.span, hint, self.findings)
        path = frame.prefix + "merge"
        self.results[path] = self.node(fork.merge, kind, frame, path, tuple(ends))
        return self.results[path]

    def body(self, body: Body, frame: Frame, inputs: Inputs) -> str | None:
        if isinstance(body, Chain):
            return self.chain(body, frame, inputs)
        return self.fork(body, frame, inputs)

    # -- steps -------------------------------------------------------------------------------

    def step(self, step: Step, frame: Frame, before: Inputs) -> str | None:
        """Expand one step; returns the node of its value, None where it has none."""
        path = frame.prefix + step.name.text
        if path in self.results:
            return None  # the name is taken, which has been reported
        self.results[path] = None
        inputs = before
        if step.sources is not None:
            read = (self.resolve(source, frame) for source in step.sources)
            inputs = tuple(node for nodes in read for node in nodes)
            if step.sources and not inputs:
                report_no_copies(step, step.sources, self.findings)
        count: int | None = 1
        if step.repeat is not None:
            what, env = "repeat", frame.environment
            count = self.values.whole(step.repeat, env, what, frame.origin, least=0)
            if count is not None and count > MAX_STEPS:
                message = f"`repeat` must be at most {MAX_STEPS:,}, but is {count:,}"
                origin = frame.origin
                self.values.refuse(Code.TOO_LARGE, message, step.repeat, env, "int", count, origin)
                count = None
        empty = step.operation is None and step.body is None and step.share is None
        if count is None or not inputs or empty:
            return None
        if step.when is not None and self.there(step, frame) is None:
            said = {"when": Entry(step.name, step.when)}
            stage = frame.depth == 0  # which is in tables and sections
            result = self.handed_on(step, frame, path, inputs[:1], said) if stage else inputs[0]
        elif count == 0:
            result = self.nothing(step, frame, path, inputs)
        else:
            copies = count if step.repeat is not None else None
            result = self.all(step, frame, path, inputs, copies)
        self.results[path] = result
        return result

    def all(
        self, step: Step, frame: Frame, path: str, inputs: Inputs, count: int | None
    ) -> str | None:
        """One step, or the copies of a repeated one."""
        before = len(self.nodes)
        if count is None:
            result = self.once(step, frame, path, inputs)
        else:
            result = self.repeated(step, frame, path, inputs, count)
        self.made.setdefault(path, Made(step, frame, count, len(self.nodes) - before))
        return result

    # -- shared weights ----------------------------------------------------------------------

    def once_more(self, step: Step, frame: Frame, path: str, inputs: Inputs) -> str | None:
        """What another step is, with its weights."""
        assert step.share is not None
        target = frame.names.get(step.share.text.partition(".")[0])
        if target is None or target.path is None:
            return None  # an input, or nothing at all, which has been reported
        owner = find_step(step.share, frame.names, self.results, self.reported, self.findings)
        if owner is None or self.results[owner] is None:
            return None
        made = self.made.get(owner)
        if made is None:
            is_there = owner in self.nodes and self.nodes[owner].op.family is Family.MERGE
            report_nothing_shared(step, None, self.findings, is_there=is_there)
            return None
        if len(self.nodes) + made.nodes > MAX_STEPS:
            message = f"the network has more than {MAX_STEPS:,} steps"
            hint = "do steps share what shares others many times?"
            self.findings.add(Code.TOO_LARGE, message, step.share.span, help=hint)
            return None
        # what it is, is said there; its name and what it reads are said here
        again = replace(made.step, name=step.name, sources=step.sources)
        if again.operation is not None or again.body is not None:
            again = replace(again, share=step.share)  # else copies, of what that one shares
        origin = frame.origin
        if again.body is not None:  # whose steps are written there alone
            origin = Origin(step.share.span, {}, path, origin)
        there = made.frame._replace(origin=origin)
        before = len(self.nodes)
        result = self.all(again, there, path, inputs, made.copies)
        if result is None:
            return None
        own = [*islice(self.nodes, before, None)]
        weighted = [n for n in own if type(self.nodes[n].op).weights is not Operation.weights]
        for name in weighted:
            node, other = self.nodes[name], self.nodes.get(owner + name.removeprefix(path))
            if other is None or type(node.op) is not type(other.op):
                report_other_steps(step, name, self.findings)
                return None
            self.nodes[name] = replace(node, shares=other.original)
        if not weighted:
            report_nothing_shared(step, made.step.operation, self.findings)
            return None
        return result

    def there(self, step: Step, frame: Frame) -> Step | None:
        """A step whose condition is settled; None where it does not hold."""
        if step.when is None:
            return step
        holds = self.values.condition(step.when, frame.environment, "when", frame.origin)
        return None if holds is False else replace(step, when=None)

    def target(self, node: str | None, path: str) -> Target:
        """A step for whom it is in scope."""
        return Target(node, path, self.copies.get(path))

    def resolve(self, source: Scalar, frame: Frame) -> Inputs:
        """The nodes that a ``from:`` means: one, or all copies of a repeated step."""
        if source.text.endswith(ALL_COPIES):
            return all_copies(source, frame.names, self.findings)
        return (resolve(source, frame.names, self.results, self.reported, self.findings),)

    def nothing(self, step: Step, frame: Frame, path: str, inputs: Inputs) -> str | None:
        """No copies: a depth of none hands on what it reads. One is tried for its mistakes."""
        if len(inputs) != 1:
            message = f"`{step.name.text}` has no copies, and reads {count_of_inputs(len(inputs))}"
            hint = "what has no copies hands on what it reads: let it read one step"
            self.findings.add(Code.WRONG_ARITY, message, sources_span(step), help=hint)
            return None
        lists = (self.nodes, self.scopes, self.results, self.copies, self.made)
        kept = [(d, len(d)) for d in lists]
        good = self.once(step, frame, f"{path}.0", inputs) is not None
        for made, before in kept:
            while len(made) > before:
                made.popitem()
        said = _repeat(step)
        return self.handed_on(step, frame, path, inputs, said) if good else None

    def handed_on(
        self, step: Step, frame: Frame, path: str, inputs: Inputs, said: dict[str, Entry]
    ) -> str | None:
        """What a step reads, in the place of its result."""
        if step.repeat is not None:
            self.copies[path] = ()
        handed = Step(step.name, None, None, {}, step.sources)
        return self.node(handed, Identity, frame, path, inputs, said)

    def repeated(
        self, step: Step, frame: Frame, path: str, inputs: Inputs, count: int
    ) -> str | None:
        """``count`` copies in a chain, at ``path.0``, ``path.1`` and so on."""
        block = step.operation.text if step.operation else None
        origin = Origin(step.name.span, step.arguments, path, frame.origin, _repeat(step))
        self.scopes[path] = _PENDING
        results: list[str | None] = []
        for index in range(count):
            result = self.all(step, frame, f"{path}.{index}", inputs, None)
            self.results[f"{path}.{index}"] = result
            results.append(result)
            inputs = (result,)
            if result is None:
                del self.scopes[path]
                return None  # the copies would fail as this one did
        assert result is not None
        self.copies[path] = tuple(results)
        counted = {"repeat": count}
        self.scopes[path] = Scope(path, ScopeKind.STEP, block, counted, result, ("repeat",), origin)
        return result

    def once(self, step: Step, frame: Frame, path: str, inputs: Inputs) -> str | None:
        if step.operation is None and step.body is None:
            return self.once_more(step, frame, path, inputs)
        if step.body is not None:
            return self.inline(step, step.body, frame, path, inputs)
        kind = self.operation(step, frame)
        if kind is None:
            return None
        if isinstance(kind, Block):
            return self.block(step, kind, frame, path, inputs)
        fixed = not any(source.text.endswith(ALL_COPIES) for source in step.sources or ())
        if kind.family is Family.MERGE and len(inputs) == 1 and inputs[0] is not None and fixed:
            hint = "name all that it joins: `from: [a, b]`"
            warn_of_one_input(kind, sources_span(step), hint, self.findings)
        return self.node(step, kind, frame, path, inputs)

    def inline(self, step: Step, body: Body, frame: Frame, path: str, inputs: Inputs) -> str | None:
        if len(inputs) > 1:
            message = f"the body of `{step.name.text}` reads 1 input, but is given {len(inputs)}"
            hint = "make it a block with `inputs: [left, right]`"
            self.findings.add(Code.WRONG_ARITY, message, sources_span(step), help=hint)
            return None
        names = ChainMap(coming_in({"input": inputs[0]}), frame.names)
        inner = frame.inside(path, names)
        return self.scope(step, None, body, inner, path, inputs, {}, frame.origin)

    def block(
        self, step: Step, block: Block, frame: Frame, path: str, inputs: Inputs
    ) -> str | None:
        names = coming_in(dict(zip(block.inputs, inputs, strict=False)))
        arguments = self.values.block_arguments(step, block, frame, names)
        if len(inputs) != len(block.inputs) and block.readable:
            given = f"`{step.name.text}` gives it {len(inputs)}"
            reads = f"the block `{block.name.text}` reads {count_of_inputs(len(block.inputs))}"
            hint = "join them first, `{op: concat, from: […]}`, or give the block `inputs:`"
            if len(block.inputs) > 1:
                hint = f"list what it reads as {listed(block.inputs)} in `from: […]`"
            label = Label(block.name.span, "defined here")
            place = sources_span(step)
            self.findings.add(
                Code.WRONG_ARITY, f"{reads}, but the step {given}", place, "", label, help=hint
            )
            return None
        use = (block.name.text, frame.depth, repr(arguments))
        failed = self.failed.get(use, ())
        alike = bool(failed) and (None in inputs or self.shape.of(inputs) in failed)
        if arguments is None or not block.readable or alike:
            return None
        origin = Origin(step.name.span, step.arguments, path, frame.origin)
        if frame.depth >= MAX_DEPTH:
            report_depth(step, block, frame, self.findings)
            return None
        environment = Environment({**self.values.network, **arguments}, names, self.shape)
        blocks = (*frame.blocks, block.name.text)
        inner = Frame(f"{path}.", environment, origin, frame.depth + 1, blocks)
        result = self.scope(step, block, block.body, inner, path, inputs, arguments, frame.origin)
        if result is None and None not in inputs:
            self.failed.setdefault(use, []).append(self.shape.of(inputs))
        return result

    def scope(
        self,
        step: Step,
        block: Block | None,
        body: Body,
        frame: Frame,
        path: str,
        inputs: Inputs,
        arguments: Mapping[str, Any],
        parent: Origin | None,
    ) -> str | None:
        """Expand a body and record it as a scope, before those inside it."""
        self.scopes[path] = _PENDING
        output = self.body(body, frame, inputs)
        if output is None:
            del self.scopes[path]
            return None
        if not output.startswith(f"{path}."):  # no step of it is there
            del self.scopes[path]
            return self.handed_on(step, frame, path, (output,), {})
        name = block.name.text if block else None
        origin = Origin(step.name.span, step.arguments, path, parent)
        given = tuple(step.arguments)
        values = as_floats(dict(arguments))
        self.scopes[path] = Scope(path, ScopeKind.STEP, name, values, output, given, origin)
        return output

    def node(
        self,
        step: Step,
        kind: type[Operation],
        frame: Frame,
        path: str,
        inputs: Inputs,
        copies: dict[str, Entry] | None = None,
    ) -> str | None:
        origin = Origin(step.name.span, step.arguments, path, frame.origin, copies or {})
        operation = self.values.instance(step, kind, frame, origin)
        least, most = kind.arity
        if len(inputs) < least or (most is not None and len(inputs) > most):
            takes = f"at least {count_of_inputs(least)}" if most is None else count_of_inputs(most)
            takes = f"{least} or {takes}" if most is not None and least < most else takes
            message = f"`{kind.op}` reads {takes}, but is given {len(inputs)}"
            hint = "join them first, with `{op: concat, from: […]}`"
            hint = "name them: `from: [a, b]`" if len(inputs) < least else hint
            self.findings.add(Code.WRONG_ARITY, message, sources_span(step), help=hint)
            return None
        known = tuple(name for name in inputs if name is not None)
        if operation is None or len(known) != len(inputs) or path in self.nodes:
            return None
        if self.spec.inflate is not None:
            try:
                operation = self.inflated(operation, known)
            except ShapeError as error:
                place = origin.argument(error.argument)
                self.findings.add(error.code, error.message, place, help=error.help)
                return None
        self.nodes[path] = Node(path, operation, known, None, origin)
        return path

    def inflated(self, operation: Operation, inputs: tuple[str, ...]) -> Operation:
        """An operation on images as one on videos.

        Raises:
            ShapeError: there is none.
        """
        shape = self.shape.fixed(inputs[0])
        is_video = shape is not None and shape[3:]
        return operation.inflated(self.window_frames, shape if is_video else None)

    def operation(self, step: Step, frame: Frame) -> type[Operation] | Block | None:
        """The operation or block that a step's ``op`` names; a parameter may hold the name."""
        name = step.operation
        if name is None:
            return None
        if "$" in name.text:
            value = self.values.value(name, frame.environment, frame.origin)
            if value is FAILED:
                return None
            uses = frame.origin.and_uses() if frame.origin else ()
            if not isinstance(value, str):
                message = f"`op` must name an operation or a block, but is {describe(value)}"
                self.findings.add(Code.BAD_ARGUMENT, message, name.span, "", *uses)
                return None
            name = Scalar(value, value, name.span)
            if not operation_exists(name, self.spec, self.findings, *uses):
                return None
            check_arguments(step, self.spec, self.findings, value)
        return self.spec.blocks.get(name.text) or find_operation(name.text)


def _repeat(step: Step) -> dict[str, Entry]:
    """What a step says of its copies."""
    return {"repeat": Entry(step.name, step.repeat)} if step.repeat else {}
