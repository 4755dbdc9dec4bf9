"""Marks and ghosts: what a picture points out, and what is gone drawn where it stood."""

from __future__ import annotations

import re

import pytest
from drawn_graphs import build, complaints, shown
from variants import VARIANTS, shipped

from inceptgraph import to_graph
from inceptgraph.compare import mark
from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph
from inceptgraph.ops.activation import Relu
from inceptgraph.ops.conv import Conv2d
from inceptgraph.ops.merge import Add
from inceptgraph_graphviz import backend, to_dot
from inceptgraph_graphviz.blocks import make_picture
from inceptgraph_graphviz.colours import DARK, LIGHT, contrast
from inceptgraph_graphviz.ghosts import with_ghosts
from inceptgraph_graphviz.marks import SIGNS, Mark, combined, mark_of

CONV = Conv2d(out=4, kernel=(3, 3), padding="same")
RELU = Relu()
INPUT = "{channels: 3, height: 8, width: 8}"


def wired(after: Graph, before: Graph) -> dict[str, tuple[str, ...]]:
    return {node.name: node.inputs for node in with_ghosts(after, before).nodes.values()}


# -- marks -----------------------------------------------------------------------------------


def test_a_mark_holds_for_all_that_is_inside() -> None:
    marks = {"a.b": "added", "a.b.c": "removed"}
    assert mark_of(marks, "a.b.d.e") is Mark.ADDED
    assert mark_of(marks, "a.b.c.x") is Mark.REMOVED
    assert mark_of(marks, "a.bc") is None
    assert mark_of({}, "a") is None


def test_a_whole_is_changed_where_some_of_it_is_marked() -> None:
    assert combined([Mark.ADDED, Mark.ADDED]) is Mark.ADDED
    assert combined([Mark.ADDED, None]) is Mark.CHANGED
    assert combined([Mark.ADDED, Mark.REMOVED]) is Mark.CHANGED
    assert combined([None]) is None


def test_an_unknown_mark_is_refused() -> None:
    graph = build({"a": [("a.0", CONV, ["image"])]})
    with pytest.raises(ValueError, match="better"):
        to_dot(graph, marks={"a": "better"})


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_marked_texts_can_be_read(theme: type) -> None:
    for each in Mark:
        inside = theme.mark_tints[each]
        assert contrast(theme.text, inside) >= 7
        assert contrast(theme.muted, inside) >= 4.5
    assert len({*theme.marks.values()}) == len(Mark) == len({*SIGNS.values()})


def test_colours_that_are_one_in_the_light_are_one_in_the_dark() -> None:
    pairs = set(zip(LIGHT.colours(), DARK.colours(), strict=True))
    assert len({light for light, _ in pairs}) == len(pairs)


# -- ghosts ----------------------------------------------------------------------------------


def test_a_step_that_is_gone_stands_between_its_neighbours() -> None:
    before = build(
        {"s": [("s.a", CONV, ["image"]), ("s.b", RELU, ["s.a"]), ("s.c", CONV, ["s.b"])]}
    )
    after = build({"s": [("s.a", CONV, ["image"]), ("s.c", CONV, ["s.a"])]})
    assert wired(after, before)["s.c"] == ("s.b",)
    assert list(wired(after, before)) == ["image", "s.a", "s.b", "s.c"]


def test_a_step_that_is_gone_stands_before_what_replaced_it() -> None:
    before = build(
        {"s": [("s.a", CONV, ["image"]), ("s.old", CONV, ["s.a"]), ("s.c", RELU, ["s.old"])]}
    )
    after = build(
        {
            "s": [
                ("s.a", CONV, ["image"]),
                ("s.new", CONV, ["s.a"]),
                ("s.newer", CONV, ["s.new"]),
                ("s.c", RELU, ["s.newer"]),
            ]
        }
    )
    found = wired(after, before)
    assert found["s.new"] == ("s.old",)
    assert found["s.newer"] == ("s.new",)
    assert found["s.c"] == ("s.newer",)


def test_a_branch_that_is_gone_is_joined_again() -> None:
    left, right, end = (f"s.{name}" for name in ("left", "right", "end"))
    branches = [("s.a", CONV, ["image"]), (left, CONV, ["s.a"]), (right, RELU, ["s.a"])]
    before = build(
        {"s": [*branches, ("s.third", RELU, ["s.a"]), (end, Add(), [left, "s.third", right])]}
    )
    after = build({"s": [*branches, (end, Add(), [left, right])]})
    assert wired(after, before)[end] == (left, "s.third", right)


