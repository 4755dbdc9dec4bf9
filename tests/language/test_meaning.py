"""What a spec means: scalars, parameters, arithmetic, scopes, bodies, overrides."""

from __future__ import annotations

import json
import math
import operator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from written import HEAD, built, found, value_of

from inceptgraph.diagnostics import Code, Findings, Source, closest
from inceptgraph.expand import MAX_DEPTH, MAX_STEPS
from inceptgraph.graph import Output
from inceptgraph.infer import infer
from inceptgraph.ops import BUILT_IN
from inceptgraph.pipeline import _analyze, analyze, summary
from inceptgraph.source import Mapping, parse, to_plain
from inceptgraph.spec import Unavailable, ValueProblem, fits


def scalar(text: str) -> Any:
    findings = Findings()
    tree = parse(Source("value.yaml", f"value: {text}"), findings)
    assert not list(findings)
    assert isinstance(tree, Mapping)
    return to_plain(tree)["value"]


# -- scalars --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("True", True),
        ("false", False),
        ("tRUE", "tRUE"),
        ("~", None),
        ("null", None),
        ("", None),
        ("010", 10),
        ("0o10", 8),
        ("0x1F", 31),
        ("0b1", "0b1"),
        ("+7", 7),
        ("-7", -7),
        ("1_000", "1_000"),
        ("12:30", "12:30"),
        ("1e-5", 1e-5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-.inf", float("-inf")),
        ("2024-01-01", "2024-01-01"),
        ("'10'", "10"),
        ('"true"', "true"),
        ("1x1", "1x1"),
        ("=", "="),
    ],
)
def test_scalars_follow_yaml_1_2(text: str, value: Any) -> None:
    got = scalar(text)
    assert got == value
    assert type(got) is type(value)


def test_keys_are_the_text_that_is_written() -> None:
    graph = built("stages:\n  010: {op: relu}\n  1e3: {op: tanh}\n  true: {op: gelu}\n")
    assert list(graph.nodes) == ["input", "010", "1e3", "true"]


def test_aliases_repeat_a_value() -> None:
    graph = built("stages:\n  a: &conv {op: conv2d, out: 4}\n  b: *conv\n")
    assert graph.nodes["a"].op == graph.nodes["b"].op


# -- parameters -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declaration", "given", "accepted"),
    [
        ("int", "4", True),
        ("int", "4.0", False),
        ("int", "true", False),
        ("int", "four", False),
        ("float", "4", True),
        ("float", "0.5", True),
        ("float", "true", False),
        ("bool", "true", True),
        ("bool", "1", False),
        ("bool", "yes", False),
        ("string", "relu", True),
        ("string", "4", False),
        ("size", "3", True),
        ("size", "[1, 7]", True),
        ("size", "[1, 7, 1]", True),
        ("size", "[1, 7, 1, 1]", False),
        ("size", "[1, 0.5]", False),
        ("any", "[1, {a: b}]", True),
        ("4", "5", True),
        ("4", "0.5", False),
        ("0.5", "4", True),
        ("true", "4", False),
        ("[1, 7]", "3", True),
    ],
)
def test_parameter_types(declaration: str, given: str, accepted: bool) -> None:
    text = f"""
blocks:
  unit:
    params:
      p: {declaration}
    steps:
      relu: {{op: relu}}
      use: {{op: pick, p: $p}}
  pick:
    params: {{p: any}}
    steps: {{relu: {{op: relu}}}}
stages:
  unit: {{op: unit, p: {given}}}
"""
    errors = [code for code in found(text) if code is not Code.UNUSED_PARAMETER]
    assert errors == ([] if accepted else errors[:1])
    assert accepted or errors[0] in (Code.BAD_ARGUMENT, Code.FRACTION)


def test_defaults_may_use_what_is_declared_before() -> None:
    text = """
params: {width: 8, half: int = $width // 2}
blocks:
  unit:
    params: {out: int = $half, twice: int = 2 * $out}
    steps: {a: {op: conv2d, out: $out}, b: {op: conv2d, out: $twice}}
stages:
  one: {op: unit}
  two: {op: unit, out: 3}
"""
    graph = built(text)
    shapes = [graph.shape(name)[0] for name in ("one.a", "one.b", "two.a", "two.b")]
    assert shapes == [4, 8, 3, 6]


