"""Inputs whose extents are free: which they may have, and what does not fit at others."""

from __future__ import annotations

import json
from collections import Counter
from itertools import product
from typing import Any

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from other_sizes import resized

from inceptgraph.analysis import to_text
from inceptgraph.diagnostics import Code, Severity, Source
from inceptgraph.infer import _free_sizes
from inceptgraph.ops import Input
from inceptgraph.pipeline import analyze, summary
from inceptgraph.report import render

IMAGE = "name: N\ninput: {channels: 3, height: %s, width: 64}\n"


def errors(text: str) -> list[Code]:
    found = analyze(Source("n.yaml", text)).findings
    return [each.code for each in found if each.severity is Severity.ERROR]


def least(text: str) -> tuple[int, ...]:
    analysis = analyze(Source("n.yaml", text))
    assert render(analysis.findings, "concise") == ""
    (source,) = analysis.require_graph().inputs
    assert isinstance(source.op, Input)
    return source.op.least


@pytest.mark.heavy
@pytest.mark.parametrize("name", ["inception_v3_tfslim", "inception_resnet_v2"])
def test_least_sizes_are_those_that_keras_states(name: str) -> None:
    """``InceptionV3`` and ``InceptionResNetV2``: width and height no smaller than 75."""
    free = "{channels: 3, height: free = 299, width: free = 299}"
    (source,) = analyze(name).require_graph().inputs
    text = f"extends: {name}\nname: Free\ninput: {free[:-1]}, name: {source.name}}}\n"
    heads = analyze(name).require_graph().heads
    without = "".join(f"  {head.path}: remove\n" for head in heads)
    assert least(f"{text}edit:\n{without}" if heads else text) == (75, 75)


WINDOWS = st.fixed_dictionaries(
    {
        "op": st.sampled_from(["conv", "max_pool"]),
        "kernel": st.integers(1, 5),
        "stride": st.integers(1, 4),
        "padding": st.sampled_from(["same", "valid", 0, 1]),
    },
    optional={"ceil": st.booleans()},
).map(lambda step: step | ({"out": 3} if step["op"] == "conv" else {}))


def chain(steps: list[dict[str, Any]]) -> dict[str, Any]:
    made = {f"s{at}": dict(step) for at, step in enumerate(steps)}
    for step in made.values():
        if step["op"] == "conv":
            step.pop("ceil", None)
    return made


@given(
    st.lists(WINDOWS, min_size=1, max_size=3),
    st.lists(WINDOWS, max_size=2),
    st.sampled_from([1, 2, 3, 4]),
    st.booleans(),
)
@settings(deadline=None, max_examples=examples(25))
def test_what_is_found_is_found_by_trying_every_size(
    left: list[dict[str, Any]], right: list[dict[str, Any]], multiple: int, cut: bool
) -> None:
    branches: dict[str, Any] = {"left": chain(left), "right": chain(right)}
    stages: dict[str, Any] = {"m": {"branches": branches, "merge": "add"}}
    if cut:
        stages |= {"crop": {"op": "crop", "border": [1, 1]}}

    def spec(length: object, **more: int) -> str:
        shape = {"channels": 3, "length": length, **more}
        return json.dumps({"name": "N", "input": shape, "stages": stages})

    tried = list(range(multiple, 200, multiple))
    default = next((size for size in tried if not errors(spec(size))), None)
    if default is None or default + 100 > tried[-1]:
        return
    graph = analyze(Source("n.yaml", spec(default))).require_graph()
    text = spec(f"free = {default}", multiple=multiple)
    if any(resized(graph, size)[1].errors for size in tried if size >= default):
        assert errors(text)
    else:
        assert least(text) == (default,)


