"""Receptive fields: against published figures, and against gradients that torch computes."""

from __future__ import annotations

from dataclasses import replace

import facts
import pytest
import torch
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from specs_strategy import graph_of, specs
from torch import Tensor

from inceptgraph.analysis._receptive_field import Field, largest_field, receptive_fields
from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops import BUILT_IN
from inceptgraph.ops._reach import HERE, Reach
from inceptgraph.ops.pool import AvgPool, GlobalAvgPool, GlobalMaxPool, MaxPool
from inceptgraph.ops.shape import Identity
from inceptgraph.pipeline import compile, to_graph
from inceptgraph.types import Family

# -- published figures -----------------------------------------------------------------------

PUBLISHED = {
    "alexnet_torchvision": {"features_12": (195, 32)},
    "vgg16": {"features_30": (212, 32)},
    "inception_v2_tfslim": {
        "Conv2d_1a_7x7": (7, 2),
        "MaxPool_2a_3x3": (11, 4),
        "Conv2d_2b_1x1": (11, 4),
        "Conv2d_2c_3x3": (19, 4),
        "MaxPool_3a_3x3": (27, 8),
        "Mixed_3b": (59, 8),
        "Mixed_3c": (91, 8),
        "Mixed_4a": (123, 16),
        "Mixed_4b": (187, 16),
        "Mixed_4c": (251, 16),
        "Mixed_4d": (315, 16),
        "Mixed_4e": (379, 16),
        "Mixed_5a": (443, 32),
        "Mixed_5b": (571, 32),
        "Mixed_5c": (699, 32),
    },
    "inception_v3": {
        "Conv2d_1a_3x3": (3, 2),
        "Conv2d_2a_3x3": (7, 2),
        "Conv2d_2b_3x3": (11, 2),
        "Conv2d_3b_1x1": (15, 4),
        "Conv2d_4a_3x3": (23, 4),
        "Mixed_5b": (63, 8),
        "Mixed_5c": (95, 8),
        "Mixed_5d": (127, 8),
        "Mixed_6a": (159, 16),
        "Mixed_6b": (351, 16),
        "Mixed_6c": (543, 16),
        "Mixed_6d": (735, 16),
        "Mixed_6e": (927, 16),
        "Mixed_7a": (1055, 32),
        "Mixed_7b": (1183, 32),
        "Mixed_7c": (1311, 32),
    },
    "inception_v4": {
        "Conv2d_1a_3x3": (3, 2),
        "Conv2d_2a_3x3": (7, 2),
        "Conv2d_2b_3x3": (11, 2),
        "Mixed_3a": (15, 4),
        "Mixed_4a": (47, 4),
        "Mixed_5a": (55, 8),
        "features_6": (87, 8),
        "features_7": (119, 8),
        "features_8": (151, 8),
        "features_9": (183, 8),
        "Mixed_6a": (215, 16),
        "features_11": (407, 16),
        "features_12": (599, 16),
        "features_13": (791, 16),
        "features_14": (983, 16),
        "features_15": (1175, 16),
        "features_16": (1367, 16),
        "features_17": (1559, 16),
        "Mixed_7a": (1687, 32),
        "features_19": (1815, 32),
        "features_20": (1943, 32),
        "features_21": (2071, 32),
    },
    "inception_resnet_v2": {
        "conv2d_1a": (3, 2),
        "conv2d_2a": (7, 2),
        "conv2d_2b": (11, 2),
        "maxpool_3a": (15, 4),
        "conv2d_4a": (23, 4),
        "maxpool_5a": (31, 8),
        "mixed_5b": (63, 8),
        "mixed_6a": (415, 16),
        "repeat_1_19": (2335, 16),
        "mixed_7a": (2399, 32),
        "conv2d_7b": (3039, 32),
    },
}
"""Size and effective stride at end points: RECEPTIVE_FIELD_TABLE.md of google-research's
``receptive_field``, the library of Araujo, Norris and Sim 2019, which walked TF-Slim's graphs.
The fact files have the names of other ports for some of the end points."""
LARGEST = {
    "alexnet_caffe": 195,
    "alexnet_torchvision": 195,
    "bn_inception": 699,
    "inception_v2_tfslim": 699,
    "inception_v3": 1311,
    "inception_v4": 2071,
    "inception_resnet_v2": 3039,
    "vgg16": 212,
}
"""Of whole networks, in the article's last table."""
PADDING_AT_224 = {
    "Conv2d_1a_7x7": 2,
    "MaxPool_2a_3x3": 2,
    "Conv2d_2c_3x3": 6,
    "Mixed_3b": 22,
    "Mixed_3c": 38,
    "Mixed_4a": 46,
    "Mixed_4e": 174,
    "Mixed_5a": 190,
    "Mixed_5c": 318,
}
"""Effective padding of inception_v2 in the same table: how far the first field is off the image."""