def test_defaults_of_parameters_read_as_yaml() -> None:
    text = """
blocks:
  unit:
    params:
      kernel: size = [1, 3]
      act: string = gelu
      bias: bool = false
    steps:
      conv: {op: conv2d, out: 2, kernel: $kernel, bias: $bias}
      act: {op: $act}
stages:
  unit: {op: unit}
"""
    graph = built(text)
    assert graph.nodes["unit.conv"].op.arguments() == {"kernel": (1, 3), "bias": False, "out": 2}
    assert graph.nodes["unit.act"].op.op == "gelu"


@pytest.mark.parametrize(
    ("value", "fitting"),
    [
        (3, {"int", "float", "size", "any"}),
        (0.5, {"float", "any"}),
        (Fraction(1, 3), {"float", "any"}),
        (True, {"bool", "any"}),
        ("x", {"string", "any"}),
        ([1, 2], {"size", "any"}),
        ([True, 2], {"any"}),
        (None, {"any"}),
    ],
)
def test_fits(value: Any, fitting: set[str]) -> None:
    types = ("int", "float", "bool", "string", "size", "any")
    assert {name for name in types if fits(value, name)} == fitting


# -- arithmetic -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("0.1 * $n", 3),
        ("$n", 30),
        ("2 + 3 * $n", 92),
        ("(2 + 3) * $n", 150),
        ("$n - 2 - 3", 25),
        ("$n / 2 / 3", 5),
        ("$n // 4", 7),
        ("-$n // 4", -8),
        ("-($n) + 1", -29),
        ("2 * -$n", -60),
        ("--$n", 30),
        ("+$n", 30),
        ("$n % 7", 2),
        ("-$n % 7", 5),
        ("$n*2//3%4", 0),
        ("1e1 * $n", 300),
        ("$n / 4", Fraction(15, 2)),
        ("$n * 1.5", 45),
        (" ( $n ) ", 30),
        ("min($n, 7 + 1, 20)", 8),
        ("max ( 2 , $n )", 30),
        ("floor($n / 4)", 7),
        ("ceil($n / 4)", 8),
        ("round($n / 4)", 8),
        ("round(-$n / 4)", -7),
        ("2 * min(max($n, 3), 4) - 1", 7),
    ],
)
def test_arithmetic(expression: str, value: Any) -> None:
    got = value_of(expression, n=30)
    assert got == value
    assert type(got) is type(value)


OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}
CALLS = {
    "min": lambda *values: min(values),
    "max": lambda *values: max(values),
    "floor": math.floor,
    "ceil": math.ceil,
    "round": lambda value: (value + Fraction(1, 2)) // 1,
}
LEAVES = st.integers(0, 50).map(lambda n: (str(n), Fraction(n))) | st.sampled_from(
    [("$a", Fraction(7)), ("$b", Fraction("0.25")), ("0.1", Fraction(1, 10))]
)


