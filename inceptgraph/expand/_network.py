"""The network around its stages: parameters, inputs, outputs, heads and sections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inceptgraph.diagnostics import Code, Findings, Label, Severity, did_you_mean
from inceptgraph.expand._budget import refuse_too_many
from inceptgraph.expand._frame import Environment, Frame, Target, coming_in, resolve
from inceptgraph.expand._preprocessing import read_preprocessing
from inceptgraph.expand._steps import StepExpander
from inceptgraph.graph import Graph, Node, Output, Scope, ScopeKind
from inceptgraph.ops import Input, Preprocessing
from inceptgraph.source import Mapping as MappingNode
from inceptgraph.source import Origin, Scalar
from inceptgraph.spec import DEFAULT_OUTPUT, FREE_KEYS, Head, Result, Spec, free_size, shape_keys

__all__ = ["expand"]

MAX_EXTENT = 2**31 - 1


def expand(spec: Spec, findings: Findings) -> Graph:
    """Build the graph of a spec, without shapes.

    Args:
        spec: as loaded.
        findings: receives what is wrong.

    Returns:
        The graph of all steps that could be built.
    """
    return _NetworkExpander(spec, findings).expand()


class _NetworkExpander:
    def __init__(self, spec: Spec, findings: Findings) -> None:
        self.spec = spec
        self.findings = findings
        self.steps = StepExpander(spec, findings)
        self.preprocessing: dict[str, Preprocessing] = {}

    def expand(self) -> Graph:
        spec, steps = self.spec, self.steps
        steps.values.network_parameters()
        environment = steps.values.network
        if spec.inflate is not None and (kernel := spec.inflate.kernel) is not None:
            steps.window_frames = steps.values.whole(kernel, environment, "inflate.kernel")
        for name, (key, mapping) in spec.inputs.items():
            steps.results[name] = self.input(name, key, mapping)
        inputs = coming_in({name: steps.results[name] for name in spec.inputs})
        only = tuple(steps.results[name] for name in spec.inputs) if len(spec.inputs) == 1 else ()
        last: str | None = None
        heads: dict[str, str | None] = {}
        if not refuse_too_many(spec, environment, self.findings):
            last = steps.chain(
                spec.stages, Frame("", Environment(environment, inputs, steps.shape)), only
            )
            stages = {n: steps.target(steps.results[n], n) for n in spec.stages.steps}
            frame = Frame("", Environment(environment, {**stages, **inputs}, steps.shape))
            for name, head in spec.heads.items():
                there = steps.there(head.step, frame)
                heads[name] = steps.step(there, frame, ()) if there is not None else None
        kinds = dict.fromkeys(spec.stages.steps, ScopeKind.STAGE)
        kinds.update(dict.fromkeys(heads, ScopeKind.HEAD))
        outputs = self.outputs(last)
        alone = outputs[0] if len(outputs) == 1 else None
        for name, node in heads.items():
            about = self.loss(spec.heads[name], alone)
            if node is not None and about is not None:
                outputs.append(Output(name, node, training_only=True, **about))
        sections = {n: (s.first.text, s.last.text) for n, s in spec.sections.items()}
        classes = spec.classes
        return Graph(
            spec.name,
            steps.nodes,
            tuple(outputs),
            self.top_scopes(kinds),
            sections,
            preprocessing=self.preprocessing,
            classes=classes.names if classes else None,
            background=classes is not None and classes.background,
        )

    def input(self, name: str, key: Scalar, mapping: MappingNode) -> str | None:
        """The node of an input; None where its shape could not be read."""
        values = self.steps.values
        wanted = shape_keys(mapping.items)
        shape = []
        found = {part: free_size(entry.value) for part, entry in mapping.items.items()}
        free = {part: each for part in wanted[1:] if (each := found.get(part)) is not None}
        for part in wanted:
            entry = mapping.items.get(part)
            written = entry.value if entry is not None else None
            size = free.get(part) or written
            value = values.whole(size, values.network, part) if size else None
            if entry is not None and value is not None and value > MAX_EXTENT:
                message = f"`{part}` must be at most {MAX_EXTENT:,}"
                span = entry.value.span.first_line()
                self.findings.add(Code.BAD_ARGUMENT, message, span)
                value = None
            if value is not None:
                shape.append(value)
        if len(shape) < len(wanted):
            return None
        origin = Origin(key.span, mapping.items, name)
        operation = Input(shape=tuple(shape), **self.bounds(free, mapping))
        self.steps.nodes[name] = Node(name, operation, (), None, origin)
        entry = mapping.items.get("preprocess")
        made = read_preprocessing(entry, values, self.findings) if entry else None
        if made is not None:
            self.preprocessing[name] = made
        return name

    def bounds(self, free: Mapping[str, Scalar], mapping: MappingNode) -> dict[str, Any]:
        """What an input says of its free axes."""
        values, found = self.steps.values, {}
        for key in FREE_KEYS:
            entry = mapping.items.get(key)
            if entry is not None and not free:
                message = f"`{key}` is of free extents, and there are none"
                hint, warning = "write `height: free = 224`", Severity.WARNING
                place = entry.key.span
                self.findings.add(
                    Code.CONFLICTING_KEYS, message, place, help=hint, severity=warning
                )
            found[key] = values.whole(entry.value, values.network, key) if entry else None
        if not free:
            return {}
        self.steps.shape.free = True
        return {
            "free": tuple(free),
            "least": (found["least"],) * len(free) if found["least"] else (),
            "multiple": found["multiple"] or 1,
            "assumed": tuple(axis for axis, size in free.items() if not size.text),
        }

    def outputs(self, last: str | None) -> list[Output]:
        """The declared outputs; else the last stage."""
        steps, spec = self.steps, self.spec
        if not spec.outputs:
            return [Output(DEFAULT_OUTPUT, last)] if last else []
        names = {name: Target(steps.results.get(name), name) for name in spec.stages.steps}
        names.update({name: Target(steps.results.get(name)) for name in spec.inputs})
        found = []
        for name, result in spec.outputs.items():
            target = result.source
            head = target.text.partition(".")[0]
            if head not in names:
                message = f"there is no stage `{head}` for the output `{name}`"
                hint = did_you_mean(head, names) or "an output is the result of a stage"
                span, labels = target.part(0, len(head)), []
                if head in spec.removed:
                    labels = [Label(spec.removed[head], "this edit removes it")]
                    hint = f"name another stage: `outputs: {{{name}: …}}`"
                self.findings.add(Code.UNKNOWN_REFERENCE, message, span, "", *labels, help=hint)
                continue
            node = resolve(target, names, steps.results, steps.reported, self.findings)
            about = self.loss(result)
            if node is not None and about is not None:
                found.append(Output(name, node, **about))
        return found

    def loss(self, result: Result | Head, alone: Output | None = None) -> dict[str, Any] | None:
        """What an output says of its loss; None where that could not be read. A head that says
        nothing has that of the output that is ``alone``."""
        values, environment = self.steps.values, self.steps.values.network
        weight: float | None = 1.0
        if result.loss_weight is not None:
            weight = values.number(result.loss_weight, environment, "loss_weight")
        if result.loss is None:
            same = {"loss": alone.loss, "written": alone.written} if alone else {}
            return None if weight is None else {**same, "loss_weight": weight}
        name = values.loss(result.loss, environment)
        if weight is None or name is None:
            return None
        return {"loss": name, "loss_weight": weight, "written": result.loss.span.first_line()}

    def top_scopes(self, kinds: Mapping[str, str]) -> dict[str, Scope]:
        """Stages and heads are scopes even where they are single operations."""
        inner = self.steps.scopes
        found: dict[str, Scope] = {}
        by_stage: dict[str, list[Scope]] = {}
        for path, scope in inner.items():
            by_stage.setdefault(path.partition(".")[0], []).append(scope)
        for name, kind in kinds.items():
            node = self.steps.results.get(name)
            if node is None:
                continue
            own = inner.get(name) or self.of_operation(name, node)
            found[name] = Scope(name, kind, own.block, own.arguments, node, own.given, own.origin)
            for scope in by_stage.get(name, ()):
                found.setdefault(scope.path, scope)
        return found

    def of_operation(self, name: str, node: str) -> Scope:
        operation, origin = self.steps.nodes[node].op, self.steps.nodes[node].origin
        given = tuple(origin.arguments) if origin else ()
        arguments = operation.model_dump(mode="json", include={*operation.arguments()})
        return Scope(name, ScopeKind.STEP, operation.op, arguments, node, given, origin)
