"""ONNX models on images of other sizes than the spec's, against plain torch in float64."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from random import Random

import numpy as np
import onnx
import pytest
import random_networks
import torch
from agreement import Array, arrays, by_name, randomized, samples
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from onnx_readers import READERS
from operations_strategy import one_step
from other_sizes import resized

from inceptgraph.analysis import total
from inceptgraph.builder import build
from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph
from inceptgraph.infer import at_any_size
from inceptgraph.measure import bound, relative_error
from inceptgraph.ops import BUILT_IN, Operation
from inceptgraph.pipeline import analyze, to_graph
from inceptgraph.types import Shape
from inceptgraph_onnx.body import Step
from inceptgraph_onnx.lower import lower
from inceptgraph_onnx.rules import rule
from inceptgraph_torch import SpecModule

MIXED = """\
name: mixed
input: {name: image, channels: 3, height: 17, width: 24}
stages:
  conv1: {op: conv2d, out: 6, kernel: 5, stride: 2, padding: [2, 1, 0, 3]}
  pool1: {op: max_pool, kernel: 3, stride: 2, padding: 1}
  silu:  {op: silu}
  lrn:   {op: lrn, size: 3, alpha: 0.5}
  mixed:
    branches:
      one:   {op: conv2d, out: 4, kernel: [1, 3], padding: [0, 2], dilation: [1, 2]}
      mean:  {op: avg_pool, kernel: 3, padding: 1, count_include_pad: true}
    merge: concat
  gate:  {steps: {g: {op: adaptive_avg_pool, size: 1}, s: {op: sigmoid}}}
  gated: {op: multiply, from: [mixed, gate]}
  last:  {op: conv2d, out: 4, kernel: 2, padding: same}
  peak:  {op: adaptive_max_pool, size: [1, 1]}
  flat:  {op: flatten}
  fc:    {op: linear, out: 5}
