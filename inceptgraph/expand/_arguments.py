"""Values of arguments in one use, and findings where they are refused."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Container, Mapping
from typing import Any, cast

from pydantic import ValidationError

from inceptgraph.diagnostics import Code, Findings, Label, did_you_mean
from inceptgraph.expand._frame import Environment, Frame, Names
from inceptgraph.expand._refusals import ROUND, fraction, hint_for, locate, refusal, settings
from inceptgraph.ops import LOSSES, Operation
from inceptgraph.source import Entry, Node, Origin, Scalar
from inceptgraph.spec import (
    FAILED,
    TYPES,
    Block,
    Param,
    Spec,
    Step,
    Unavailable,
    ValueProblem,
    describe,
    evaluate,
    fits,
    is_fraction,
    listed,
    used_values,
)

__all__ = ["Values", "as_floats", "values_note"]


class Values:
    """Evaluates what a spec writes as values."""

    def __init__(self, spec: Spec, findings: Findings) -> None:
        self.spec = spec
        self.findings = findings
        self.network: dict[str, Any] = {}

    def value(
        self, node: Node, environment: Mapping[str, Any], origin: Origin | None = None
    ) -> Any:
        """The value of a node; FAILED where it has none, which is then reported."""
        try:
            return evaluate(node, environment)
        except ValueProblem as problem:
            uses = origin.and_uses() if origin else ()
            code, message, span = problem.code, problem.message, problem.span
            self.findings.add(code, message, span, "", *uses, help=problem.help)
            return FAILED
        except Unavailable:
            return FAILED

    def whole(
        self,
        node: Node,
        environment: Mapping[str, Any],
        what: str,
        origin: Origin | None = None,
        least: int = 1,
    ) -> int | None:
        """A whole number of at least so much."""
        value = self.value(node, environment, origin)
        if isinstance(value, int) and not isinstance(value, bool) and value >= least:
            return value
        if value is not FAILED:
            message = f"`{what}` must be a whole number of at least {least}, but is {_shown(value)}"
            self.refuse(Code.BAD_ARGUMENT, message, node, environment, "int", value, origin)
        return None

    def condition(
        self,
        node: Node,
        environment: Mapping[str, Any],
        what: str,
        origin: Origin | None = None,
    ) -> bool | None:
        """Whether a condition holds."""
        value = self.value(node, environment, origin)
        if isinstance(value, bool):
            return value
        if value is not FAILED:
            message = f"`{what}` is a condition, and {_shown(value)} is none"
            labels = origin.and_uses() if origin else ()
            hint = "write `true` or `false`, a parameter that is one of them, or compare: `$n > 0`"
            span, notes = node.span.first_line(), values_note(node, environment)
            self.findings.add(Code.BAD_ARGUMENT, message, span, "", *labels, notes=notes, help=hint)
        return None

    def number(self, node: Node, environment: Mapping[str, Any], what: str) -> float | None:
        """A number that is not negative."""
        value = self.value(node, environment)
        if value is FAILED:
            return None
        if fits(value, "float") and value >= 0:
            return float(value)
        message = f"`{what}` must be a number, and not negative, but is {_shown(value)}"
        self.refuse(Code.BAD_ARGUMENT, message, node, environment, "float", value)
        return None

    def loss(self, node: Node, environment: Mapping[str, Any]) -> str | None:
        """The name of a loss."""
        value = self.value(node, environment)
        if isinstance(value, str) and value in LOSSES:
            return value
        if value is not FAILED:
            message = f"there is no loss `{value}`"
            if not isinstance(value, str):
                message = f"`loss` must be a word, but is {_shown(value)}"
            hint = did_you_mean(str(value), LOSSES)
            hint = hint or f"a loss is {listed(LOSSES, 'or')}; any other is given in Python"
            notes = values_note(node, environment)
            self.findings.add(
                Code.BAD_ARGUMENT, message, node.span.first_line(), notes=notes, help=hint
            )
        return None

    def refuse(
        self,
        code: Code,
        message: str,
        node: Node,
        environment: Mapping[str, Any],
        type_name: str,
        value: Any,
        origin: Origin | None = None,
        *labels: Label,
    ) -> None:
        """Report a value, with the values of the parameters in it."""
        if origin is not None:
            labels = (*labels, *origin.and_uses())
        hint = hint_for(value, type_name, environment)
        span = node.span.first_line()
        notes = values_note(node, environment)
        if code is Code.FRACTION:
            hint = ROUND if notes else None
        self.findings.add(code, message, span, "", *labels, notes=notes, help=hint)

    # -- parameters --------------------------------------------------------------------------

    def network_parameters(self) -> None:
        """Give the network's parameters their values."""
        for name, param in self.spec.params.items():
            if param.default is not None:
                value = self.typed(param, param.default, self.network, "the network")
                self.network[name] = value
                continue
            self.network[name] = FAILED
            if param.readable:
                self.findings.add(
                    Code.PARAMETER_WITHOUT_VALUE,
                    f"the network's parameter `{name}` has no value",
                    param.name.span,
                    help=f"give it a default, `{name}: {param.type} = …`, or `--set {name}=…`",
                )

    def block_arguments(
        self,
        step: Step,
        block: Block,
        frame: Frame,
        incoming: Names,
        only: Container[str] | None = None,
    ) -> dict[str, Any] | None:
        """Values of a block's parameters in one use, or of some; None where one has none. Defaults
        see what comes in."""
        values: dict[str, Any] = {}
        owner = f"the block `{block.name.text}`"
        for name, param in block.params.items():
            if only is not None and name not in only:
                continue
            entry = step.arguments.get(name)
            if entry is not None:
                env = frame.environment
                values[name] = self.typed(param, entry.value, env, owner, frame.origin)
            elif param.default is not None:
                scope = Environment(
                    ChainMap(values, self.network), incoming, frame.environment.shape
                )
                values[name] = self.typed(param, param.default, scope, owner)
            else:
                values[name] = FAILED  # reported with the signature, or where it is declared
        return None if any(value is FAILED for value in values.values()) else values

    def typed(
        self,
        param: Param,
        node: Node,
        environment: Mapping[str, Any],
        owner: str,
        origin: Origin | None = None,
    ) -> Any:
        value = self.value(node, environment, origin)
        if value is FAILED or fits(value, param.type):
            return value
        declared = Label(param.name.span, f"declared as {param.type}")
        labels = () if node is param.default else (declared,)
        code = Code.BAD_ARGUMENT
        if param.type in ("int", "size") and fits(value, "float"):
            code = Code.FRACTION
        name = param.name.text
        message = f"`{name}` of {owner} must be {TYPES[param.type]}, but is {_shown(value)}"
        self.refuse(code, message, node, environment, param.type, value, origin, *labels)
        return FAILED

    # -- operations --------------------------------------------------------------------------

    def instance(
        self, step: Step, kind: type[Operation], frame: Frame, origin: Origin
    ) -> Operation | None:
        """The operation with its arguments, checked by its own model."""
        fields, failed = kind.model_fields, False
        arguments: dict[str, Any] = {}
        sources = [(step.arguments, cast(Mapping[str, Any], frame.environment))]
        if kind.op in self.spec.defaults:
            sources.insert(0, (self.spec.defaults[kind.op][1].items, self.network))
        for items, environment in sources:
            for name, entry in items.items():
                if name in fields:
                    value = self.value(entry.value, environment, frame.origin)
                    failed = failed or value is FAILED
                    arguments[name] = value
        if failed:
            return None
        if self.spec.inflate is not None and kind.any_rank is not None:
            kind = kind.any_rank
        try:
            return kind(**{name: as_floats(value) for name, value in arguments.items()})
        except ValidationError as error:
            places = {name: (e, env) for items, env in sources for name, e in items.items()}
            for problem in error.errors(include_url=False):
                self.refused(problem, kind, arguments, places, origin)
            return None

    def refused(
        self,
        problem: Mapping[str, Any],
        kind: type[Operation],
        arguments: Mapping[str, Any],
        places: Mapping[str, tuple[Entry, Mapping[str, Any]]],
        origin: Origin,
    ) -> None:
        """Say in a spec's words what pydantic found."""
        name = str(problem["loc"][0]) if problem["loc"] else ""
        uses = origin.uses()
        if name not in places:
            if problem["type"] not in ("missing", "extra_forbidden"):  # those are reported before
                message = f"`{kind.op}` is refused: {problem['msg']}"
                self.findings.add(Code.BAD_ARGUMENT, message, origin.span, "", *uses)
            return
        entry, environment = places[name]
        if entry.slip:
            return  # it may be meant for something else; the slip is reported
        node, inside = locate(entry.value, problem["loc"][1:])
        what, span = f"`{name}` of `{kind.op}`", entry.value.span.first_line()
        value = arguments[name]
        if inside is not None and node is not None:
            what, span = f"`{inside.key.text}` of `{name}`", node.span.first_line()
            value = self.value(node, environment)
            if problem["type"] == "extra_forbidden":
                self.unknown_setting(kind, name, inside.key, value, uses)
                return
        found = refusal(problem, value, environment)
        notes = values_note(node or entry.value, environment)
        message = f"{what} {found.reason}"
        hint = None if found.code is Code.FRACTION and not notes else found.help
        self.findings.add(found.code, message, span, "", *uses, notes=notes, help=hint)

    def unknown_setting(
        self,
        kind: type[Operation],
        name: str,
        key: Scalar,
        value: Any,
        uses: tuple[Label, ...],
    ) -> None:
        known = settings(kind, name)
        hint = did_you_mean(key.text, known) or f"settings are {listed(known)}"
        message = f"`{name}` has no setting `{key.text}`"
        self.findings.add(Code.UNKNOWN_ARGUMENT, message, key.span, "", *uses, help=hint)


def _shown(value: Any) -> str:
    whole = isinstance(value, int)
    return fraction(value) if fits(value, "float") and not whole else describe(value)


def values_note(node: Node, environment: Mapping[str, Any]) -> tuple[str, ...]:
    """What the parameters in a value are here, where they make it what it is."""
    if not isinstance(node, Scalar) or "$" not in node.text:
        return ()
    used = used_values(node.text, environment)
    return (f"here {used}",) if used else ()


def as_floats(value: Any) -> Any:
    """Exact fractions become floats; fields that take whole numbers refuse those."""
    if isinstance(value, list):
        return [as_floats(item) for item in value]
    if isinstance(value, dict):
        return {key: as_floats(item) for key, item in value.items()}
    return float(value) if is_fraction(value) else value