def combined(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Fully bracketed expressions with the values that Python's fractions give them."""

    def join(sign: str, left: Any, right: Any) -> Any:
        if left[1] is None or right[1] is None or (sign in ("/", "//", "%") and not right[1]):
            return f"({left[0]} {sign} {right[0]})", None
        return f"({left[0]} {sign} {right[0]})", Fraction(OPERATORS[sign](left[1], right[1]))

    def negated(inner: Any) -> Any:
        return f"-({inner[0]})", None if inner[1] is None else -inner[1]

    def called(name: str, given: list[Any]) -> Any:
        texts, values = zip(*given, strict=True)
        text = f"{name}({', '.join(texts)})"
        return text, None if None in values else Fraction(CALLS[name](*values))

    several = st.lists(parts, min_size=1, max_size=3)
    return (
        st.builds(join, st.sampled_from(sorted(OPERATORS)), parts, parts)
        | parts.map(negated)
        | st.builds(called, st.sampled_from(["min", "max"]), several)
        | st.builds(
            called, st.sampled_from(["floor", "ceil", "round"]), several.map(lambda g: g[:1])
        )
    )


@given(st.recursive(LEAVES, combined, max_leaves=8))
def test_arithmetic_is_that_of_fractions(case: tuple[str, Fraction | None]) -> None:
    text, value = case
    text = f"{text} + 0 * $a"
    if len(text) > 200:
        return
    if value is None:
        with pytest.raises(ValueProblem) as problem:
            value_of(text, a=7, b=0.25)
        assert problem.value.code is Code.DIVISION_BY_ZERO
        return
    assert value_of(text, a=7, b=0.25) == value


@given(st.lists(st.tuples(st.sampled_from(["3", "-2", "-$a"]), st.sampled_from(list(OPERATORS)))))
def test_precedence_is_that_of_python(parts: list[tuple[str, str]]) -> None:
    text = " ".join([*(f"{value} {sign}" for value, sign in parts[:6]), "$a"])
    python = text.replace("$a", "F(7)").replace("3", "F(3)").replace("2", "F(2)")
    assert value_of(text, a=7) == eval(python, {"F": Fraction})


def test_an_expression_needs_a_parameter() -> None:
    assert value_of("64 * 2") == "64 * 2"


def test_what_failed_before_is_not_reported_again() -> None:
    with pytest.raises(Unavailable):
        value_of("$missing + 1")
    text = "params: {a: int = 1 / $b, c: int = $a * 2}\n"
    assert found(text + "stages:\n  conv: {op: conv2d, out: $c}\n") == [Code.UNKNOWN_PARAMETER]


# -- scopes ---------------------------------------------------------------------------------------


def test_a_block_sees_the_network_parameters_and_not_its_stages() -> None:
    text = """
params: {classes: 5}
blocks:
  unit: {steps: {conv: {op: conv2d, out: $classes}, sum: {op: concat, from: [conv, stem]}}}
stages:
  stem: {op: relu}
  unit: {op: unit}
"""
    assert found(text) == [Code.UNKNOWN_REFERENCE]
    assert built(text.replace("stem]", "input]")).shape("unit.sum") == (8, 8, 8)


def test_a_block_does_not_see_the_parameters_of_its_user() -> None:
    text = """
blocks:
  inner: {steps: {conv: {op: conv2d, out: $width}}}
  outer: {params: {width: int}, steps: {conv: {op: conv2d, out: $width}, inner: {op: inner}}}
stages:
  outer: {op: outer, width: 3}
"""
    assert found(text) == [Code.UNKNOWN_PARAMETER]


def test_a_parameter_of_a_block_hides_that_of_the_network() -> None:
    text = """
params: {out: 5}
blocks:
  unit: {params: {out: int}, steps: {conv: {op: conv2d, out: $out}}}
stages:
  a: {op: unit, out: $out + 1}
  b: {op: conv2d, out: $out}
"""
    graph = built(text)
    assert graph.shape("a.conv")[0] == 6
    assert graph.shape("b")[0] == 5


def test_an_inline_body_sees_what_is_around_it() -> None:
    text = """
stages:
  stem: {op: conv2d, out: 4}
  relu: {op: relu}
  body:
    steps:
      conv: {op: conv2d, out: 2}
      join: {op: concat, from: [conv, stem, input]}
"""
    graph = built(text)
    assert graph.nodes["body.join"].inputs == ("body.conv", "stem", "relu")


def test_the_input_of_a_block_has_no_inside() -> None:
    text = """
blocks:
  pair: {steps: {conv: {op: conv2d, out: 4}, relu: {op: relu}}}
  peek: {steps: {tanh: {op: tanh, from: input.conv}}}
stages:
  pair: {op: pair}
  peek: {op: peek}
"""
    assert found(text) == [Code.UNKNOWN_REFERENCE]


def test_from_takes_a_list_and_dotted_paths() -> None:
    text = """
blocks:
  inception:
    branches:
      1x1: {op: conv2d, out: 2}
      3x3: {reduce: {op: conv2d, out: 3}, 3x3: {op: conv2d, out: 4, kernel: 3, padding: same}}
    merge: concat
stages:
  inception_3a: {op: inception}
  a: {op: relu, from: inception_3a.3x3}
  b: {op: concat, from: [inception_3a.3x3.reduce, a, inception_3a]}
"""
    graph = built(text)
    assert graph.nodes["a"].inputs == ("inception_3a.3x3.3x3",)
    assert graph.shape("b") == (3 + 4 + 6, 8, 8)


def test_the_end_of_a_fork_can_be_named() -> None:
    graph = built(
        """
stages:
  fork: {branches: {left: {op: relu}, right: {}}, merge: add}
  more: {op: tanh, from: fork.merge}
"""
    )
    assert graph.nodes["more"].inputs == ("fork.merge",)


def test_inputs_have_names_of_their_own() -> None:
    shape = "name: x, channels: 3, height: 8, width: 8"
    head = f"name: Net\ninputs: {{a: {{{shape}}}, b: {{{shape}}}}}\n"
    assert found("stages: {join: {op: concat, from: [x, x]}}", head=head) == [Code.NAME_CLASH]


# -- bodies ---------------------------------------------------------------------------------------


def test_repeat_chains_copies_by_number() -> None:
    text = """
params: {depth: 2}
blocks:
  unit: {params: {out: int}, steps: {conv: {op: conv2d, out: $out}, relu: {op: relu}}}
stages:
  x: {op: unit, out: 4, repeat: $depth + 1}
  y: {op: conv2d, out: 2, repeat: 1}
  z: {op: concat, from: [x.0, x.2.conv, y]}
"""
    graph = built(text)
    assert list(graph.nodes) == [
        "input",
        *(f"x.{i}.{name}" for i in range(3) for name in ("conv", "relu")),
        "y.0",
        "z",
    ]
    assert graph.nodes["x.1.conv"].inputs == ("x.0.relu",)
    assert graph.nodes["z"].inputs == ("x.0.relu", "x.2.conv", "y.0")
    assert graph.scopes["x"].output == "x.2.relu"


def test_an_empty_branch_passes_the_input_on() -> None:
    text = """
stages:
  residual:
    branches: {body: {op: conv2d, out: 3}, shortcut: {}}
    merge: add
"""
    graph = built(text)
    assert graph.nodes["residual.merge"].inputs == ("residual.body", "residual.shortcut")
    assert graph.nodes["residual.shortcut"].op.op == "identity"


def test_blocks_with_several_inputs() -> None:
    text = """
blocks:
  gate:
    inputs: [map, weights]
    steps:
      sigmoid: {op: sigmoid, from: weights}
      product: {op: multiply, from: [map, sigmoid]}
stages:
  a: {op: relu}
  b: {op: global_avg_pool}
  gate: {op: gate, from: [a, b]}
"""
    graph = built(text)
    assert graph.nodes["gate.sigmoid"].inputs == ("b",)
    assert graph.nodes["gate.product"].inputs == ("a", "gate.sigmoid")


def test_networks_with_several_inputs_and_outputs() -> None:
    head = (
        "name: Net\ninputs:\n  image: {channels: 3, height: 8, width: 8}\n  text: {features: 5}\n"
    )
    text = """
stages:
  conv: {op: conv2d, out: 2, from: image}
  flat: {op: flatten}
  both: {op: concat, from: [flat, text]}
outputs: {features: conv, logits: both}
"""
    graph = built(text, head=head)
    assert [node.name for node in graph.inputs] == ["image", "text"]
    assert [(o.name, o.node) for o in graph.outputs] == [("features", "conv"), ("logits", "both")]
    assert graph.shape("both") == (2 * 8 * 8 + 5,)


def test_outputs_name_the_last_stage_unless_they_are_declared() -> None:
    (output,) = built("stages: {a: {op: relu}, b: {op: tanh}}\n").outputs
    assert (output.name, output.node, output.training_only) == ("output", "b", False)
    text = "stages: {a: {steps: {x: {op: relu}, y: {op: tanh}}}}\noutputs: {inner: a.x, all: a}\n"
    assert [o.node for o in built(text).outputs] == ["a.x", "a.y"]


def test_heads_exist_in_training_alone() -> None:
    text = """
stages: {a: {op: conv2d, out: 2}, b: {op: relu}}
aux_heads: {aux: {from: a, loss_weight: 0.5, steps: {p: {op: global_avg_pool}, f: {op: flatten}}}}
"""
    graph = built(text)
    own, head = graph.outputs
    assert own == Output("output", "b")
    assert head == Output("aux", "aux.f", 0.5, training_only=True)
    assert list(graph.phase("eval").verify().nodes) == ["input", "a", "b"]


def test_a_head_and_the_result_have_different_names() -> None:
    text = "stages: {a: {op: relu}}\naux_heads: {output: {from: a, loss_weight: 1, op: relu}}\n"
    assert found(text) == [Code.NAME_CLASH]
    built(text + "outputs: {logits: a}\n")


def test_sections_hold_what_is_left_in_evaluation() -> None:
    graph = built(
        """
stages: {a: {op: relu}, side: {op: relu}, other: {op: relu, from: a}, last: {op: tanh, from: a}}
aux_heads: {aux: {from: [side, other], loss_weight: 1, op: add}}
sections: {stem: a .. side, gone: other .. other, end: last .. last}
"""
    )
    evaluation = graph.phase("eval").verify()
    assert evaluation.sections == {"stem": ("a", "a"), "end": ("last", "last")}
    assert graph.phase("train").sections == graph.sections


def test_a_head_taps_stages_and_not_other_heads() -> None:
    head = "loss_weight: 0.5, op: global_avg_pool"
    text = f"aux_heads: {{one: {{from: a, {head}}}, two: {{from: one, {head}}}}}\n"
    assert found("stages: {a: {op: relu}}\n" + text) == [Code.UNKNOWN_REFERENCE]


def test_defaults_hold_for_every_use_that_says_nothing_else() -> None:
    text = """
params: {bias: false}
defaults: {conv2d: {bias: $bias, kernel: 3, padding: same}}
blocks: {unit: {steps: {conv: {op: conv2d, out: 2}}}}
stages: {a: {op: conv2d, out: 2, kernel: 1}, unit: {op: unit}}
"""
    graph = built(text)
    assert graph.nodes["a"].op.arguments() == {"padding": "same", "bias": False, "out": 2}
    assert graph.nodes["unit.conv"].op.arguments()["kernel"] == (3, 3)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("out: 4.0", "`out` of `conv2d` must be a whole number, but is the decimal 4.0"),
        (
            "out: 4, weight_init: {scheme: zeros, std: 1}",
            "`weight_init` of `conv2d` must be `zeros` alone, which has no settings",
        ),
        (
            "out: 4, weight_init: {scheme: uniform, low: 1}",
            "`weight_init` of `conv2d` must have a `low` that is not above its `high`",
        ),
    ],
)
def test_refused_values(argument: str, message: str) -> None:
    text = f"stages: {{conv: {{op: conv2d, {argument}}}}}"
    (finding,) = analyze(Source("net.yaml", HEAD + text)).findings
    assert finding.message == message


