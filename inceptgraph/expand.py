"""A spec to a graph: blocks become their steps, parameters their values, names their paths.

Findings do not stop it: a step that fails leaves no node, and what depends on it is left out in
silence, so that one mistake is one finding.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from inceptgraph import ops
from inceptgraph.errors import Code, Findings, Label, Span, did_you_mean
from inceptgraph.graph import Graph, Node, Output, Scope, ScopeKind
from inceptgraph.ops import Input, Operation
from inceptgraph.source import Origin, Scalar
from inceptgraph.source import Mapping as MappingNode
from inceptgraph.source import Node as Value
from inceptgraph.spec.models import Block, Body, Chain, Fork, Param, Spec, Step
from inceptgraph.spec.signatures import check_arguments, operation_exists
from inceptgraph.spec.values import (
    FAILED,
    TYPES,
    Unavailable,
    ValueProblem,
    describe,
    evaluate,
    fits,
)
from inceptgraph.types import Family

__all__ = ["MAX_STEPS", "expand"]

MAX_STEPS = 250_000
MAX_DEPTH = 64


def expand(spec: Spec, findings: Findings) -> Graph:
    """Build the graph of a spec, without shapes.

    Args:
        spec: as loaded.
        findings: receives what is wrong.

    Returns:
        The graph of all steps that could be built.
    """
    return _Expander(spec, findings).expand()


_PENDING = Scope("", ScopeKind.STEP, None, {}, "")
"""Keeps an outer scope's place before the scopes inside it."""


class _TooMany(Exception):
    """The budget of steps is spent; it has been reported."""


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """Where a step is being expanded.

    Attributes:
        prefix: path of the enclosing scope with a trailing dot, or nothing.
        environment: values of the parameters in scope.
        names: for each name that ``from:`` may use, its path; None where it could not be built.
        values: for each input of the enclosing body, the node that holds it.
        origin: the use of a block that this stands in.
    """

    prefix: str
    environment: Mapping[str, Any]
    names: MutableMapping[str, str | None]
    origin: Origin | None
    depth: int


