"""The engine ``cudagraph``, on a CUDA device where there is one, and simulated on the CPU."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from typing import Any

import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from on_gpu import TOLERANCES
from simulated_cuda import Race, simulated
from tiny_network import TINY, images, without_dropout
from torch import Tensor, fx, nn
from torch.nn import functional as F

import inceptgraph
from inceptgraph import passes
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.pipeline import to_graph
from inceptgraph_torch.engines import CudaGraphEngine, EagerEngine
from inceptgraph_torch.engines.fuse import fuse
from inceptgraph_torch.engines.precision import products, products_of_backward
from inceptgraph_torch.engines.replay import KEPT, Replay
from inceptgraph_torch.engines.runner import Runner
from inceptgraph_torch.engines.streams import SideBySide, lanes
from inceptgraph_torch.lower import initial, lower

TINY_GRAPH = to_graph(Source("tiny.yaml", TINY))
FLOAT32 = TOLERANCES["float32"]
NO_GPU = "needs a CUDA device; there is none"
ON_GPU = (pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason=NO_GPU))
LARGE = [pytest.param(name, marks=ON_GPU) for name in ("inception_v3", "inception_resnet_v2")]


@pytest.fixture(params=["simulated", pytest.param("cuda", marks=ON_GPU)])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Where tensors are."""
    if request.param == "cuda":
        yield "cuda"
        return
    with simulated(monkeypatch):
        yield "cpu"


def made(
    device: str, engine: Any = CudaGraphEngine, graph: Graph = TINY_GRAPH, **options: Any
) -> Runner:
    tensors = {name: each.numpy() for name, each in initial(graph, seed=0).items()}
    setting = Setting(device=device, **options)
    rewritten = passes.optimize(graph, engine().target(setting), train=setting.train)
    model = engine().prepare(rewritten, tensors, setting)
    assert isinstance(model, Runner)
    return without_dropout(model)


def distance(found: Tensor, expected: Tensor) -> float:
    size = expected.double().abs().max().cpu()
    apart = (found.double().cpu() - expected.double().cpu()).abs().max()
    return (apart / torch.where(size > 0, size, 1.0)).item()


# inference


@pytest.mark.parametrize("name", ["resnet18", "googlenet", *LARGE])
@pytest.mark.parametrize("batch", [1, pytest.param(5, marks=ON_GPU)])
def test_networks_of_many_branches(device: str, name: str, batch: int) -> None:
    """Branches run on streams of their own: memory that one reads must not be another's."""
    graph = to_graph(name)
    size = graph.shape(graph.inputs[0].name)[-1]
    tensors = {key: each.numpy() for key, each in initial(graph, seed=0).items()}
    plain = lower(graph, dtype="float64", tensors=tensors).eval()
    model = made(device, graph=graph, batch=batch)
    for seed in range(2):
        x = images(batch, seed=seed, size=size)
        with torch.no_grad():
            expected = plain(x.double())
        for _ in range(5 if device == "cuda" else 1):
            assert distance(model(x), expected) < 10 * FLOAT32


def test_each_batch_has_a_graph_of_its_own(device: str) -> None:
    model, plain = made(device), made(device, EagerEngine)
    for batch in [1, 4, 2, 1, *range(1, KEPT + 4), 1]:
        x = images(batch, seed=batch)
        assert distance(model(x), plain(x)) < FLOAT32


def test_results_are_the_callers_own(device: str) -> None:
    model = made(device)
    first = model(images())
    kept = first.clone()
    assert not torch.equal(model(images(seed=1)), kept)
    assert torch.equal(first, kept)
    first.zero_()
    assert torch.equal(model(images()), kept)


def test_weights_that_change_are_read(device: str) -> None:
    model, plain = made(device), made(device, EagerEngine)
    before = model(images())
    with torch.no_grad():
        for each in model.network.parameters():
            each.mul_(0.5)
    after = model(images())
    assert not torch.equal(before, after)
    for theirs, mine in zip(plain.network.parameters(), model.network.parameters(), strict=True):
        theirs.data.copy_(mine)
    assert distance(after, plain(images())) < FLOAT32