def test_a_scheme_has_one_meaning_in_all_its_forms() -> None:
    forms = ("0", "zeros", "{scheme: zeros}", "{scheme: constant, value: 0}", "{scheme: constant}")
    text = "stages: {conv: {op: conv2d, out: 4, weight_init: %s}}"
    operations = [built(text % form).nodes["conv"].op for form in forms]
    assert operations == [operations[0]] * len(forms)


# -- overrides ------------------------------------------------------------------------------------


NET = """
params: {classes: 10, act: string = relu, width: int}
blocks: {unit: {params: {out: int}, steps: {conv: {op: conv2d, out: $out}, act: {op: $act}}}}
stages: {unit: {op: unit, out: $width}, head: {op: conv2d, out: $classes}}
"""


@pytest.mark.parametrize(
    ("set", "path", "expected"),
    [
        ({"width": 4}, "head", 10),
        ({"width": 4, "classes": 7}, "head", 7),
        ({"width": "4", "classes": "7"}, "head", 7),
        ({"width": 4, "params.classes": 7}, "head", 7),
        ({"width": 4, "stages.head.out": "$classes - 1"}, "head", 9),
        ({"width": 4, "stages.unit.out": "$width * 2"}, "unit.conv", 8),
        ({"width": 4, "stages.head.kernel": [1, 3]}, "head", 10),
        ({"width": 4, "act": "gelu"}, "unit.conv", 4),
        ({"width": 4, "stages.head": "{op: conv2d, out: $classes * 2}"}, "head", 20),
        ({"width": 4, "stages.tail": {"op": "relu"}}, "tail", 10),
    ],
)
def test_overrides(set: dict[str, Any], path: str, expected: int) -> None:
    assert built(NET, set=set).shape(path)[0] == expected


