"""Comparisons as people read them: variants of shipped networks, and any edit of any network."""

from __future__ import annotations

import copy
from functools import lru_cache
from typing import Any

import pytest
import yaml
from examples import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from places import DATA
from specs_strategy import specs
from variants import VARIANTS, shipped

from inceptgraph.compare import BlockChange, Change, Kind, diff, mark, to_json, to_markdown, to_text
from inceptgraph.compare._narrate import Teller
from inceptgraph.diagnostics import Severity, Source
from inceptgraph.graph import Graph
from inceptgraph.graph import to_text as graph_text
from inceptgraph.pipeline import Analysis, analyze
from inceptgraph_graphviz import to_dot

GOLDEN = DATA / "diff"


@lru_cache(maxsize=32)
def analysis(text: str) -> Analysis:
    return analyze(Source("spec.yaml", text))


def valid(found: Analysis) -> bool:
    return not any(d.severity is Severity.ERROR for d in found.findings)


def graph_of(found: Analysis) -> Graph:
    return found.require_graph()


# -- variants --------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("form", ["txt", "md"])
def test_variant(variant: str, form: str, update_golden: bool) -> None:
    name, text = VARIANTS[variant]
    found = diff(analysis(shipped(name)), analysis(text))
    told = {"txt": to_text, "md": to_markdown}[form](found) + "\n"
    path = GOLDEN / f"{variant}.{form}"
    if update_golden:
        path.write_text(told, encoding="utf-8")
    assert told == path.read_text(encoding="utf-8")


def shared_of(variant: str) -> tuple[BlockChange, ...]:
    name, text = VARIANTS[variant]
    return diff(analysis(shipped(name)), analysis(text)).blocks


def test_an_edit_of_a_block_is_told_once() -> None:
    (block,) = shared_of("batch_norm")
    assert (block.name, block.uses, block.changed) == ("conv", 59, 59)
    edit, added = block.steps
    assert (edit.path, edit.arguments) == ("conv", {"bias": Change(True, False)})
    assert (added.path, added.kind, added.op) == ("bn", Kind.ADDED, Change(None, "batch_norm"))


def test_an_edit_with_several_values_is_told_as_it_is_written() -> None:
    (block,) = shared_of("wide")
    (edit,) = block.steps
    assert edit.arguments == {"out": Change("$out", "($out * $width + 4) // 8 * 8")}


def test_an_edit_of_a_default_is_told_of_its_block() -> None:
    text = shipped("googlenet").replace("kernel: size = 1, stride", "kernel: size = 3, stride")
    found = diff(analysis(shipped("googlenet")), analysis(text))
    (block,) = found.blocks
    assert (block.name, block.changed) == ("conv", 59 - 2 * 9 - 2), "all that give no kernel"
    assert [step.arguments for step in block.steps] == [{"kernel": Change(1, 3)}]
    assert "~ block conv  in 39 of 59 uses\n              kernel: 1 → 3\n" in to_text(found)


def test_defaults_of_operations_are_told_once() -> None:
    text = shipped("googlenet").replace("bias_init: 0.2}", "bias_init: 0.2, bias: false}", 1)
    found = diff(analysis(shipped("googlenet")), analysis(text))
    assert found.defaults == {"conv2d.bias": Change(True, False)}
    assert not any(stage.steps or stage.arguments for stage in (*found.stages, *found.heads))
    assert not found.blocks


def test_data_tell_which_block_an_edit_is_of() -> None:
    name, text = VARIANTS["two_3x3"]
    data = to_json(diff(analysis(shipped(name)), analysis(text)))
    (block,) = data["blocks"]
    assert (block["name"], block["uses"], block["changed"]) == ("inception", 9, 9)
    steps = data["stages"][0]["steps"]
    assert {(step["block"], step["told_of_block"]) for step in steps} == {("inception", True)}


ACT = (
    ("stride: size = 1}", "stride: size = 1, act: string = relu}"),
    ("relu: {op: relu}\n  reduced", "relu: {op: $act}\n  reduced"),
)


def test_a_parameter_that_changes_nothing_is_no_change() -> None:
    text = shipped("googlenet")
    for old, new in ACT:
        assert old in text
        text = text.replace(old, new)
    assert diff(analysis(shipped("googlenet")), analysis(text)).equal
    silu = diff(analysis(text), analysis(text.replace("string = relu", "string = silu")))
    assert to_text(silu).splitlines()[2:5] == [
        "~ block conv  in every use (×59)",
        "              act: relu → silu",
        "",
    ]


def test_a_name_that_means_another_parameter_hides_nothing() -> None:
    text = shipped("googlenet").replace("kernel: 5}}", "kernel: $size}}")
    text = text.replace("params: {classes: 1000}", "params: {classes: 1000, size: 5}")
    other = text.replace("pool_proj: int}", "pool_proj: int, size: int = 7}")
    (block,) = diff(analysis(text), analysis(other)).blocks
    assert [step.arguments for step in block.steps] == [{"kernel": Change(5, 7)}]