def network_of(name: str) -> Graph:
    return to_graph(Source(name, facts.spec_text(facts.load(name)))).phase("eval")


@pytest.mark.parametrize("name", PUBLISHED)
def test_every_end_point(name: str) -> None:
    graph = network_of(name)
    fields = receptive_fields(graph)
    for end_point, (size, stride) in PUBLISHED[name].items():
        rows, columns = fields[graph.scopes[end_point].output].local or HERE
        assert (rows.extent, columns.extent) == (size, size), end_point
        assert (rows.stride, columns.stride) == (stride, stride), end_point


@pytest.mark.parametrize("name", LARGEST)
def test_whole_networks(name: str) -> None:
    assert largest_field(network_of(name)) == (LARGEST[name], LARGEST[name])


def test_where_fields_begin() -> None:
    graph = network_of("inception_v2_tfslim")
    fields = receptive_fields(graph)
    for end_point, padding in PADDING_AT_224.items():
        rows, columns = fields[graph.scopes[end_point].output].local or HERE
        assert rows.first == columns.first == -padding, end_point


@pytest.mark.parametrize(
    ("units", "size"),
    [((3, 4, 6, 3), 483), ((3, 4, 23, 3), 1027), ((3, 8, 36, 3), 1507), ((3, 24, 36, 3), 1763)],
)
def test_residual_networks(units: tuple[int, ...], size: int) -> None:
    """TF-Slim's ResNet-v1 of 50 to 200 layers, where the last unit of a block has the stride."""
    text = """\
name: ResNet
input: {channels: 3, height: 224, width: 224}
blocks:
  unit:
    params: {stride: size = 1}
    branches:
      residual:
        reduce: {op: conv2d, out: 1}
        3x3: {op: conv2d, out: 1, kernel: 3, stride: $stride, padding: same}
        expand: {op: conv2d, out: 4}
      shortcut: {op: max_pool, kernel: 1, stride: $stride}
    merge: add
stages:
  conv1: {op: conv2d, out: 4, kernel: 7, stride: 2, padding: same}
  pool1: {op: max_pool, kernel: 3, stride: 2, padding: same}
"""
    for block, count in enumerate(units, 1):
        stride = 1 if block == 4 else 2
        text += f"  units{block}: {{op: unit, repeat: {count - 1}}}\n"
        text += f"  last{block}: {{op: unit, stride: {stride}}}\n"
    text += "  pool: {op: global_avg_pool}\n"
    assert largest_field(to_graph(Source("resnet.yaml", text))) == (size, size)


# -- by gradients ----------------------------------------------------------------------------


def gradient_boxes(
    graph: Graph, node: str, pixel: tuple[int, int]
) -> list[tuple[range, range] | None]:
    """For each input the rows and columns that a pixel of a node depends on, by torch.

    The network is made linear with positive weights, so that nothing cancels and nothing is cut:
    maxima become averages, and what works on single pixels becomes the identity.
    """
    cut = replace(graph, outputs=(Output("y", node),), sections={}).phase("eval")
    model = compile(cut, passes=[linear], dtype="float64", initialized=False).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            # the farthest pixel keeps a weight of about 1 through any number of layers
            parameter.fill_(1 / parameter.shape[1] if parameter.dim() == 4 else 0)
    inputs = [
        torch.ones(1, *graph.shape(each.name), dtype=torch.float64, requires_grad=True)
        for each in graph.inputs
    ]
    found = model(*inputs)
    result: Tensor = found if isinstance(found, Tensor) else found["y"]
    gradients = torch.autograd.grad(
        result[0, :, pixel[0], pixel[1]].sum(), inputs, allow_unused=True
    )
    return [None if gradient is None else box(gradient[0]) for gradient in gradients]


def box(gradient: Tensor) -> tuple[range, range] | None:
    """The rows and columns from the first to the last that is not zero."""
    assert torch.isfinite(gradient).all()
    touched = gradient.abs().sum(0) > 0
    sides = []
    for axis in (1, 0):
        positions = touched.any(axis).nonzero().flatten().tolist()
        if not positions:
            return None
        sides.append(range(positions[0], positions[-1] + 1))
    return sides[0], sides[1]


def linear(graph: Graph) -> Graph:
    return graph.with_nodes({name: linear_node(node) for name, node in graph.nodes.items()})


def linear_node(node: Node) -> Node:
    op = node.op
    if isinstance(op, MaxPool):
        return replace(node, op=AvgPool(**dict(op)))
    if isinstance(op, GlobalMaxPool):
        return replace(node, op=GlobalAvgPool())
    if op.family in (Family.ACTIVATION, Family.NORM, Family.DROPOUT):
        return replace(node, op=Identity())
    return node


