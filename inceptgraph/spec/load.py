"""A tree of values to a :class:`Spec`: structure, names and references, before anything is built.

What can be told without the values of parameters is told here, for blocks that nothing uses too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from inceptgraph.errors import Code, Findings, Label, Severity, Source, did_you_mean
from inceptgraph.ops import BUILT_IN
from inceptgraph.source import Entry, Mapping, Node, Scalar, Sequence, parse
from inceptgraph.spec.models import Block, Chain, Head, Param, Section, Spec
from inceptgraph.spec.signatures import check_uses
from inceptgraph.spec.steps import StepReader, check_name, keys, need_mapping, need_text
from inceptgraph.spec.values import TYPES, references

__all__ = ["load"]

KEYS = (
    "name",
    "description",
    "source",
    "input",
    "inputs",
    "params",
    "defaults",
    "blocks",
    "stages",
    "outputs",
    "aux_heads",
    "sections",
    "expect",
)
BLOCK_KEYS = ("description", "params", "inputs", "steps", "branches", "merge")
INPUT_KEYS = ("name", "channels", "height", "width", "features")


def load(root: Node, source: Source, findings: Findings) -> Spec | None:
    """Read a spec.

    Args:
        root: the parsed document.
        source: the text it came from.
        findings: receives what is wrong.

    Returns:
        The spec, without the parts that could not be read; None where nothing can be made of it.
    """
    if not need_mapping(root, "a spec", findings):
        return None
    assert isinstance(root, Mapping)
    return _SpecReader(root, source, findings).read()


class _SpecReader:
    def __init__(self, root: Mapping, source: Source, findings: Findings) -> None:
        self.root = root
        self.source = source
        self.findings = findings
        self.steps = StepReader(findings)

    def read(self) -> Spec | None:
        findings = self.findings
        keys(self.root, KEYS, "a spec", findings, required=("name", "stages"))
        if "input" not in self.root.items and "inputs" not in self.root.items:
            first = next(iter(self.root.items.values()), None)
            span = first.key.span if first else self.root.span.first_line()
            hint = "add `input: {channels: 3, height: 224, width: 224}`"
            findings.add(Code.MISSING_KEY, "a spec needs `input`", span, help=hint)
        params = self.params(self.section("params"), network=True)
        blocks = self.blocks()
        inputs = self.inputs()
        stages = self.stages()
        heads = self.heads(inputs, stages)
        spec = Spec(
            source=self.source,
            name=self.text("name") or "network",
            description=self.text("description"),
            inputs=inputs,
            params=params,
            defaults=self.defaults(),
            blocks=blocks,
            stages=stages,
            outputs=self.outputs(),
            heads=heads,
            sections=self.sections(stages),
            expect=self.section("expect"),
        )
        self.check_top_names(spec)
        self.check_parameters(spec)
        check_uses(spec, self.findings)
        return spec

    # -- small parts -------------------------------------------------------------------------

    def section(self, key: str) -> Mapping | None:
        entry = self.root.items.get(key)
        if entry is None or not need_mapping(entry.value, f"`{key}`", self.findings):
            return None
        assert isinstance(entry.value, Mapping)
        return entry.value

    def text(self, key: str) -> str | None:
        entry = self.root.items.get(key)
        node = need_text(entry.value, f"`{key}`", self.findings) if entry else None
        return node.text if node else None

    def entries(self, key: str) -> Iterable[Entry]:
        section = self.section(key)
        return section.items.values() if section else ()

    def inputs(self) -> dict[str, tuple[Scalar, Mapping]]:
        found: dict[str, tuple[Scalar, Mapping]] = {}
        single = self.root.items.get("input")
        if single and "inputs" in self.root.items:
            self.findings.add(
                Code.CONFLICTING_KEYS,
                "a spec has `input` or `inputs`, not both",
                self.root.items["inputs"].key.span,
                "",
                Label(single.key.span, "the other one"),
                help="list every input under `inputs:`",
            )
        if single and need_mapping(single.value, "`input`", self.findings):
            assert isinstance(single.value, Mapping)
            named = single.value.items.get("name")
            name = need_text(named.value, "`name`", self.findings) if named else None
            key = name or Scalar("input", "input", single.key.span)
            check_name(key, "input", self.findings)
            found[key.text] = (key, single.value)
        for entry in self.entries("inputs"):
            check_name(entry.key, "input", self.findings)
            if need_mapping(entry.value, "an input", self.findings):
                assert isinstance(entry.value, Mapping)
                found[entry.key.text] = (entry.key, entry.value)
        for key, mapping in found.values():
            keys(mapping, INPUT_KEYS, "an input", self.findings)
            vector = "features" in mapping.items
            for wanted in ("features",) if vector else ("channels", "height", "width"):
                if wanted not in mapping.items:
                    message = f"the input `{key.text}` needs `{wanted}`"
                    hint = "a map has channels, height and width; a vector has features"
                    self.findings.add(Code.MISSING_KEY, message, key.span, help=hint)
            for surplus in ("channels", "height", "width"):
                if vector and surplus in mapping.items:
                    message = "an input has `features`, or `channels`, `height` and `width`"
                    span = mapping.items[surplus].key.span
                    self.findings.add(Code.CONFLICTING_KEYS, message, span)
        return found

    def params(self, section: Mapping | None, network: bool = False) -> dict[str, Param]:
        found = {}
        for entry in section.items.values() if section else ():
            check_name(entry.key, "parameter", self.findings, pattern=r"[A-Za-z0-9_]+")
            param = self.param(entry)
            if param is None:
                continue
            found[entry.key.text] = param
        return found

    def param(self, entry: Entry) -> Param | None:
        """``int``, ``int = 3``, or a bare default whose type is its own."""
        value = entry.value
        if isinstance(value, Mapping):
            message = f"the parameter `{entry.key.text}` is given a mapping"
            hint = "write a type, `int = 3`, or a default value"
            self.findings.add(Code.WRONG_TYPE, message, value.span.first_line(), help=hint)
            return None
        if isinstance(value, Sequence):
            return Param(entry.key, "size" if len(value.items) == 2 else "any", value)
        if isinstance(value.value, str):
            return self.typed_param(entry.key, value)
        kind = type(value.value).__name__
        return Param(entry.key, kind if kind in TYPES else "any", value)

    def typed_param(self, key: Scalar, value: Scalar) -> Param | None:
        match = re.fullmatch(r"\s*(\w*)\s*(?:=\s*(.*?)\s*)?", value.text)
        type_name = match[1] if match else value.text
        if match is None or type_name not in TYPES:
            self.findings.add(
                Code.BAD_TYPE_NAME,
                f"`{type_name}` is not a type of parameters",
                value.span.first_line(),
                help=did_you_mean(type_name, TYPES)
                or f"the types are {', '.join(TYPES)}; a word as default is written `string = {type_name}`",
            )
            return None
        if match[2] is None:
            return Param(key, type_name, None)
        return Param(key, type_name, _inline_value(match[2], value))

    def defaults(self) -> dict[str, Mapping]:
        found = {}
        for entry in self.entries("defaults"):
            if need_mapping(entry.value, f"the defaults of `{entry.key.text}`", self.findings):
                assert isinstance(entry.value, Mapping)
                found[entry.key.text] = entry.value
        return found

    # -- bodies ------------------------------------------------------------------------------

    def blocks(self) -> dict[str, Block]:
        found: dict[str, Block] = {}
        for entry in self.entries("blocks"):
            key = entry.key
            check_name(key, "block", self.findings)
            if key.text in BUILT_IN:
                message = f"`{key.text}` is an operation, so a block cannot have its name"
                hint = f"call it `my_{key.text}`, or say what it is for"
                self.findings.add(Code.NAME_CLASH, message, key.span, help=hint)
            if not need_mapping(entry.value, f"the block `{key.text}`", self.findings):
                continue
            assert isinstance(entry.value, Mapping)
            items = entry.value.items
            what = f"the block `{key.text}`"
            keys(entry.value, BLOCK_KEYS, what, self.findings)
            section = items.get("params")
            params: dict[str, Param] = {}
            if section and need_mapping(section.value, f"the `params` of {what}", self.findings):
                assert isinstance(section.value, Mapping)
                params = self.params(section.value)
            inputs = self.block_inputs(items.get("inputs"))
            body = self.steps.body(entry.value, key, what, (inputs,))
            # A body that cannot be read is empty: its uses are not at fault.
            body = body or Chain({}, entry.value.span)
            found[key.text] = Block(key, params, inputs, body)
        return found

    def block_inputs(self, entry: Entry | None) -> tuple[str, ...]:
        if entry is None:
            return ("input",)
        if not isinstance(entry.value, Sequence) or not entry.value.items:
            message = "`inputs` of a block is a list of names, such as [left, right]"
            self.findings.add(Code.WRONG_TYPE, message, entry.value.span.first_line())
            return ("input",)
        names = [need_text(item, "an input's name", self.findings) for item in entry.value.items]
        for name in names:
            if name is not None:
                check_name(name, "input", self.findings)
        return tuple(name.text for name in names if name) or ("input",)

    def stages(self) -> Chain:
        section = self.section("stages")
        if section is None:
            return Chain({}, self.root.span)
        inputs = self.root.items.get("inputs")
        single = self.root.items.get("input")
        names: list[str] = []
        if single and isinstance(single.value, Mapping):
            named = single.value.items.get("name")
            names.append(
                named.value.text if named and isinstance(named.value, Scalar) else "input"
            )
        if inputs and isinstance(inputs.value, Mapping):
            names.extend(inputs.value.items)
        where = self.root.items["stages"].key
        return self.steps.chain(section, "`stages`", (tuple(names),), where)

    def heads(self, inputs: Iterable[str], stages: Chain) -> dict[str, Head]:
        found = {}
        visible = (inputs, stages.steps)
        for entry in self.entries("aux_heads"):
            what = f"the auxiliary head `{entry.key.text}`"
            check_name(entry.key, "head", self.findings)
            if not need_mapping(entry.value, what, self.findings):
                continue
            assert isinstance(entry.value, Mapping)
            items = dict(entry.value.items)
            weight = items.pop("loss_weight", None)
            for wanted, hint in (
                ("from", "say which stage it taps: `from: inception_4a`"),
                ("loss_weight", "say what its loss counts in the total: `loss_weight: 0.3`"),
            ):
                if wanted not in entry.value.items:
                    message = f"{what} needs `{wanted}`"
                    self.findings.add(Code.MISSING_KEY, message, entry.key.span, help=hint)
            step = self.steps.step(Entry(entry.key, Mapping(items, entry.value.span)), visible)
            if step is not None and weight is not None:
                found[entry.key.text] = Head(step, weight.value)
        self.steps.check_sources({n: h.step for n, h in found.items()}, visible)
        return found

    def outputs(self) -> dict[str, Scalar]:
        found = {}
        for entry in self.entries("outputs"):
            check_name(entry.key, "output", self.findings, pattern=r"[A-Za-z_][A-Za-z0-9_]*")
            target = need_text(entry.value, "an output", self.findings)
            if target is not None:
                found[entry.key.text] = target
        return found

    def sections(self, stages: Chain) -> dict[str, Section]:
        """``stem: conv1 .. pool2``: runs of stages, in order, that do not overlap."""
        found: dict[str, Section] = {}
        order = list(stages.steps)
        taken = -1
        for entry in self.entries("sections"):
            value = need_text(entry.value, "a section", self.findings)
            if value is None:
                continue
            ends = [part.strip() for part in value.text.split("..")]
            if len(ends) != 2 or not all(ends):
                message = "a section is written `first_stage .. last_stage`"
                self.findings.add(Code.WRONG_TYPE, message, value.span.first_line())
                continue
            unknown = [end for end in ends if end not in stages.steps]
            for end in unknown:
                message = f"there is no stage `{end}`"
                hint = did_you_mean(end, order)
                self.findings.add(Code.UNKNOWN_REFERENCE, message, value.span, help=hint)
            if unknown:
                continue
            first, last = (order.index(end) for end in ends)
            if not taken < first <= last:
                message = "sections are runs of stages in their order, and do not overlap"
                self.findings.add(Code.WRONG_TYPE, message, value.span)
                continue
            taken = last
            a, b = (Scalar(end, end, value.span) for end in ends)
            found[entry.key.text] = Section(entry.key, a, b)
        return found

    # -- checks over the whole ---------------------------------------------------------------

    def check_top_names(self, spec: Spec) -> None:
        """Inputs, stages and heads share one namespace, since weights are named after them."""
        seen: dict[str, Scalar] = {name: key for name, (key, _) in spec.inputs.items()}
        heads = {name: head.step for name, head in spec.heads.items()}
        for steps in (spec.stages.steps, heads):
            for name, step in steps.items():
                if name in seen:
                    self.findings.add(
                        Code.NAME_CLASH,
                        f"the name `{name}` is taken",
                        step.name.span,
                        "here again",
                        Label(seen[name].span, "first used here"),
                        help="inputs, stages and auxiliary heads need names of their own",
                    )
                seen.setdefault(name, step.name)
        for name, target in spec.outputs.items():
            if name in spec.heads:
                message = f"the output `{name}` has the name of an auxiliary head"
                head = Label(spec.heads[name].step.name.span, "the head")
                self.findings.add(Code.NAME_CLASH, message, target.span, "", head)

    def check_parameters(self, spec: Spec) -> None:
        """Parameters that exist where they are named, and that something names."""
        network = set(spec.params)
        used_network = self.check_references(self.root, network, spec, skip=("blocks",))
        blocks = self.section("blocks")
        for name, block in spec.blocks.items():
            assert blocks is not None
            own = set(block.params)
            used = self.check_references(blocks.items[name].value, own | network, spec)
            used_network |= used - own
            for param in block.params.values():
                if param.name.text not in used:
                    self.lint(Code.UNUSED_PARAMETER, f"block `{name}`", param)
        for param in spec.params.values():
            if param.name.text not in used_network:
                self.lint(Code.UNUSED_PARAMETER, "network", param)

    def lint(self, code: Code, owner: str, param: Param) -> None:
        self.findings.add(
            code,
            f"the {owner} never uses its parameter `{param.name.text}`",
            param.name.span,
            help=f"write `${param.name.text}` where it is meant to count, or remove it",
            severity=Severity.WARNING,
        )

    def check_references(
        self, node: Node, known: set[str], spec: Spec, skip: tuple[str, ...] = ()
    ) -> set[str]:
        """Report ``$names`` that are not in scope; returns those that occur."""
        used = set()
        parts: Iterable[Node] = (node,)
        if skip and isinstance(node, Mapping):
            parts = [entry.value for key, entry in node.items.items() if key not in skip]
        for part in parts:
            for name, span in references(part):
                used.add(name)
                if name in known:
                    continue
                message = f"there is no parameter `${name}`"
                listed = ", ".join(f"${p}" for p in sorted(known)) or "none"
                hint = did_you_mean(name, known) or f"in scope here: {listed}"
                self.findings.add(Code.UNKNOWN_PARAMETER, message, span, help=hint)
        return used


def _inline_value(text: str, whole: Scalar) -> Node:
    """The default in ``size = [1, 7]``, with the place of the declaration."""
    inner = Findings()
    node = parse(Source(whole.span.source.name, text), inner)
    return _moved(node, whole) if node is not None else Scalar(text, text, whole.span)


def _moved(node: Node, whole: Scalar) -> Node:
    if isinstance(node, Scalar):
        return Scalar(node.value, node.text, whole.span)
    if isinstance(node, Sequence):
        return Sequence([_moved(item, whole) for item in node.items], whole.span)
    return Scalar(None, "", whole.span)