def test_an_override_keeps_the_type_of_a_parameter() -> None:
    good = {"width": 4}
    assert found(NET, set={**good, "classes": "many"}) == [Code.BAD_ARGUMENT]
    assert found(NET, set={**good, "classes": "2.5"}) == [Code.FRACTION]
    assert found(NET, set={**good, "act": "3"}) == [Code.BAD_ARGUMENT]
    assert built(NET, set={**good, "act": "tanh"}).nodes["unit.act"].op.op == "tanh"


def test_an_override_keeps_the_type_of_a_parameter_of_a_block() -> None:
    text = """
blocks:
  conv: {params: {kernel: size = 1}, steps: {conv: {op: conv2d, out: 3, kernel: $kernel}}}
stages: {a: {op: conv, kernel: [1, 3]}, b: {op: conv}}
"""
    graph = built(text, set={"blocks.conv.params.kernel": 3})
    assert graph.shape("b.conv") == (3, 6, 4)


@pytest.mark.parametrize(
    ("path", "message", "help"),
    [
        ("clases", "the network has no parameter `clases`", "did you mean `classes`?"),
        ("stages.haed.out", "there is no `haed` in `stages`", "did you mean `head`?"),
        ("stages.head.out.x", "`stages.head.out` is a value, with nothing inside", None),
        ("nothing.at.all", "there is no `nothing` in the spec", None),
    ],
)
def test_overrides_that_lead_nowhere(path: str, message: str, help: str | None) -> None:
    source = Source("net.yaml", HEAD + NET)
    finding, *rest = analyze(source, set={"width": 4, path: 3}).findings
    assert rest == []
    assert finding.code is Code.BAD_OVERRIDE
    assert finding.message == f"`--set {path}`: {message}"
    assert help is None or finding.help == help
    assert finding.span is not None
    assert finding.span.source.name == f"--set {path}=3"