class _Expander:
    def __init__(self, spec: Spec, findings: Findings) -> None:
        self.spec = spec
        self.findings = findings
        self.network: Mapping[str, Any] = {}
        self.nodes: dict[str, Node] = {}
        self.scopes: dict[str, Scope] = {}
        self.results: dict[str, str | None] = {}  # path of a step -> the node of its value

    def expand(self) -> Graph:
        spec = self.spec
        self.network = environment = self.network_parameters()
        for name, (key, mapping) in spec.inputs.items():
            self.input(name, key, mapping, environment)
        names: dict[str, str | None] = {name: name for name in spec.inputs}
        frame = _Frame("", environment, names, None, 0)
        only = next(iter(spec.inputs)) if len(spec.inputs) == 1 else None
        last: str | None = None
        heads: dict[str, str | None] = {}
        try:
            last = self.chain(spec.stages, frame, names, (only,) if only else ())
            stages = {**names, **{name: name for name in spec.stages.steps}}
            for name, head in spec.heads.items():
                heads[name] = self.step(head.step, _Frame("", environment, stages, None, 0), ())
        except _TooMany:
            pass
        kinds = {**dict.fromkeys(spec.stages.steps, ScopeKind.STAGE), **dict.fromkeys(heads, ScopeKind.HEAD)}
        self.top_scopes(kinds)
        outputs = self.outputs(last)
        for name, node in heads.items():
            weight = self.number(spec.heads[name].loss_weight, environment, "loss_weight")
            if node is not None and weight is not None:
                outputs.append(Output(name, node, weight))
        sections = {n: (s.first.text, s.last.text) for n, s in spec.sections.items()}
        return Graph(spec.name, self.nodes, tuple(outputs), self.scopes, sections)

    # -- the network's edges -----------------------------------------------------------------

    def network_parameters(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, param in self.spec.params.items():
            if param.default is None:
                self.findings.add(
                    Code.PARAMETER_WITHOUT_VALUE,
                    f"the network's parameter `{name}` has no value",
                    param.name.span,
                    help=f"give it a default, `{name}: {param.type} = …`, or `--set {name}=…`",
                )
                values[name] = FAILED
                continue
            values[name] = self.typed(param, param.default, values, "the network")
        return values

    def input(self, name: str, key: Scalar, mapping: MappingNode, env: Mapping[str, Any]) -> None:
        wanted = ("features",) if "features" in mapping.items else ("channels", "height", "width")
        shape = []
        for part in wanted:
            entry = mapping.items.get(part)
            if entry is None:
                return
            value = self.value(entry.value, env)
            if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**31:
                shape.append(value)
            elif value is not FAILED:
                message = f"`{part}` is a whole number of at least 1, not {describe(value)}"
                self.findings.add(Code.BAD_ARGUMENT, message, entry.value.span.first_line())
        if len(shape) == len(wanted):
            origin = Origin(key.span, mapping.items, name)
            self.nodes[name] = Node(name, Input(shape=tuple(shape)), (), None, origin)
            self.results[name] = name

    def outputs(self, last: str | None) -> list[Output]:
        """The declared outputs; else the last stage, as ``output``."""
        if not self.spec.outputs:
            return [Output("output", last)] if last else []
        found = []
        for name, target in self.spec.outputs.items():
            stages = {**dict.fromkeys(self.spec.stages.steps), **dict.fromkeys(self.spec.inputs)}
            if target.text.partition(".")[0] not in stages:
                message = f"there is no stage `{target.text}` for the output `{name}`"
                hint = did_you_mean(target.text, stages)
                self.findings.add(Code.UNKNOWN_REFERENCE, message, target.span, help=hint)
                continue
            node = self.resolve(target, {n: n for n in stages})
            if node is not None:
                found.append(Output(name, node))
        return found

    def top_scopes(self, kinds: Mapping[str, str]) -> None:
        """Stages and heads are scopes even where they are single operations."""
        inner = self.scopes
        self.scopes = {}
        by_stage: dict[str, list[Scope]] = {}
        for path, scope in inner.items():
            by_stage.setdefault(path.partition(".")[0], []).append(scope)
        for name, kind in kinds.items():
            node = self.results.get(name)
            if node is None:
                continue
            own = inner.get(name)
            if own is None:
                operation = self.nodes[node].op
                origin = self.nodes[node].origin
                given = tuple(origin.arguments) if origin else ()
                own = Scope(name, kind, operation.op, operation.arguments(), node, given, origin)
            self.scopes[name] = Scope(
                name, kind, own.block, own.arguments, node, own.given, own.origin
            )
            for scope in by_stage.get(name, ()):
                self.scopes.setdefault(scope.path, scope)

    # -- bodies ------------------------------------------------------------------------------

    def body(self, body: Body, frame: _Frame, inputs: tuple[str | None, ...]) -> str | None:
        if isinstance(body, Chain):
            return self.chain(body, frame, frame.names, inputs)
        return self.fork(body, frame, inputs)

    def chain(
        self,
        chain: Chain,
        frame: _Frame,
        outer: MutableMapping[str, str | None],
        inputs: tuple[str | None, ...],
    ) -> str | None:
        names: ChainMap[str, str | None] = ChainMap({}, outer)
        inner = _Frame(frame.prefix, frame.environment, names, frame.origin, frame.depth)
        current = inputs
        for name, step in chain.steps.items():
            current = (self.step(step, inner, current),)
            names[name] = frame.prefix + name
        return current[0] if chain.steps else None

    def fork(self, fork: Fork, frame: _Frame, inputs: tuple[str | None, ...]) -> str | None:
        ends = []
        names: ChainMap[str, str | None] = ChainMap({}, frame.names)
        inner = _Frame(frame.prefix, frame.environment, names, frame.origin, frame.depth)
        for name, branch in fork.branches.items():
            ends.append(self.step(branch, inner, inputs))
            names[name] = frame.prefix + name
        if fork.merge.operation is None:
            return None
        kind = self.operation(fork.merge, frame.environment)
        if kind is None or isinstance(kind, Block) or kind.family is not Family.MERGE:
            if kind is not None:
                operation = fork.merge.operation
                message = f"`{operation.text}` does not join branches"
                hint = "`concat`, `add` and `multiply` do"
                self.findings.add(Code.NOT_A_MERGE, message, operation.span, help=hint)
            return None
        return self.node(fork.merge, kind, frame, tuple(ends))

    # -- steps -------------------------------------------------------------------------------

    def step(self, step: Step, frame: _Frame, before: tuple[str | None, ...]) -> str | None:
        """Expand one step; returns the node of its value, None where it has none."""
        inputs = before
        if step.sources is not None:
            inputs = tuple(self.resolve(source, frame.names) for source in step.sources)
        path = frame.prefix + step.name.text
        count = self.repeats(step, frame)
        if count is None or (step.operation is None and step.body is None):
            result = None
        elif step.repeat is None:
            result = self.once(step, frame, path, inputs)
        else:
            result = self.repeated(step, frame, path, inputs, count)
        self.results[path] = result
        return result

    def repeats(self, step: Step, frame: _Frame) -> int | None:
        if step.repeat is None:
            return 1
        count = self.value(step.repeat, frame.environment)
        if isinstance(count, int) and not isinstance(count, bool) and count >= 1:
            return count
        if count is not FAILED:
            message = f"`repeat` is a whole number of at least 1, not {describe(count)}"
            self.findings.add(Code.BAD_ARGUMENT, message, step.repeat.span.first_line())
        return None

    def repeated(
        self, step: Step, frame: _Frame, path: str, inputs: tuple[str | None, ...], count: int
    ) -> str | None:
        """``count`` copies in a chain, at ``path.0``, ``path.1`` and so on."""
        block = step.operation.text if step.operation else None
        origin = Origin(step.name.span, step.arguments, path, frame.origin)
        self.scopes[path] = _PENDING
        result = None
        for index in range(count):
            result = self.once(step, frame, f"{path}.{index}", inputs)
            self.results[f"{path}.{index}"] = result
            inputs = (result,)
            if result is None:
                del self.scopes[path]
                return None  # the copies would fail as this one did
        assert result is not None
        counted = {"repeat": count}
        self.scopes[path] = Scope(path, ScopeKind.STEP, block, counted, result, ("repeat",), origin)
        return result

    def once(
        self, step: Step, frame: _Frame, path: str, inputs: tuple[str | None, ...]
    ) -> str | None:
        if step.body is not None:
            return self.inline(step, step.body, frame, path, inputs)
        kind = self.operation(step, frame.environment)
        if kind is None:
            return None
        if isinstance(kind, Block):
            return self.block(step, kind, frame, path, inputs)
        return self.node(step, kind, frame, inputs, path)

    def inline(
        self, step: Step, body: Body, frame: _Frame, path: str, inputs: tuple[str | None, ...]
    ) -> str | None:
        if len(inputs) > 1:
            message = f"the body of `{step.name.text}` reads one input, but is given {len(inputs)}"
            hint = "make it a block with `inputs: [left, right]`"
            self.findings.add(Code.WRONG_ARITY, message, step.name.span, help=hint)
            return None
        names = ChainMap({"input": inputs[0] if inputs else None}, frame.names)
        inner = _Frame(path + ".", frame.environment, names, frame.origin, frame.depth)
        return self.scope(step, None, body, inner, path, inputs, {}, frame.origin)

    def block(
        self, step: Step, block: Block, frame: _Frame, path: str, inputs: tuple[str | None, ...]
    ) -> str | None:
        arguments = self.block_arguments(step, block, frame)
        if len(inputs) != len(block.inputs):
            assert step.operation is not None
            self.findings.add(
                Code.WRONG_ARITY,
                f"the block `{block.name.text}` reads {_count(len(block.inputs), 'input')},"
                f" but `{step.name.text}` gives it {len(inputs)}",
                step.operation.span,
                "",
                Label(block.name.span, "defined here"),
                help=f"list its inputs in `from: [{', '.join(block.inputs)}]`"
                if len(block.inputs) > 1
                else "join them first, with `{op: concat, from: […]}`",
            )
            return None
        if arguments is None:
            return None
        if frame.depth >= MAX_DEPTH:
            message = f"blocks are nested more than {MAX_DEPTH} deep"
            hint = "does a block include itself through a parameter? to chain copies, use `repeat:`"
            self.findings.add(Code.TOO_DEEP, message, step.name.span, help=hint)
            return None
        origin = Origin(step.name.span, step.arguments, path, frame.origin)
        environment = {**self.network, **arguments}
        names = dict(zip(block.inputs, inputs, strict=True))
        inner = _Frame(path + ".", environment, names, origin, frame.depth + 1)
        return self.scope(step, block, block.body, inner, path, inputs, arguments, frame.origin)

    def scope(
        self,
        step: Step,
        block: Block | None,
        body: Body,
        frame: _Frame,
        path: str,
        inputs: tuple[str | None, ...],
        arguments: Mapping[str, Any],
        parent: Origin | None,
    ) -> str | None:
        """Expand a body and record it as a scope, before those inside it."""
        self.scopes[path] = _PENDING
        output = self.body(body, frame, inputs)
        if output is None:
            del self.scopes[path]
            return None
        name = block.name.text if block else None
        origin = Origin(step.name.span, step.arguments, path, parent)
        given = tuple(step.arguments)
        self.scopes[path] = Scope(path, ScopeKind.STEP, name, arguments, output, given, origin)
        return output

    def node(
        self,
        step: Step,
        kind: type[Operation],
        frame: _Frame,
        inputs: tuple[str | None, ...],
        path: str | None = None,
    ) -> str | None:
        path = path or frame.prefix + step.name.text
        origin = Origin(step.name.span, step.arguments, path, frame.origin)
        operation = self.instance(step, kind, frame, origin)
        least, most = kind.arity
        if len(inputs) < least or (most is not None and len(inputs) > most):
            assert step.operation is not None
            takes = f"at least {least}" if most is None else str(most)
            message = f"`{kind.op}` reads {takes} input{'s' * (takes != '1')}, but is given {len(inputs)}"
            hint = "join them first, with `{op: concat, from: […]}`" if len(inputs) > 1 else None
            self.findings.add(Code.WRONG_ARITY, message, step.operation.span, help=hint)
            return None
        known = tuple(name for name in inputs if name is not None)
        if operation is None or len(known) != len(inputs):
            return None
        if len(self.nodes) >= MAX_STEPS:
            message = f"the network has more than {MAX_STEPS:,} steps"
            hint = "is a `repeat` larger than it should be, or a block used in itself many times?"
            uses = origin.uses()
            self.findings.add(Code.TOO_LARGE, message, step.name.span, "", *uses[-1:], help=hint)
            raise _TooMany
        self.nodes[path] = Node(path, operation, known, None, origin)
        return path

    # -- names and values --------------------------------------------------------------------

    def resolve(self, source: Scalar, names: Mapping[str, str | None]) -> str | None:
        """The node that a ``from:`` means; ``a.b`` is a step inside ``a``."""
        head, dot, rest = source.text.partition(".")
        path = names.get(head)
        if path is None:
            return None
        if path not in self.results:
            return path if not dot else None
        if not dot:
            return self.results[path]
        if self.results[path] is not None and f"{path}.{rest}" not in self.results:
            inside = [p[len(path) + 1 :] for p in self.results if p.startswith(path + ".")]
            hint = did_you_mean(rest, inside) or f"it holds {', '.join(inside[:8]) or 'no steps'}"
            message = f"there is no step `{rest}` inside `{head}`"
            self.findings.add(Code.UNKNOWN_REFERENCE, message, source.span, help=hint)
        return self.results.get(f"{path}.{rest}")

    def operation(self, step: Step, environment: Mapping[str, Any]) -> type[Operation] | Block | None:
        """What a step's ``op`` names; a parameter may hold the name."""
        name = step.operation
        if name is None:
            return None
        if "$" in name.text:
            value = self.value(name, environment)
            if value is FAILED:
                return None
            if not isinstance(value, str):
                message = f"`op` is the name of an operation, not {describe(value)}"
                self.findings.add(Code.BAD_ARGUMENT, message, name.span)
                return None
            name = Scalar(value, value, name.span)
            if not operation_exists(name, self.spec, self.findings):
                return None
            check_arguments(step, self.spec, self.findings, value)
        return self.spec.blocks.get(name.text) or ops.find(name.text)

    def value(self, node: Value, environment: Mapping[str, Any]) -> Any:
        try:
            return evaluate(node, environment)
        except ValueProblem as problem:
            self.findings.add(problem.code, problem.message, problem.span, help=problem.help)
            return FAILED
        except Unavailable:
            return FAILED

    def number(self, node: Value, environment: Mapping[str, Any], what: str) -> float | None:
        value = self.value(node, environment)
        if value is FAILED:
            return None
        if not fits(value, "float"):
            message = f"`{what}` is a number, not {describe(value)}"
            self.findings.add(Code.BAD_ARGUMENT, message, node.span.first_line())
            return None
        return float(value)

    def block_arguments(self, step: Step, block: Block, frame: _Frame) -> dict[str, Any] | None:
        """Values of a block's parameters in one use; None where one has none."""
        values: dict[str, Any] = {}
        for name, param in block.params.items():
            entry = step.arguments.get(name)
            if entry is not None:
                what = f"`{block.name.text}`"
                values[name] = self.typed(param, entry.value, frame.environment, what)
            elif param.default is not None:
                scope = {**self.network, **values}
                values[name] = self.typed(param, param.default, scope, f"`{block.name.text}`")
            else:
                return None  # reported with the signature
        return None if any(value is FAILED for value in values.values()) else values

    def typed(self, param: Param, node: Value, environment: Mapping[str, Any], owner: str) -> Any:
        value = self.value(node, environment)
        if value is FAILED or fits(value, param.type):
            return value
        name = param.name.text
        declared = Label(param.name.span, f"declared as {param.type}")
        labels = () if node is param.default else (declared,)
        if param.type in ("int", "size") and fits(value, "float"):
            code, shown = Code.FRACTION, _fraction(value)
            message = f"`{name}` of {owner} is {TYPES[param.type]}, but this is {shown}"
            hint = "`//` divides and rounds down"
        else:
            code, hint = Code.BAD_ARGUMENT, None
            message = f"`{name}` of {owner} is {TYPES[param.type]}, not {describe(value)}"
        self.findings.add(code, message, node.span.first_line(), "", *labels, help=hint)
        return FAILED

    def instance(
        self, step: Step, kind: type[Operation], frame: _Frame, origin: Origin
    ) -> Operation | None:
        """The operation with its arguments, checked by its own model."""
        arguments: dict[str, Any] = {}
        places: dict[str, Value] = {}
        defaults = self.spec.defaults.get(kind.op)
        sources = [(defaults.items, self.network)] if defaults else []
        for items, environment in (*sources, (step.arguments, frame.environment)):
            for name, entry in items.items():
                if name in kind.model_fields:
                    arguments[name] = self.value(entry.value, environment)
                    places[name] = entry.value
        if any(value is FAILED for value in arguments.values()):
            return None
        try:
            return kind(**{name: _as_float(value) for name, value in arguments.items()})
        except ValidationError as error:
            for problem in error.errors(include_url=False):
                if problem["type"] not in ("missing", "extra_forbidden"):
                    self.refused(problem, kind, arguments, places, origin)
            return None

    def refused(
        self,
        problem: Mapping[str, Any],
        kind: type[Operation],
        arguments: Mapping[str, Any],
        places: Mapping[str, Value],
        origin: Origin,
    ) -> None:
        """Say in a spec's words what pydantic found."""
        name = str(problem["loc"][0]) if problem["loc"] else ""
        span: Span = places[name].span.first_line() if name in places else origin.span
        value = arguments.get(name)
        code, reason, hint = _in_words(problem, value)
        message = f"`{name}` of `{kind.op}` {reason}"
        written = places.get(name)
        if isinstance(written, Scalar) and "$" in written.text and code is not Code.FRACTION:
            message += f" (`{written.text}` is {describe(value)} here)"
        self.findings.add(code, message, span, "", *origin.uses()[:1], help=hint)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'s' * (number != 1)}"