def fitting(reach: Reach, positions: int, extent: int) -> list[int]:
    """The pixels of a map whose field lies inside the image."""
    return [
        p
        for p in range(positions)
        if reach.first + p * reach.stride >= 0
        and reach.first + p * reach.stride + reach.extent <= extent
    ]


def joined(boxes: list[tuple[range, range] | None]) -> tuple[range, range]:
    """The box round boxes."""
    known = [each for each in boxes if each is not None]
    rows, columns = (
        range(min(each[axis].start for each in known), max(each[axis].stop for each in known))
        for axis in (0, 1)
    )
    return rows, columns


def check_pixels(graph: Graph, name: str, choose: int = 0) -> bool:
    """Compare a node's field with gradients at a pixel whose field fits in the image, if any."""
    field = receptive_fields(graph)[name]
    if field.local is None or field.whole:
        return False
    _, height, width = graph.shape(name)
    _, image_height, image_width = graph.shape(graph.inputs[0].name)
    rows, columns = field.local
    heights = fitting(rows, height, image_height)
    widths = fitting(columns, width, image_width)
    if not heights or not widths:
        return False
    pixel = heights[choose % len(heights)], widths[choose % len(widths)]
    told = tuple(
        range(start, start + reach.extent)
        for reach, p in zip(field.local, pixel, strict=True)
        for start in [reach.first + p * reach.stride]
    )
    assert joined(gradient_boxes(graph, name, pixel)) == told, name
    return True


@settings(max_examples=examples(40), deadline=None)
@given(specs(), st.data())
def test_fields_are_where_gradients_are(text: str, data: st.DataObject) -> None:
    graph = graph_of(text).phase("eval")
    assume(len(graph.nodes) <= 80)
    names = [node.name for node in graph.nodes.values() if node.inputs]
    checked = [
        check_pixels(graph, name, data.draw(st.integers(0, 30)))
        for name in data.draw(st.lists(st.sampled_from(names), min_size=1, max_size=3))
    ]
    assume(any(checked))  # too many networks without a pixel to look at would be an error


HEADER = "name: Small\ninput: {channels: 2, height: 24, width: 30}\nstages:\n"


def small(*stages: str) -> Graph:
    lines = "".join(f"  s{number}: {{{stage}}}\n" for number, stage in enumerate(stages))
    return to_graph(Source("small.yaml", HEADER + lines))


@pytest.mark.parametrize(
    "stages",
    [
        ["op: conv2d, out: 2, kernel: [5, 2], stride: [2, 3]"],
        ["op: conv2d, out: 2, kernel: 3, dilation: [2, 3], padding: [1, 2, 3, 4]"],
        ["op: depthwise_conv2d, kernel: 4, stride: 2, padding: same"],
        ["op: max_pool, kernel: 3, stride: 2, ceil: true", "op: conv2d, out: 1, kernel: 2"],
        ["op: crop, border: [3, 1, 2, 5]", "op: conv2d, out: 1, kernel: 3, stride: 2"],
        ["op: pad, border: [3, 1, 2, 5]", "op: avg_pool, kernel: 3, stride: 2"],
        ["op: adaptive_avg_pool, size: [6, 10]", "op: conv2d, out: 1, kernel: 2"],
        ["op: adaptive_avg_pool, size: [23, 29]", "op: conv2d, out: 1, kernel: 2"],
        ["op: adaptive_avg_pool, size: 23, from: s0"],
        ["op: conv2d, out: 1, kernel: 5", "op: crop, border: [2, 0, 0, 3]"],
        ["op: conv2d, out: 1, kernel: 5", "op: slice, over: height, start: 3, stop: -1, step: 3",
         "op: slice, over: width, start: -9", "op: avg_pool, kernel: [2, 3]"],
        ["op: conv2d, out: 2, kernel: 3", "op: crop, border: [2, 2, 2, 2], from: input",
         "op: conv2d, out: 1, kernel: [1, 2], from: s0", "op: crop, border: [0, 0, 1, 0], from: s0",
         "op: concat, from: [s2, s3]", "op: avg_pool, kernel: 2, stride: 2"],
    ],
)  # fmt: skip
def test_every_window(stages: list[str]) -> None:
    if "from: s0" in stages[0]:  # a pool of a map that its windows do not tile evenly
        stages = ["op: conv2d, out: 1, kernel: [2, 8]", *stages]
    graph = small(*stages)
    for name in list(graph.nodes)[1:]:
        for choose in range(9):
            assert check_pixels(graph, name, choose), name


