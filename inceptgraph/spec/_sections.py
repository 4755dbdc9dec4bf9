"""The edges of a network: inputs, outputs, auxiliary heads, and sections of stages."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable

from inceptgraph.diagnostics import Code, Findings, Label, Span, closest, did_you_mean
from inceptgraph.ops import Preprocessing
from inceptgraph.source import Entry, Mapping, Node, Scalar
from inceptgraph.spec._models import Chain, Head, Result, Section
from inceptgraph.spec._references import check_sources
from inceptgraph.spec._step_forms import StepReader
from inceptgraph.spec._structure import (
    check_name,
    listed,
    need_text,
    read_keys,
    read_mapping,
    rename,
)
from inceptgraph.types import KINDS, extent_names

__all__ = ["DEFAULT_OUTPUT", "FREE_KEYS", "INPUT_KEYS", "MAP_KEYS", "PREPROCESS_KEYS", "free_size"]
__all__ += ["read_heads", "read_input", "read_outputs", "read_sections", "shape_keys"]

MAP_KEYS = ("channels", "length", "frames", "height", "width")
FREE_KEYS = ("least", "multiple")
INPUT_KEYS = ("name", *MAP_KEYS, "features", *FREE_KEYS, "preprocess")
PREPROCESS_KEYS = tuple(Preprocessing.model_fields)

DEFAULT_OUTPUT = "output"
"""What the result of the last stage is called in a spec without ``outputs:``."""

_SHAPES = (
    "an image has `channels`, `height` and `width`, a volume `frames` beside them; a sequence has"
    " `channels` and `length`; a vector has `features`"
)
_PREPROCESS = "write `preprocess: {range: [0, 1]}`, and `mean`, `std`, `resize` where there are any"
_ONE_STEP = "an output is the result of one step: give each a name of its own, or join them first"
_OUTPUT_KEYS = ("from", "loss", "loss_weight")
_HEAD_KEYS = {
    "from": "say which stage it taps: `from: inception_4a`",
    "loss_weight": "say what its loss counts in the total: `loss_weight: 0.3`",
}


def read_input(entry: Entry, findings: Findings) -> Mapping | None:
    """One input's shape; a mapping without some of its keys where they could not be read."""
    what = f"the input `{entry.key.text}`" if entry.key.text != "input" else "`input`"
    hint = f"write `{entry.key.text}: {{channels: 3, height: 224, width: 224}}`"
    value = read_mapping(entry.value, what, findings, hint)
    if value is None:
        return None
    stray = value.items.get("inflate")
    if stray is not None:
        message = f"`inflate` stands in {what}, and is said of the whole spec"
        hint = "write it beside `input`: `inflate: {frames: 64}`"
        findings.add(Code.UNKNOWN_KEY, message, stray.key.span, help=hint)
        rest = {key: item for key, item in value.items.items() if item is not stray}
        value = Mapping(rest, value.span)
    items = read_keys(value, INPUT_KEYS, what, findings)
    _read_preprocess(items, what, findings)
    wanted = shape_keys(items)
    if surplus := [items.pop(key) for key in MAP_KEYS if key in items and key not in wanted]:
        kind = _kind(wanted)
        other = "a map" if kind == KINDS[0] else _kind([entry.key.text for entry in surplus])
        findings.add(
            Code.CONFLICTING_KEYS,
            f"{what} is both {kind} and {other}",
            surplus[0].key.span,
            f"this belongs to {other}",
            Label(items[wanted[-1]].key.span, f"this to {kind}"),
            help=_SHAPES,
        )
    elif missing := [key for key in wanted if key not in items]:
        message = f"{what} needs {listed(missing)}"
        findings.add(Code.MISSING_KEY, message, entry.key.span, help=_SHAPES)
    return Mapping(items, value.span)