def test_weights_that_move_are_found(device: str) -> None:
    model, plain = made(device), made(device, EagerEngine)
    model(images())
    model.to(torch.float64).to(torch.float32)  # into memory elsewhere
    for each in (*model.network.parameters(), *plain.network.parameters()):
        each.data.mul_(0.5)
    assert distance(model(images()), plain(images())) < FLOAT32


def test_a_copy_has_weights_of_its_own(device: str) -> None:
    model = made(device)
    before = model(images())
    copied = copy.deepcopy(model)
    for each in copied.network.parameters():
        each.data.zero_()
    assert torch.equal(model(images()), before)
    assert not torch.equal(copied(images()), before)


def test_modes_of_callers_may_differ(device: str) -> None:
    model = made(device)
    with torch.inference_mode():
        first = model(images())
    with torch.no_grad():
        assert torch.equal(model(images()), first)
    found = model(images())
    assert torch.equal(found, first) and not found.requires_grad


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=ON_GPU)])
def test_threads_on_streams_of_their_own_take_turns(device: str) -> None:
    model, plain = made(device), made(device, EagerEngine)
    inputs = [images(2, seed=seed) for seed in range(8)]
    expected = [plain(each) for each in inputs]
    wrong: list[int] = []

    def work(index: int) -> None:
        with torch.cuda.stream(torch.cuda.Stream()):
            apart = [distance(model(inputs[index]), expected[index]) for _ in range(50)]
        wrong.extend(index for each in apart if each > FLOAT32)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert not wrong


def test_a_caller_on_another_stream_waits(device: str) -> None:
    model = made(device)
    found = [model(images())]
    for _ in range(2):
        with torch.cuda.stream(torch.cuda.Stream()):
            found.append(model(images()).clone())
            torch.cuda.current_stream().synchronize()
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])


def test_graphs_of_several_batches_share_memory_in_turn(device: str) -> None:
    model, streams = made(device), [torch.cuda.Stream() for _ in range(2)]
    expected = [model(images(batch)) for batch in (1, 2)]
    for stream in streams:
        stream.wait_stream(torch.cuda.current_stream())
    for _ in range(3):
        for batch, stream in enumerate(streams, start=1):
            with torch.cuda.stream(stream):
                found = model(images(batch))
                stream.synchronize()
            assert torch.equal(found, expected[batch - 1])


def test_a_network_of_several_inputs_and_outputs(device: str) -> None:
    graph = to_graph(Source("pair.yaml", PAIR))
    model, plain = made(device, graph=graph), made(device, EagerEngine, graph)
    for seed in range(2):
        inputs = images(2, seed=seed), images(2, seed=seed + 7)
        found, expected = model(*inputs), plain(*inputs)
        assert list(found) == ["sum", "left"]
        for name, value in expected.items():
            assert distance(found[name], value) < FLOAT32


def test_a_callers_autocast_is_left_outside(device: str) -> None:
    model = made(device)
    with torch.autocast(device, torch.bfloat16):
        inside = model(images())
    assert torch.equal(model(images()), inside)


def test_a_capture_that_fails_leaves_nothing_behind(device: str) -> None:
    failing = [True]

    def captured(x: Tensor) -> Tensor:
        y = x + 1
        if failing:
            raise MemoryError
        return 2 * y

    replay = Replay(lambda x: 2 * (x + 1), captured)
    x = torch.randn(3, device=device)
    for _ in range(2):
        with pytest.raises(MemoryError):
            replay(x)
    failing.clear()
    for scale in (1.0, 2.0):
        torch.testing.assert_close(replay(scale * x), 2 * (scale * x + 1))


def test_a_function_of_several_results(device: str) -> None:
    x = torch.randn(3, 4, device=device)
    replay = Replay(lambda a, b: {"sum": a + b, "product": a @ b.T})
    for scale in (1.0, 2.0):
        found = replay(scale * x, x)
        torch.testing.assert_close(found["sum"], scale * x + x)
        torch.testing.assert_close(found["product"], scale * x @ x.T)


def test_it_is_for_gpus() -> None:
    with pytest.raises(SpecError, match="cudagraph` runs on NVIDIA's GPUs, not on `cpu`"):
        inceptgraph.compile("lenet5", engine="cudagraph")


# training

