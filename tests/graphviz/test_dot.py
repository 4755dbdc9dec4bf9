"""Whatever the network, the picture shows every operation once, and Graphviz has no complaint."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from drawn_graphs import CONV, Step, build, complaints, graphs, shown
from examples import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from work import growth

from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph, Scope, ScopeKind
from inceptgraph.ops import Operation
from inceptgraph.ops.activation import Relu, Sigmoid, Silu
from inceptgraph.ops.merge import Add
from inceptgraph.ops.norm import BatchNorm, Lrn
from inceptgraph.ops.shape import Dropout, Identity, Scale
from inceptgraph.pipeline import to_graph
from inceptgraph_graphviz import backend, to_dot
from inceptgraph_graphviz.blocks import make_picture
from inceptgraph_graphviz.rows import Row, make_rows, summed
from inceptgraph_graphviz.structure import Repeat, rows_of

options = st.fixed_dictionaries(
    {
        "depth": st.sampled_from([2, 3]),
        "fold": st.sampled_from([True, False, 2, 3]),
        "heat": st.sampled_from(["macs", "params", "memory", "none"]),
        "direction": st.sampled_from(["TB", "LR"]),
        "theme": st.sampled_from(["light", "dark", "auto"]),
        "legend": st.booleans(),
    }
)


@settings(max_examples=examples(150), deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs(), options)
def test_every_operation_is_shown_once_and_graphviz_is_content(
    graph: Graph, chosen: dict[str, Any]
) -> None:
    dot = to_dot(graph, **chosen)
    rows = make_rows(graph, {}, fuse=chosen["depth"] < 3)
    assert shown(dot) == Counter(row.name for row in rows)
    assert complaints(dot) == ""
    assert dot == to_dot(graph, **chosen)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs())
def test_depth_one_and_mermaid_take_any_graph(graph: Graph) -> None:
    assert complaints(to_dot(graph, depth=1)) == ""
    text = backend.lower(graph, format="mermaid")
    assert isinstance(text, str)
    assert text.startswith("flowchart TB\n")


def test_an_edge_that_graphviz_cannot_route_well_is_still_drawn() -> None:
    graph = build(
        {
            "a": [("a.0", CONV, ["image"]), ("a.1", CONV, ["image"])],
            "b": [("b.0", CONV, ["image"]), ("b.1", CONV, ["image"])],
            "c": [
                ("c.0", CONV, ["a.0"]),
                ("c.1", Add(), ["image", "c.0"]),
                ("c.2", Add(), ["a.0", "b.0", "c.1"]),
            ],
            "d": [("d.0", CONV, ["a.1"]), ("d.1", CONV, ["b.1"]), ("d.2", CONV, ["c.0"])],
            "head": [("head.0", CONV, ["c.0"])],
        },
        heads={"head": 0.3},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # whether the router fails depends on the font's widths
        svg = backend.lower(graph, legend=False)
    assert isinstance(svg, str)
    assert svg.count('class="edge"') == 14


def chain(stage: str, count: int, source: str, op: Operation) -> list[Step]:
    steps = []
    for index in range(count):
        steps.append((f"{stage}.{index}", op, [source]))
        source = f"{stage}.{index}"
    return steps


def test_a_long_network_folds_and_a_short_one_does_not() -> None:
    stages = {}
    source = "image"
    for index in range(60):
        stages[f"block{index}"] = chain(f"block{index}", 3, source, CONV)
        source = f"block{index}.2"
    long = build(stages)
    assert "gutter" in to_dot(long)
    assert "gutter" not in to_dot(long, fold=False)
    assert "gutter" not in to_dot(build({"a": chain("a", 3, "image", CONV)}))
    assert complaints(to_dot(long)) == ""


def test_letters_that_neither_dot_nor_xml_can_hold_are_left_out() -> None:
    graph = build({"a": [("a", Relu(), ["image"])]}, name="a\x00b\ud800c\\")
    dot = to_dot(graph)
    assert dot.startswith('digraph "a b c\\\\" {')
    assert complaints(dot) == ""


def test_a_norm_and_an_activation_that_are_stages_of_their_own_hide_too() -> None:
    graph = build(
        {
            "conv": [("conv", CONV, ["image"])],
            "norm": [("norm", BatchNorm(), ["conv"])],
            "relu": [("relu", Relu(), ["norm"])],
            "block": [("block.a", CONV, ["relu"]), ("block.b", CONV, ["block.a"])],
            "last": [("last", Relu(), ["block.b"])],
        }
    )
    assert set(shown(to_dot(graph))) == {"image", "conv", "block.a", "block.b", "last"}
    assert len(shown(to_dot(graph, depth=3))) == 7
    assert '"norm" [' in to_dot(graph, depth=1)


def test_work_is_linear_in_the_network() -> None:
    def drawing(count: int) -> Callable[[], object]:
        stages = {}
        source = "image"
        for index in range(count):
            stages[f"block{index}"] = chain(f"block{index}", 4, source, CONV)
            source = f"block{index}.3"
        graph = build(stages, sections={"start": ("block0", "block3")})
        return lambda: to_dot(graph)

    assert growth(drawing, 100) < 2.1


def test_a_tap_on_a_row_that_stands_for_copies_begins_at_the_block() -> None:
    steps = chain("s.copies", 3, "image", CONV)
    graph = build(
        {
            "s": [*steps, ("s.end", Relu(), ["s.copies.2"])],
            "t": [("t", Add(), ["s.end", "s.copies.2"])],
        }
    )
    repeat = Scope("s.copies", ScopeKind.STEP, "conv", {"repeat": 3}, "s.copies.2", ("repeat",))
    dot = to_dot(replace(graph, scopes={**graph.scopes, "s.copies": repeat}))
    assert shown(dot) == Counter(["image", "s.copies.0", "s.end", "t"])
    assert complaints(dot) == ""


def test_plain_stages_stack_and_a_fork_ends_the_stack() -> None:
    graph = build(
        {
            "a": [("a", CONV, ["image"])],
            "b": [("b", Lrn(), ["a"])],
            "c": [("c", CONV, ["b"])],
            "d": [("d", CONV, ["b"])],
        },
        outputs=["c", "d"],
    )
    dot = to_dot(graph)
    assert "<b>" not in dot.split("node [", 1)[1]  # no header but the caption's
    assert '"image" -> "c"' in dot
    assert '"image" -> "d"' in dot
    assert "output:out 0" in dot


def test_a_section_has_one_header_and_takes_in_the_input() -> None:
    graph = build(
        {
            "a": [("a", CONV, ["image"])],
            "b": chain("b", 2, "a", CONV),
            "c": chain("c", 2, "b.1", CONV),
        },
        sections={"stem": ("a", "b")},
    )
    dot = to_dot(graph, legend=False)
    assert re.findall(r"<b>(.*?)</b>", dot) == ["stem", "c"]
    assert dot.count(" -> ") == 1


def test_a_norm_and_an_activation_hide_in_their_convolution_unless_read_by_others() -> None:
    steps = [
        ("s.conv", CONV, ["image"]),
        ("s.norm", BatchNorm(), ["s.conv"]),
        ("s.relu", Relu(), ["s.norm"]),
        ("s.other", CONV, ["s.relu"]),
        ("s.lrn", Lrn(), ["s.other"]),
        ("s.add", Add(), ["s.lrn", "s.other"]),
    ]
    rows = [row.name for row in make_rows(build({"s": steps}), {})]
    assert rows == ["image", "s.conv", "s.other", "s.lrn", "s.add"]


def test_a_layer_names_its_activation_unless_it_is_relu() -> None:
    def labels(*followers: Operation) -> list[str]:
        steps: list[Step] = [("s.0", CONV, ["image"])]
        steps += [(f"s.{i}", op, [f"s.{i - 1}"]) for i, op in enumerate(followers, 1)]
        return [row.label for row in make_rows(build({"s": steps}), {})][1:]

    assert labels(BatchNorm(), Relu()) == ["3×3 conv, 4"]
    assert labels(BatchNorm()) == ["3×3 conv, 4"]
    assert labels(BatchNorm(), Silu()) == ["3×3 conv, 4, SiLU"]
    assert labels(Sigmoid()) == ["3×3 conv, 4, sigmoid"]
    assert labels(Silu(), Silu()) == ["3×3 conv, 4, SiLU", "SiLU"]


def test_a_step_that_does_nothing_hides_in_a_chain_but_is_a_branch() -> None:
    unit, half = Scale(), Scale(factor=0.5)
    graph = build(
        {
            "s": [
                ("s.conv", CONV, ["image"]),
                ("s.unit", unit, ["s.conv"]),
                ("s.relu", Relu(), ["s.unit"]),
                ("s.shortcut", Identity(), ["s.relu"]),
                ("s.half", half, ["s.relu"]),
                ("s.add", Add(), ["s.shortcut", "s.half"]),
                ("s.end", Identity(), ["s.add"]),
            ]
        }
    )
    rows = [row.name for row in make_rows(graph, {})]
    assert rows == ["image", "s.conv", "s.shortcut", "s.half", "s.add"]
    assert set(shown(to_dot(graph, depth=3))) == set(graph.nodes)
    changed = make_rows(graph, {}, marks={"s.unit": "changed"})
    assert "s.unit" in [row.name for row in changed], "what is pointed out is shown"


@pytest.mark.parametrize(
    ("steps", "words"),
    [
        ([BatchNorm(), Relu()], "convolution"),
        ([Lrn()], "convolution norm"),
        ([Dropout()], "convolution dropout"),
        ([Lrn(), Dropout()], "convolution norm / dropout"),
    ],
)
def test_the_legend_explains_what_is_drawn(steps: list[Operation], words: str) -> None:
    ops = [CONV, *steps]
    names = ["image", *(f"s.{i}" for i in range(len(ops)))]
    chained = [(names[i + 1], op, [names[i]]) for i, op in enumerate(ops)]
    dot = to_dot(build({"s": chained}), heat="none")
    legend = dot.partition("labelloc=b")[2].partition("\n")[0]
    texts = re.findall(r">([a-z /]+)\xa0 <", legend)
    assert " ".join(texts) == words


DENSE = """
name: dense
input: {channels: 8, height: 8, width: 8}
blocks:
  layer:
    branches:
      new: {norm: {op: batch_norm}, conv: {op: conv2d, out: 4, kernel: 3, padding: same}}
      old: {}
    merge: concat
