"""Blocks: named bodies with parameters."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from inceptgraph.diagnostics import Code, Findings, Label
from inceptgraph.ops import BUILT_IN
from inceptgraph.source import Entry, Mapping, Scalar, Sequence
from inceptgraph.spec._models import Block, Chain, Param
from inceptgraph.spec._params import read_params
from inceptgraph.spec._step_forms import StepReader
from inceptgraph.spec._structure import check_name, need_text, read_keys, read_mapping

__all__ = ["BLOCK_KEYS", "read_blocks"]

BLOCK_KEYS = ("description", "params", "inputs", "steps", "branches", "merge")


def read_blocks(entries: Iterable[Entry], reader: StepReader) -> dict[str, Block]:
    """The blocks of a spec, by name."""
    findings = reader.findings
    found: dict[str, Block] = {}
    for entry in entries:
        key = entry.key
        check_name(key, "block", findings)
        kind = BUILT_IN.get(key.text)
        clashes = kind is not None and not kind.hideable
        if clashes:
            message = f"`{key.text}` is an operation, so no block can have its name"
            hint = f"call it `my_{key.text}`, or say what it is for"
            findings.add(Code.NAME_CLASH, message, key.span, help=hint)
        block = _block(entry, reader)
        found[key.text] = replace(block, readable=block.readable and not clashes)
    return found


def _block(entry: Entry, reader: StepReader) -> Block:
    """A block; one that cannot be read has an empty body."""
    findings = reader.findings
    key, value = entry.key, entry.value
    what = f"the block `{key.text}`"
    nothing = Chain({}, value.span)
    mapping = read_mapping(value, what, findings, "give it `params:` and `steps:`")
    if mapping is None:
        return Block(key, {}, ("input",), nothing, readable=False)
    items = read_keys(mapping, BLOCK_KEYS, what, findings)
    if "description" in items:
        need_text(items["description"].value, "`description`", findings)
    params: dict[str, Param] = {}
    readable = True
    if "params" in items:
        of, declared = f"the `params` of {what}", items["params"].value
        params = read_params(declared, of, findings)
        readable = isinstance(declared, Mapping | Sequence)
    inputs = _inputs(items.get("inputs"), findings)
    body = reader.body(items, key, what, (inputs,))
    return Block(key, params, inputs, body or nothing, readable and body is not None)


def _inputs(entry: Entry | None, findings: Findings) -> tuple[str, ...]:
    if entry is None:
        return ("input",)
    items = entry.value.items if isinstance(entry.value, Sequence) else []
    if not isinstance(items, list) or not items:
        message = "`inputs` of a block must be a list of names"
        word = entry.value.text if isinstance(entry.value, Scalar) else ""
        hint = f"write `inputs: [{word or 'left, right'}]`"
        findings.add(Code.WRONG_TYPE, message, entry.value.span.first_line(), help=hint)
        return (word,) if word else ("input",)
    names = [need_text(item, "an input's name", findings) for item in items]
    found: dict[str, Scalar] = {}
    for name in filter(None, names):
        check_name(name, "input", findings)
        if name.text in found:
            message = f"two inputs of the block are called `{name.text}`"
            first = Label(found[name.text].span, "first written here")
            findings.add(Code.NAME_CLASH, message, name.span, "here again", first)
        found.setdefault(name.text, name)
    return tuple(found) or ("input",)