def test_an_override_without_a_value() -> None:
    assert found(NET, set={"width": 4, "classes": " "}) == [Code.BAD_OVERRIDE]


# -- size and depth -------------------------------------------------------------------------------


@pytest.mark.slow
def test_twenty_thousand_steps() -> None:
    count = 20_000
    steps = "".join(f"  s{i}: {{op: relu}}\n" for i in range(count))
    graph = built("stages:\n" + steps)
    assert len(graph.nodes) == count + 1
    assert graph.nodes[f"s{count - 1}"].shape == (3, 8, 8)
    assert len(graph.phase("eval").nodes) == count + 1


def test_recursion_limits_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    body = "{op: relu}"
    for i in range(28):
        body = f"{{steps: {{s{i}: {body}}}}}"
    blocks = [f"  b0: {{steps: {{x: {body}}}}}\n"]
    blocks += [f"  b{i}: {{steps: {{x: {{op: b{i - 1}}}}}}}\n" for i in range(1, 65)]
    text = f"blocks:\n{''.join(blocks)}stages:\n"
    built(f"stages:\n  all: {body}\n")
    assert found(text + "  all: {op: b64}\n") == [Code.TOO_DEEP]
    assert MAX_DEPTH == 64


def test_the_longest_repeat() -> None:
    assert found(f"stages:\n  a: {{op: relu, repeat: {MAX_STEPS + 1}}}\n") == [Code.TOO_LARGE]
    twice = f"stages:\n  a: {{op: relu, repeat: {MAX_STEPS}}}\n  b: {{op: relu}}\n"
    assert found(twice) == [Code.TOO_LARGE]


# -- hints ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "known", "meant"),
    [
        ("conv2", ["conv2d", "concat"], ["conv2d"]),
        ("Conv2D", ["conv2d"], ["conv2d"]),
        ("maxpool", ["max_pool", "avg_pool"], ["max_pool"]),
        ("rleu", ["relu", "elu"], ["relu"]),
        ("xavier", ["xavier_uniform", "xavier_normal"], ["xavier_uniform", "xavier_normal"]),
        ("parameters", ["params", "macs"], ["params"]),
        ("activation", ["dilation"], []),
        ("attention", ["flatten"], []),
        ("b", ["a", "c"], []),
        ("", ["a"], []),
    ],
)
def test_closest(word: str, known: list[str], meant: list[str]) -> None:
    assert closest(word, known) == meant