stages:
  dense: {op: layer, repeat: 5}
  halves:
    steps:
      layers: {op: layer, repeat: 2}
      pool: {op: max_pool, kernel: 2, stride: 2, repeat: 2}
"""


def test_copies_whose_channels_grow_are_drawn_once_and_say_how_far() -> None:
    graph = to_graph(Source("dense.yaml", DENSE))
    dense, halves = make_picture(graph).blocks[1:]
    assert dense.series is not None
    (repeat,) = dense.series
    assert isinstance(repeat, Repeat)
    assert repeat.times == 5
    assert {r.name: r.extents for r in rows_of(repeat.series)} == {
        "dense.0.new.norm": "8×8×8 … 24",
        "dense.0.new.conv": "8×8×4",
        "dense.0.old": "8×8×8 … 24",
        "dense.0.merge": "8×8×12 … 28",
    }
    assert dense.cost == summed(row.cost for row in dense.rows)
    assert halves.series is not None
    layers, *pools = halves.series
    assert isinstance(layers, Repeat)
    assert [p.extents for p in pools if isinstance(p, Row)] == ["4×4×36", "2×2×36"], "sizes differ"
    assert ">8×8×12 … 28<" in to_dot(graph)


@pytest.mark.parametrize(
    ("option", "value"),
    [("depth", 4), ("heat", "cold"), ("direction", "up"), ("theme", "red"), ("format", "gif")],
)
def test_an_unknown_option_is_refused(option: str, value: object) -> None:
    graph = build({"a": [("a", Relu(), ["image"])]})
    options: dict[str, Any] = {option: value}
    with pytest.raises(ValueError, match=f"{option} is one of"):
        backend.lower(graph, **options)


def test_depth_one_tells_how_often_a_block_is_repeated() -> None:
    text = to_dot(to_graph("inception_v4"), depth=1)
    assert "inception_b × 7" in text.replace("\u00a0", " ")