def test_a_body_in_the_place_of_a_block_says_what_it_holds() -> None:
    step = "{op: conv, out: $5x5, kernel: 3}"
    body = f"{{steps: {{first: {step}, second: {step}}}}}"
    text = shipped("googlenet")
    other = text.replace("{op: conv, out: $5x5, kernel: 5}", body)
    there, back = analysis(text), analysis(other)
    assert to_text(diff(there, back)).splitlines()[2:5] == [
        "~ block inception  in every use (×9)",
        "                   5x5.5x5: conv → steps",
        "                   + 5x5.5x5.first, 5x5.5x5.second: conv, out: $5x5, kernel: 3",
    ]
    (block,) = diff(back, there).blocks
    assert [step.kind for step in block.steps] == [Kind.CHANGED, Kind.REMOVED, Kind.REMOVED]


# -- Markdown --------------------------------------------------------------------------------


def test_markdown_shows_names_as_they_are() -> None:
    nasty = "a | b `c` <d> *e* [f](g)"
    text = shipped("resnet18").replace("name: ResNet-18", f"name: {nasty!r}")
    told = to_markdown(diff(analysis(shipped("resnet18")), analysis(text)))
    assert told.splitlines()[0] == f"### `ResNet-18` → `` {nasty} ``"
    assert "\x1b" not in told


def test_markdown_of_equals() -> None:
    found = diff(analysis(shipped("resnet18")), analysis(shipped("resnet18")))
    assert "No differences." in to_markdown(found)


# -- any edit --------------------------------------------------------------------------------

NEW_STEPS: tuple[dict[str, Any], ...] = (
    {"op": "relu"},
    {"op": "batch_norm"},
    {"op": "conv2d", "out": 5, "kernel": 3, "padding": "same"},
)


def chains(tree: dict[str, Any]) -> list[dict[str, Any]]:
    """Every mapping of a spec that holds steps in a chain."""
    found = [tree["stages"]]
    pending: list[Any] = [tree["stages"], tree.get("blocks", {}), tree.get("aux_heads", {})]
    while pending:
        item = pending.pop()
        if isinstance(item, dict):
            found += [item["steps"]] if isinstance(item.get("steps"), dict) else []
            pending += item.values()
    return found


@st.composite
def edited(draw: st.DrawFn) -> tuple[str, str]:
    """A spec, and the same with one edit; the edit may be a bad one."""
    before = draw(specs(videos=True))
    tree = yaml.safe_load(before)
    chain = draw(st.sampled_from(chains(tree)))
    name = draw(st.sampled_from(list(chain)))
    step = chain[name]
    kind = draw(st.sampled_from(["set", "drop", "insert", "rename", "param", "replace"]))
    if kind == "param":
        tree["params"]["shared"] = draw(st.integers(1, 6))
    elif kind == "drop":
        del chain[name]
    elif kind == "replace":
        chain[name] = draw(st.sampled_from(NEW_STEPS))
    elif kind == "set":
        key = draw(st.sampled_from(["out", "kernel", "stride", "repeat", "bias", *step]))
        step[key] = draw(st.sampled_from([1, 2, 3, 7, True, "$shared", "relu"]))
    else:
        items = list(chain.items())
        at = [other for other, _ in items].index(name)
        items[at : at + (kind == "rename")] = [
            ("new", step if kind == "rename" else draw(st.sampled_from(NEW_STEPS)))
        ]
        chain.clear()
        chain.update(copy.deepcopy(items))
    return before, yaml.safe_dump(tree, sort_keys=False)


@pytest.mark.heavy
@settings(max_examples=examples(150), suppress_health_check=list(HealthCheck))
@given(edited())
def test_what_computes_something_else_has_a_cause_that_is_told(pair: tuple[str, str]) -> None:
    before, after = map(analysis, pair)
    assume(valid(before) and valid(after))
    assert diff(before, before).equal
    found = diff(before, after)
    teller = Teller(found, code=str)
    told = any(facts for _, facts in teller.facts()) or any(True for _ in teller.edits())
    if graph_text(graph_of(before)) != graph_text(graph_of(after)):
        assert told
    else:
        assert not list(teller.edits())
    assert found.equal is not told
    assert diff(after, before).equal is found.equal


@pytest.mark.heavy
@settings(max_examples=examples(60), suppress_health_check=list(HealthCheck))
@given(edited())
def test_a_picture_marks_what_differs(pair: tuple[str, str]) -> None:
    before, after = map(analysis, pair)
    assume(valid(before) and valid(after))
    old, new = graph_of(before), graph_of(after)
    marks, former = mark(old, new)
    assert {name for name, kind in marks.items() if kind == "added"} == (
        new.nodes.keys() - former.nodes.keys()
    )
    assert {name for name, kind in marks.items() if kind == "removed"} == (
        former.nodes.keys() - new.nodes.keys()
    )
    same = [n for n in new.nodes if n not in marks]
    assert all(new.nodes[n].op == former.nodes[n].op for n in same)
    assert mark(old, old) == ({}, old)
    dot = to_dot(new, marks=marks, ghosts=former, depth=3, legend=False)
    gone = {name for name in marks if name not in new.nodes}
    assert ("<s>" in dot) is bool(gone)
