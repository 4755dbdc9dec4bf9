"""A tree of values to a :class:`Spec`: structure, names and references, before anything is built.

What can be told without the values of parameters is told here, for blocks that nothing uses too.
A part that cannot be read is reported and left out, and what depends on it is not at fault.
"""

from __future__ import annotations

from collections.abc import Iterable

from inceptgraph.diagnostics import Code, Findings, Label, Source, Span
from inceptgraph.source import Entry, Mapping, Scalar
from inceptgraph.spec._block_params import check_block
from inceptgraph.spec._blocks import BLOCK_KEYS, read_blocks
from inceptgraph.spec._classes import read_classes
from inceptgraph.spec._expect_form import read_expectations
from inceptgraph.spec._inflate import inflated, read_inflate
from inceptgraph.spec._models import Block, Chain, Classes, Param, Spec
from inceptgraph.spec._params import (
    check_defaults_order,
    check_references,
    lint_unused,
    read_params,
)
from inceptgraph.spec._read_as_meant import join_calls
from inceptgraph.spec._resolve import Resolved
from inceptgraph.spec._sections import (
    INPUT_KEYS,
    read_heads,
    read_input,
    read_outputs,
    read_sections,
)
from inceptgraph.spec._signatures import check_uses
from inceptgraph.spec._step_forms import StepReader
from inceptgraph.spec._structure import check_name, listed, need_text, read_keys, read_mapping

__all__ = ["BLOCK_KEYS", "INPUT_KEYS", "KEYS", "load", "load_library"]

KEYS = (
    "name",
    "description",
    "source",
    "extends",
    "include",
    "input",
    "inputs",
    "inflate",
    "classes",
    "params",
    "defaults",
    "blocks",
    "stages",
    "edit",
    "outputs",
    "aux_heads",
    "sections",
    "expect",
)

_EVALUATED = ("input", "inputs", "inflate", "defaults", "stages", "outputs", "aux_heads")
"""Sections in which ``$parameters`` get their values."""

_HINTS = {
    "stages": "stages are keyed by name: write `conv1: {op: conv2d, out: 64}`",
    "blocks": "blocks are keyed by name: write `conv: {params: {…}, steps: {…}}`",
    "inputs": "inputs are keyed by name: write `image: {channels: 3, height: 224, width: 224}`",
    "outputs": "write `outputs: {logits: classifier}`",
    "aux_heads": "write `aux_heads: {aux1: {from: …, loss_weight: 0.3, op: …}}`",
    "sections": "write `sections: {stem: conv1 .. pool2}`",
    "defaults": "write `defaults: {conv2d: {bias: false}}`",
    "expect": "write `expect: {params: 6998552}`",
}
_BEGINNING = "a spec begins with `name:`, `input:` and `stages:`; `inceptgraph init` writes one"
_MISSING = {
    "name": _BEGINNING,
    "input": "add `input: {channels: 3, height: 224, width: 224}`",
    "stages": "add `stages:` with the steps of the network, each as `name: {op: …}`",
}


def load(resolved: Resolved, source: Source, findings: Findings) -> Spec | None:
    """Read a spec.

    Args:
        resolved: the document, made whole.
        source: the text it came from.
        findings: receives what is wrong.

    Returns:
        The spec, without the parts that could not be read; None where nothing can be made of it.
    """
    mapping = read_mapping(resolved.tree, "a spec", findings, _BEGINNING)
    if mapping is None:
        return None
    return _SpecReader(mapping, source, resolved, findings).read()


def load_library(resolved: Resolved, source: Source, findings: Findings) -> dict[str, Block]:
    """Read a library of blocks, as far as can be told without a network that uses them.

    Args:
        resolved: the document, with the blocks of the libraries that it includes.
        source: the text it came from.
        findings: receives what is wrong.
    """
    assert isinstance(resolved.tree, Mapping)
    hint = _HINTS["blocks"]
    section = read_mapping(resolved.tree.items["blocks"].value, "`blocks`", findings, hint)
    blocks = read_blocks(section.items.values() if section else (), StepReader(findings))
    for name, block in blocks.items():
        assert section is not None
        check_block(block, section.items[name].value, (), (), source, findings)
    nothing = Chain({}, resolved.tree.span)
    check_uses(Spec(source, "", None, {}, {}, {}, blocks, nothing, {}, {}, {}, None), findings)
    for key in ("description", "source"):
        if key in resolved.tree.items:
            need_text(resolved.tree.items[key].value, f"`{key}`", findings)
    return blocks


