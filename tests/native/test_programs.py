"""Compiled programs against the torch modules of the same graphs in float64.

Many steps share a program, since each costs a run of the compiler.
"""

from __future__ import annotations

import copy
import math
import os
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from agreement import arrays, randomized
from examples import examples
from hypothesis import HealthCheck, assume, given, reject, settings
from hypothesis import strategies as st
from operations_strategy import arguments, operands
from specs_strategy import graph_of, is_small, specs
from tiny_network import TINY

from inceptgraph.diagnostics import ShapeError, Source, SpecError
from inceptgraph.engine import Setting, choose
from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops import BUILT_IN, Input, Operation
from inceptgraph.passes import optimize
from inceptgraph.pipeline import to_graph
from inceptgraph_native import NativeEngine, processor
from inceptgraph_native.codegen import winograd
from inceptgraph_native.codegen.arena import ALIGNMENT, Extent, plan
from inceptgraph_native.codegen.lower import lower
from inceptgraph_native.codegen.packing import panels
from inceptgraph_native.codegen.program_module import NativeModule
from inceptgraph_native.codegen.rules import ABSENT, has_rule
from inceptgraph_native.compile_cache import compiled
from inceptgraph_torch import SpecModule

Array = np.ndarray[Any, np.dtype[Any]]

HAS_COMPILER = processor.compiler() is not None
needs_compiler = pytest.mark.skipif(not HAS_COMPILER, reason="there is no C++ compiler")
needs_bfloat16 = pytest.mark.skipif(
    not (HAS_COMPILER and processor.here().bfloat16), reason="there is no AVX512_BF16"
)

ROUNDING = 1e-5
"""Rounding of float32, 2**-24, over sums of some hundred terms, as in onnx/test_models.py."""

ENGINE = NativeEngine()