PAIR = """
name: pair
inputs:
  a: {channels: 3, height: 16, width: 16}
  b: {channels: 3, height: 16, width: 16}
stages:
  left: {op: conv2d, out: 4, kernel: 3, from: a}
  left_relu: {op: relu}
  right: {op: conv2d, out: 4, kernel: 3, from: b}
  right_relu: {op: relu}
  both: {op: add, from: [left_relu, right_relu]}
outputs: {sum: both, left: left_relu}
"""


def trained(device: str, engine: Any = CudaGraphEngine, dtype: str = "float32") -> Runner:
    return made(device, engine, train=True, batch=8, dtype=dtype)


def gradients(model: Runner, x: Tensor) -> dict[str, Tensor]:
    """What the parameters' gradients are after a backward pass."""
    outputs = model(x)
    target = (torch.arange(len(x)) % 5).to(outputs["logits"].device)
    model.loss(outputs, target).backward()
    return {
        name: each.grad.detach().clone()
        for name, each in model.network.named_parameters()
        if each.grad is not None
    }


def assert_near(found: dict[str, Tensor], expected: dict[str, Tensor], tolerance: float) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert distance(found[name], value) < tolerance, name


def test_gradients_and_statistics_are_those_of_eager(device: str) -> None:
    graph, plain = trained(device), trained(device, EagerEngine)
    for seed in range(3):
        for each in (graph, plain):
            each.zero_grad()
        x = images(8, seed=seed)
        assert_near(gradients(graph, x), gradients(plain, x), 100 * FLOAT32)
    mine, theirs = graph.network.state_dict(), plain.network.state_dict()
    assert_near(mine, theirs, 10 * FLOAT32)
    counters = [name for name in mine if name.endswith("num_batches_tracked")]
    assert counters and all(mine[name].item() == 3 for name in counters)


def test_gradients_add_up(device: str) -> None:
    graph, plain = trained(device), trained(device, EagerEngine)
    for seed in range(3):
        x = images(8, seed=seed)
        found, expected = gradients(graph, x), gradients(plain, x)
    assert_near(found, expected, 100 * FLOAT32)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", pytest.param("float16", marks=ON_GPU)])
def test_weights_follow_an_optimiser(device: str, dtype: str) -> None:
    if device == "cpu" and dtype == "float16":
        pytest.skip("float16 is for GPUs")
    losses = []
    for engine in (CudaGraphEngine, EagerEngine):
        model = trained(device, engine, dtype)
        step = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
        own = []
        for _ in range(20):
            step.zero_grad()
            outputs = model(images(8))
            loss = model.loss(outputs, (torch.arange(8) % 5).to(outputs["logits"].device))
            loss.backward()
            step.step()
            own.append(loss.item())
        losses.append(own)
    # twenty steps carry rounding along; weights that are not followed are half of the loss off
    assert losses[0] == pytest.approx(losses[1], rel=max(TOLERANCES[dtype], 1e-2))
    assert losses[0][-1] < 0.7 * losses[0][0]


def test_what_is_not_captured_runs(device: str) -> None:
    graph, plain = trained(device), trained(device, EagerEngine)
    x = images(3)
    assert_near(gradients(graph, x), gradients(plain, x), 100 * FLOAT32)
    for each in (graph, plain):
        each.zero_grad()
        each.network.get_parameter("stem.weight").requires_grad_(False)
    x = images(8)
    found = gradients(graph, x)
    assert "stem.weight" not in found
    assert_near(found, gradients(plain, x), 100 * FLOAT32)
    for each in (graph, plain):
        each.eval()
    with torch.no_grad():
        assert distance(graph(x), plain(x)) < 10 * FLOAT32


def test_weights_that_move_are_trained_where_they_are(device: str) -> None:
    graph, plain = trained(device), trained(device, EagerEngine)
    for model in (graph, plain):
        gradients(model, images(8))
        model.zero_grad()
        for each in model.network.parameters():
            each.data = 0.5 * each.data
    x = images(8, seed=1)
    assert_near(gradients(graph, x), gradients(plain, x), 100 * FLOAT32)