def _read_preprocess(items: dict[str, Entry], what: str, findings: Findings) -> None:
    """Check how images are made ready for an input, as far as its structure goes; it is gone from
    the items where it cannot be read."""
    entry = items.pop("preprocess", None)
    if entry is None:
        return
    value = read_mapping(entry.value, "`preprocess`", findings, _PREPROCESS)
    if value is None:
        return
    kind = _kind(shape_keys(items))
    if kind in KINDS[:2]:
        message = f"{what} is {kind}, and `preprocess` is of images"
        hint = "leave it out, or give the input `channels`, `height` and `width`"
        findings.add(Code.CONFLICTING_KEYS, message, entry.key.span, help=hint)
        return
    known, at = read_keys(value, PREPROCESS_KEYS, "`preprocess`", findings), entry.key.span
    if "range" not in known:
        message = "`preprocess` needs `range`, what black and white become"
        findings.add(Code.MISSING_KEY, message, at, help=_PREPROCESS)
        return
    items["preprocess"] = Entry(entry.key, Mapping(known, value.span))


_FREE = re.compile(r"\s*free\s*(?:=\s*(.{1,60}?)\s*)?")


def free_size(node: Node) -> Scalar | None:
    """The extent behind ``free =``, for which the figures of a free axis are; 1, as nobody wrote
    it, where it is yet to be found; None where the axis is not free."""
    match = _FREE.fullmatch(node.text) if isinstance(node, Scalar) else None
    if match is None or not isinstance(node, Scalar):
        return None
    if match[1] is None:
        return Scalar(1, "", node.span)
    value = int(match[1]) if re.fullmatch(r"-?[0-9]+", match[1]) else match[1]
    return Scalar(value, match[1], node.part(*match.span(1)))


def shape_keys(items: Container[str]) -> tuple[str, ...]:
    """The keys that give the shape of an input which has these: channels, then its axes.

    >>> shape_keys({"length": 128}), shape_keys(())
    (('channels', 'length'), ('channels', 'height', 'width'))
    """
    kinds = {"features": 0, "length": 1, "frames": 3}
    return extent_names(next((rank for key, rank in kinds.items() if key in items), 2))


def _kind(keys: Container[str]) -> str:
    """What an input with these keys is."""
    return KINDS[len(shape_keys(keys)) - 1]


def read_heads(
    entries: Iterable[Entry], reader: StepReader, inputs: Iterable[str], stages: Chain
) -> dict[str, Head]:
    """Classifiers that exist in training alone, each with its tap and the weight of its loss."""
    found = {}
    visible = (inputs, stages.steps)
    findings = reader.findings
    for entry in entries:
        what = f"the auxiliary head `{entry.key.text}`"
        check_name(entry.key, "head", findings)
        hint = f"write `{entry.key.text}: {{from: conv1, loss_weight: 0.3, op: linear, out: 10}}`"
        value = read_mapping(entry.value, what, findings, hint)
        if value is None:
            continue
        items = dict(value.items)
        for wanted, hint in _HEAD_KEYS.items():
            _need_head_key(items, wanted, entry.key.span, what, hint, findings)
        weight, loss = items.pop("loss_weight", None), items.pop("loss", None)
        step = reader.step(Entry(entry.key, Mapping(items, value.span)), (*visible, ("input",)))
        if step is None or "from" not in items:
            continue
        check_sources(
            {entry.key.text: step}, visible, findings, chained=False, removed=reader.removed
        )
        if weight is not None:
            found[entry.key.text] = Head(step, weight.value, loss.value if loss else None)
    return found


def _need_head_key(
    items: dict[str, Entry], wanted: str, at: Span, what: str, hint: str, findings: Findings
) -> None:
    if wanted in items:
        return
    slip = next((k for k in items if k not in _HEAD_KEYS and closest(k, (wanted,))), None)
    if slip is None:
        findings.add(Code.MISSING_KEY, f"{what} needs `{wanted}`", at, help=hint)
        return
    message = f"{what} has no key `{slip}`"
    findings.add(Code.UNKNOWN_KEY, message, items[slip].key.span, help=f"did you mean `{wanted}`?")
    rename(items, slip, wanted)