@pytest.fixture(autouse=True, scope="module")
def all_threads() -> Any:
    """However little there is to do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("inceptgraph_native.codegen.program_module.WORTH_A_THREAD", 1)
        yield


@pytest.fixture(autouse=True, scope="module")
def cache(empty_cache: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INCEPTGRAPH_CACHE", str(empty_cache))
        yield


def samples(graph: Graph, batch: int, seed: int = 0) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    shapes = [graph.shape(node.name) for node in graph.inputs]
    return [2 * torch.randn(batch, *shape, generator=generator) for shape in shapes]


def expected(module: SpecModule, inputs: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    with torch.no_grad():
        found = module(*(each.double() for each in inputs))
    return found if isinstance(found, dict) else {"": found}


def assert_close(found: Any, wanted: dict[str, torch.Tensor], tolerance: float = ROUNDING) -> None:
    found = found if isinstance(found, dict) else {"": found}
    assert list(found) == list(wanted)
    for name, ours in found.items():
        theirs = wanted[name]
        assert ours.dtype == torch.float32
        assert ours.shape == theirs.shape, name
        scale = max(theirs.abs().max().item(), 1.0)
        assert (ours - theirs).abs().max().item() <= tolerance * scale, name


def native(
    graph: Graph, module: SpecModule, *, group: int = 1, bfloat16: bool = False
) -> NativeModule:
    """The program of a graph as it is; ``-O1`` compiles fast."""
    machine = processor.here()
    program = lower(
        graph.phase("eval"),
        arrays(module, graph),
        machine,
        group=group,
        threads=2,
        bfloat16=bfloat16,
    )
    return NativeModule(program, compiled(program.sources, machine, ["-O1"]))


STEPS = [name for name, kind in BUILT_IN.items() if kind is not Input and kind not in ABSENT]
"""All that has a kernel, or needs none."""


# -- operations ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILT_IN)
def test_has_a_rule(name: str) -> None:
    assert has_rule(BUILT_IN[name]) != (BUILT_IN[name] in ABSENT)


def test_an_operation_without_a_kernel_is_refused() -> None:
    class Unknown(Operation):
        op = "unknown_to_native"

    nodes = {"x": Node("x", Input(shape=(3,)), shape=(3,))}
    nodes["step"] = Node("step", Unknown(), ("x",), (3,))
    refusal = ENGINE.refusal(Graph("net", nodes, (Output("out", "step"),)), Setting())
    assert refusal is not None
    assert "cannot run `step` (unknown_to_native): it has no kernel" in refusal.message


@pytest.mark.parametrize(
    "step", ["op: conv_transpose, out: 2, kernel: 2, stride: 2", "op: matmul, from: [input, input]"]
)
def test_what_has_no_kernel_on_purpose_is_told_and_auto_takes_another(step: str) -> None:
    text = "name: Up\ninput: {channels: 3, height: 5, width: 5}\n"
    graph = to_graph(Source("up.yaml", f"{text}stages: {{up: {{{step}}}}}\n"))
    refusal = ENGINE.refusal(graph, Setting())
    assert refusal is not None
    op = graph.nodes["up"].op.op
    assert f"cannot run `up` ({op}): it has no kernel" in refusal.message
    chosen = choose("auto", graph, Setting())
    assert chosen.engine.name != ENGINE.name


def side_by_side(steps: list[tuple[str, dict[str, Any], list[tuple[int, ...]]]]) -> Graph:
    """A graph of steps that each have inputs and an output of their own."""
    nodes: dict[str, Node] = {}
    outputs = []
    for index, (name, chosen, shapes) in enumerate(steps):
        op = BUILT_IN[name](**chosen)
        operands = [f"x{index}_{i}" for i in range(len(shapes))]
        for operand, shape in zip(operands, shapes, strict=True):
            nodes[operand] = Node(operand, Input(shape=shape), shape=shape)
        step = f"{name}_{index}"
        nodes[step] = Node(step, op.settled(*shapes), tuple(operands), op.infer(*shapes))
        outputs.append(Output(f"{name} {chosen} {shapes}", step))
    named = [Output(f"{i} {each.name}", each.node) for i, each in enumerate(outputs)]
    return Graph("steps", nodes, tuple(named)).verify()


@st.composite
def any_step(draw: st.DrawFn, name: str) -> Any:
    def fits(step: Any) -> bool:
        try:
            result = BUILT_IN[step[0]](**step[1]).infer(*step[2])
        except ShapeError:
            return False
        return len(result) < 4  # no volume

    shapes = operands(name, ranks=(1, 2))
    steps = shapes.flatmap(lambda on: st.tuples(st.just(name), arguments(name, on), st.just(on)))
    for _ in range(10):  # a filter gives up after three
        if fits(step := draw(steps)):
            return step
    return reject()


def assert_runs(graph: Graph, module: SpecModule, group: int) -> NativeModule:
    """A batch smaller than what goes through the network together, and a larger one."""
    program = native(graph, module, group=group)
    for batch in (1, group + 1):
        inputs = samples(graph, batch, batch)
        assert_close(program(*inputs), expected(module, inputs))
    return program


@needs_compiler
@pytest.mark.parametrize("half", [0, 1])  # of all, hypothesis draws more than it has numbers for
@given(data=st.data())
@settings(max_examples=examples(3), deadline=None, suppress_health_check=list(HealthCheck))
def test_operations(half: int, data: st.DataObject) -> None:
    names = (STEPS + ["conv2d", "max_pool", "avg_pool"] * 4)[half::2]
    graph = side_by_side([data.draw(any_step(name)) for name in names])
    assert_runs(graph, randomized(graph), group=2)


@needs_compiler
@pytest.mark.usefixtures("shorter_vectors")
@given(data=st.data())
@settings(max_examples=examples(2), deadline=None, suppress_health_check=list(HealthCheck))
def test_operations_in_shorter_vectors(data: st.DataObject) -> None:
    assert processor.here().lanes < 16
    graph = side_by_side([data.draw(any_step(name)) for name in STEPS])
    assert_runs(graph, randomized(graph), group=2)


CONVOLUTIONS = [
    # what networks hold: out, kernel, stride, padding, dilation, groups, input
    (64, 7, 2, 3, 1, 1, (3, 37, 30)),  # a stem, whose rows are one run
    (24, 1, 1, "valid", 1, 1, (40, 9, 11)),
    (40, 3, 1, "same", 1, 1, (24, 17, 13)),
    (33, 3, 1, "same", 1, 1, (16, 7, 7)),  # tiles of two rows
    (20, (1, 7), 1, "same", 1, 1, (20, 17, 17)),
    (20, (7, 1), 1, "same", 1, 1, (20, 17, 17)),
    (18, 3, 2, "valid", 1, 1, (18, 35, 35)),
    (18, 1, 2, "valid", 1, 1, (32, 15, 14)),
    (12, 5, 1, 2, 2, 1, (17, 12, 12)),  # dilated
    (36, 3, 1, "same", 1, 3, (24, 10, 10)),  # groups that end within a vector
    (48, 3, 1, "same", 1, 48, (48, 10, 10)),  # depthwise
    (70, 1, 1, 1, 1, 1, (64, 6, 6)),  # padding of a 1×1 kernel
    (50, 3, 1, (2, 0, 1, 3), 1, 1, (16, 20, 20)),
    (64, 3, 1, "same", 1, 1, (32, 30, 29)),
]


def convolutions() -> Graph:
    names = ("out", "kernel", "stride", "padding", "dilation", "groups")
    steps = []
    for *values, shape in CONVOLUTIONS:
        arguments = dict(zip(names, values, strict=True))
        for key in ("kernel", "stride", "dilation"):
            if isinstance(arguments[key], int):
                arguments[key] = (arguments[key],) * 2
        if isinstance(arguments["padding"], int):
            arguments["padding"] = (arguments["padding"],) * 4
        steps.append(("conv2d", arguments, [shape]))
    return side_by_side(steps)


@needs_compiler
def test_convolutions() -> None:
    graph = convolutions()
    assert_runs(graph, randomized(graph), group=3)


@needs_compiler
@pytest.mark.usefixtures("shorter_vectors")
def test_convolutions_in_shorter_vectors() -> None:
    graph = convolutions()
    assert_runs(graph, randomized(graph), group=3)


TILED = ((3, 3), (5, 5), (5, 3), (1, 7), (7, 1), (1, 3), (5, 1))
"""Kernels of convolutions that have tiles."""


def assert_winograd_runs(kinds: list[tuple[Any, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every convolution that has tiles, whether it pays or not."""
    monkeypatch.setattr(winograd, "_pays", lambda *arguments: True)
    graph = side_by_side(
        [
            ("conv2d", {"kernel": kernel, "out": out, "padding": padding}, [shape])
            for kernel, out, padding, shape in kinds
        ]
    )
    program = assert_runs(graph, randomized(graph), group=2)
    assert sum(step.kernel.startswith("winograd") for step in program.steps) == len(kinds)