def test_an_output_may_need_no_gradient(device: str) -> None:
    found = []
    for engine in (CudaGraphEngine, EagerEngine):
        model = trained(device, engine)
        for name, each in model.network.named_parameters():
            each.requires_grad_(name.startswith("classifier"))
        outputs = model(images(8))
        assert not outputs["aux"].requires_grad
        found.append(gradients(model, images(8)))
    assert_near(*found, 100 * FLOAT32)


def test_hooks_of_parameters_are_called_once(device: str) -> None:
    found = []
    for engine in (CudaGraphEngine, EagerEngine):
        model = trained(device, engine)
        model.network.get_parameter("stem.weight").register_hook(lambda gradient: 0.5 * gradient)
        found.append(gradients(model, images(8)))
    assert_near(*found, 100 * FLOAT32)


def test_layers_may_change_their_mode(device: str) -> None:
    graph, plain = trained(device), trained(device, EagerEngine)
    for model in (graph, plain):
        gradients(model, images(8))
        model.zero_grad()
        for part in model.network.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.eval()
    x = images(8, seed=1)
    assert_near(gradients(graph, x), gradients(plain, x), 100 * FLOAT32)


def test_a_lost_forward_pass_is_told(device: str) -> None:
    model = trained(device)
    first, second = model(images(8)), model(images(8, seed=1))
    with pytest.raises(RuntimeError, match="activations are gone"):
        first["logits"].sum().backward()
    second["logits"].sum().backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="activations are gone"):
        second["logits"].sum().backward()


@pytest.mark.parametrize("device", [pytest.param("cuda", marks=ON_GPU)])
def test_dropout_draws_anew(device: str) -> None:
    model = inceptgraph.compile(
        Source("tiny.yaml", TINY), engine="cudagraph", device=device, train=True, batch=8
    )
    found = [model(images(8))["logits"].detach().clone() for _ in range(3)]
    assert not torch.equal(found[0], found[1]) and not torch.equal(found[1], found[2])


# lanes


@st.composite
def wirings(draw: st.DrawFn) -> fx.Graph:
    """Graphs of sums that read any of what came before."""
    graph = fx.Graph()
    nodes = [graph.placeholder(f"x{index}") for index in range(draw(st.integers(1, 3)))]
    for _ in range(draw(st.integers(1, 12))):
        read = draw(st.lists(st.sampled_from(nodes), min_size=1, max_size=3, unique=True))
        nodes.append(graph.call_function(total, tuple(read)))
    graph.output(tuple(node for node in nodes if not node.users))
    return graph


def total(*values: Tensor) -> Tensor:
    return torch.stack(values).sum(0) * 0.5 + 1.0


@given(wirings())
@settings(deadline=None, max_examples=examples(60))
def test_lanes_are_raced_by_no_network(graph: fx.Graph) -> None:
    module = fx.GraphModule(nn.Module(), graph)
    xs = [torch.randn(3) for node in graph.nodes if node.op == "placeholder"]
    with pytest.MonkeyPatch.context() as patch, simulated(patch):
        replay = Replay(module, SideBySide(module).run)
        for scale in (1.0, 2.0):
            found = replay(*(scale * x for x in xs))
        expected = module(*(2.0 * x for x in xs))
    for mine, theirs in zip(found, expected, strict=True):
        assert torch.equal(mine, theirs)


def test_a_chain_is_one_lane_and_an_inception_block_is_four() -> None:
    for name, count in (("lenet5", 1), ("googlenet", 4)):
        graph = passes.optimize(to_graph(name), passes.Target(call_cost=0.0))
        module = lower(graph, flat=True).eval()
        assert len(set(lanes(module.graph).values())) == count


class Forgetful(dict[fx.Node, Any]):
    """Knows of no event."""

    def __contains__(self, _: object) -> bool:
        return False


@pytest.mark.parametrize("broken", ["events", "memory", "fork", None])
def test_the_simulation_sees_races(monkeypatch: pytest.MonkeyPatch, broken: str | None) -> None:
    module = fuse(lower(to_graph(Source("fork.yaml", FORK)), seed=0, flat=True).eval())
    with simulated(monkeypatch):
        lanes = SideBySide(module)
        if broken == "events":
            lanes._done = Forgetful()
        elif broken == "memory":
            monkeypatch.setattr(Tensor, "record_stream", lambda *_: None)
        elif broken == "fork":
            monkeypatch.setattr(SideBySide, "run", fx.Interpreter.run)
            lanes._streams = {1: torch.cuda.Stream()}
            lanes._done = Forgetful()
        replay = Replay(module, lanes.run)
        with pytest.raises(Race, match="stream") if broken else nullcontext():
            replay(images(size=8))


