"""Steps that are there on a condition, and values that ask for what comes in."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import written
from hypothesis import given
from hypothesis import strategies as st
from written import value_of

from inceptgraph.diagnostics import Code, Source
from inceptgraph.expand import MAX_STEPS
from inceptgraph.graph import Graph
from inceptgraph.pipeline import analyze
from inceptgraph.spec import ValueProblem

HEAD = "name: Net\ninput: {channels: 3, height: 8, width: 6}\n"
built = partial(written.built, head=HEAD)
found = partial(written.found, head=HEAD)


def shapes(graph: Graph) -> dict[str, Any]:
    return {name: node.shape for name, node in graph.nodes.items() if node.inputs}


# -- conditions ----------------------------------------------------------------------------------


NUMBERS = st.recursive(
    st.sampled_from(["1", "2", "0", "$a", "$b", "-$b"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(
        "({0[0]} {0[1]} {0[2]})".format
    ),
    max_leaves=4,
)
COMPARED = st.tuples(NUMBERS, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), NUMBERS)
CONDITIONS = st.recursive(
    COMPARED.map(" ".join) | st.just("$yes"),
    lambda inner: st.one_of(
        inner.map("not {}".format),
        inner.map("({})".format),
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(" ".join),
    ),
    max_leaves=6,
)


@given(CONDITIONS, st.integers(-2, 2), st.integers(-2, 2), st.booleans())
def test_a_condition_is_what_python_makes_of_it(text: str, a: int, b: int, yes: bool) -> None:
    python = eval(text.replace("$", ""), {"a": a, "b": b, "yes": yes})
    asked = f"{text} or $no" if "$" not in text else text
    assert value_of(asked, a=a, b=b, yes=yes, no=False) is python


@pytest.mark.parametrize(
    "text",
    [
        *("$a and 1", "not $a", "$yes + 1", "$yes == 1", "1 < $a < 3", "min($a, $yes)", "-$yes"),
        *("$a = 1", "$yes && $yes", "!$yes", "$a > ", "and $yes", "$yes not $yes", "$a == relu"),
    ],
)
def test_what_is_no_condition(text: str) -> None:
    with pytest.raises(ValueProblem) as problem:
        value_of(text, a=2, yes=True)
    assert problem.value.code == Code.BAD_EXPRESSION


# -- when ----------------------------------------------------------------------------------------


def test_what_reads_a_step_that_is_not_there_reads_what_that_one_reads() -> None:
    text = """params: {wide: false, depth: 3}
stages:
  a: {op: conv2d, out: 4}
  b: {op: conv2d, out: 9, when: $wide}
  c: {steps: {x: {op: conv2d, out: 7}}, when: $depth > 5 and $wide}
  d: {op: conv2d, out: 5, repeat: 2, when: $wide}
  e: {op: add, from: [c, a], when: not $wide}
  f: {op: add, from: [e, a], when: $wide}
sections: {middle: b .. c}
"""
    graph = built(text)
    kinds = [f"{name} {node.op.op}" for name, node in graph.nodes.items() if node.inputs]
    assert kinds == ["a conv2d", *(f"{step} identity" for step in "bcd"), "e add", "f identity"]
    assert graph.nodes["f"].inputs == ("e",) and graph.sections == {"middle": ("b", "c")}
    there = analyze(Source("net.yaml", HEAD + text), set={"wide": True, "depth": 6})
    assert there.graph is not None
    assert list(there.graph.nodes)[2:5] == ["b", "c.x", "d.0"]


def test_a_step_that_is_not_there_leaves_nothing_in_a_block() -> None:
    text = """blocks:
  unit:
    params: {act: bool, norm: bool = true}
    steps:
      conv: {op: conv2d, out: 4, when: $norm or $act}
      norm: {op: batch_norm, when: $norm}
      act: {op: relu, when: $act}
      tail: {op: add, from: [act, input], when: $act}
stages:
  a: {op: unit, act: false}
  b: {op: unit, act: false, norm: false, repeat: 2}
  c: {steps: {x: {op: unit, act: false, norm: false}}}
  d: {op: add, from: [a.act, b.1.conv, a, c]}
"""
    graph = built(text)
    assert list(graph.nodes) == ["input", "a.conv", "a.norm", "b.0", "b.1", "c.x", "d"]
    assert graph.scopes["a"].output == "a.norm" and graph.scopes["c"].output == "c.x"
    assert graph.nodes["d"].inputs == ("a.norm", "b.0", "a.norm", "c.x")


def test_a_branch_that_is_not_there_is_not_joined() -> None:
    text = """params: {left: true, right: true, short: true}
stages:
  m:
    branches:
      left: {op: conv2d, out: 3, when: $left}
      right:
        when: $right
        r1: {op: conv2d, out: 5}
        r2: {op: conv2d, out: 3}
      shortcut: {when: $short}
    merge: add
  after: {op: add, from: [m, m.right]}
