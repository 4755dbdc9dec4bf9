"""Comparisons: what is told of an edit, and that nothing is told where there is none."""

from __future__ import annotations

import pytest

from inceptgraph.compare import Change, Comparison, Kind, StageChange, diff
from inceptgraph.diagnostics import Severity, Source
from inceptgraph.pipeline import Analysis, analyze

SPEC = """\
name: small
input: {channels: 3, height: 8, width: 8}
params: {classes: 10}
blocks:
  conv:
    params: {out: int, kernel: int = 1}
    steps:
      conv: {op: conv2d, out: $out, kernel: $kernel, padding: same}
      relu: {op: relu}
  fork:
    params: {left: int, right: int}
    branches:
      left: {op: conv, out: $left}
      right: {op: conv, out: $right, kernel: 3}
    merge: concat
stages:
  first: {op: conv, out: 4}
  pool: {op: max_pool, kernel: 2, stride: 2}
  fork: {op: fork, left: 2, right: 6}
  chain: {op: conv, out: 8, repeat: 2}
  flatten: {op: flatten}
  classifier: {op: linear, out: $classes}
aux_heads:
  aux:
    from: pool
    loss_weight: 0.3
    steps: {flatten: {op: flatten}, fc: {op: linear, out: $classes}}
"""


def analysis(text: str = SPEC, **values: str) -> Analysis:
    found = analyze(Source("small.yaml", text), set=values)
    assert not [d for d in found.findings if d.severity is Severity.ERROR]
    return found


def against(*edits: tuple[str, str]) -> Comparison:
    """The spec against itself with words replaced."""
    text = SPEC
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    return diff(analysis(), analysis(text))


def only(comparison: Comparison) -> StageChange:
    (edited,) = (s for s in comparison.stages if s.kind is not Kind.FOLLOWS)
    return edited


def test_a_spec_equals_itself() -> None:
    assert diff(analysis(), analysis()).equal


@pytest.mark.parametrize(
    "edit",
    [
        ("name: small\n", "# a comment\nname: small\ndescription: about it\n"),
        ("blocks:\n", "sections: {head: flatten .. classifier}\nblocks:\n"),
        ("kernel: int = 1", "kernel: size = 1"),
        ("{op: conv, out: 4}", "{op: conv, out: 4, kernel: 1}"),
    ],
)
def test_what_computes_the_same_is_equal(edit: tuple[str, str]) -> None:
    assert against(edit).equal


def test_an_argument() -> None:
    found = against(("right: 6", "right: 10"))
    edited = only(found)
    assert (edited.name, edited.kind) == ("fork", Kind.CHANGED)
    assert edited.arguments == {"right": Change(6, 10)}
    assert edited.steps == (), "the argument explains what changed inside"
    assert edited.shape == Change((8, 4, 4), (12, 4, 4))
    assert edited.cost.after.params - edited.cost.before.params == 4 * (4 * 9 + 1)
    assert [s.name for s in found.stages if s.kind is Kind.FOLLOWS] == ["chain"]
    assert not found.heads


def test_an_argument_of_copies() -> None:
    assert only(against(("repeat: 2", "repeat: 3"))).arguments == {"repeat": Change(2, 3)}
    edited = only(against(("out: 8, repeat", "out: 9, repeat")))
    assert edited.arguments == {"out": Change(8, 9)}
    assert edited.steps == ()


def test_a_default_of_an_operation() -> None:
    edited = only(against(("kernel: 2, stride: 2", "kernel: 2, stride: 2, ceil: true")))
    assert edited.arguments == {"ceil": Change(False, True)}


def test_a_parameter() -> None:
    found = diff(analysis(), analysis(classes="7"))
    assert found.params == {"classes": Change(10, 7)}
    assert only(found).arguments == {"out": Change(10, 7)}
    (head,) = found.heads
    assert [(step.path, step.arguments) for step in head.steps] == [("fc", {"out": Change(10, 7)})]


def test_a_block_that_gains_a_step() -> None:
    found = against(
        ("      relu: {op: relu}\n", "      bn: {op: batch_norm}\n      relu: {op: relu}\n")
    )
    names = [stage.name for stage in found.stages]
    assert names == ["first", "fork", "chain"]
    added = [(step.path, step.kind, step.op) for step in found.stages[1].steps]
    assert added == [
        ("left.bn", Kind.ADDED, Change(None, "batch_norm")),
        ("right.bn", Kind.ADDED, Change(None, "batch_norm")),
    ]


