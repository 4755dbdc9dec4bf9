"""ONNX models against the torch modules of the same graphs.

Each operation is evaluated twice: in float64 by ONNX's own reference in NumPy, and in float32 by
ONNX Runtime. ONNX holds attributes as float32, so that a slope or an epsilon is 2**-24 off.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
from agreement import Array, arrays, assert_close, expected, randomized, samples
from examples import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from onnx.reference import ReferenceEvaluator
from operations_strategy import arguments, one_step, operands
from specs_strategy import graph_of, is_small, specs
from tiny_network import TINY

import inceptgraph
from inceptgraph import backend as backends
from inceptgraph.builder import build
from inceptgraph.builder._lock import LOCK, changed_files
from inceptgraph.diagnostics import ShapeError, Source, SpecError
from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops import BUILT_IN, Input, Operation
from inceptgraph.passes import Target, optimize
from inceptgraph.pipeline import analyze, to_graph
from inceptgraph_onnx import OnnxBackend
from inceptgraph_onnx.lower import lower

EAGER = Target(call_cost=float("inf"))
"""A target on which every rewrite pays."""

EXACT = 1e-12
"""Rounding of float64, as in torch/test_ops.py."""

ATTRIBUTE = 1e-6
"""Rounding of an attribute to float32, 2**-24, times what an exponent or a square makes of it."""

RUNTIME = 1e-5
"""Rounding of float32, 2**-24, over sums of some hundred terms."""

WITH_ATTRIBUTES = {"batch_norm", "lrn", "leaky_relu", "elu", "hard_sigmoid", "hard_swish"}
WITH_ATTRIBUTES |= {"gelu"}  # the reference of Erf gives float32, whatever it takes
WITH_ATTRIBUTES |= {"group_norm", "instance_norm", "layer_norm"}
WITH_ATTRIBUTES |= {"resize"}  # whose factors are float32

REFERENCE_ERRS = {"LRN", "MaxPool", "ConvTranspose"}
"""In onnx 1.23 the reference of LRN takes the batch for the channels (op_lrn.py), that of MaxPool
takes left for bottom where strides are 1 (_op_common_pool.py), and that of ConvTranspose fails at
an output padding (op_col2im.py)."""
OFF_IMAGES = {"GlobalMaxPool"}
"""Its reference takes the last two axes for the map's only where there are two
(op_global_max_pool.py)."""


def by_runtime(model: onnx.ModelProto, inputs: dict[str, Array]) -> list[Array]:
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    assert [each.name for each in session.get_inputs()] == list(inputs)
    single = {name: array.astype(np.float32) for name, array in inputs.items()}
    return list(session.run(None, single))


def by_reference(model: onnx.ModelProto, inputs: dict[str, Array]) -> list[Array]:
    return list(ReferenceEvaluator(model).run(None, inputs))


def checked(graph: Graph, tensors: dict[str, Array], **options: Any) -> onnx.ModelProto:
    model = lower(graph, **{"tensors": tensors, "dtype": "float64", **options})
    onnx.checker.check_model(model, full_check=True)
    return model


# -- operations ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILT_IN)
def test_has_a_rule(name: str) -> None:
    assert OnnxBackend().supports(BUILT_IN[name])


@pytest.mark.parametrize("factor", [0.7, 0.3, 1.1, 2.3])
def test_a_factor_that_float32_has_not_gives_as_many_pixels(factor: float) -> None:
    """10 times 0.7 is 7, and less in float32, in which ONNX keeps factors."""
    graph = one_step(BUILT_IN["resize"](factor=factor, mode="bilinear"), [(2, 10, 20)])
    module, inputs = randomized(graph), samples(graph, 2)
    model = checked(graph, arrays(module, graph), dtype="float32")
    assert_close(by_runtime(model, inputs), expected(module, inputs), RUNTIME)


def test_a_missing_rule_is_said() -> None:
    class Unknown(Operation):
        op = "unknown_to_onnx"

    assert not OnnxBackend().supports(Unknown)
    with pytest.raises(NotImplementedError, match="no rule for unknown_to_onnx"):
        lower(one_step(Unknown(), [(3,)]), tensors={})


@pytest.mark.parametrize("name", BUILT_IN)
@given(data=st.data())
@settings(
    max_examples=examples(40),
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_operation(name: str, data: st.DataObject) -> None:
    shapes = data.draw(operands(name), label="operands")
    given = data.draw(arguments(name, shapes), label="arguments")
    op = BUILT_IN[name](**given)
    try:
        graph = one_step(op, shapes)
    except ShapeError:
        assume(False)
    seed = data.draw(st.integers(0, 2**32), label="seed")
    module, inputs = randomized(graph, seed), samples(graph, 3, seed)
    wanted = expected(module, inputs)
    tensors = arrays(module, graph)
    double = checked(graph, tensors)
    # with corners aligned, onnx 1.23.2's reference takes a size before it is rounded
    corners = {"Resize"} if getattr(op, "align_corners", False) else set()
    errs = corners | REFERENCE_ERRS | (set() if len(shapes[0]) == 3 else OFF_IMAGES)
    if not errs & {node.op_type for node in double.graph.node}:
        tolerance = ATTRIBUTE if name in WITH_ATTRIBUTES else EXACT
        assert_close(by_reference(double, inputs), wanted, tolerance)
    single = checked(graph, tensors, dtype="float32")
    assert_close(by_runtime(single, inputs), wanted, 0.0 if name == "max_pool" else RUNTIME)
    if name == "lrn":
        parts = checked(graph, tensors, avoid={"LRN"})
        assert "LRN" not in {node.op_type for node in parts.graph.node}
        assert_close(by_reference(parts, inputs), wanted, EXACT)
        single = checked(graph, tensors, avoid={"LRN"}, dtype="float32")
        assert_close(by_runtime(single, inputs), wanted, RUNTIME)


@pytest.mark.parametrize(
    ("name", "arguments", "shape", "operators"),
    [
        # what a runtime has a kernel for stays one operator
        ("conv2d", {"out": 4, "kernel": 7, "stride": 2, "padding": "same"}, (3, 12, 11), ["Conv"]),
        ("max_pool", {"kernel": 3, "stride": 2, "ceil": True}, (3, 12, 12), ["MaxPool"]),
        ("avg_pool", {"kernel": 3, "padding": "same"}, (3, 9, 9), ["AveragePool"]),
        (
            "avg_pool",
            {"kernel": 3, "padding": 1, "count_include_pad": True},
            (3, 9, 9),
            ["Pad", "AveragePool"],
        ),
        ("adaptive_avg_pool", {"size": 3}, (3, 9, 6), ["AveragePool"]),
        ("adaptive_max_pool", {"size": 4}, (3, 9, 5), ["MaxPool"]),
        ("lrn", {"size": 5, "alpha": 1e-2, "k": 2.0}, (8, 4, 4), ["LRN"]),
        ("dropout", {}, (8, 4, 4), ["Identity"]),
        # and what none has becomes several
        ("adaptive_avg_pool", {"size": 4}, (3, 9, 6), ["MatMul", "MatMul", "Max"]),
        ("adaptive_max_pool", {"size": 4}, (3, 9, 6), ["Gather", "ReduceMax"] * 2),
        (
            "avg_pool",
            {"kernel": 3, "stride": 2, "ceil": True, "count_include_pad": True},
            (3, 8, 8),
            ["AveragePool"],
        ),
        (
            "avg_pool",
            {
                "kernel": 4,
                "stride": 3,
                "padding": (1, 0, 2, 1),
                "ceil": True,
                "count_include_pad": True,
            },
            (3, 8, 9),
            ["Pad", "AveragePool"],
        ),
    ],
)
def test_operators(
    name: str, arguments: dict[str, Any], shape: tuple[int, ...], operators: list[str]
) -> None:
    graph = one_step(BUILT_IN[name](**arguments), [shape])
    module, inputs = randomized(graph), samples(graph, 2)
    model = checked(graph, arrays(module, graph), dtype="float32")
    assert [node.op_type for node in model.graph.node] == operators
    assert_close(by_runtime(model, inputs), expected(module, inputs), RUNTIME)


@pytest.mark.parametrize(
    ("op", "size", "arguments", "pads"),
    [
        ("max_pool", 8, {"padding": 1}, [1, 1, 1, 1]),
        ("avg_pool", 8, {"padding": 1}, [1, 1, 1, 1]),
        ("max_pool", 9, {"padding": 1, "ceil": True}, [1, 1, 1, 1]),
        ("max_pool", 8, {"ceil": True}, [0, 0, 1, 1]),
        ("max_pool", 8, {"padding": "same"}, [0, 0, 1, 1]),
    ],
)
def test_padding_is_as_declared_where_it_gives_the_size(
    op: str, size: int, arguments: dict[str, Any], pads: list[int]
) -> None:
    step = BUILT_IN[op](kernel=3, stride=2, **arguments)
    model = lower(one_step(step, [(3, size, size)]), tensors={})
    (found,) = [each.ints for each in model.graph.node[0].attribute if each.name == "pads"]
    assert list(found) == pads


@pytest.mark.parametrize(("number", "operands"), [(0.0, 2), (-0.0, 2), (1.5, 3)])
def test_a_border_of_zeros_does_not_say_so(number: float, operands: int) -> None:
    """pnnx leaves a border out that does, and with it what stands there."""
    graph = one_step(BUILT_IN["pad"](border=(1, 0, 2, 1), value=number), [(3, 4, 4)])
    module, inputs = randomized(graph), samples(graph, 2)
    model = checked(graph, arrays(module, graph), dtype="float32")
    assert [len(node.input) for node in model.graph.node] == [operands]
    assert [[each.name for each in node.attribute] for node in model.graph.node] == [["mode"]]
    assert_close(by_runtime(model, inputs), expected(module, inputs), RUNTIME)


@pytest.mark.parametrize(
    ("beta", "power"), [(0.5, ["Sqrt"]), (0.75, ["Sqrt", "Sqrt", "Mul"]), (0.7, ["Pow"])]
)
def test_lrn_in_parts_takes_roots_for_powers(beta: float, power: list[str]) -> None:
    graph = one_step(BUILT_IN["lrn"](size=3, alpha=1.0, beta=beta, k=0.5), [(6, 2, 3)])
    model = checked(graph, {}, avoid={"LRN"})
    sum_of_squares = ["Mul", "Pad", *["Slice"] * 3, "Sum", "Mul", "Add"]
    assert [node.op_type for node in model.graph.node] == [*sum_of_squares, *power, "Div"]
    inputs = samples(graph, 2)
    assert_close(by_reference(model, inputs), expected(randomized(graph), inputs), EXACT)


@pytest.mark.parametrize("size", [4, 5])
def test_lrn_of_half_precision_does_not_overflow(size: int) -> None:
    graph = one_step(BUILT_IN["lrn"](size=size, alpha=1.0), [(6, 2, 2)])
    model = checked(graph, {}, dtype="float16")
    inputs = {"x0": np.full((1, 6, 2, 2), 300.0)}
    session = onnxruntime.InferenceSession(model.SerializeToString())
    found = session.run(None, {"x0": inputs["x0"].astype(np.float16)})
    assert found[0].dtype == np.float16
    assert_close(found, expected(randomized(graph), inputs), 2**-10)


# -- networks --------------------------------------------------------------------------------


HEAVY = pytest.param("inception_v3", marks=pytest.mark.slow)


@pytest.mark.parametrize("name", ["googlenet", "lenet5", "googlenet_se", HEAVY])
def test_networks(name: str) -> None:
    graph = to_graph(name)
    module = randomized(graph)
    model = checked(graph, arrays(module, graph), dtype="float32")
    for batch in (1, 3):
        inputs = samples(graph, batch, batch)
        assert_close(by_runtime(model, inputs), expected(module, inputs), 1e-4)
    main = graph.phase("eval")
    assert [each.name for each in model.graph.input] == [node.name for node in main.inputs]
    assert [each.name for each in model.graph.output] == [output.name for output in main.outputs]
    kept = {f"{n.name}.{name}" for n in main.nodes.values() for name in main.weights(n)}
    shapes = {each.name: tuple(each.dims) for each in model.graph.initializer}
    assert {key: shapes[key] for key in kept} == {key: graph.originals[key].shape for key in kept}
    weights = 4 * sum(graph.originals[key].size for key in kept)
    assert weights < len(model.SerializeToString()) < 1.01 * weights + 100_000


@pytest.mark.parametrize("name", ["googlenet_bn", HEAVY])
def test_optimised_networks(name: str) -> None:
    """The rewritten graph, from the original's weights, against the original module."""
    graph = to_graph(name)
    module = randomized(graph)
    model = checked(optimize(graph, EAGER), arrays(module, graph), dtype="float32")
    assert "BatchNormalization" not in {node.op_type for node in model.graph.node}
    inputs = samples(graph, 2)
    assert_close(by_runtime(model, inputs), expected(module, inputs), 1e-4)