class _SpecReader:
    def __init__(
        self, root: Mapping, source: Source, resolved: Resolved, findings: Findings
    ) -> None:
        self.source = source
        self.resolved = resolved
        self.findings = findings
        root = self.without_strays(root)
        stages = root.items.get("stages")
        written = stages.value.items if stages and isinstance(stages.value, Mapping) else {}
        self.steps = StepReader(findings, written, resolved.removed)
        vector = {"input", "inputs"} & root.items.keys()
        required = ("name", "stages") if vector else ("name", "input", "stages")
        missing = [key for key in required if key not in root.items]
        help = _MISSING.get(missing[0]) if len(missing) == 1 else _MISSING["name"]
        self.items = read_keys(root, KEYS, "a spec", findings, required, help=help)
        self.root = Mapping(self.items, root.span)

    def without_strays(self, root: Mapping) -> Mapping:
        """Steps that are not indented below ``stages:`` are read as if they were."""
        strays = {
            name: entry
            for name, entry in root.items.items()
            if name not in KEYS and isinstance(entry.value, Mapping) and "op" in entry.value.items
        }
        stages = root.items.get("stages")
        if not strays or stages is None:
            return root
        first = next(iter(strays.values())).key.span
        are = "stands" if len(strays) == 1 else "stand"
        self.findings.add(
            Code.UNKNOWN_KEY,
            f"{listed(strays)} {are} beside `stages`, not in it",
            first,
            "",
            Label(stages.key.span, "a stage belongs below this"),
            help="indent every line of a stage",
        )
        own = stages.value.items if isinstance(stages.value, Mapping) else {}
        inside = Mapping({**strays, **own}, stages.value.span)
        items = {name: entry for name, entry in root.items.items() if name not in strays}
        return Mapping({**items, "stages": Entry(stages.key, inside)}, root.span)

    def read(self) -> Spec:
        params_entry = self.items.get("params")
        params: dict[str, Param] = {}
        if params_entry is not None:
            params = read_params(params_entry.value, "`params`", self.findings)
        blocks = read_blocks(self.entries("blocks"), self.steps)
        inputs = self.inputs()
        entry = self.items.get("inflate")
        inflate = read_inflate(entry, self.findings) if entry else None
        inflate = inflated(inputs, inflate, self.findings) if inflate else None
        stages = self.stages(tuple(inputs))
        heads = read_heads(self.entries("aux_heads"), self.steps, inputs, stages)
        spec = Spec(
            source=self.source,
            name=self.name(),
            description=self.text("description"),
            inputs={name: found for name, found in inputs.items() if found is not None},
            params=params,
            defaults=self.defaults(),
            blocks=blocks,
            stages=stages,
            outputs=read_outputs(self.entries("outputs"), heads, self.findings),
            heads=heads,
            sections=read_sections(self.entries("sections"), stages, self.findings),
            expect=self.expect(),
            inflate=inflate,
            classes=self.classes(),
            removed=self.resolved.removed,
        )
        self.text("source")
        self.check_top_names(spec)
        self.check_parameters(spec)
        check_uses(spec, self.findings)
        return spec

    # -- small parts -------------------------------------------------------------------------

    def section(self, key: str) -> Mapping | None:
        entry = self.items.get(key)
        if entry is None:
            return None
        return read_mapping(entry.value, f"`{key}`", self.findings, _HINTS.get(key))

    def text(self, key: str) -> str | None:
        entry = self.items.get(key)
        node = need_text(entry.value, f"`{key}`", self.findings) if entry else None
        return node.text if node else None

    def name(self) -> str:
        """The network's name, which gets into headings, pictures and Python."""
        name = self.text("name") or "network"
        if name.isprintable():
            return name
        character = next(c for c in name if not c.isprintable())
        message = f"the network's name holds the control character U+{ord(character):04X}"
        span = self.items["name"].value.span.first_line()
        self.findings.add(Code.BAD_NAME, message, span, help="write it on one line, in letters")
        return "network"

    def entries(self, key: str) -> Iterable[Entry]:
        section = self.section(key)
        return section.items.values() if section else ()

    def inputs(self) -> dict[str, tuple[Scalar, Mapping] | None]:
        """By name, None where one could not be read."""
        single, several = self.items.get("input"), self.items.get("inputs")
        if single and several:
            self.findings.add(
                Code.CONFLICTING_KEYS,
                "a spec has `input` or `inputs`, not both",
                several.key.span,
                "this",
                Label(single.key.span, "and this"),
                help="list every input under `inputs:`",
            )
        entries = [single] if single else []
        section = self.section("inputs")
        if section is not None:
            entries += section.items.values()
            if not section.items and several:
                message = "`inputs` is empty, so that nothing enters the network"
                hint = _HINTS["inputs"]
                self.findings.add(Code.EMPTY_BODY, message, several.key.span, help=hint)
        found: dict[str, tuple[Scalar, Mapping] | None] = {}
        named_at: dict[str, Span] = {}
        for entry in entries:
            shape = read_input(entry, self.findings)
            key = entry.key
            named = shape.items.pop("name", None) if shape else None
            if named is not None:
                key = need_text(named.value, "an input's `name`", self.findings) or key
            check_name(key, "input", self.findings)
            if key.text in named_at:
                message = f"two inputs are called `{key.text}`"
                first = Label(named_at[key.text], "first used here")
                self.findings.add(Code.NAME_CLASH, message, key.span, "here again", first)
            named_at.setdefault(key.text, key.span)
            found[key.text] = (key, shape) if shape is not None else None
        return found

    def defaults(self) -> dict[str, tuple[Scalar, Mapping]]:
        found = {}
        for entry in self.entries("defaults"):
            what = f"`{entry.key.text}` in `defaults`"
            mapping = read_mapping(entry.value, what, self.findings, _HINTS["defaults"])
            if mapping is not None:
                join_calls(mapping.items, self.findings)
                found[entry.key.text] = (entry.key, Mapping(dict(mapping.items), mapping.span))
        return found

    def expect(self) -> Mapping | None:
        section = self.section("expect")
        return read_expectations(section, self.findings) if section is not None else None

    def classes(self) -> Classes | None:
        entry = self.items.get("classes")
        return read_classes(entry, self.findings) if entry else None

    # -- bodies ------------------------------------------------------------------------------

    def stages(self, inputs: tuple[str, ...]) -> Chain:
        section = self.section("stages")
        if section is None:
            return Chain({}, self.root.span)
        return self.steps.chain(section, "`stages`", (inputs,), self.items["stages"].key)

    # -- checks over the whole ---------------------------------------------------------------

    def check_top_names(self, spec: Spec) -> None:
        """Inputs, stages and heads share one namespace, since weights are named after them."""
        seen = {name: (key, "an input") for name, (key, _) in spec.inputs.items()}
        heads = {name: head.step for name, head in spec.heads.items()}
        for steps, kind in ((spec.stages.steps, "a stage"), (heads, "an auxiliary head")):
            for name, step in steps.items():
                if name in seen:
                    first, first_kind = seen[name]
                    self.findings.add(
                        Code.NAME_CLASH,
                        f"{first_kind} and {kind} are both called `{name}`",
                        step.name.span,
                        "here again",
                        Label(first.span, "first used here"),
                        help="inputs, stages and auxiliary heads need names of their own",
                    )
                seen.setdefault(name, (step.name, kind))

    def check_parameters(self, spec: Spec) -> None:
        """Parameters that exist where they are named, and that something names."""
        used = check_defaults_order(spec.params, (), self.findings)
        nodes = [self.items[key].value for key in _EVALUATED if key in self.items]
        used |= check_references(nodes, spec.params, self.findings)
        blocks = self.section("blocks")
        for name, block in spec.blocks.items():
            assert blocks is not None
            # a library means the same in every network: it sees none of its parameters
            sealed, body = self.resolved.libraries, blocks.items[name].value
            used |= check_block(block, body, spec.params, sealed, self.source, self.findings)
        own = {n: p for n, p in spec.params.items() if p.name.span.source is self.source}
        inherited = spec.params.keys() - own.keys()
        lint_unused(own, used, "the network", self.findings, inherited)
