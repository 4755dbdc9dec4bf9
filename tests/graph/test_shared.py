"""Weights that are used more than once: what is counted, tabulated, expected and told of them."""

from __future__ import annotations

import pytest
from yaml import safe_load

from inceptgraph.compare import Change, diff
from inceptgraph.diagnostics import Code, Source
from inceptgraph.pipeline import analyze, to_graph
from inceptgraph.sweep import sweep

NET = """
name: Shared
params: {width: 8, times: 2}
inputs:
  a: {channels: 3, height: 9, width: 9}
  b: {channels: 3, height: 9, width: 9}
blocks:
  tower:
    params: {out: int}
    steps:
      conv:  {op: conv2d, out: $out, kernel: 3, padding: same, bias: false}
      norm:  {op: batch_norm}
      again: {op: conv2d, out: $out, kernel: 3, padding: same}
      once:  {share: again, repeat: $times}
      pool:  {op: global_avg_pool}
      flat:  {op: flatten}
stages:
  left:  {op: tower, out: $width, from: a}
  right: {share: left, from: b}
  both:  {op: concat, from: [left, right]}
  score: {op: linear, out: 1}
"""
APART = NET.replace("{share: left, from: b}", "{op: tower, out: $width, from: b}")


def source(text: str = NET) -> Source:
    return Source("net.yaml", text)


def tower(width: int) -> int:
    """Parameters of a tower, which are counted once for all uses."""
    return 27 * width + 2 * width + 9 * width**2 + width


def test_a_sweep_counts_weights_once_and_work_each_time() -> None:
    options = {"times": ["1", "2", "5"], "width": ["4", "8"]}
    for point in sweep(source(), options):
        times, width = int(point.values["times"]), int(point.values["width"])
        figures = point.figures
        assert figures is not None
        assert figures.params == tower(width) + 2 * width + 1
        one = 81 * (27 * width + (1 + times) * 9 * width**2)
        assert figures.macs == 2 * one + 2 * width
        assert figures.depth == 3 + times
        assert figures.receptive_field == (5 + 2 * times,) * 2


@pytest.mark.parametrize(
    ("said", "codes"),
    [
        (f"params: {tower(8) + 17}", []),
        (f"params: {2 * tower(8) + 17}", [Code.UNMET_EXPECTATION]),
        ("shapes: {right: [8], right.once: [8, 9, 9], right.once.1: [8, 9, 9]}", []),
        ("shapes: {right.once.1: [4, 9, 9]}", [Code.UNMET_EXPECTATION]),
    ],
)
def test_what_is_expected(said: str, codes: list[Code]) -> None:
    found = analyze(source(f"{NET}expect: {{{said}}}\n")).findings
    assert [each.code for each in found] == codes


def test_that_weights_are_shared_is_told_of_the_whole() -> None:
    """Once, though the part that is shared holds steps that share weights among themselves."""
    for before, after, change in (
        (NET, APART, Change("left", None)),
        (APART, NET, Change(None, "left")),
    ):
        (stage,) = diff(source(before), source(after)).stages
        assert stage.name == "right"
        assert stage.arguments == {"share": change}
        assert not stage.steps
        assert {cost.params for cost in stage.cost} == {0, tower(8)}


def test_whose_weights_they_are_is_told() -> None:
    text = APART.replace("  both:", "  third: {share: left, from: b}\n  both:")
    text = text.replace("[left, right]", "[left, right, third]")
    (stage,) = diff(source(text), source(text.replace("share: left", "share: right"))).stages
    assert (stage.name, stage.arguments) == ("third", {"share": Change("left", "right")})


def test_an_edit_of_what_is_shared_is_told_once() -> None:
    found = diff(source(), source(NET.replace("share: again, repeat: $times", "share: again")))
    (block,) = found.blocks
    assert (block.uses, block.changed) == (2, 2)
    assert [step.path for step in block.steps] == ["once"]


def test_weights_of_its_own_for_what_shared_some() -> None:
    """In a part that is another once more, too: what the block says is told once."""
    own = "{op: conv2d, out: $out, kernel: 3, padding: same, repeat: $times}"
    found = diff(source(), source(NET.replace("{share: again, repeat: $times}", own)))
    (block,) = found.blocks
    assert (block.uses, block.changed) == (2, 2)
    assert [(step.path, step.arguments) for step in block.steps] == [
        ("once", {"share": Change("again", None)})
    ]


def test_nothing_is_told_of_the_same_in_other_words() -> None:
    """A tower that is written once more, each of its steps shared."""
    graph = to_graph(source())
    steps = "".join(
        f"      {name}: {{share: left.{name}}}\n" if "conv" in step["op"] or "norm" in step["op"]
        else f"      {name}: {{op: {step['op']}}}\n"
        for name, step in safe_load(NET)["blocks"]["tower"]["steps"].items()
        if "op" in step
    )  # fmt: skip
    steps = steps.replace("      pool:", "      once: {share: left.again, repeat: 2}\n      pool:")
    text = NET.replace("{share: left, from: b}", f"\n    from: b\n    steps:\n{steps}")
    other = to_graph(source(text))
    assert graph.shared("right") == other.shared("right") == "left"
    assert graph.same_as(other)