@needs_compiler
def test_winograd(monkeypatch: pytest.MonkeyPatch) -> None:
    maps = (
        (16, "same", (16, 8, 8)),
        (40, "valid", (17, 30, 29)),
        (33, (2, 0, 1, 3), (64, 7, 9)),
    )
    assert_winograd_runs([(kernel, *each) for kernel in TILED for each in maps], monkeypatch)


@needs_compiler
@pytest.mark.usefixtures("shorter_vectors")
def test_winograd_in_shorter_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    each = (20, (2, 0, 1, 3), (17, 11, 9))
    assert_winograd_runs([(kernel, *each) for kernel in TILED], monkeypatch)


@given(st.sampled_from([(3, 3), (5, 3), (1, 7), (7, 1)]), st.integers(0, 2**32 - 1))
def test_winograd_is_the_convolution(kernel: tuple[int, int], seed: int) -> None:
    """The transformed weights in float64, with the other two transforms derived from the points:
    filtering is the transposed of multiplying polynomials at the points and interpolating."""
    generator = np.random.default_rng(seed)
    taps = generator.standard_normal((1, 1, *kernel))
    inputs, outputs = [], []
    for size in kernel:
        extent = winograd.EXTENTS[size]
        some = winograd.POINTS.get(extent, ())
        points = np.array([0.0, *(sign * p for p in some for sign in (1, -1))])[: extent - 1]
        powers = np.vstack([np.vander(points, extent, increasing=True), np.eye(extent)[-1]])
        apart = np.prod(points[:, None] - points + np.eye(extent - 1), axis=1)
        inputs.append(np.linalg.inv(powers.T) * np.append(apart, 1.0)[:, None])
        made = extent + 1 - size
        outputs.append(np.vstack([np.vander(points, made, increasing=True), np.eye(made)[-1]]))
    data = generator.standard_normal((len(inputs[0]), len(inputs[1])))
    weights = winograd.transformed(taps)[:, 0, 0].reshape(data.shape)
    found = outputs[0].T @ (weights * (inputs[0] @ data @ inputs[1].T)) @ outputs[1]
    wanted = torch.conv2d(torch.from_numpy(data)[None, None], torch.from_numpy(taps))
    assert np.allclose(found, wanted[0, 0].numpy(), rtol=0, atol=1e-10)