def test_another_order_is_no_cycle() -> None:
    names = ("a", "b", "c", "d")
    for other in (("d", "b", "a"), ("b", "d"), ("d", "c", "b", "a")):
        graphs = []
        for order in (names, other):
            steps, last = [], "image"
            for name in order:
                steps.append((f"s.{name}", CONV, [last]))
                last = f"s.{name}"
            graphs.append(build({"s": steps}))
        before, after = graphs
        seen: set[str] = set()
        for name, inputs in wired(after, before).items():
            assert seen.issuperset(inputs)
            seen.add(name)
        assert seen == {"image", *(f"s.{name}" for name in names)}


def test_ghosts_cost_nothing() -> None:
    old = to_graph("googlenet")
    new = to_graph(Source("v.yaml", VARIANTS["small_images"][1]))
    marks, ghosts = mark(old, new)
    assert make_picture(new, marks=marks, ghosts=ghosts).total == make_picture(new).total


def test_a_block_that_lost_its_end_has_the_shape_that_it_has() -> None:
    before, after = (
        to_graph(Source("s.yaml", f"name: n\ninput: {INPUT}\nstages: {{s: {{steps: {steps}}}}}"))
        for steps in (
            "{a: {op: conv2d, out: 4}, b: {op: conv2d, out: 8}}",
            "{a: {op: conv2d, out: 4}}",
        )
    )
    marks, ghosts = mark(before, after)
    assert "8×8×4<" in to_dot(after, marks=marks, ghosts=ghosts, depth=1)


# -- pictures --------------------------------------------------------------------------------


@pytest.mark.parametrize("direction", ["there", "back"])
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_variant_is_drawn_with_everything_that_was_or_is(variant: str, direction: str) -> None:
    name, text = VARIANTS[variant]
    graphs = [to_graph(Source("a.yaml", shipped(name))), to_graph(Source("b.yaml", text))]
    old, new = graphs if direction == "there" else reversed(graphs)
    marks, ghosts = mark(old, new)
    for depth in (1, 2, 3):
        dot = to_dot(new, marks=marks, ghosts=ghosts, depth=depth)
        assert complaints(dot) == ""
        if depth > 1:  # a box for a stage shows none of its steps
            assert ("<s>" in dot) is bool(marks.keys() - new.nodes.keys())
            assert ("+ added" in dot) is bool(new.nodes.keys() - ghosts.nodes.keys())
    copies = any(scope.copies for graph in (old, new) for scope in graph.scopes.values())
    if not copies:
        times = shown(to_dot(new, marks=marks, ghosts=ghosts, depth=3))
        assert times == dict.fromkeys((*old.nodes, *new.nodes), 1)


def test_without_marks_nothing_changes() -> None:
    graph = to_graph("googlenet")
    assert to_dot(graph, marks=None, ghosts=None) == to_dot(graph)
    assert to_dot(graph, ghosts=graph) == to_dot(graph)


def test_a_picture_says_it_without_colours() -> None:
    name, text = VARIANTS["two_3x3"]
    old, new = to_graph(name), to_graph(Source("v.yaml", text))
    marks, ghosts = mark(old, new)
    svg = backend.lower(new, marks=marks, ghosts=ghosts)
    assert isinstance(svg, str)
    texts = re.findall(r">([^<>]+)</text>", svg)
    assert sum(text.startswith("+ 3×3 conv") for text in texts) == 2 * 9
    assert texts.count("− ") + texts.count("−\u00a0") >= 9
    assert svg.count("line-through") >= 9
    mermaid = backend.lower(new, format="mermaid", marks=marks, ghosts=ghosts)
    assert "~ inception 3a" in str(mermaid)
    assert "classDef changed" in str(mermaid)


def test_a_new_activation_is_told_by_name() -> None:
    old, new = (
        to_graph(
            Source(
                "s.yaml",
                f"name: n\ninput: {INPUT}\nstages:"
                f" {{s: {{steps: {{a: {{op: conv2d, out: 4}}, b: {{op: {act}}}}}}}}}",
            )
        )
        for act in ("relu", "silu")
    )
    marks, ghosts = mark(old, new)
    assert "~ 1×1 conv, 4, SiLU<" in to_dot(new, marks=marks, ghosts=ghosts)
