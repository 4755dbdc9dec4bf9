"""Shapes for images of any size, against the shapes that are inferred at other sizes."""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, cast

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from operations_strategy import arguments, one_step, operands
from other_sizes import axes, numbers, resized
from specs_strategy import graph_of, specs

from inceptgraph.diagnostics import ShapeError, Source
from inceptgraph.graph import Graph
from inceptgraph.infer import at_any_size
from inceptgraph.ops import BUILT_IN, Axis, Extent, Operation, Weight
from inceptgraph.ops.initializers import constant
from inceptgraph.passes import optimize
from inceptgraph.pipeline import to_graph
from inceptgraph.spec import shipped
from inceptgraph.types import Shape

FREE = {
    "alexnet_torchvision",
    "densenet121",
    "efficientnet_b0",
    "facenet_triplet",
    "inception_resnet_v1",
    "inception_resnet_v2",
    "inception_time",
    "inception_v3",
    "inception_v3_tfslim",
    "inception_v4",
    "mobilenet_v2",
    "naive_inception",
    "resnet18",
    "shufflenet_v2_x1_0",
    "vgg16",
    "xception",
    "xception41",
}
"""What has no ``same`` padding with a stride, no ``ceil``, and no vector made of a whole map."""


def network(stages: str, height: int = 33, width: int = 40) -> Graph:
    image = f"{{name: image, channels: 2, height: {height}, width: {width}}}"
    return to_graph(Source("net.yaml", f"name: net\ninput: {image}\nstages:\n{stages}"))


@cache
def evaluated(spec: str) -> Graph:
    """The graph of a shipped spec in evaluation."""
    return to_graph(spec).phase("eval")


@pytest.mark.heavy
@pytest.mark.parametrize("spec", shipped())
def test_shipped_specs(spec: str) -> None:
    graph = evaluated(spec)
    free = at_any_size(graph)
    assert (free is not None) == (spec in FREE)
    if free is None:
        return
    least = [axis.least for axis in axes(free)]
    for more in ((0, 0), (1, 6), (37, 32), (64, 65)):
        size = [n + extra for n, extra in zip(least, more, strict=False)]  # one axis of a sequence
        other, findings = resized(graph, *size)
        assert not findings.errors
        for name in graph.nodes:
            assert numbers(free.shape(name), *size) == other.shape(name), name


@pytest.mark.parametrize(
    ("spec", "least"),
    # the `min_size` of torchvision's weights, and of Keras' applications the last
    [
        ("alexnet_torchvision", 63),
        ("vgg16", 32),
        ("resnet18", 1),
        ("inception_v3", 75),
        ("inception_resnet_v2", 75),
    ],
)
def test_the_least_size_is_that_of_others(spec: str, least: int) -> None:
    graph = evaluated(spec)
    free = at_any_size(graph)
    assert free is not None
    assert [axis.least for axis in axes(free)] == [least, least]
    if least > 1:
        assert resized(graph, least - 1, least)[1].errors
        assert resized(graph, least, least - 1)[1].errors


@given(data=st.data(), name=st.sampled_from(sorted(BUILT_IN)))
def test_any_operation(data: st.DataObject, name: str) -> None:
    shapes = data.draw(operands(name), label="operands")
    given = data.draw(arguments(name, shapes), label="arguments")
    try:
        graph = one_step(BUILT_IN[name](**given), shapes)
    except ShapeError:
        assume(False)
    held_at_other_sizes(graph, data)


@given(text=specs(), data=st.data())
def test_any_spec(text: str, data: st.DataObject) -> None:
    held_at_other_sizes(graph_of(text), data)


def held_at_other_sizes(graph: Graph, data: st.DataObject) -> None:
    free = at_any_size(graph)
    if free is None:
        return
    most = 70 if len(axes(free)) < 3 else 9
    size = tuple(
        data.draw(st.integers(axis.least, axis.least + most), label=axis.name)
        for axis in axes(free)
    )
    other, findings = resized(graph, *size)
    assert not findings.errors
    for name, node in graph.nodes.items():
        assert numbers(free.shape(name), *size) == other.shape(name)
        assert graph.weights(node) == other.weights(other.nodes[name])


FIXED = {
    "same_with_a_stride": "  a: {op: conv2d, out: 2, kernel: 3, stride: 2, padding: same}",
    "ceil": "  a: {op: max_pool, kernel: 3, stride: 2, ceil: true}",
    "a_whole_map": "  a: {op: flatten}",
    "a_linear_layer": "  a: {op: flatten}\n  b: {op: linear, out: 3}",
    "rows_laid_out": "  a: {op: reshape, channels: 2, length: rest}",
    "the_last_rows": "  a: {op: slice, over: height, start: -3}",
    "channels_that_were_rows": """\
  a: {op: transpose, order: [height, channels, width]}
  b: {op: channels, start: -2}""",
    # both are 16 rows of 33, but 15 and 16 of 32
    "a_join_that_fits_by_chance": """\
  whole:
    branches:
      conv: {op: conv2d, out: 2, kernel: 3, stride: 2}
      pool: {op: max_pool, kernel: [2, 3], stride: 2}
    merge: concat""",
}


@pytest.mark.parametrize("why", FIXED)
def test_what_depends_on_the_size(why: str) -> None:
    assert at_any_size(network(FIXED[why])) is None


def test_a_join_that_fits_by_chance_does_not_fit_elsewhere() -> None:
    graph = network(FIXED["a_join_that_fits_by_chance"])
    assert not resized(graph, 35, 40)[1].errors
    assert resized(graph, 32, 40)[1].errors