def as_bfloat16(module: SpecModule, inputs: list[torch.Tensor]) -> list[torch.Tensor]:
    """Round the weights of a module, and inputs, to what bfloat16 holds."""
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            if name.endswith("weight"):
                tensor.copy_(tensor.bfloat16())
    return [each.bfloat16().float() for each in inputs]


@needs_bfloat16
@given(data=st.data())
@settings(max_examples=examples(2), deadline=None, suppress_health_check=list(HealthCheck))
def test_operations_in_bfloat16(data: st.DataObject) -> None:
    names = STEPS + ["conv2d"] * 8
    graph = side_by_side([data.draw(any_step(name)) for name in names])
    module = randomized(graph)
    as_bfloat16(module, [])
    program = native(graph, module, group=2, bfloat16=True)
    for batch in (1, 3):
        inputs = as_bfloat16(module, samples(graph, batch, batch))
        # the sums are float32: what is left is the rounding of the result, 2**-9
        assert_close(program(*inputs), expected(module, inputs), 2**-8)


# -- networks --------------------------------------------------------------------------------


@needs_compiler
@given(text=specs(), batch=st.integers(1, 3), group=st.integers(1, 2))
@settings(max_examples=examples(5), deadline=None, suppress_health_check=list(HealthCheck))
def test_any_spec_and_its_rewritten_graph(text: str, batch: int, group: int) -> None:
    graph = graph_of(text)
    assume(is_small(graph))
    module, inputs = randomized(graph), samples(graph, batch)
    wanted = expected(module, inputs)
    assert_close(native(graph, module, group=group)(*inputs), wanted, 1e-4)
    rewritten = optimize(graph, ENGINE.target(Setting()))
    machine = processor.here()
    program = lower(rewritten, arrays(module, graph), machine, group=group, threads=2)
    path = compiled(program.sources, machine, ["-O1"])
    assert_close(NativeModule(program, path)(*inputs), wanted, 1e-4)