def read_outputs(
    entries: Iterable[Entry], heads: dict[str, Head], findings: Findings
) -> dict[str, Result]:
    """Names under which the network hands on the results of stages, and their losses."""
    found: dict[str, Result] = {}
    entries = tuple(entries)
    if not entries and DEFAULT_OUTPUT in heads:
        message = f"the result of the last stage is called `{DEFAULT_OUTPUT}`, as is this head"
        hint = "give the head another name, or name the result: `outputs: {logits: …}`"
        span = heads[DEFAULT_OUTPUT].step.name.span
        findings.add(Code.NAME_CLASH, message, span, help=hint)
    for entry in entries:
        name = entry.key.text
        check_name(entry.key, "output", findings, pattern=r"[A-Za-z_][A-Za-z0-9_]*")
        if name in heads:
            message = f"an output and an auxiliary head are both called `{name}`"
            head = Label(heads[name].step.name.span, "the head")
            hint = "call the output by what it is, such as `logits`"
            findings.add(Code.NAME_CLASH, message, entry.key.span, "the output", head, help=hint)
            continue
        result = _result(entry, findings)
        if result is not None:
            found[name] = result
    return found


def _result(entry: Entry, findings: Findings) -> Result | None:
    """``logits: fc``, or ``mask: {from: head, loss: …}``."""
    what = f"the output `{entry.key.text}`"
    if not isinstance(entry.value, Mapping):
        source = need_text(entry.value, what, findings, _ONE_STEP)
        return None if source is None else Result(source)
    items = read_keys(entry.value, _OUTPUT_KEYS, what, findings)
    if "from" not in items:
        hint = f"say which stage it is: `{entry.key.text}: {{from: fc, loss: mse}}`"
        findings.add(Code.MISSING_KEY, f"{what} needs `from`", entry.key.span, help=hint)
        return None
    source = need_text(items["from"].value, f"`from` of {what}", findings, _ONE_STEP)
    if source is None:
        return None
    about = {key: entry.value for key, entry in items.items()}
    return Result(source, about.get("loss"), about.get("loss_weight"))


_FORM = "a section is a run of stages: `stem: first_stage .. last_stage`"


def read_sections(
    entries: Iterable[Entry], stages: Chain, findings: Findings
) -> dict[str, Section]:
    """``stem: conv1 .. pool2``: runs of stages, in order, that do not overlap."""
    found: dict[str, Section] = {}
    order = {name: index for index, name in enumerate(stages.steps)}
    taken: dict[int, Section] = {}
    for entry in entries:
        what = f"the section `{entry.key.text}`"
        value = need_text(entry.value, what, findings, _FORM)
        text = value.text if value and len(value.text) < 500 else ""
        match = re.fullmatch(r"\s*(\S+)\s*\.\.\s*(\S+)\s*", text)
        if value is not None and match is None:
            message = f"{what} must name two stages, joined by `..`"
            findings.add(Code.WRONG_TYPE, message, value.span.first_line(), help=_FORM)
        if value is None or match is None:
            continue
        ends = [Scalar(match[i], match[i], value.part(*match.span(i))) for i in (1, 2)]
        section = Section(entry.key, ends[0], ends[1])
        if _stages_exist(section, order, findings) and _is_free(section, order, taken, findings):
            first, last = order[ends[0].text], order[ends[1].text]
            taken.update(dict.fromkeys(range(first, last + 1), section))
            found[entry.key.text] = section
    return found


def _stages_exist(section: Section, order: dict[str, int], findings: Findings) -> bool:
    unknown = [end for end in (section.first, section.last) if end.text not in order]
    for end in unknown:
        hint = did_you_mean(end.text, order) or "a section begins and ends with names of stages"
        message = f"there is no stage `{end.text}`"
        findings.add(Code.UNKNOWN_REFERENCE, message, end.span, help=hint)
    return not unknown


def _is_free(
    section: Section, order: dict[str, int], taken: dict[int, Section], findings: Findings
) -> bool:
    name, first, last = section.name.text, section.first.text, section.last.text
    if order[first] > order[last]:
        message = f"the section `{name}` ends before it begins: `{last}` is above `{first}`"
        hint = f"write `{name}: {last} .. {first}`"
        findings.add(Code.WRONG_TYPE, message, section.first.span, help=hint)
        return False
    both = next((i for i in range(order[first], order[last] + 1) if i in taken), None)
    if both is None:
        return True
    other = taken[both]
    shared = next(stage for stage, index in order.items() if index == both)
    findings.add(
        Code.WRONG_TYPE,
        f"the stage `{shared}` is in two sections, `{other.name.text}` and `{name}`",
        section.name.span,
        "",
        Label(other.name.span, "the other one"),
        help="sections do not overlap: a section ends before the next one begins",
    )
    return False