FORK = """
name: fork
input: {channels: 3, height: 8, width: 8}
stages:
  stem: {op: conv2d, out: 4}
  left: {op: conv2d, out: 4, kernel: 3, padding: 1, from: stem}
  right: {op: conv2d, out: 4, kernel: 5, padding: 2, from: stem}
  both: {op: concat, from: [left, right]}
outputs: {y: both}
"""


# fused convolutions

FUSABLE = """
name: fusable
input: {channels: 4, height: 8, width: 8}
stages:
  first: {op: conv2d, out: 4, kernel: 3, padding: 1}
  clip: {op: relu}
  left: {op: conv2d, out: 4, kernel: [1, 3], padding: [0, 1], groups: 2, from: clip}
  right: {op: conv2d, out: 4, kernel: 3, padding: 2, dilation: 2, from: clip}
  sum: {op: add, from: [left, right]}
  relu: {op: relu}
  shared: {op: conv2d, out: 4, from: relu}
  shared_relu: {op: relu, from: shared}
  linear: {op: conv2d, out: 4, bias: false, from: relu}
  linear_relu: {op: relu}
  last: {op: add, from: [shared, shared_relu, linear_relu, clip]}
outputs: {y: last}
"""


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_is_fused_computes_the_same(device: str, dtype: str) -> None:
    graph = to_graph(Source("fusable.yaml", FUSABLE))
    module = lower(graph, seed=0, device=device, dtype=dtype, flat=True).eval()
    fused = fuse(module)
    x = torch.randn(2, 4, 8, 8, device=device).to(getattr(torch, dtype))
    with torch.no_grad(), products(Setting(device, dtype)):
        assert distance(fused(x), module(x)) < TOLERANCES[dtype]
    called = [str(node.target) for node in fused.graph.nodes if node.op == "call_function"]
    assert called.count("aten.cudnn_convolution_relu.default") == 1  # `first`
    assert called.count("aten.cudnn_convolution_add_relu.default") == 1  # `right`, and the sum
    assert sum(isinstance(each, nn.ReLU) for each in fused.modules()) == 2
    assert {id(each) for each in fused.parameters()} == {id(each) for each in module.parameters()}


def test_fusing_leaves_the_module_alone() -> None:
    module = lower(to_graph("resnet18"), seed=0, flat=True).eval()
    x = images(1, size=224)
    expected, code = module(x), module.code
    fuse(module)
    assert module.code == code
    assert torch.equal(module(x), expected)


class Look(torch.autograd.Function):
    """Sees whether products may be rounded in the backward pass."""

    seen: list[bool] = []  # noqa: RUF012

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        Look.seen.append(torch.backends.cudnn.allow_tf32)
        if not gradient.isfinite().all():
            raise ArithmeticError
        return gradient


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("dtype", ["float32", "tf32"])
def test_products_of_the_backward_pass(
    monkeypatch: pytest.MonkeyPatch, dtype: str, before: bool
) -> None:
    """On a CPU torch has the switches, too, and they do nothing."""
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "allow_tf32", before)
    setting = Setting("cuda", dtype, train=True)

    def outputs() -> list[Tensor]:
        x = torch.ones(2, requires_grad=True)
        with products(setting):
            found = [Look.apply(x), 2 * Look.apply(x)]
        products_of_backward(found, setting)
        return found

    for calls in (1, 2):  # of a network, before one backward pass
        Look.seen.clear()
        torch.stack([F.mse_loss(*outputs()) for _ in range(calls)]).sum().backward()
        assert Look.seen == [dtype == "tf32"] * 2 * calls
        assert cudnn.allow_tf32 is before
    with pytest.raises(ArithmeticError):
        (outputs()[0].sum() * torch.inf).backward()
    assert cudnn.allow_tf32 is before
    Look.seen.clear()
    F.mse_loss(*outputs()).backward()
    assert Look.seen == [dtype == "tf32"] * 2 and cudnn.allow_tf32 is before
