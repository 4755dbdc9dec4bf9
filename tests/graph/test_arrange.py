"""Reshapes, transposes, slices and products in a graph: what they are called, cost and reach."""

from __future__ import annotations

from typing import Any

import pytest

from inceptgraph.analysis import total
from inceptgraph.analysis._receptive_field import Field, receptive_fields
from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph
from inceptgraph.ops import BUILT_IN, Input
from inceptgraph.ops.shape import Channels
from inceptgraph.passes import optimize
from inceptgraph.pipeline import to_graph


def graph_of(stages: str, height: str = "8", **values: Any) -> Graph:
    text = f"name: N\ninput: {{channels: 6, height: {height}, width: 5}}\nstages:\n{stages}"
    return to_graph(Source("n.yaml", text), set=values)


@pytest.mark.parametrize(
    ("name", "given", "label"),
    [
        ("reshape", {"channels": 8, "height": 4, "width": "rest"}, "reshape to 4×rest×8"),
        ("reshape", {"features": 12}, "reshape to 12"),
        ("reshape", {"channels": "rest"}, "reshape like another"),
        ("reshape", {}, "reshape like another"),
        ("transpose", {"order": ["length", "channels"]}, "transpose to length, channels"),
        ("slice", {"over": "height", "start": 1, "stop": -1, "step": 2}, "slice height 1:-1:2"),
        ("slice", {"over": "width", "stop": 3}, "slice width :3"),
        ("matmul", {}, "matmul"),
        ("dot", {"over": ["channels", "width"]}, "dot over channels and width"),
        ("softmax", {"over": "height"}, "softmax over height"),
        ("log_softmax", {}, "log softmax"),
    ],
)
def test_labels(name: str, given: dict[str, Any], label: str) -> None:
    assert BUILT_IN[name](**given).label() == label


def test_a_slice_of_neighbouring_channels_is_one_operation_with_channels() -> None:
    graph = graph_of("  a: {op: slice, over: channels, start: -4, stop: -1}\n")
    assert graph.nodes["a"].op == Channels(start=2, stop=5)
    assert graph_of("  a: {op: slice, over: channels, step: 2}\n").shape("a") == (3, 8, 5)


def test_products_count_what_they_multiply() -> None:
    """6 products of 8×5 with 5×8 matrices; then 6·8·8 products, added up."""
    stages = """  a: {op: transpose, order: [channels, width, height]}
  b: {op: matmul, from: [input, a]}
  c: {op: dot, over: space, from: [b, b]}
"""
    graph = graph_of(stages)
    assert [graph.shape(name) for name in "abc"] == [(6, 5, 8), (6, 8, 8), (6, 1, 1)]
    assert total(graph).macs == 6 * 8 * 5 * 8 + 6 * 8 * 8


@pytest.mark.parametrize("step", ["op: matmul, from: [input, a]", "op: softmax, over: width"])
def test_what_reads_more_than_its_place_reads_the_whole_map(step: str) -> None:
    stages = f"  a: {{op: transpose, order: [channels, width, height]}}\n  b: {{{step}}}\n"
    fields = receptive_fields(graph_of(stages))
    assert fields["a"] == fields["b"] == Field(None, whole=True)


def test_axes_that_stay_where_they_are_are_left_out() -> None:
    graph = graph_of("  a: {op: transpose, order: [channels, height, width]}\n  b: {op: relu}\n")
    assert graph.nodes["a"].op.is_identity()
    assert list(optimize(graph).nodes) == ["input", "b"]


def test_of_any_size_what_is_counted_from_the_end_stays_there() -> None:
    stages = """  a: {op: slice, over: height, start: -3}
  b: {op: slice, over: height, start: 1, stop: -1, step: 2, from: input}
  c: {op: reshape, channels: 3, length: rest}
  d: {op: softmax, over: length}
  e: {op: reshape, channels: rest, from: [d, b]}
outputs: {a: a, e: e}
"""
    graph = graph_of(stages, "free = 8")
    (source,) = graph.inputs
    assert isinstance(source.op, Input) and source.op.least == (3,)
    larger = graph_of(stages, "free = 8", **{"input.height": 21})
    found = [(each.shape("a"), each.shape("c"), each.shape("e")) for each in (graph, larger)]
    assert found == [
        ((6, 3, 5), (3, 30), (6, 3, 5)),
        ((6, 3, 5), (3, 100), (6, 10, 5)),
    ]