@pytest.mark.parametrize(
    "stages",
    [
        "  a: {op: conv2d, out: 2, kernel: [4, 2], padding: same}",  # no stride: no size
        "  a: {op: crop, border: [1, 2, 0, 1]}",
        "  a: {op: slice, over: height, start: 1, stop: -1, step: 3}",
        "  a: {op: transpose, order: [channels, width, height]}\n  b: {op: softmax, over: width}",
        "  a: {op: global_max_pool}\n  b: {op: flatten}\n  c: {op: linear, out: 3}",
        "  a: {op: adaptive_avg_pool, size: [2, 3]}\n  b: {op: flatten}",
        "  a: {op: global_avg_pool}\n  b: {op: multiply, from: [image, a]}",
    ],
)
def test_what_does_not(stages: str) -> None:
    assert at_any_size(network(stages)) is not None


def test_images_of_two_sizes_and_rewritten_networks_stay_as_they_are() -> None:
    joined = "inputs: {{a: {{channels: 1, height: 8, width: 8}}, {}}}\nstages:\n"
    joined += "  x: {{op: global_avg_pool, from: a}}\n  y: {{op: global_avg_pool, from: b}}\n"
    joined += "  z: {{op: concat, from: [x, y]}}"
    for width, is_free in ((8, True), (9, False)):
        b = f"b: {{channels: 1, height: 8, width: {width}}}"
        graph = to_graph(Source("two.yaml", "name: two\n" + joined.format(b)))
        assert (at_any_size(graph) is not None) == is_free
    graph = network("  a: {op: conv2d, out: 2}\n  b: {op: batch_norm}")
    rewritten = optimize(graph)
    assert rewritten.rewritten_from is not None
    assert (at_any_size(graph), at_any_size(rewritten)) != (None, None)
    assert at_any_size(rewritten) is None
    assert at_any_size(one_step(BUILT_IN["relu"](), [(3,)])) is None


class Positions(Operation):
    """A number for each pixel, as a package may add it."""

    op: ClassVar[str] = "positions"

    def weights(self, *inputs: Shape) -> dict[str, Weight]:
        return {"each": Weight(inputs[0][1:], constant(0.0))}


class Middle(Operation):
    """A crop that is settled by the size of its operand."""

    op: ClassVar[str] = "middle"
    row: int = -1

    def settled(self, *inputs: Shape) -> Middle:
        return self if self.row >= 0 else Middle(row=inputs[0][1] // 2)


class Even(Operation):
    """A check of its own that what it is given is a whole number."""

    op: ClassVar[str] = "even"

    def infer(self, *inputs: Shape) -> Shape:
        if not isinstance(inputs[0][1], int):
            raise ValueError("a height is a whole number")
        return inputs[0]


@pytest.mark.parametrize("op", [Positions(), Middle(), Even()])
def test_operations_of_packages_that_depend_on_the_size(op: Operation) -> None:
    assert at_any_size(one_step(op, [(3, 8, 8)])) is None


# -- extents ---------------------------------------------------------------------------------

steps = st.tuples(st.sampled_from("+-/"), st.integers(1, 9))


@given(st.lists(steps, max_size=8), st.integers(0, 300), st.integers(1, 500))
def test_arithmetic(chain: list[tuple[str, int]], input: int, declared: int) -> None:
    extent, number = Extent(Axis("height", declared)), input
    for kind, by in chain:
        extent = extent + by if kind == "+" else extent - by if kind == "-" else extent // by
        number = number + by if kind == "+" else number - by if kind == "-" else number // by
    assert (input + extent.offset) // extent.stride == number
    assert eval(str(extent), {"height": input}) == number


@given(st.integers(-9, 9), st.integers(1, 5), st.integers(-3, 12), st.integers(9, 60))
def test_what_is_decided_holds_from_the_least_size_on(
    offset: int, stride: int, bound: int, declared: int
) -> None:
    value = (declared + offset) // stride
    comparisons = {"<": value < bound, "<=": value <= bound, "==": value == bound}
    comparisons |= {">": value > bound, ">=": value >= bound, "!=": value != bound}
    for sign, answer in comparisons.items():
        axis = Axis("height", declared)
        extent = Extent(axis, offset, stride)
        try:
            assert eval(f"extent {sign} bound", {"extent": extent, "bound": bound}) is answer
        except TypeError:
            assert value <= bound  # other sizes give another answer
            continue
        assert axis.least <= declared
        for size in range(axis.least, axis.least + 50):
            number = (size + offset) // stride
            assert eval(f"{number} {sign} {bound}") is answer


def test_an_extent_is_no_number() -> None:
    extent: Any = Extent(Axis("height", 32), 1, 2)
    attempts = (
        lambda: int(extent),
        lambda: float(extent),
        lambda: range(extent),
        lambda: extent * 2,
        lambda: 3 * extent,
        lambda: 64 - extent,
        lambda: -extent,
        lambda: extent % 2,
        lambda: extent // 0,
        lambda: 7 // extent,
        lambda: extent + extent,
        lambda: {extent},
        lambda: extent < extent,
        lambda: extent <= extent,
        lambda: extent > extent,
        lambda: extent >= extent,
        lambda: extent == Extent(extent.axis, 2, 2),
        lambda: extent == Extent(Axis("width", 32), 1, 2),
        lambda: extent == 16,
        lambda: extent == "16",
        lambda: max(extent, 20),
        lambda: [0][extent],
    )
    for attempt in attempts:
        with pytest.raises(TypeError):
            attempt()
    assert extent % 1 == 0
    assert extent == Extent(extent.axis, 1, 2)
    assert cast("Any", 1 + extent) == Extent(extent.axis, 3, 2)