"""
    assert built(text).nodes["m.merge"].inputs == ("m.left", "m.right.r2", "m.shortcut")
    lone = built(text, set={"left": False, "short": False})
    assert "m.merge" not in lone.nodes and lone.scopes["m"].output == "m.right.r2"
    assert built(text, set={"right": False}).nodes["after"].inputs == ("m.merge", "input")
    nothing = {"left": False, "short": False, "right": False}
    assert found(text, set=nothing) == [Code.EMPTY_BODY]


def test_a_head_that_is_not_there() -> None:
    text = """params: {heads: false}
stages: {a: {op: conv2d, out: 4}, b: {op: conv2d, out: 5}}
aux_heads: {h: {op: relu, from: a, loss_weight: 0.3, when: $heads}}
"""
    assert [output.name for output in built(text).outputs] == ["output"]
    assert list(built(text).nodes) == ["input", "a", "b"]
    assert [output.name for output in built(text, set={"heads": True}).outputs] == ["output", "h"]


def test_values_of_a_step_that_is_not_there_are_not_asked_for() -> None:
    text = """params: {ratio: 0}
stages: {a: {op: conv2d, out: $in.height / $ratio, when: $ratio > 0}}
"""
    assert shapes(built(text)) == {"a": (3, 8, 6)}
    assert shapes(built(text, set={"ratio": 4})) == {"a": (2, 8, 6)}


def test_a_variant_switches_a_step_off() -> None:
    off = "extends: googlenet\nname: N\nedit: {norm*: {set: {when: false}}}\n"
    graph = built(off, head="")
    assert graph.nodes["norm1"].op.op == graph.nodes["norm2"].op.op == "identity"


# -- extents -------------------------------------------------------------------------------------


def test_a_block_knows_what_comes_in() -> None:
    text = """blocks:
  unit:
    params: {stride: int = 1, factor: int = 2, out: int = $in.channels * $factor}
    branches:
      main: {op: conv2d, out: $out, kernel: 3, stride: $stride, padding: same}
      shortcut:
        project: {op: conv2d, out: $out, stride: $stride, when: $in.channels != $out or $stride > 1}
    merge: add
stages:
  a: {op: unit}
  b: {op: unit, factor: 1}
  c: {op: unit, stride: 2, repeat: 2}
  d: {op: conv2d, out: $c.channels + $c.height - $in.width + $a.channels}
  e: {op: flatten}
  f: {op: linear, out: $e.features // 2}
"""
    graph = built(text)
    assert graph.nodes["b.shortcut"].op.op == "identity"
    found = shapes(graph)
    assert found["a.merge"] == found["b.merge"] == (6, 8, 6)
    assert found["c.1.merge"] == (24, 2, 2)
    assert found["d"] == (24 + 2 - 6 + 6, 2, 2) and found["f"] == (52,)


def test_inputs_of_a_block_are_known_by_their_names() -> None:
    text = """blocks:
  gate:
    inputs: [signal, control]
    params: {out: int = $signal.channels}
    steps:
      squeeze: {op: conv2d, out: $out, from: control}
      apply: {op: multiply, from: [signal, squeeze]}
stages: {a: {op: conv2d, out: 5}, b: {op: gate, from: [a, input]}}
"""
    assert shapes(built(text))["b.squeeze"] == (5, 8, 6)


def test_each_copy_knows_its_own_input() -> None:
    text = "stages: {a: {repeat: 3, steps: {x: {op: conv2d, out: $in.channels * 2}}}}"
    assert [shape[0] for shape in shapes(built(text)).values()] == [6, 12, 24]


@pytest.mark.parametrize(
    "text",
    [
        "stages: {a: {op: relu, repeat: $in.channels}}",
        "blocks: {b: {params: {n: int}, steps: {x: {op: relu, repeat: $n}}}}\n"
        "stages: {a: {op: b, n: $in.channels}}",
        "blocks: {b: {params: {n: int = $in.height * 9}, steps: {x: {op: relu, repeat: $n}}}}\n"
        "stages: {a: {op: b, repeat: 9}}",
        "blocks: {b: {params: {word: string}, steps: {x: {op: $word}}}}\n"
        "stages: {a: {op: b, word: $in.channels}}",
    ],
)
def test_how_many_steps_there_are_depends_on_no_shape(text: str) -> None:
    assert found(text) == [Code.BAD_ARGUMENT]


def test_what_has_no_shape_is_told_once() -> None:
    text = "stages: {a: {op: conv2d, out: 4, kernel: 9}, b: {op: conv2d, out: $a.channels}}"
    assert found(text) == [Code.KERNEL_TOO_LARGE]


def test_shapes_that_are_asked_for_far_down_a_chain() -> None:
    count = MAX_STEPS // 50
    text = f"stages: {{a: {{op: relu, repeat: {count}}}, b: {{op: conv2d, out: $a.channels}}}}"
    assert built(text).shape("b") == (3, 8, 6)


def test_what_comes_in_is_asked_for_beside_a_step_that_is_called_in() -> None:
    text = """stages:
  a:
    steps:
      in: {op: conv2d, out: 7}
      b: {op: conv2d, out: $in.channels}
"""
    assert built(text).shape("a.b") == (3, 8, 6)