def _fraction(value: Any) -> str:
    """A number that is not whole, in full and as a decimal."""
    if isinstance(value, float):
        return f"{value:g}"
    return f"{value} = {float(value):.6g}"


def _as_float(value: Any) -> Any:
    """Exact fractions become floats; fields that take whole numbers refuse those."""
    is_fraction = hasattr(value, "denominator") and not isinstance(value, int)
    return float(value) if is_fraction else value


_KINDS = {
    "int_type": "is a whole number",
    "int_from_float": "is a whole number",
    "float_type": "is a number",
    "bool_type": "is true or false",
    "string_type": "is a word",
}


def _in_words(problem: Mapping[str, Any], value: Any) -> tuple[Code, str, str | None]:
    """A code, what to say after the argument's name, and a hint."""
    kind, context = problem["type"], problem.get("ctx", {})
    whole = kind in ("int_type", "int_from_float", "size", "padding")
    if whole and fits(value, "float") and not fits(value, "int"):
        hint = "`//` divides and rounds down"
        return Code.FRACTION, f"is a whole number, but this is {_fraction(value)}", hint
    if kind == "unknown_word":
        known = context["known"]
        hint = did_you_mean(str(context["word"]), known) or f"there are {', '.join(known)}"
        return Code.BAD_ARGUMENT, f"is wrong: {problem['msg']}", hint
    if kind == "literal_error":
        return Code.BAD_ARGUMENT, f"is {context['expected']}, not {describe(value)}", None
    bounds = {
        "greater_than": ("more than", "gt"),
        "greater_than_equal": ("at least", "ge"),
        "less_than": ("less than", "lt"),
        "less_than_equal": ("at most", "le"),
    }
    if kind in bounds:
        words, key = bounds[kind]
        return Code.BAD_ARGUMENT, f"must be {words} {context[key]:g}, not {describe(value)}", None
    if kind in _KINDS:
        return Code.BAD_ARGUMENT, f"{_KINDS[kind]}, not {describe(value)}", None
    reason = str(problem["msg"])
    starts_well = reason.startswith(("is ", "must "))
    tail = "" if len(problem["loc"]) > 1 else f", not {describe(value)}"
    return Code.BAD_ARGUMENT, (reason if starts_well else f"is refused: {reason}") + tail, None