def test_a_size_that_is_not_written_is_found() -> None:
    stages = "stages: {a: {op: conv2d, out: 4, kernel: 7, stride: 4}, b: {op: global_avg_pool}}"
    assert least(IMAGE % "free" + stages) == (7,)
    assert least(IMAGE % "free, multiple: 3" + stages) == (9,)
    assert least(IMAGE % "free, least: 20" + stages) == (20,)
    (source,) = analyze(Source("n.yaml", IMAGE % "free" + stages)).require_graph().inputs
    assert source.shape == (3, 8, 64)


def shapes(inputs: str, stages: str) -> list[tuple[int, ...]]:
    """Of the inputs, for which the figures are."""
    analysis = analyze(Source("n.yaml", f"name: N\n{inputs}stages:\n{stages}"))
    assert render(analysis.findings, "concise") == ""
    return [node.shape for node in analysis.require_graph().inputs if node.shape]


def test_an_extent_that_is_written_is_kept_beside_one_that_is_not() -> None:
    conv = "  a: {op: conv2d, out: 4, kernel: 5}\n"
    one = "input: {channels: 3, height: free = 224, width: free}\n"
    assert shapes(one, conv) == [(3, 224, 8)]
    two = """inputs:
  x: {channels: 3, height: free, width: free, multiple: 2}
  y: {channels: 3, height: free = 18, width: free, multiple: 3}
"""
    join = "  join: {op: concat, from: [x, y]}\n"
    assert shapes(two, join) == [(3, 18, 6), (3, 18, 6)]


@pytest.mark.parametrize(
    "stages",
    [
        "a: {op: reshape, channels: 4, height: rest, width: 8}",
        "a: {op: reshape, channels: 4, length: rest}, b: {op: conv, out: 3, kernel: 5}",
        "a: {op: reshape, channels: 2, length: rest}, b: {op: max_pool, kernel: 2}",
        "a: {op: transpose, order: [channels, width, height]}, "
        "b: {op: matmul, from: [input, a]}, c: {op: add, from: [b, input]}",
        "a: {op: transpose, order: [channels, width, height]}, b: {op: matmul, from: [a, input]}",
        "a: {op: conv2d, out: 3, kernel: 3, stride: 2}, b: {op: max_pool, kernel: 2}",
    ],
)
@pytest.mark.parametrize("multiple", [1, 2, 4])
def test_several_axes_are_found_by_trying_every_pair_of_extents(stages: str, multiple: int) -> None:
    line = "name: N\ninput: {channels: 4, height: %s, width: %s}\nstages: {" + stages + "}\n"
    graph = analyze(Source("n.yaml", line % (16, 16))).require_graph()
    text = (line % ("free = 16", "free = 16")).replace("}\n", f", multiple: {multiple}}}\n", 1)
    found = errors(text)
    first = (multiple, multiple) if found else least(text)
    pairs = product(*(range(each, 25, multiple) for each in first))
    assert any(resized(graph, *pair)[1].errors for pair in pairs) == bool(found)


def test_what_inputs_say_of_an_axis_holds_for_all_that_have_it() -> None:
    def free(stages: str, **said: str) -> list[tuple[int, ...]]:
        lines = (f"  {n}: {{channels: 3, height: free, width: 8{x}}}\n" for n, x in said.items())
        analysis = analyze(Source("n.yaml", f"name: N\ninputs:\n{''.join(lines)}{stages}"))
        assert render(analysis.findings, "concise") == ""
        inputs = analysis.require_graph().inputs
        return [node.op.least for node in inputs if isinstance(node.op, Input)]

    join = "stages: {a: {op: concat, from: [x, y]}}"
    assert free(join, x="", y=", least: 20") == [(20,), (20,)]
    halves = "a: {op: max_pool, kernel: 2, stride: 2, from: x}, b: {op: resize, factor: 2}"
    again = f"stages: {{{halves}, c: {{op: concat, from: [b, y]}}}}"
    assert free(again, x="", y=", multiple: 2") == [(2,), (2,)]
    assert free(again, x=", multiple: 6", y=", multiple: 4") == [(12,), (12,)]