@pytest.mark.parametrize(("many", "asked"), [(_analyze.MANY, False), (0, True)])
def test_what_is_frozen_is_counted_for_large_specs_alone(
    many: int, asked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That walks over all that a process has frozen, such as torch."""
    counted: list[bool] = []
    monkeypatch.setattr(_analyze, "MANY", many)
    monkeypatch.setattr(_analyze.gc, "get_freeze_count", lambda: counted.append(True))
    assert analyze("googlenet").graph is not None
    assert bool(counted) == asked


def test_many_warnings_hide_neither_the_graph_nor_an_error() -> None:
    params = ", ".join(f"p{i}: {i}" for i in range(1000))
    text = HEAD + f"params: {{{params}}}\nstages: {{a: {{op: relu}}}}\n"
    analysis = analyze(Source("net.yaml", text))
    assert {f.code for f in analysis.findings} == {Code.UNUSED_PARAMETER}
    assert len(analysis.findings) == Findings.LIMIT
    assert analysis.graph is not None
    assert Code.UNKNOWN_OPERATION in found(f"params: {{{params}}}\nstages: {{a: {{op: relo}}}}\n")


def test_messages_have_an_end() -> None:
    word = "a" * 10_000
    (finding,) = analyze(Source("net.yaml", HEAD + f"stages: {{a: {{op: {word}}}}}")).findings
    assert len(finding.message) < 700


def test_a_name_that_is_taken_shadows_nothing() -> None:
    text = "stages: {input: {op: conv2d, out: 4}, b: {op: relu, from: input}}\n"
    assert found(text) == [Code.NAME_CLASH]


def test_other_names_of_operations_are_of_one_each() -> None:
    other = [name for kind in BUILT_IN.values() for name in kind.other_names]
    assert len({*other}) == len(other)
    assert not {*other} & BUILT_IN.keys()


def test_a_depth_of_none_hands_on_what_it_reads() -> None:
    text = """params: {depth: 0}
stages:
  a: {op: conv2d, out: 4}
  b: {op: conv2d, out: 9, repeat: $depth}
  c: {repeat: $depth, steps: {x: {op: relu}}}
sections: {middle: b .. c}
"""
    graph = built(text)
    assert [node.op.op for node in graph.nodes.values()] == [
        "input",
        "conv2d",
        "identity",
        "identity",
    ]
    assert graph.shape("c") == (4, 8, 8) and graph.sections == {"middle": ("b", "c")}
    assert [n.name for n in built(text, set={"depth": 2}).nodes.values()][2:] == [
        "b.0",
        "b.1",
        "c.0.x",
        "c.1.x",
    ]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("net.prototxt", "a network of Caffe"),
        ("net.pth", "weights of PyTorch"),
        ("net.xml", "an XML file"),
        ("net.svg", "a picture"),
        ("net.json", "JSON without any key of a spec"),
    ],
)
def test_a_file_of_another_tool_is_called_what_it_is(tmp_path: Any, name: str, told: str) -> None:
    (tmp_path / name).write_text('name: "Net"\nlayer {\n  name: "data"\n}\n')
    (finding,) = analyze(tmp_path / name).findings
    assert finding.code == Code.NOT_TEXT and told in finding.message


def test_all_copies_are_read_in_order() -> None:
    text = "stages: {m: {op: conv2d, out: 4, repeat: $n}, c: {op: concat, from: [m.*, input]}}\n"
    graph = built("params: {n: 3}\n" + text)
    assert graph.nodes["c"].inputs == ("m.0", "m.1", "m.2", "input")
    assert built("params: {n: 3}\n" + text, set={"n": 0}).nodes["c"].inputs == ("input",)
    inside = "stages: {m: {op: relu, repeat: 2}, s: {steps: {c: {op: add, from: m.*}}}}\n"
    assert built(inside).nodes["s.c"].inputs == ("m.0", "m.1")
    head = (
        "stages: {m: {op: relu, repeat: 2}}\naux_heads: {h: {op: add, from: m.*, loss_weight: 1}}"
    )
    assert built(head).nodes["h"].inputs == ("m.0", "m.1")


def test_what_copies_read_counts() -> None:
    """Few words, and more operands than any machine holds."""
    text = (
        "stages: {m: {op: relu, repeat: 9000}, n: {repeat: 9000, steps: {x: {op: add, from: m.*}}}}"
    )
    assert found(text) == [Code.TOO_LARGE]


def test_channels_count_from_the_end() -> None:
    stages = "stages: {a: {op: conv2d, out: 24}, c: {op: channels, start: -8, stop: -2}}\n"
    graph = built(stages)
    assert graph.shape("c") == (6, 8, 8)
    assert graph.nodes["c"].op.arguments() == {"start": 16, "stop": 22}
    assert built(stages.replace(", stop: -2", "")).shape("c") == (8, 8, 8)
    assert found(stages.replace("-8", "-25")) == [Code.EMPTY_OUTPUT]


def test_scales_of_each_channel() -> None:
    second = "b: {op: scale, factor: [2, 2, 2]}"
    stages = f"stages: {{a: {{op: scale, factor: [1, 2, 3], offset: 1}}, {second}}}"
    nodes = built(stages).nodes
    assert nodes["a"].op.arguments() == {"factor": (1.0, 2.0, 3.0), "offset": 1.0}
    assert nodes["b"].op.arguments() == {"factor": 2.0}
    assert found(stages.replace("[1, 2, 3]", "[1, 2]")) == [Code.CHANNEL_MISMATCH]
    for wrong in ("[]", "[1, many]", "many", "{a: 1}", "true"):
        assert found(stages.replace("[1, 2, 3]", wrong)) == [Code.BAD_ARGUMENT]


def test_values_of_a_step_without_copies_are_checked() -> None:
    good = "stages: {a: {op: conv2d, out: 4, repeat: 0}, b: {op: relu}}"
    assert [*built(good).nodes] == ["input", "a", "b"]
    assert found(good.replace("out: 4", "out: many")) == [Code.BAD_ARGUMENT]
    block = "blocks: {k: {params: {n: int}, steps: {x: {op: conv2d, out: $n}}}}\n"
    assert found(block + good.replace("conv2d, out: 4", "k, n: 0")) == [Code.BAD_ARGUMENT]


def test_an_argument_that_is_called_repeat_says_nothing_of_copies() -> None:
    """As an operation of a package may have, in a file of another format."""
    unread = Source("net.yaml", HEAD + "stages: {a: {op: relu}, b: {op: relu, from: input}}")
    graph = analyze(unread).graph
    assert graph is not None
    node = graph.nodes["a"]
    assert node.origin is not None
    tree = parse(Source("value.yaml", "repeat: 2"), Findings())
    assert isinstance(tree, Mapping)
    origin = replace(node.origin, arguments=tree.items)
    findings = Findings()
    infer(graph.with_nodes({**graph.nodes, "a": replace(node, origin=origin)}), findings)
    assert [each.code for each in findings] == [Code.UNUSED_STEP]


def test_what_is_next_to_nothing_is_nothing() -> None:
    """Exactly it is a fraction whose digits grow with the exponent: more than any memory holds."""
    for number in ("1e-4000", "-1e-400", "0e4000"):
        graph = built(f"params: {{n: 3}}\nstages: {{a: {{op: conv2d, out: $n + {number}}}}}")
        assert graph.shape("a") == (3, 8, 8)


def test_a_spec_may_be_json(tmp_path: Any) -> None:
    (tmp_path / "net.json").write_text(json.dumps({"name": "x", "extends": "lenet5"}))
    assert analyze(tmp_path / "net.json").findings == ()


def test_names_longer_than_any_file_has() -> None:
    """What the system refuses to look for is not there."""
    for name in ("a" * 5000, "a/" * 5000 + "b", "a" * 5000 + ".yaml"):
        assert analyze(name).findings
        for key in ("extends", "include"):
            source = Source("net.yaml", f"name: x\n{key}: {name}\n")
            (finding,) = analyze(source).findings
            assert finding.code in (Code.UNKNOWN_SPEC, Code.FILE_NOT_FOUND)
            assert finding.span is not None
            assert finding.span.source is source
            assert len(finding.message) < 700


def test_values_that_are_set_may_be_numpys() -> None:
    text = "params: {n: 2, bias: true}\nstages: {a: {op: conv2d, out: 4 * $n, bias: $bias}}"
    graph = built(text, set={"n": np.int64(3), "bias": np.bool_(False)})
    assert graph.nodes["a"].op.arguments() == {"out": 12, "bias": False}
    kernel = built(text, set={"stages.a.kernel": np.array([1, 3])}).nodes["a"].op
    assert kernel.arguments()["kernel"] == (1, 3)


@pytest.mark.parametrize(("path", "value"), [(3, 1), (("a",), 1), ("n", {1, 2}), ("n", object())])
def test_what_cannot_be_set(path: Any, value: object) -> None:
    with pytest.raises(TypeError, match="set"):
        analyze("lenet5", set={path: value})


def test_a_word_in_quotes_is_no_number() -> None:
    text = "params: {n: 2, act: string = relu}\nstages: {a: {op: relu, repeat: $n}, b: {op: $act}}"
    assert found(text, set={"n": '"3"'}) == [Code.BAD_ARGUMENT]
    assert built(text, set={"act": '"tanh"'}).nodes["b"].op.op == "tanh"


def test_an_outline_has_a_level() -> None:
    for depth in (0, -1):
        with pytest.raises(ValueError, match="at least 1"):
            summary("lenet5", depth=depth)


def test_what_nothing_reads_costs_nothing() -> None:
    text = HEAD + "stages: {a: {op: conv2d, out: 4}, b: {op: conv2d, out: 4, from: input}}\n"
    network = summary(Source("net.yaml", text))
    assert network.cost == network.cost_with_heads


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("nn.Conv2d", "conv2d"),
        ("torch.nn.functional.relu", "relu"),
        ("keras.layers.Dense", "linear"),
    ],
)
def test_operations_with_the_name_of_a_module(word: str, meant: str) -> None:
    (finding,) = analyze(Source("n.yaml", HEAD + f"stages: {{a: {{op: {word}}}}}")).findings
    assert finding.help == f"did you mean `{meant}`?"


def test_steps_of_no_copies_count_like_others() -> None:
    none = "blocks: {none: {steps: {a: {op: relu, repeat: 0}, b: {op: relu, repeat: 0}}}}\n"
    assert found(f"{none}stages: {{a: {{op: none, repeat: {MAX_STEPS // 2}}}}}") == [Code.TOO_LARGE]
