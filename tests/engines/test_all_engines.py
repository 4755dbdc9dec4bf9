"""One suite over all engines that are installed here, against the module of a graph in float64."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agreement import Array, arrays, assert_close, expected, randomized, samples
from examples import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from operations_strategy import one_step
from specs_strategy import graph_of, is_small, specs
from tiny_network import TINY
from torch import Tensor, nn

import inceptgraph
from inceptgraph import engine as engines
from inceptgraph.diagnostics import Code, Source, SpecError
from inceptgraph.engine import Engine, Setting, check_inputs, input_shapes
from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops import BUILT_IN, Input, Operation
from inceptgraph.pipeline import to_graph
from inceptgraph_onnx.engines import OnnxRuntimeEngine, OpenVinoEngine
from inceptgraph_onnx.engines.base import OnnxEngine
from inceptgraph_torch import SpecModule

ROUNDING = 1e-4
"""Rounding of float32, 2**-24, over the sums of some dozen layers, of the largest value."""

BFLOAT16 = 5e-2
"""The same of bfloat16, 2**-9."""

SETTING = Setting(batch=2)

INSTALLED = [engine for engine in engines.installed() if engine.missing() is None]

SLOW = {"inductor"}
"""Takes a compiler's time for each network, and has tests of its own in test_torch_engines.py."""

OWN_RANDOM_SPECS = {"native"}
"""Compiles a program for each network; native/test_programs.py draws specs for it."""

ON_GPUS = {"cudagraph", "tensorrt"}
"""Run nowhere else; see test_cudagraph.py and test_gpu.py."""

ENGINES = [engine for engine in INSTALLED if engine.name not in SLOW | ON_GPUS]
OURS: list[OnnxEngine] = [OnnxRuntimeEngine(), OpenVinoEngine()]

every_engine = pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
onnx_engines = pytest.mark.parametrize("engine", OURS, ids=lambda engine: engine.name)


def prepared(
    engine: Engine,
    graph: Graph,
    module: SpecModule,
    setting: Setting = SETTING,
    optimize: bool = True,
) -> nn.Module:
    """What an engine makes of a graph with the weights of its module."""
    model = engines.make(engine, graph, arrays(module, graph), setting, optimize)
    assert isinstance(model, nn.Module)
    return model


def run(model: nn.Module, inputs: dict[str, Array]) -> list[Array]:
    found = model(*(torch.from_numpy(array).float() for array in inputs.values()))
    values: Sequence[Tensor] = list(found.values()) if isinstance(found, dict) else [found]
    assert all(value.dtype is torch.float32 and not value.requires_grad for value in values)
    return [value.numpy() for value in values]


def hold(engine: Engine, graph: Graph, batches: Sequence[int], optimize: bool = True) -> None:
    """Hold an engine to the module of a graph, where it runs it in float32."""
    if engine.refusal(graph.phase("eval"), SETTING):
        pytest.skip(f"{engine.name} does not run it")
    module = randomized(graph)
    model = prepared(engine, graph, module, optimize=optimize)
    for batch in batches:
        inputs = samples(graph, batch, batch)
        assert_close(run(model, inputs), expected(module, inputs), ROUNDING)


def tiny() -> Graph:
    return to_graph(Source("tiny.yaml", TINY))


def by_hand(outputs: dict[str, str]) -> Graph:
    nodes = {
        "image": Node("image", Input(shape=(3, 4, 4)), shape=(3, 4, 4)),
        "a": Node("a", BUILT_IN["relu"](), ("image",), (3, 4, 4)),
        "b": Node("b", BUILT_IN["tanh"](), ("a",), (3, 4, 4)),
    }
    return Graph("net", nodes, tuple(Output(*pair) for pair in outputs.items())).verify()


# -- what they compute -----------------------------------------------------------------------


@every_engine
@pytest.mark.parametrize("optimize", [True, False])
def test_a_network_at_any_batch(engine: Engine, optimize: bool) -> None:
    hold(engine, tiny(), (1, 2, 5, 2), optimize)