outputs: {logits: fc, map: last}
"""


def dims(value: onnx.ValueInfoProto) -> list[str | int]:
    return [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]


def image_of(model: onnx.ModelProto) -> onnx.ValueInfoProto:
    return next(each for each in model.graph.input if len(dims(each)) == 4)


def is_free(graph: Graph) -> bool:
    tensors = arrays(randomized(graph), graph)
    return dims(image_of(lower(graph, tensors=tensors)))[2:] == ["height", "width"]


def least(model: onnx.ModelProto) -> tuple[int, int]:
    """What the description of the image says."""
    said = re.fullmatch(r"height from (\d+) on, width from (\d+) on", image_of(model).doc_string)
    assert said is not None
    return int(said[1]), int(said[2])


def held_to_torch(
    graph: Graph, module: SpecModule, model: onnx.ModelProto, size: tuple[int, int]
) -> None:
    inputs: dict[str, Array] = samples(resized(graph, *size)[0], 2)
    single = copy.deepcopy(module).float()
    with torch.no_grad():
        wanted = by_name(graph, module(*map(torch.from_numpy, inputs.values())))
        plain = by_name(graph, single(*(torch.from_numpy(x).float() for x in inputs.values())))
    allowed = bound("float32", relative_error(plain, wanted), total(graph).depth)
    for reader, run in READERS.items():
        found = run(model, inputs)
        assert {k: x.shape for k, x in found.items()} == {k: x.shape for k, x in wanted.items()}
        assert relative_error(found, wanted) <= allowed, reader


HEAVY = [pytest.param(name, marks=pytest.mark.slow) for name in ("resnet18", "xception")]


@pytest.mark.parametrize("spec", ["naive_inception", MIXED, *HEAVY])
def test_networks(spec: str) -> None:
    graph = to_graph(Source("mixed.yaml", spec) if spec is MIXED else spec).phase("eval")
    module = randomized(graph)
    model = lower(graph, tensors=arrays(module, graph), dtype="float32")
    onnx.checker.check_model(model, full_check=True)
    assert dims(image_of(model))[2:] == ["height", "width"]
    height, width = least(model)
    _, declared_height, declared_width = graph.shape(graph.inputs[0].name)
    for size in (
        (declared_height, declared_width),
        (height, width),
        (height + 1, width + 6),
        (declared_height // 2 + 3, declared_width + 1),
    ):
        held_to_torch(graph, module, model, size)


@given(seed=st.integers(0, 10**6), more=st.tuples(*[st.integers(0, 9)] * 2))
@settings(max_examples=examples(15))
def test_random_networks(seed: int, more: tuple[int, int]) -> None:
    graph = to_graph(Source("random.yaml", random_networks.network(Random(seed)))).phase("eval")
    assume(at_any_size(graph) is not None)
    module = randomized(graph, seed)
    assume(all(len(graph.shape(node.name)) == 3 for node in graph.inputs))
    model = lower(graph, tensors=arrays(module, graph), dtype="float32")
    assume(dims(image_of(model))[2] == "height")
    height, width = least(model)
    size = (height + more[0], width + more[1])
    inputs = samples(resized(graph, *size)[0], 2).values()
    outputs = by_name(graph, module(*map(torch.from_numpy, inputs)))
    assume(all(np.isfinite(each).all() for each in outputs.values()))  # else there is no number
    held_to_torch(graph, module, model, size)


@pytest.mark.parametrize("spec", ["inception_resnet_v2", MIXED])
def test_every_value_has_its_shape(spec: str) -> None:
    """A formula where it depends on the size, for viewers and for who checks it."""
    graph = to_graph(Source("mixed.yaml", spec) if spec is MIXED else spec).phase("eval")
    model = lower(graph, tensors=arrays(randomized(graph), graph)).graph
    values = {each.name: dims(each) for each in (*model.input, *model.value_info, *model.output)}
    assert {output for node in model.node for output in node.output} <= values.keys()
    size = {"height": 331, "width": 402}
    other = resized(graph, *size.values())[0]
    named = {name: name for name in graph.nodes if name in values}
    named |= {output.name: output.node for output in graph.outputs}
    assert len(named) > 0.7 * len(graph.nodes)
    for name, node in named.items():
        batch, *shape = values[name]
        found = tuple(eval(x, {**size}) if isinstance(x, str) else x for x in shape)
        assert (batch, found) == ("batch", other.shape(node))


@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("conv2d", {"out": 2, "kernel": 3, "stride": 2, "padding": (1, 1, 0, 1)}, True),
        ("conv2d", {"out": 2, "kernel": 4, "padding": "same"}, True),
        ("conv2d", {"out": 2, "kernel": 3, "stride": 2, "padding": "same"}, False),
        ("max_pool", {"kernel": 3, "stride": 2, "padding": (1, 1, 1, 1)}, True),
        ("max_pool", {"kernel": 3, "stride": 2, "ceil": True}, False),
        ("adaptive_max_pool", {"size": 1}, True),
        ("adaptive_max_pool", {"size": (1, 2)}, False),
        ("pad", {"border": (1, 0, 2, 1)}, True),
        ("crop", {"border": (1, 0, 2, 1)}, False),  # it is written as where it ends
        ("flatten", {}, False),
    ],
)
def test_what_is_written_decides(name: str, arguments: dict[str, object], wanted: bool) -> None:
    graph = one_step(BUILT_IN[name](**arguments), [(3, 8, 9)])
    assert is_free(graph) == wanted


def test_it_can_be_left_out_and_engines_do() -> None:
    graph = one_step(BUILT_IN["relu"](), [(3, 8, 9)])
    assert dims(lower(graph, tensors={}, any_size=False).graph.input[0]) == ["batch", 3, 8, 9]
    assert lower(graph, tensors={}, any_size=False).graph.input[0].doc_string == ""
    assert dims(lower(graph, tensors={}).graph.input[0]) == ["batch", 3, "height", "width"]
    vector = one_step(BUILT_IN["relu"](), [(3,)])
    assert dims(lower(vector, tensors={}).graph.input[0]) == ["batch", 3]


class Blur(Operation):
    """A mean over the whole map, as a package may write it."""

    op = "blur"

    def infer(self, *inputs: Shape) -> Shape:
        return (inputs[0][0], 1, 1)


@rule.register
def _(op: Blur, step: Step, *inputs: Shape) -> str:
    return step.call("AveragePool", *step.inputs, kernel_shape=inputs[0][1:])


class Halve(Operation):
    op = "halve"


@rule.register
def _(op: Halve, step: Step, *inputs: Shape) -> str:
    bits = inputs[0][1].bit_length()  # which an extent has not, and says so by an AttributeError
    return step.call("Mul", *step.inputs, step.number(2.0**-bits))


def test_a_rule_of_a_package_that_asks_a_number_for_its_own() -> None:
    model = lower(one_step(Halve(), [(3, 8, 9)]), tensors={})
    assert dims(model.graph.input[0]) == ["batch", 3, 8, 9]


def test_a_rule_of_a_package_that_writes_a_size() -> None:
    (node,) = lower(one_step(Blur(), [(3, 8, 9)]), tensors={}).graph.node
    assert list(node.attribute[0].ints) == [8, 9]


@pytest.mark.parametrize(
    ("factor", "ending"),
    [
        ("factor: 2", ": the size of its figures alone |"),
        ("mode: bilinear, from: [half, input]", ": height from 2 on, width from 2 on |"),
    ],
)
def test_build_says_what_sizes_a_free_input_may_have(
    tmp_path: Path, factor: str, ending: str
) -> None:
    """ONNX knows nothing of multiples: that half of an even height is half of it is no proof."""
    spec = f"""name: Halves
input: {{channels: 3, height: free = 16, width: 8, multiple: 2}}
stages:
  half:  {{op: max_pool, kernel: 2, stride: 2}}
  whole: {{op: resize, {factor}}}
  both:  {{op: concat, from: [whole, input]}}
"""
    out = build(analyze(Source("halves.yaml", spec)), tmp_path / "out", export=["onnx"])
    text = (out / "README.md").read_text()
    assert "- takes `input` 16×8×3, or with any height from 2 on, in multiples of 2\n" in text
    row = next(row for row in text.splitlines() if "exports/model.onnx" in row)
    assert row.endswith(ending)


def test_build_says_from_which_size_on(tmp_path: Path) -> None:
    for spec, said in ((MIXED, True), (MIXED.replace("[2, 1, 0, 3]", "same"), False)):
        out = build(analyze(Source("mixed.yaml", spec)), tmp_path / str(said), export=["onnx"])
        rows = (out / "README.md").read_text().splitlines()
        row = next(row for row in rows if "exports/model.onnx" in row)
        # the gated map is the height and the width over 4: of one row it would spread over the gate
        ending = ": height from 6 on, width from 6 on |" if said else "for ONNX's runtimes |"
        assert row.endswith(ending)