def test_copies_are_told_by_their_number() -> None:
    for times in ("1", "3"):
        edited = only(against(("repeat: 2", f"repeat: {times}")))
        assert edited.arguments == {"repeat": Change(2, int(times))}
        assert edited.steps == ()


def test_stages_come_and_go() -> None:
    found = against(
        (
            "  flatten: {op: flatten}\n  cl",
            "  more: {op: conv, out: 8}\n  flatten: {op: flatten}\n  cl",
        ),
        ("  first: {op: conv, out: 4}\n", ""),
    )
    by_name = {stage.name: stage for stage in found.stages}
    assert by_name["more"].kind is Kind.ADDED
    assert by_name["more"].place == "chain"
    assert by_name["more"].cost.before is None
    assert by_name["first"].kind is Kind.REMOVED
    assert by_name["first"].cost.after is None
    assert "flatten" not in by_name, "it reads another stage because one was inserted"


def test_a_new_name() -> None:
    found = against(("  pool: {", "  pool1: {"), ("from: pool", "from: pool1"))
    edited = only(found)
    assert (edited.kind, edited.name, edited.place) == (Kind.RENAMED, "pool1", "pool")
    assert found.heads == ()


def test_another_block() -> None:
    edited = only(against(("{op: fork, left: 2, right: 6}", "{op: conv, out: 8, kernel: 3}")))
    assert edited.op == Change("fork", "conv")
    assert edited.arguments == {"out": Change(None, 8), "kernel": Change(None, 3)}
    assert edited.steps == ()


def test_wiring() -> None:
    found = against(("{op: conv, out: 8, repeat: 2}", "{op: conv, out: 8, repeat: 2, from: pool}"))
    assert only(found).arguments == {"from": Change(["fork"], ["pool"])}


def test_wiring_inside_a_stage() -> None:
    found = against(
        ("      relu: {op: relu}\n", "      a: {op: relu}\n      relu: {op: relu, from: conv}\n")
    )
    other = against(("      relu: {op: relu}\n", "      a: {op: relu}\n      relu: {op: relu}\n"))
    assert not found.equal
    assert not other.equal
    swapped = SPEC.replace("merge: concat", "merge: add").replace("left: 2", "left: 6")
    assert diff(analysis(swapped), analysis(swapped)).equal


def test_the_order_of_operands_counts() -> None:
    joined = "  both: {op: concat, from: [pool, chain]}\n  flatten: "
    one = SPEC.replace("  flatten: {op: flatten}\n  c", joined + "{op: flatten}\n  c")
    two = one.replace("[pool, chain]", "[chain, pool]")
    found = diff(analysis(one), analysis(two))
    assert only(found).arguments == {"from": Change(["pool", "chain"], ["chain", "pool"])}


def test_an_operand_that_is_read_twice_counts() -> None:
    head = "name: small\ninput: {channels: 3, height: 8, width: 8}\n"
    text = head + "stages: {a: {op: relu}, sum: {op: add, from: [a, a]}}"
    comparison = diff(analysis(text), analysis(text.replace("[a, a]", "[a, a, a]")))
    assert only(comparison).arguments == {"from": Change(["a", "a"], ["a", "a", "a"])}


def test_heads() -> None:
    (head,) = against(("loss_weight: 0.3", "loss_weight: 0.5")).heads
    assert head.arguments == {"loss_weight": Change(0.3, 0.5)}
    (head,) = against(("    from: pool", "    from: fork")).heads
    assert head.arguments == {"from": Change(["pool"], ["fork"])}
    (head,) = against(("  aux:\n", "  aux9:\n")).heads
    assert (head.kind, head.place) == (Kind.RENAMED, "aux")


def test_name_inputs_outputs() -> None:
    found = against(
        ("name: small", "name: large"),
        ("height: 8", "height: 16"),
        ("stages:", "outputs: {features: flatten, logits: classifier}\nstages:"),
    )
    assert found.name == Change("small", "large")
    assert found.inputs == {"input": Change((3, 8, 8), (3, 16, 8))}
    assert set(found.outputs) >= {"features"}
    kinds = {stage.name: stage.kind for stage in found.stages}
    assert kinds["first"] is kinds["classifier"] is Kind.FOLLOWS


def test_totals() -> None:
    found = against(("right: 6", "right: 10"))
    assert found.cost.after.params > found.cost.before.params
    with_heads = found.cost_with_heads
    assert with_heads.before.params - found.cost.before.params == 4 * 16 * 10 + 10