SCALES = """name: Scales
input: {channels: 3, height: 6, width: 5}
stages:
  a: {op: scale, factor: [0.1, 2, -3], offset: [1, 0.3, 0]}
  b: {op: conv2d, out: 4, kernel: 3}
  c: {op: scale, factor: [1, 2, 3, 0.1], offset: 0.7}
  d: {op: relu}
  e: {op: scale, offset: [1, 2, 3, 4]}
  f: {op: global_avg_pool}
  g: {op: flatten}
  h: {op: scale, factor: [1, 0.25, 1, 4]}
"""


@every_engine
@pytest.mark.parametrize("optimize", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_scales_of_each_channel(engine: Engine, optimize: bool) -> None:
    hold(engine, to_graph(Source("scales.yaml", SCALES)), (1, 3), optimize)


@cache
def shipped(name: str) -> tuple[Graph, SpecModule, dict[str, Array], list[Array]]:
    graph = to_graph(name)
    module, inputs = randomized(graph), samples(graph, 1)
    return graph, module, inputs, expected(module, inputs)


HEAVY = [pytest.param(n, marks=pytest.mark.slow) for n in ("googlenet_se", "inception_v3")]


@every_engine
@pytest.mark.parametrize("name", ["googlenet", "lenet5", *HEAVY])
def test_shipped_networks(engine: Engine, name: str) -> None:
    graph, module, inputs, wanted = shipped(name)
    assert_close(run(prepared(engine, graph, module), inputs), wanted, ROUNDING)


@pytest.mark.parametrize(
    "engine",
    [engine for engine in ENGINES if engine.name not in OWN_RANDOM_SPECS],
    ids=lambda engine: engine.name,
)
@given(text=specs(), optimize=st.booleans())
@settings(
    max_examples=examples(8),
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
def test_any_spec(engine: Engine, text: str, optimize: bool) -> None:
    graph = graph_of(text)
    assume(is_small(graph))
    hold(engine, graph, (2, 1), optimize)


@every_engine
@pytest.mark.parametrize(
    "outputs",
    [
        {"b": "b", "a": "a"},
        {"x": "b", "y": "b"},
        {"raw": "image", "a": "a"},
        {"image": "image"},
    ],
)
def test_outputs_come_by_their_names(engine: Engine, outputs: dict[str, str]) -> None:
    graph = by_hand(outputs)
    module = randomized(graph)
    inputs = samples(graph, 2)
    model = prepared(engine, graph, module)
    found = model(torch.from_numpy(inputs["image"]).float())
    if len(outputs) > 1:
        assert list(found) == list(outputs)
    assert_close(run(model, inputs), expected(module, inputs), ROUNDING)


@every_engine
def test_another_batch_than_a_fixed_one_gives_nothing_wrong(engine: Engine) -> None:
    graph = tiny()
    module = randomized(graph)
    model = prepared(engine, graph, module, Setting(batch=3, fixed=True))
    inputs, others = samples(graph, 3), samples(graph, 2)
    assert_close(run(model, inputs), expected(module, inputs), ROUNDING)
    with suppress(ValueError):  # it may be refused
        assert_close(run(model, others), expected(module, others), ROUNDING)


@onnx_engines
def test_a_fixed_batch_is_held_to(engine: Engine) -> None:
    graph = tiny()
    model = prepared(engine, graph, randomized(graph), Setting(batch=3, fixed=True))
    with pytest.raises(ValueError, match="compiled for 3 samples at a time, got 2"):
        run(model, samples(graph, 2))


# -- tensors in and out ----------------------------------------------------------------------


@every_engine
def test_tensors_of_any_type_and_layout(engine: Engine) -> None:
    graph = tiny()
    model = prepared(engine, graph, randomized(graph))
    # what all of these types hold
    image = torch.randint(-8, 8, (2, 3, 16, 16)).float() / 4
    wanted, before = model(image), image.clone()
    shifted = torch.zeros(image.numel() + 1)[1:].view_as(image)
    several = {
        "float64": image.double(),
        "float16": image.half(),
        "bfloat16": image.bfloat16(),
        "channels last": image.contiguous(memory_format=torch.channels_last),
        "every second": image.repeat_interleave(2, 3)[..., ::2],
        "off a boundary": shifted.copy_(image),
        "with gradients": image.clone().requires_grad_(),
        "a parameter": nn.Parameter(image.clone()),
    }
    for name, given_image in several.items():
        found = model(given_image)
        assert not found.requires_grad, name
        torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-6, msg=name)
    assert torch.equal(image, before)


@every_engine
def test_a_copy_computes_the_same(engine: Engine) -> None:
    graph = tiny()
    model, inputs = prepared(engine, graph, randomized(graph)), samples(graph, 2)
    wanted = run(model, inputs)
    copied = copy.deepcopy(model)
    model.other = "said of the first alone"
    assert not hasattr(copied, "other")
    for mine, theirs in zip(run(copied, inputs), wanted, strict=True):
        np.testing.assert_array_equal(mine, theirs)


@every_engine
def test_what_is_for_inference_stays_in_evaluation(engine: Engine) -> None:
    graph = tiny()
    # with the batch normalisation in it that training would change
    model, inputs = prepared(engine, graph, randomized(graph), optimize=False), samples(graph, 2)
    wanted = run(model, inputs)
    outer = nn.Sequential(model, nn.Dropout())
    for switched in (model, outer):
        with pytest.warns(UserWarning, match="stays in evaluation: compile it with `train=True`"):
            assert switched.train() is switched
        assert not any(part.training for part in model.modules())
        for mine, theirs in zip(run(model, inputs), wanted, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    assert outer.training and outer[1].training
    with warnings.catch_warnings(action="error"):
        outer.eval()
        model.train(False)
    assert not outer[1].training


@every_engine
def test_a_pickle_computes_the_same_or_is_refused(engine: Engine) -> None:
    graph = tiny()
    model, inputs = prepared(engine, graph, randomized(graph)), samples(graph, 2)
    if not list(model.parameters()):
        with pytest.raises(TypeError, match="compile the spec there"):
            pickle.dumps(model)
        return
    again = run(pickle.loads(pickle.dumps(model)), inputs)
    for mine, theirs in zip(again, run(model, inputs), strict=True):
        np.testing.assert_array_equal(mine, theirs)


@every_engine
def test_results_stay_when_others_are_computed(engine: Engine) -> None:
    graph = by_hand({"raw": "image", "a": "a"})
    model = prepared(engine, graph, randomized(graph))
    image = torch.randn(2, 3, 4, 4)
    found = model(image)
    kept = {name: value.clone() for name, value in found.items()}
    model(torch.randn(2, 3, 4, 4))
    assert all(torch.equal(found[name], kept[name]) for name in kept)


@onnx_engines
def test_threads_get_each_their_own(engine: Engine) -> None:
    graph = tiny()
    model = prepared(engine, graph, randomized(graph))
    images = [torch.randn(1 + i % 3, 3, 16, 16) for i in range(24)]
    wanted = [model(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(model, images))
    for ours, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-6)


@onnx_engines
def test_no_sample_gives_no_result(engine: Engine) -> None:
    graph = tiny()
    assert prepared(engine, graph, randomized(graph))(torch.empty(0, 3, 16, 16)).shape == (0, 5)


@every_engine
@pytest.mark.parametrize(
    ("given_inputs", "error", "message"),
    [
        (
            [torch.zeros(2, 3, 18, 16)],
            ValueError,
            r"`image` is of shape \(2, 3, 18, 16\), but the network was compiled for "
            r"\(batch, 3, 16, 16\)",
        ),
        ([torch.zeros(3, 16, 16)], ValueError, r"compiled for \(batch, 3, 16, 16\)"),
        ([torch.zeros(3)], ValueError, "compiled for"),
        ([torch.zeros(2, 3, 16, 16, dtype=torch.uint8)], TypeError, r"`image` is of torch\.uint8"),
        ([np.zeros((2, 3, 16, 16), np.float32)], TypeError, "`image` is a ndarray: give it as a t"),
        ([], TypeError, r"reads 1 input \(`image`\), not 0: `image` is missing$"),
        ([torch.zeros(2, 3, 16, 16)] * 2, TypeError, r"reads 1 input \(`image`\), not 2$"),
        (
            [[torch.zeros(2, 3, 16, 16)]],
            TypeError,
            r"is a list: .*, or call it as `net\(\*inputs\)`",
        ),
    ],
)
def test_what_does_not_fit_is_refused(
    engine: Engine, given_inputs: list[Tensor], error: type[Exception], message: str
) -> None:
    graph = tiny()
    model = prepared(engine, graph, randomized(graph))
    with pytest.raises(error, match=message):
        model(*given_inputs)


@onnx_engines
def test_an_input_elsewhere_is_refused(engine: Engine) -> None:
    graph = tiny()
    model = prepared(engine, graph, randomized(graph))
    with pytest.raises(ValueError, match=r"on meta, .* compiled for cpu"):
        model(torch.zeros(2, 3, 16, 16, device="meta"))


@every_engine
def test_several_inputs_by_place_and_by_name(engine: Engine) -> None:
    graph = one_step(BUILT_IN["concat"](), [(2, 3, 3), (1, 3, 3)])
    model = prepared(engine, graph, randomized(graph))
    first, second = (node.name for node in graph.inputs)
    x, y = torch.randn(2, 2, 3, 3), torch.randn(2, 1, 3, 3)
    wanted = torch.cat([x, y], 1)
    for found in (model(x, y), model(x, **{second: y}), model(**{second: y, first: x})):
        torch.testing.assert_close(found, wanted)
    with pytest.raises(ValueError, match=rf"`{first}` is of shape \(2, 1, 3, 3\), .* \(batch, 2"):
        model(y, x)
    with pytest.raises(ValueError, match=r"differ in their batches: \[1, 2\]"):
        model(x, y[:1])
    with pytest.raises(TypeError, match=f"`{first}` is given twice"):
        model(x, **{first: x})
    with pytest.raises(TypeError, match=f"the input `{first}` is not given"):
        model(**{second: y})
    with pytest.raises(TypeError, match=f"`third` is not .* inputs are `{first}`, `{second}`"):
        model(x, third=y)
    reads = rf"reads 2 inputs \(`{first}`, `{second}`\), not"
    for given_inputs, told in (
        ([x], f"1: `{second}` is missing$"),
        ([], f"0: `{first}`, `{second}` are missing$"),
        ([x, y, y], "3$"),
        ([[x, y]], r"a list: call it as `net\(\*inputs\)`"),
        ([(x, y)], r"a tuple: call it as `net\(\*inputs\)`"),
        ([{first: x, second: y}], r"a dict: call it as `net\(\*\*inputs\)`"),
    ):
        with pytest.raises(TypeError, match=f"{reads} {told}"):
            model(*given_inputs)


def test_batches_differ_before_a_shape_that_is_none() -> None:
    graph = one_step(BUILT_IN["concat"](), [(2, 3, 3)] * 3)
    x = torch.randn(2, 2, 3, 3)
    with pytest.raises(ValueError, match=r"differ in their batches: \[1, 2\]"):
        check_inputs(input_shapes(graph), [x, x[:1], torch.ones(())], Setting())


# -- what is refused -------------------------------------------------------------------------


class Unknown(Operation):
    """An operation that only this file knows."""

    op = "unknown_to_engines"

    def infer(self, *inputs: tuple[int, ...]) -> tuple[int, ...]:
        return inputs[0]


@every_engine
def test_a_step_without_a_rule_is_named(engine: Engine) -> None:
    graph = one_step(Unknown(), [(3,)])
    found = engine.refusal(graph, SETTING)
    assert found is not None and found.code is Code.ENGINE_REFUSES
    assert f"`{engine.name}` cannot run `step` (unknown_to_engines)" in found.message
    assert found.help is not None and f"`{engine.name}`" not in found.help
    with pytest.raises(SpecError, match="cannot run `step`"):
        engines.make(engine, graph, {}, SETTING)


@onnx_engines
@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (Setting(train=True), "has no training"),
        (Setting(dtype="float16"), "has no float16 on `cpu`"),
        (Setting(dtype="tf32"), "has no tf32 on `cpu`"),
        (Setting(device="mps"), "has no device `mps`"),
    ],
)
def test_a_setting_that_it_lacks_is_refused(
    engine: OnnxEngine, setting: Setting, message: str
) -> None:
    found = engine.refusal(tiny(), setting)
    assert found is not None and found.code is Code.ENGINE_REFUSES and found.help
    assert message in found.message
    with pytest.raises(SpecError, match=message):
        engine.prepare(tiny(), {}, setting)