def test_figures_are_not_of_a_size_at_which_joins_fit_as_at_no_other() -> None:
    """At a height of 1 two pixels and one are added; at 2 what is halved is doubled again."""
    text = """stages:
  a: {op: conv2d, out: 3, kernel: 3, stride: 2, padding: same}
  b: {op: resize, factor: 2}
  c: {op: add, from: [b, input]}
"""
    (odd,) = analyze(Source("n.yaml", IMAGE % "free" + text)).findings
    assert odd.message.startswith("at odd heights `add`") and odd.help == (
        "state `multiple: 2` beside it"
    )


def test_a_join_that_spreads_a_small_extent_fits_at_no_larger_one() -> None:
    """At 5 a branch of two pixels and one of a single one are added; at 9 it is three and two."""
    text = """name: N
input: {channels: 3, length: %s}
stages:
  m:
    branches:
      a: {op: conv, out: 3, kernel: 3, stride: 4, padding: same}
      b: {op: max_pool, kernel: 2, stride: 4}
    merge: add
"""
    assert not errors(text % 5) and errors(text % 9)
    (found,) = analyze(Source("n.yaml", text % "free = 2")).findings
    assert found.message.startswith("at lengths such as 9 `add` cannot join")


def test_a_least_extent_is_a_multiple() -> None:
    stages = "stages: {a: {op: conv2d, out: 4, kernel: 3}}"
    assert least(IMAGE % "free = 16, least: 5, multiple: 4" + stages) == (8,)


def test_heads_want_what_they_want_in_training_alone() -> None:
    stages = """stages: {a: {op: conv2d, out: 4, stride: 2}, b: {op: global_avg_pool}}
aux_heads: {h: {op: conv2d, out: 2, kernel: 9, from: a, loss_weight: 1}}
"""
    assert least(IMAGE % "free = 32" + stages) == (1,)


def test_a_summary_says_what_is_free() -> None:
    text = IMAGE % "free = 40, multiple: 4" + "stages: {a: {op: conv2d, out: 4, kernel: 7}}"
    outline = summary(Source("n.yaml", text))
    assert [(free.axis, free.least, free.multiple) for free in outline.free["input"]] == [
        ("height", 8, 4)
    ]
    assert summary(Source("n.yaml", text), set={"input.height": 44}).free == {}
    (idle,) = analyze(Source("n.yaml", text), set={"input.height": 44}).findings
    assert idle.severity is Severity.WARNING and "`multiple` is of free extents" in idle.message


def test_sequences_and_volumes() -> None:
    lines = "name: N\ninput: {channels: 2, length: free = 128}\nstages: {a: {op: conv, out: 3, "
    assert least(lines + "kernel: 9, stride: 2}, b: {op: max_pool, kernel: 2}}") == (11,)
    frames = "name: N\ninput: {channels: 2, frames: free = 8, height: 9, width: 9}\nstages: "
    window = "{a: {op: conv, out: 3, kernel: [3, 1, 1]}}"
    assert least(frames + window) == (3,)
    told = to_text(summary(Source("n.yaml", frames + window)))
    assert "input may have any number of frames from 3 on; the figures are for 8×9×9." in told


def test_a_long_network_is_tried_at_fewer_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """400 steps, of strides whose product is 2**40: all 4096 sizes would be 1.6 million shapes."""
    shape, counted = _free_sizes.Probe.shape, Counter[str]()

    def counting(self: Any, *given: Any) -> Any:
        counted["shapes"] += 1
        return shape(self, *given)

    monkeypatch.setattr(_free_sizes.Probe, "shape", counting)
    step = "{op: conv2d, out: 3, kernel: 3, padding: same, stride: %d}"
    stages = "".join(f"  s{at}: {step % (1 if at % 10 else 2)}\n" for at in range(400))
    assert least(IMAGE % "free = 9" + "stages:\n" + stages) == (1,)
    assert 50_000 < counted["shapes"] < 1.2 * _free_sizes.WORK