REQUIRED = {"conv": "out: 3", "conv2d": "out: 3", "max_pool": "kernel: 1", "avg_pool": "kernel: 1"}
REQUIRED["channels"] = "stop: 1"
REQUIRED |= dict.fromkeys(("pad", "crop"), "border: [0, 0, 0, 0]")
REQUIRED |= dict.fromkeys(("adaptive_avg_pool", "adaptive_max_pool"), "size: [5, 6]")
REQUIRED |= dict.fromkeys(("mean", "sum", "max", "l2_norm"), "over: channels")
REQUIRED |= {"group_norm": "groups: 1", "stochastic_depth": "rate: 0.5"}
REQUIRED["channel_shuffle"] = "groups: 2"
REQUIRED["power"] = "exponent: 2"
REQUIRED |= dict.fromkeys(("pixel_shuffle", "pixel_unshuffle"), "factor: 1")
REQUIRED["reshape"] = "channels: rest"
REQUIRED["transpose"] = "order: [channels, height, width]"
REQUIRED["slice"] = "over: channels, step: 2"
REQUIRED["conv_transpose"] = "out: 3, kernel: 1"
OF_THE_WHOLE = {
    "group_norm",
    "instance_norm",
    "resize",
    "pixel_shuffle",
    "reshape",
    "flatten",
    "global_avg_pool",
    "global_max_pool",
}


@pytest.mark.parametrize("name", sorted(BUILT_IN.keys() - {"linear", "matmul"}))
def test_what_no_window_widens_reads_one_pixel(name: str) -> None:
    """Of each operand, as it is: nothing is made linear here."""
    several = BUILT_IN[name].arity[1] != 1
    text = "name: One\ninputs:\n"
    text += "".join(f"  {i}: {{channels: 2, height: 5, width: 6}}\n" for i in ("a", "b"))
    reads = "[a, b]" if several else "a"
    arguments = ", ".join(filter(None, (f"op: {name}", REQUIRED.get(name), f"from: {reads}")))
    text += f"stages: {{s: {{{arguments}}}}}\n"
    graph = to_graph(Source("one.yaml", text))
    field = receptive_fields(graph)["s"]
    if name in OF_THE_WHOLE:
        assert field == Field(None, whole=True)
        return
    assert field == Field((HERE, HERE))
    model = compile(graph, dtype="float64").eval()
    torch.manual_seed(0)
    inputs = [torch.rand(1, 2, 5, 6, dtype=torch.float64, requires_grad=True) for _ in "ab"]
    weights = torch.rand(graph.shape("s")[0], dtype=torch.float64)  # a softmax sums to 1
    pixel = model(*inputs)[0, :, 2, 3] @ weights
    found = torch.autograd.grad(pixel, inputs, allow_unused=True)
    for gradient in found if several else found[:1]:
        assert gradient is not None
        assert box(gradient[0]) == (range(2, 3), range(3, 4))


# -- what has no field of a fixed size -------------------------------------------------------


def last(graph: Graph) -> Field:
    return list(receptive_fields(graph).values())[-1]


@pytest.mark.parametrize(
    "stage",
    ["op: global_avg_pool", "op: adaptive_max_pool, size: 1", "op: flatten",
     "op: adaptive_avg_pool, size: [5, 10]", "op: adaptive_avg_pool, size: [10, 13]",
     "op: adaptive_avg_pool, size: 100"],
)  # fmt: skip
def test_the_whole_map(stage: str) -> None:
    graph = small("op: conv2d, out: 1, kernel: 3", stage)
    assert last(graph) == Field(None, whole=True)
    assert largest_field(graph) == (3, 3)


def test_a_gate_keeps_the_field_of_what_it_multiplies() -> None:
    graph = small(
        "op: conv2d, out: 2, kernel: 3, padding: same",
        "op: global_avg_pool",
        "op: sigmoid",
        "op: multiply, from: [s0, s2]",
        "op: conv2d, out: 2, kernel: 3, stride: 2, padding: same",
    )
    field = last(graph)
    assert field.whole
    assert field.size == largest_field(graph) == (5, 5)
    assert joined(gradient_boxes(small("op: conv2d, out: 2, kernel: 3"), "s0", (4, 4))) == (
        range(4, 7),
        range(4, 7),
    )


def test_paths_that_drift_apart_have_no_common_field() -> None:
    graph = small(
        "op: conv2d, out: 1, stride: 2",
        "op: crop, border: [12, 0, 15, 0], from: input",
        "op: concat, from: [s0, s1]",
    )
    assert last(graph) == Field(None, whole=True)
    assert largest_field(graph) == (1, 1)


def test_vectors_have_no_field() -> None:
    text = "name: V\ninput: {features: 3}\nstages: {a: {op: linear, out: 4}, b: {op: relu}}\n"
    graph = to_graph(Source("v.yaml", text))
    assert all(field.size is None for field in receptive_fields(graph).values())
    assert largest_field(graph) is None