def test_openvino_has_no_gpu() -> None:
    found = OpenVinoEngine().refusal(tiny(), Setting(device="cuda:1"))
    assert found is not None and "no device `cuda:1`" in found.message


def test_weights_past_protobuf_are_refused() -> None:
    graph = one_step(BUILT_IN["linear"](out=2**15), [(2**14,)])
    found = OpenVinoEngine().refusal(graph, SETTING)
    assert found is not None and "up to 2 GiB" in found.message


@onnx_engines
def test_a_missing_library_is_said(engine: OnnxEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    assert engine.missing() is None
    for package in ("onnx", engine.name):
        monkeypatch.setattr(
            "inceptgraph_onnx.engines.base.find_spec", lambda name, gone=package: name != gone
        )
        with pytest.raises(SpecError, match=f"the engine `{engine.name}` is not installed") as e:
            engines.find(engine.name)
        wanted = f'install it: pip install "inceptgraph[{engine.name}]"'
        assert e.value.diagnostics[0].help == wanted


# -- types -----------------------------------------------------------------------------------


def test_openvino_rounds_to_bfloat16_only_when_asked() -> None:
    graph = tiny()
    setting = Setting(dtype="bfloat16")
    if OpenVinoEngine().refusal(graph, setting):
        pytest.skip("this processor has no bfloat16")
    module, inputs = randomized(graph), samples(graph, 2)
    wanted = expected(module, inputs)
    (rounded,) = run(prepared(OpenVinoEngine(), graph, module, setting), inputs)
    assert_close([rounded], wanted, BFLOAT16)
    assert abs(rounded - wanted[0]).max() > 10 * ROUNDING
    assert_close(run(prepared(OpenVinoEngine(), graph, module), inputs), wanted, ROUNDING)


def test_openvino_refuses_bfloat16_that_a_processor_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        def get_property(self, device: str, name: str) -> list[str]:
            assert (device, name) == ("CPU", "OPTIMIZATION_CAPABILITIES")
            return ["FP32", "INT8"]

    monkeypatch.setattr("inceptgraph_onnx.engines.openvino._core", Core)
    found = OpenVinoEngine().refusal(tiny(), Setting(dtype="bfloat16"))
    assert found is not None and "no bfloat16 on this processor" in found.message
    assert OpenVinoEngine().refusal(tiny(), Setting()) is None


@pytest.mark.parametrize(("machine", "refused"), [("x86_64", True), ("aarch64", False)])
def test_onnx_runtime_has_bfloat16_on_arm(
    machine: str, refused: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    found = OnnxRuntimeEngine().refusal(tiny(), Setting(dtype="bfloat16"))
    assert (found is not None) == refused


# -- ONNX Runtime on a GPU -------------------------------------------------------------------

CUDA = "CUDAExecutionProvider"


def test_onnx_runtime_without_cuda_says_so() -> None:
    import onnxruntime

    if CUDA in onnxruntime.get_available_providers():
        pytest.skip("it has CUDA here")
    found = OnnxRuntimeEngine().refusal(tiny(), Setting(device="cuda"))
    assert found is not None and "no CUDA in the installed package" in found.message
    assert found.help is not None and "onnxruntime-gpu" in found.help


@pytest.mark.parametrize(
    ("setting", "tf32", "search"),
    [
        (Setting(device="cuda"), 0, "HEURISTIC"),
        (Setting(device="cuda:1", dtype="tf32"), 1, "HEURISTIC"),
        (Setting(device="cuda:1", dtype="float16", autotune=True), 0, "EXHAUSTIVE"),
    ],
)
def test_what_onnx_runtime_is_told_of_a_gpu(
    setting: Setting, tf32: int, search: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is none here: this is what its session is made with."""
    import onnx
    import onnxruntime

    made: list[tuple[onnx.ModelProto, Any]] = []

    class Session:
        def __init__(self, model: bytes, options: Any, providers: Any) -> None:
            made.append((onnx.load_from_string(model), providers))

        def get_providers(self) -> list[str]:
            return [CUDA]

        def get_inputs(self) -> list[Any]:
            return []

        get_outputs = get_inputs

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA])
    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    graph = tiny()
    assert OnnxRuntimeEngine().refusal(graph, Setting("cuda", dtype="bfloat16")) is not None
    prepared(OnnxRuntimeEngine(), graph, randomized(graph), setting)
    ((model, providers),) = made
    options = {
        "device_id": torch.device(setting.device).index or 0,
        "use_tf32": tf32,
        "cudnn_conv_algo_search": search,
    }
    assert providers == [(CUDA, options), "CPUExecutionProvider"]
    kind = onnx.TensorProto.FLOAT16 if setting.dtype == "float16" else onnx.TensorProto.FLOAT
    assert model.graph.input[0].type.tensor_type.elem_type == kind


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", ["float32", "tf32", "float16"])
def test_onnx_runtime_on_a_gpu(dtype: str) -> None:
    engine, graph = OnnxRuntimeEngine(), to_graph("googlenet")
    setting = Setting(device="cuda", dtype=dtype)
    if not torch.cuda.is_available() or engine.refusal(graph, setting):
        pytest.skip("ONNX Runtime has no CUDA here")
    module, inputs = randomized(graph), samples(graph, 2)
    model = prepared(engine, graph, module, setting)
    found = model(torch.from_numpy(inputs["image"]).cuda())
    assert found.is_cuda and found.dtype is torch.float32
    tolerance = ROUNDING if dtype == "float32" else 10 * 2**-10
    assert_close([found.cpu().numpy()], expected(module, inputs), tolerance)


# -- manners ---------------------------------------------------------------------------------


def test_openvino_reports_to_nobody(tmp_path: Path) -> None:
    """A stand-in for its telemetry is there, and is not even imported."""
    package = tmp_path / "openvino_telemetry"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('telemetry')")
    path = os.pathsep.join([str(tmp_path), *sys.path])
    ours = "from inceptgraph_onnx.engines.openvino import _core; _core(); import openvino"

    def code(command: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", command],
            env={**os.environ, "PYTHONPATH": path},
            capture_output=True,
        )
        return done.returncode

    assert code(ours) == 0
    assert code("import openvino") == 1, "the stand-in would have been noticed"


def test_threads_are_as_many_as_torch_has(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    from inceptgraph_onnx.engines.onnxruntime import _options

    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    options: onnxruntime.SessionOptions = _options(SETTING)
    assert options.intra_op_num_threads == 3


def test_threads_of_onnxruntime_rest_between_calls() -> None:
    """Else the next engine that a bench times has half of the processor."""
    from inceptgraph_onnx.engines.onnxruntime import _options

    options = _options(SETTING)
    assert options.get_session_config_entry("session.force_spinning_stop") == "1"


def test_compile_takes_them() -> None:
    spec = Source("tiny.yaml", TINY)
    image = torch.rand(2, 3, 16, 16)
    wanted = inceptgraph.compile(spec, seed=0).eval()(image).detach()
    for engine in OURS:
        model = inceptgraph.compile(spec, engine=engine.name, seed=0)
        np.testing.assert_allclose(model(image), wanted, rtol=1e-4, atol=1e-5)