def with_even_variance(module: SpecModule) -> SpecModule:
    """Draw kernels so that what differs between samples stays as large from layer to layer (He et
    al. 2015), else the outputs of a deep network hardly depend on its input."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in module.parameters():
            drawn = torch.randn(tensor.shape, generator=generator)
            spread = (2 / tensor[0].numel()) ** 0.5 if tensor.dim() > 1 else 0.1
            tensor.copy_(drawn * spread)
    return module


@pytest.mark.slow  # README's tests hold one of these to torch in engines/test_all_engines.py
@pytest.mark.parametrize(
    ("dtype", "tolerance"),
    [
        # of what differs between samples, which is a thirtieth of the largest output
        pytest.param("float32", 30 * ROUNDING, marks=needs_compiler),
        # the 22 layers in a row each round by 2**-9, at random
        pytest.param("bfloat16", 30 * 22**0.5 * 2**-9, marks=needs_bfloat16),
    ],
)
def test_network(dtype: str, tolerance: float) -> None:
    graph = to_graph("googlenet")
    module = with_even_variance(randomized(graph))
    setting = Setting(batch=2, dtype=dtype)
    rewritten = optimize(graph, ENGINE.target(setting))
    program = ENGINE.prepare(rewritten, arrays(module, graph), setting)
    inputs = samples(graph, 5)
    (wanted,) = expected(module, inputs).values()
    differ = (wanted[0] - wanted[1]).abs().max()
    assert differ > wanted.abs().max() / 30
    threads = torch.get_num_threads()
    try:
        # images for each thread alone, and some that they share; memory that was used before
        for count in (1, 2, 2, 3, 2):
            torch.set_num_threads(count)
            assert (program(*inputs) - wanted).abs().max() <= tolerance * differ
    finally:
        torch.set_num_threads(threads)


# -- wiring ----------------------------------------------------------------------------------


def wired(steps: dict[str, tuple[Any, tuple[str, ...]]], outputs: dict[str, str]) -> Graph:
    """A graph over ``image``, a map of 20 channels."""
    nodes = {"image": Node("image", Input(shape=(20, 8, 8)), shape=(20, 8, 8))}
    for name, (op, read) in steps.items():
        shape = op.infer(*(nodes[operand].shape for operand in read))
        nodes[name] = Node(name, op, read, shape)
    return Graph("net", nodes, tuple(Output(*pair) for pair in outputs.items())).verify()


def conv(out: int, kernel: int = 1) -> Any:
    return BUILT_IN["conv2d"](out=out, kernel=(kernel, kernel), padding="same")


@needs_compiler
def test_wiring() -> None:
    """Values that are read in several ways at once: within, beside, and as outputs."""
    relu, add, concat, cut = (BUILT_IN[n] for n in ("relu", "add", "concat", "channels"))
    graph = wired(
        {
            "a": (conv(12, 3), ("image",)),
            "b": (relu(), ("a",)),  # `a` is an output, too
            "both": (concat(), ("b", "image", "b")),  # one value twice, and an input
            "c": (conv(44, 3), ("both",)),
            "d": (conv(44), ("both",)),
            "sum": (add(), ("d", "c")),
            "e": (relu(), ("sum",)),
            "twice": (add(), ("e", "e")),
            "left": (cut(start=3, stop=20), ("e",)),
            "right": (cut(start=20, stop=44), ("e",)),
            "f": (conv(30), ("both",)),
            "first": (cut(start=0, stop=7), ("f",)),
            "second": (cut(start=7, stop=30), ("f",)),
            "outer": (concat(), ("second", "both", "left", "first")),
            "g": (conv(9, 3), ("outer",)),
            "h": (conv(9), ("right",)),
            "joined": (add(), ("g", "h")),
            "part": (conv(40, 3), ("both",)),  # of which only some channels are read
            "middle": (cut(start=5, stop=38), ("part",)),
        },
        {
            "a": "a",
            "raw": "image",
            "out": "joined",
            "again": "joined",
            "twice": "twice",
            "middle": "middle",
        },
    )
    module = randomized(graph)
    program = native(graph, module)
    for batch in (1, 2):
        inputs = samples(graph, batch)
        assert_close(program(*inputs), expected(module, inputs))


@needs_compiler
def test_calls() -> None:
    """Other types, other strides, several threads that call at once, and inputs that do not fit."""
    graph = to_graph(Source("tiny.yaml", TINY)).phase("eval")
    module = randomized(graph)
    program = native(graph, module)
    assert not program.training
    (images,) = samples(graph, 4)
    wanted = expected(module, [images])
    for given_ in (images.double(), images.to(memory_format=torch.channels_last)):
        assert_close(program(given_), wanted)
    mistakes = 0

    def call() -> None:
        nonlocal mistakes
        for _ in range(20):
            mistakes += not torch.equal(program(images), first)

    first = program(images)
    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert mistakes == 0
    with pytest.raises(ValueError, match=r"compiled for\s+\(batch, 3, 16, 16\)"):
        program(torch.zeros(1, 3, 17, 16))
    with pytest.raises(TypeError, match=r"reads 1 input \(`image`\), not 2"):
        program(images, images)
    with pytest.raises(TypeError, match="give it floating-point numbers"):
        program(images.int())
    with pytest.raises(ValueError, match="on meta"):
        program(images.to("meta"))
    assert program(images[:0]).shape == (0, 5)
    assert torch.equal(copy.deepcopy(program)(images), first)
    profile = program.profile(images, repeat=2)
    assert {step.name for step in profile} > {"image", "classifier"}
    assert sum(step.macs for step in profile) == sum(  # of the one image that goes through
        node.op.macs(*graph.operands(node)) for node in graph.nodes.values()
    )


@needs_compiler
def test_after_a_fork_both_go_on() -> None:
    graph = to_graph(Source("tiny.yaml", TINY)).phase("eval")
    program = native(graph, randomized(graph))
    images, others = samples(graph, 4), samples(graph, 4, seed=1)
    first, second = program(*images), program(*others)
    child = os.fork()  # whose threads are not there
    if child == 0:
        same = all(torch.equal(program(*others), second) for _ in range(300))
        os._exit(0 if same else 1)
    same = all(torch.equal(program(*images), first) for _ in range(300))
    assert os.waitpid(child, 0)[1] == 0
    assert same


@needs_compiler
def test_defaults_of_torch_are_not_its_own() -> None:
    graph = to_graph(Source("tiny.yaml", TINY)).phase("eval")
    program = native(graph, randomized(graph))
    images = samples(graph, 2)
    first = program(*images)
    try:
        for dtype in (torch.float64, torch.bfloat16):
            torch.set_default_dtype(dtype)
            assert torch.equal(program(*images), first)
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("meta"):
        assert torch.equal(program(*images), first)


@needs_compiler
def test_a_fixed_batch_is_held_to() -> None:
    graph = to_graph(Source("tiny.yaml", TINY))
    tensors = arrays(randomized(graph), graph)
    program = ENGINE.prepare(graph.phase("eval"), tensors, Setting(batch=2, fixed=True))
    assert program(*samples(graph, 2)).shape == (2, 5)
    with pytest.raises(ValueError, match="compiled for 2 samples at a time, got 3"):
        program(*samples(graph, 3))


@needs_bfloat16
def test_a_nan_in_bfloat16_is_gone_in_the_next_call() -> None:
    """Products take pairs of numbers, and three channels are no pairs."""
    steps = {
        "a": (BUILT_IN["channels"](start=0, stop=3), ("image",)),
        "b": (BUILT_IN["conv2d"](out=5, kernel=(3, 3)), ("a",)),
        "c": (BUILT_IN["conv2d"](out=5, kernel=(1, 3), groups=5), ("b",)),
        "d": (BUILT_IN["conv2d"](out=4, kernel=(3, 1)), ("b",)),
    }
    graph = wired(steps, {"c": "c", "d": "d"})
    module = randomized(graph)
    program = native(graph, module, bfloat16=True)
    (image,) = samples(graph, 1)
    clean = program(image)
    spoilt = image.clone()
    spoilt[0, :, 4, 4] = float("nan")
    found, wanted = program(spoilt), expected(module, [spoilt])
    for name, value in found.items():
        assert torch.equal(value.isnan(), wanted[name].isnan())
    assert all(torch.equal(value, clean[name]) for name, value in program(image).items())


@needs_compiler
def test_cuts_smaller_than_the_groups() -> None:
    steps = {
        "wide": (BUILT_IN["conv2d"](out=8, kernel=(3, 3), groups=4), ("image",)),
        "left": (BUILT_IN["channels"](start=0, stop=3), ("wide",)),
        "right": (BUILT_IN["channels"](start=3, stop=8), ("wide",)),
    }
    graph = wired(steps, {"left": "left", "right": "right"})
    module, inputs = randomized(graph), samples(graph, 2)
    assert_close(native(graph, module)(*inputs), expected(module, inputs))


# -- the engine ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (Setting(device="cuda:1"), "not on `cuda:1`"),
        (Setting(dtype="float16"), "does not compute in float16"),
    ],
)
def test_refusal(setting: Setting, message: str) -> None:
    refusal = ENGINE.refusal(to_graph(Source("tiny.yaml", TINY)), setting)
    assert refusal is not None
    assert message in refusal.message


def test_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    assert "apt install g++" in (ENGINE.missing() or "")


@needs_compiler
def test_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INCEPTGRAPH_CACHE", str(tmp_path / "here"))
    machine = processor.here()
    text = 'extern "C" int answer() { return 42; }'
    path = compiled([text], machine)
    assert path.parent == tmp_path / "here"
    assert list(path.parent.iterdir()) == [path]
    made = path.stat().st_mtime_ns
    assert compiled([text], machine) == path
    assert path.stat().st_mtime_ns == made
    with pytest.raises(SpecError, match="cannot compile the program"):
        compiled(["no C++"], machine)
    assert list(path.parent.iterdir()) == [path]
    path.parent.chmod(0o777)  # where others could put a program of theirs
    assert compiled([text], machine).parent != path.parent
    monkeypatch.setenv("INCEPTGRAPH_CACHE", str(path))  # a file
    assert compiled([text], machine).parent != path


# -- memory and weights ----------------------------------------------------------------------

extents = st.builds(
    lambda size, first, life: Extent(size, first, first + life),
    st.integers(1, 10**6),
    st.integers(0, 30),
    st.integers(0, 10),
)


@given(st.lists(extents, max_size=40))
def test_what_lives_at_once_never_overlaps(buffers: list[Extent]) -> None:
    found = plan(buffers)
    placed = list(zip(buffers, found.offsets, strict=True))
    for index, (one, start) in enumerate(placed):
        assert start % ALIGNMENT == 0
        assert start + one.size <= found.size
        for other, begin in placed[:index]:
            if one.first <= other.last and other.first <= one.last:
                assert start + one.size <= begin or begin + other.size <= start
    room = sum(math.ceil(each.size / ALIGNMENT) * ALIGNMENT for each in buffers)
    assert found.size <= room


@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 3), st.sampled_from([1, 4, 8]))
def test_panels_hold_every_weight(inputs: int, outputs: int, vectors: int, lanes: int) -> None:
    matrix = np.arange(inputs * outputs, dtype=np.float32).reshape(inputs, outputs) + 1
    packed = panels(matrix, vectors * lanes, lanes)
    restored = np.zeros_like(matrix)
    start = 0
    for first in range(0, outputs, vectors * lanes):
        count = min(vectors * lanes, outputs - first)
        width = math.ceil(count / lanes) * lanes
        panel = packed[start : start + inputs * width].reshape(inputs, width)
        restored[:, first : first + count] = panel[:, :count]
        assert not panel[:, count:].any()
        start += inputs * width
    assert start == len(packed)
    assert (restored == matrix).all()


@needs_compiler
def test_a_sum_that_is_spread_is_no_residual() -> None:
    text = """\
name: Spread
input: {channels: 3, height: 6, width: 5}
stages:
  conv: {op: conv2d, out: 8, kernel: 3, padding: same}
  pool: {op: global_avg_pool}
  gate: {op: conv2d, out: 1, from: conv}
  bias: {op: conv2d, out: 8, from: pool}
  a:    {op: add, from: [bias, conv]}
  b:    {op: conv2d, out: 8}
  out:  {op: add, from: [b, gate]}
"""
    graph = to_graph(Source("spread.yaml", text))
    assert_runs(graph, randomized(graph), group=2)