def test_heads_in_training_phase() -> None:
    graph = to_graph("googlenet", set={"classes": "4"})
    module = randomized(graph)
    model = checked(graph, arrays(module, graph), phase="train", dtype="float32")
    assert [each.name for each in model.graph.output] == ["logits", "aux1", "aux2"]
    inputs = samples(graph, 1)
    assert_close(by_runtime(model, inputs)[:1], expected(module, inputs), 1e-4)


@given(text=specs())
@settings(max_examples=examples(15), deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_spec_and_its_rewritten_graph(text: str) -> None:
    graph = graph_of(text)
    assume(is_small(graph))
    module, inputs = randomized(graph), samples(graph, 2)
    tensors, wanted = arrays(module, graph), expected(module, inputs)
    for network in (graph, optimize(graph, EAGER)):
        model = checked(network, tensors, dtype="float32")
        assert_close(by_runtime(model, inputs), wanted, 1e-4)


# -- names -----------------------------------------------------------------------------------


def two_outputs(outputs: dict[str, str]) -> Graph:
    nodes = {
        "image": Node("image", Input(shape=(3, 4, 4)), shape=(3, 4, 4)),
        "a": Node("a", BUILT_IN["relu"](), ("image",), (3, 4, 4)),
        "b": Node("b", BUILT_IN["silu"](), ("a",), (3, 4, 4)),
        "c": Node("c", BUILT_IN["dropout"](), ("b",), (3, 4, 4)),
    }
    return Graph("net", nodes, tuple(Output(*pair) for pair in outputs.items())).verify()


@pytest.mark.parametrize(
    "outputs",
    [
        {"b": "a", "a": "b"},  # the names of other nodes
        {"x": "b", "y": "b", "z": "c"},  # one value, three names
        {"raw": "image", "a": "a"},  # an input that is an output
        {"b/Sigmoid": "a", "b": "b"},  # a name that a rule would give
    ],
)
def test_outputs_have_the_names_of_the_spec(outputs: dict[str, str]) -> None:
    graph = two_outputs(outputs)
    model = checked(graph, {}, dtype="float32")
    assert [each.name for each in model.graph.output] == list(outputs)
    inputs = samples(graph, 2)
    assert_close(by_runtime(model, inputs), expected(randomized(graph), inputs), RUNTIME)


def test_values_have_the_names_of_nodes() -> None:
    model = checked(two_outputs({"out": "c"}), {})
    assert [node.output[0] for node in model.graph.node] == ["a", "b/Sigmoid", "out"]


def test_an_output_with_the_name_of_an_input_is_refused() -> None:
    with pytest.raises(SpecError, match="`image` is both an input and an output"):
        lower(two_outputs({"image": "b"}), tensors={})


# -- shapes ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["googlenet", "inception_resnet_v2", "lenet5"])
def test_every_value_has_its_shape(name: str) -> None:
    """Viewers show the shape on every arrow; that after a node is the node's."""
    graph = to_graph(name).phase("eval")
    tensors = {key: np.zeros(weight.shape, np.float32) for key, weight in graph.originals.items()}
    model = lower(graph, tensors=tensors, any_size=False).graph
    shapes = {
        value.name: [each.dim_param or each.dim_value for each in value.type.tensor_type.shape.dim]
        for value in (*model.input, *model.value_info, *model.output)
    }
    assert {output for node in model.node for output in node.output} <= set(shapes)
    named = [node for node in graph.nodes if node in shapes]
    assert len(named) > 0.7 * len(graph.nodes)
    assert all(shapes[node] == ["batch", *graph.shape(node)] for node in named)


# -- models past 2 GiB -----------------------------------------------------------------------


def test_weights_past_the_limit_lie_in_a_file_beside_the_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = build(analyze(Source("tiny.yaml", TINY)), tmp_path / "one", seed=1, export=["onnx"])
    graph = to_graph(whole / "spec.yaml").phase("eval")
    single = onnx.load(whole / "exports" / "model.onnx")
    held = sum(4 * int(np.prod(each.dims)) for each in single.graph.initializer)
    monkeypatch.setattr("inceptgraph_onnx.backend.LIMIT", held - 1)
    out = build(analyze(Source("tiny.yaml", TINY)), tmp_path / "two", seed=1, export=["onnx"])
    path, data = out / "exports" / "model.onnx", out / "exports" / "model.onnx.data"
    assert path.stat().st_size + data.stat().st_size >= held > path.stat().st_size
    assert (
        "| `exports/model.onnx.data` | the weights of `model.onnx` |"
        in (out / "README.md").read_text()
    )
    onnx.checker.check_model(path, full_check=True)
    inputs = {name: array.astype(np.float32) for name, array in samples(graph, 2).items()}
    wanted = by_runtime(single, inputs)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    assert_close(list(session.run(None, inputs)), wanted, 0.0)
    compiled = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    assert_close([compiled(inputs)[0]], wanted, RUNTIME)
    monkeypatch.setattr("inceptgraph_onnx.backend.LIMIT", held)
    build(analyze(Source("tiny.yaml", TINY)), out, seed=1, export=["onnx"])
    assert path.read_bytes() == (whole / "exports" / "model.onnx").read_bytes()
    assert not data.exists()


# -- what is refused -------------------------------------------------------------------------


def test_wrong_tensors_are_refused() -> None:
    graph = one_step(BUILT_IN["linear"](out=2), [(3,)])
    tensors = {"step.weight": np.zeros((2, 3)), "step.bias": np.zeros(2)}
    with pytest.raises(ValueError, match=r"lack `step\.weight` and 1 more"):
        lower(graph, tensors={})
    with pytest.raises(ValueError, match=r"`step\.bias` is \(3,\), but the network's \(2,\)"):
        lower(graph, tensors={**tensors, "step.bias": np.zeros(3)})
    with pytest.raises(ValueError, match="float32 and float64: say which"):
        lower(graph, tensors={**tensors, "step.bias": np.zeros(2, np.float32)})
    with pytest.raises(ValueError, match="not int64"):
        lower(graph, tensors=tensors, dtype="int64")
    with pytest.raises(ValueError, match="there is no opset 17"):
        lower(graph, tensors=tensors, opset=17)


def test_opset() -> None:
    graph = one_step(BUILT_IN["gelu"](), [(3,)])
    inputs = samples(graph, 2)
    for opset in (18, 20, 22):
        model = checked(graph, {}, opset=opset, dtype="float32")
        assert model.opset_import[0].version == opset
        assert_close(by_runtime(model, inputs), expected(randomized(graph), inputs), RUNTIME)


# -- build -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_build(tmp_path: Path, dtype: str) -> None:
    analysis = analyze(Source("tiny.yaml", TINY))
    out = build(analysis, tmp_path / "model", seed=1, dtype=dtype, export=["onnx"])
    path = out / "exports" / "model.onnx"
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    lock = json.loads((out / LOCK).read_text())
    assert lock["files"]["exports/model.onnx"]["bytes"] == path.stat().st_size
    assert changed_files(out) == []
    assert "| `exports/model.onnx` | the network in evaluation" in (out / "README.md").read_text()
    module = inceptgraph.load(out, dtype="float64").eval()
    inputs = samples(to_graph(out / "spec.yaml"), 2)
    if dtype != "float16":  # bfloat16 is exported as float32, which holds it
        assert_close(by_runtime(model, inputs), expected(module, inputs), RUNTIME)
    path.write_bytes(b"other")
    assert changed_files(out) == ["exports/model.onnx"]


def test_a_failed_export_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise SpecError([])

    monkeypatch.setattr(OnnxBackend, "export", fail)
    with pytest.raises(SpecError):
        build(analyze(Source("tiny.yaml", TINY)), tmp_path / "model", export=["onnx"])
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inceptgraph_onnx.backend.find_spec", lambda name: None)
    with pytest.raises(SpecError, match="needs the package onnx") as caught:
        build(analyze(Source("tiny.yaml", TINY)), tmp_path / "model", export=["onnx"])
    assert 'pip install "inceptgraph[onnx]"' in (caught.value.diagnostics[0].help or "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("onx", "no backend `onx`"),
        ("graphviz", "`graphviz` cannot export files: it does not implement `export`"),
    ],
)
def test_what_does_not_export_is_refused(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build(analyze(Source("tiny.yaml", TINY)), tmp_path / "model", export=[name])
    assert list(tmp_path.iterdir()) == []


def test_the_model_of_a_built_directory(tmp_path: Path) -> None:
    """As docs/python.md has it."""
    out = build(analyze(Source("tiny.yaml", TINY)), tmp_path / "model", seed=1, export=["onnx"])
    graph = to_graph(out / "spec.yaml")
    tensors = backends.find_model("torch").tensors(graph, out)
    model = inceptgraph.compile(graph, "onnx", tensors=tensors)
    assert model == onnx.load(out / "exports" / "model.onnx")
