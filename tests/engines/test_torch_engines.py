"""Engines that come with torch, and how one is chosen."""

from __future__ import annotations

import copy
import pickle
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from stub_bench import StubEngine, offer
from tiny_network import SCALED, TINY, without_dropout
from torch import Tensor, nn

import inceptgraph
from inceptgraph import backend as backends
from inceptgraph import engine as engines
from inceptgraph.builder import build
from inceptgraph.cli import run as command
from inceptgraph.diagnostics import Code, Diagnostic, Source, SpecError
from inceptgraph.engine import Measured, Run, Setting
from inceptgraph.passes import optimize
from inceptgraph.pipeline import analyze, to_graph
from inceptgraph_torch.engines.runner import Runner

SPEC = Source("tiny.yaml", TINY)


@pytest.fixture(autouse=True)
def _forget_compiled() -> Iterator[None]:
    yield
    torch._dynamo.reset()


def image(batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(3)
    return torch.rand(batch, 3, 16, 16, generator=generator)


def reference(**options: Any) -> nn.Module:
    return inceptgraph.compile(SPEC, seed=0, **options)


@pytest.mark.parametrize(
    ("name", "batches", "optimized"),
    [
        ("eager", (1, 2, 5), True),
        ("eager", (1, 2, 5), False),
        pytest.param("inductor", (2, 3), True, marks=pytest.mark.slow),
        pytest.param("inductor", (2, 3), False, marks=pytest.mark.slow),
    ],
)
def test_an_engine_computes_what_the_module_does(
    name: str, batches: tuple[int, ...], optimized: bool
) -> None:
    model = inceptgraph.compile(SPEC, engine=name, optimize=optimized, seed=0)
    whole = reference(dtype="float64").eval()
    for batch in batches:
        found = model(image(batch))
        assert found.dtype is torch.float32 and not found.requires_grad
        wanted = whole(image(batch).double())
        torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimized", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_numbers_that_inductor_folds_into_weights(optimized: bool) -> None:
    spec, x = Source("scaled.yaml", SCALED), torch.randn(2, 4, 8, 8)
    model = inceptgraph.compile(spec, engine="inductor", optimize=optimized, batch=2, seed=0)
    wanted = inceptgraph.compile(spec, seed=0, dtype="float64").eval()(x.double())
    torch.testing.assert_close(model(x).double(), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_a_smaller_type_rounds_as_that_type_does(dtype: str) -> None:
    model = inceptgraph.compile(SPEC, engine="eager", dtype=dtype, seed=0)
    wanted = reference().eval()(image()).detach()
    found = model(image())
    assert found.dtype is torch.float32
    resolution = torch.finfo(getattr(torch, dtype)).eps
    # a dozen layers, each of which rounds once
    torch.testing.assert_close(
        found, wanted, rtol=0, atol=12 * resolution * float(wanted.abs().max())
    )
    assert not torch.equal(found, wanted)


@pytest.mark.parametrize("name", ["eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_training_takes_the_steps_that_the_module_takes(name: str) -> None:
    model = inceptgraph.compile(SPEC, engine=name, train=True, seed=0)
    module = without_dropout(reference().train())
    without_dropout(model.network)  # which Inductor draws in its own way
    target = torch.tensor([1, 3, 0, 2])
    for net, loss in ((model, model.loss), (module, module.loss)):
        step = torch.optim.SGD(net.parameters(), lr=0.1)
        for _ in range(2):
            step.zero_grad()
            loss(net(image(4)), target).backward()
            step.step()
    own, wanted = model.network.state_dict(), module.state_dict()
    assert list(own) == list(wanted)
    for key in own:
        torch.testing.assert_close(own[key], wanted[key], rtol=1e-4, atol=1e-5)


def test_what_is_trained_changes_its_mode_in_silence() -> None:
    model = inceptgraph.compile(SPEC, engine="eager", train=True, seed=0)
    with warnings.catch_warnings(action="error"):
        assert not any(part.training for part in model.eval().network.modules())
        assert isinstance(model(image()), Tensor)
        assert all(part.training for part in model.train().network.modules())
        assert isinstance(model(image()), dict)


def test_training_in_bfloat16_keeps_weights_in_float32() -> None:
    model = inceptgraph.compile(SPEC, engine="eager", train=True, dtype="bfloat16", seed=0)
    outputs = model(image(4))
    assert set(outputs) == set(reference().train()(image(4)))
    model.loss(outputs, torch.tensor([1, 3, 0, 2])).backward()
    assert {p.dtype for p in model.parameters()} == {torch.float32}
    assert all(p.grad is not None for p in model.parameters())


def test_passes_in_training_leave_the_weights_and_their_names() -> None:
    for spec in (SPEC, "googlenet_torchvision", "inception_resnet_v2"):
        graph = to_graph(spec)
        passed = optimize(graph, train=True)
        kept = {n.name: passed.recipes(n) for n in passed.nodes.values() if passed.recipes(n)}
        assert kept == {n.name: graph.recipes(n) for n in graph.nodes.values() if graph.recipes(n)}
        assert [o.name for o in passed.outputs] == [o.name for o in graph.outputs]


def test_a_built_directory_runs_with_an_engine(tmp_path: Any) -> None:
    build(analyze(SPEC), tmp_path / "model", seed=0)
    model = inceptgraph.load(tmp_path / "model", engine="eager")
    torch.testing.assert_close(model(image()), reference().eval()(image()), rtol=1e-4, atol=1e-5)


# -- choosing --------------------------------------------------------------------------------


def stub(name: str, fast: Any, **more: Any) -> StubEngine:
    """An engine of so much speed, which prepares nothing."""
    return StubEngine(name, AssertionError(), fast, **more)


def choice(monkeypatch: pytest.MonkeyPatch, *stubs: StubEngine) -> engines.Choice:
    offer(monkeypatch, {each.name: each for each in stubs})
    return engines.choose("auto", to_graph(SPEC), Setting(batch=4))


def test_auto_takes_the_fastest_and_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choice(monkeypatch, stub("slow", 1.0), stub("quick", 4.0))
    assert str(found) == (
        "quick: expected to be the fastest here for inference on cpu in float32, 4 at a time: on "
        "networks of the Inception family about 4.0 × torch eager (slow 1.0 ×)"
    )


def test_what_is_not_measured_comes_after_all_that_is(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choice(monkeypatch, stub("a", None), stub("b", 0.5), stub("c", None), stub("d", 0.9))
    assert str(found) == (
        "d: expected to be the fastest here for inference on cpu in float32, 4 at a time: on "
        "networks of the Inception family about 0.9 × torch eager (b 0.5 ×); not measured on such "
        "a machine: a, c"
    )


def test_what_is_not_measured_is_taken_where_nothing_else_can(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    slow = stub("slow", 0.5, refuses="slow has no lrn")
    elsewhere = (Measured({1: 9.0}, "float32", Run("another", "mmx", "1997-01-08"), "1.0"),)
    found = choice(
        monkeypatch, stub("a", None), slow, stub("b", None, figures=elsewhere), stub("c", None)
    )
    assert str(found) == (
        "b: not chosen by speed, since no engine that can run it was measured for inference on cpu "
        "in float32, 4 at a time on such a machine; `autotune=True` and `inceptgraph bench` "
        "measure; slow has no lrn"
    )


@pytest.mark.parametrize("said", ["quick", float("nan"), float("inf"), -1.0, 0, True])
def test_what_is_no_speed_is_refused(monkeypatch: pytest.MonkeyPatch, said: Any) -> None:
    with pytest.raises(SpecError) as caught:
        choice(monkeypatch, stub("slow", 1.0), stub("odd", said))
    (finding,) = caught.value.diagnostics
    assert finding.code is Code.BROKEN_PLUGIN
    assert finding.message.startswith("the engine `odd` says that its speed for inference on cpu")
    assert finding.message.endswith(f"is {said!r}") and "or None" in str(finding.help)


def test_auto_passes_over_what_refuses_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = choice(monkeypatch, stub("slow", 1.0), stub("quick", 4.0, refuses="quick has no lrn"))
    assert found.engine.name == "slow" and found.why.endswith("; quick has no lrn")


def test_auto_goes_on_where_an_engine_fails_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    from inceptgraph_torch.engines import EagerEngine

    failure = SpecError([Diagnostic(Code.ENGINE_REFUSES, "quick: its compiler fails")])
    broken = StubEngine("quick", failure, 9.0)
    offer(monkeypatch, {"quick": broken, "eager": EagerEngine()})
    model = inceptgraph.compile(SPEC, engine="auto", seed=0)
    assert model.choice.engine.name == "eager"
    assert model.choice.why.endswith("; quick: its compiler fails")


def test_auto_passes_over_what_is_missing_or_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = {
        "gone": stub("gone", 9.0, needs="pip …"),
        "torn": ImportError("no libtorn"),
        "slow": stub("slow", 1.0),
    }
    offer(monkeypatch, offered)
    found = engines.choose("auto", to_graph(SPEC), Setting())
    assert found.engine.name == "slow"
    assert "the engine `torn` cannot be loaded: ImportError: no libtorn" in found.why


def test_auto_with_nothing_that_runs_it_gives_every_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SpecError) as caught:
        choice(monkeypatch, stub("a", 1.0, refuses="a: no"), stub("b", 2.0, refuses="b: no"))
    assert [d.message for d in caught.value.diagnostics] == ["b: no", "a: no"]


def test_a_device_that_is_not_there_is_one_mistake() -> None:
    with pytest.raises(SpecError) as caught:
        inceptgraph.compile(SPEC, engine="auto", device="abacus")
    (finding,) = caught.value.diagnostics
    assert "the device `abacus` cannot be used" in finding.message


@pytest.mark.parametrize("device", ["cpu", "cpu:0", torch.device("cpu", 0), torch.device("cpu")])
def test_the_cpu_is_one_device_however_it_is_written(device: Any) -> None:
    assert Setting.of(device=device) == Setting()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "eagr"}, "there is no engine `eagr`"),
        ({"engine": "eager", "dtype": "int8"}, "no engine computes in `int8`"),
        ({"engine": "eager", "dtype": "tf32"}, "has no tf32 on `cpu`"),
        ({"engine": "eager", "device": "abacus"}, "the device `abacus` cannot be used"),
        ({"engine": "eager", "batch": 0}, "a batch of 0 holds no sample"),
    ],
)
def test_what_no_engine_can_do_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        inceptgraph.compile(SPEC, **options)


def test_an_engine_takes_no_backend_and_no_strange_option() -> None:
    with pytest.raises(TypeError, match="takes no `backend`"):
        inceptgraph.compile(SPEC, "onnx", engine="eager")
    with pytest.raises(TypeError, match="no option `colour`"):
        inceptgraph.compile(SPEC, engine="eager", colour="red")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda weight: [], "the tensors lack `first.left.conv.weight`"),
        (lambda weight: [weight[:, :, :1]], r"`first.left.conv.weight` is \(4, 8, 1, 3\)"),
    ],
)
def test_a_directory_whose_parts_do_not_fit_is_a_finding(
    tmp_path: Any, change: Any, message: str
) -> None:
    build(analyze(SPEC), tmp_path / "model", seed=0)
    path = tmp_path / "model" / "model.safetensors"
    state = load_file(path)
    for weight in change(state.pop("first.left.conv.weight")):
        state["first.left.conv.weight"] = weight.contiguous()
    save_file(state, path)
    with pytest.raises(SpecError, match=f"are not those of its spec.yaml: {message}"):
        inceptgraph.load(tmp_path / "model", engine="eager")


def test_a_directory_is_rewritten_only_for_an_engine(tmp_path: Any) -> None:
    build(analyze(SPEC), tmp_path / "model", seed=0)
    with pytest.raises(TypeError, match="`optimize` rewrites for an engine"):
        inceptgraph.load(tmp_path / "model", optimize=True)


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_runs_its_own_weights(copied: Any, compiled: bool) -> None:
    layer = nn.Linear(3, 2)
    model = Runner(layer, Setting(), *([_traced] if compiled else []))
    wanted = model(torch.ones(1, 3))
    another = copied(model)
    torch.testing.assert_close(another(torch.ones(1, 3)), wanted)
    with torch.no_grad():
        for parameter in another.parameters():
            parameter.zero_()
    assert not another(torch.ones(1, 3)).any()
    torch.testing.assert_close(model(torch.ones(1, 3)), wanted)


def _traced(module: nn.Module) -> Any:
    return torch.compile(module.__call__, backend="eager")


# -- names of weights ------------------------------------------------------------------------


def trained(name: str, **options: Any) -> Any:
    """After a step."""
    model = inceptgraph.compile(SPEC, engine=name, train=True, seed=0, **options)
    one_step(model, model.loss)
    return model


def one_step(model: nn.Module, loss: Any) -> None:
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss(model(image(4)), torch.tensor([1, 3, 0, 2])).backward()
    optimizer.step()


@pytest.mark.parametrize("name", ["eager", "native"])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_was_trained_is_built_from_its_file(tmp_path: Any, name: str, dtype: str) -> None:
    setting = Setting(train=True, dtype=dtype)
    if engines.find(name).refusal(to_graph(SPEC), setting):
        pytest.skip(f"{name} has no {dtype} here")
    model, file = trained(name, dtype=dtype), tmp_path / "weights.pth"
    torch.save(model.state_dict(), file)
    spec = tmp_path / "tiny.yaml"
    spec.write_text(TINY, encoding="utf-8")
    folder = str(tmp_path / "model")
    assert command(["build", str(spec), "--weights", str(file), "-o", folder]) == 0
    built = inceptgraph.load(folder)
    assert list(built.state_dict()) == list(model.state_dict())
    for key, value in built.state_dict().items():
        assert torch.equal(value, model.state_dict()[key]), key
    wanted = inceptgraph.load(folder, dtype="float64").eval()(image().double())
    found = inceptgraph.compile(SPEC, engine="eager", weights=file)(image())
    torch.testing.assert_close(found.double(), wanted, rtol=1e-4, atol=1e-5)


def test_names_are_those_of_the_plain_module_in_all_that_torch_asks_for() -> None:
    model, plain = trained("eager"), reference()
    for names in ("named_parameters", "named_buffers", "named_children", "named_modules"):
        assert [n for n, _ in getattr(model, names)()] == [n for n, _ in getattr(plain, names)()]
    assert model.get_submodule("stem") is model.network.get_submodule("stem")
    state = model.state_dict()
    assert list(state) == list(plain.state_dict())
    assert state._metadata.keys() == plain.state_dict()._metadata.keys()
    another = inceptgraph.compile(SPEC, engine="eager", train=True, seed=1)
    another.load_state_dict(state)
    plain.load_state_dict(state)
    for net in (another, model, plain):
        net.eval()
    torch.testing.assert_close(another(image()), model(image()))
    torch.testing.assert_close(plain(image()), model(image()), rtol=1e-4, atol=1e-5)
    zeros = {name: torch.zeros_like(value) for name, value in state.items()}
    assert not torch.func.functional_call(model, zeros, image()).any()
    with pytest.raises(RuntimeError, match=r'Missing key.*"stem\.weight"'):
        another.load_state_dict({k: v for k, v in state.items() if k != "stem.weight"})


def test_names_within_another_module() -> None:
    outer = nn.Sequential(trained("eager"), nn.Identity())
    state = outer.state_dict()
    assert list(state) == [f"0.{name}" for name in reference().state_dict()]
    for value in state.values():
        value.zero_()
    other = nn.Sequential(inceptgraph.compile(SPEC, engine="eager", train=True), nn.Identity())
    other.load_state_dict(state)
    assert not any(parameter.any() for parameter in other.parameters())


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda model: pickle.loads(pickle.dumps(model))])
def test_a_copy_trains_apart_under_the_same_names(copied: Any) -> None:
    model = trained("eager")
    another, before = copied(model), copy.deepcopy(model.state_dict())
    assert another.get_submodule("stem") is another.network.get_submodule("stem")
    assert not another.eval().network.training and model.network.training
    one_step(another.train(), another.loss)
    assert list(another.state_dict()) == list(before)
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key]), key
    assert not torch.equal(another.state_dict()["stem.weight"], before["stem.weight"])


def test_a_layer_that_is_replaced_is_used() -> None:
    model = trained("eager")
    model.classifier = nn.Linear(model.classifier.in_features, 3)
    assert model(image(4))["logits"].shape == (4, 3)


def test_a_layer_that_is_taken_out_is_out() -> None:
    model = trained("eager")
    model.classifier = None
    assert model.classifier is model.network.classifier is None
    assert not [name for name in model.state_dict() if name.startswith("classifier")]


def test_a_network_that_is_replaced_is_run() -> None:
    """As by a tool that gives a changed copy."""
    model, other = trained("eager"), trained("eager")
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.mul_(0.5)
    names = list(model.state_dict())
    model.network = other.network
    assert list(model.state_dict()) == names
    for (name, ours), theirs in zip(model.named_parameters(), other.parameters(), strict=True):
        assert ours is theirs, name
    x = image(4)
    model.eval(), other.eval()
    torch.testing.assert_close(model(x), other(x), rtol=0, atol=0)
    assert len([*copy.deepcopy(model).modules()]) == len([*model.modules()])


def test_steps_of_any_name() -> None:
    words = ("choice", "setting", "network", "loss", "forward", "train")
    text = "name: words\ninput: {channels: 2, height: 4, width: 4}\nstages:\n"
    text += "".join(f"  {word}: {{op: conv2d, out: 2}}\n" for word in words)
    spec = Source("words.yaml", text)
    model = inceptgraph.compile(spec, engine="eager", train=True, seed=0)
    plain = inceptgraph.compile(spec, seed=0)
    assert model.choice.engine.name == "eager" and model.setting.train
    assert list(model.state_dict()) == list(plain.state_dict())
    again = copy.deepcopy(model)
    again.load_state_dict(plain.state_dict())
    x = torch.randn(1, 2, 4, 4)
    torch.testing.assert_close(again(x), plain(x))


def test_short_words_for_types() -> None:
    assert Setting.of(dtype="bf16").dtype == "bfloat16"
    assert Setting.of(dtype=torch.float16).dtype == "float16"


def test_what_is_said_to_an_engine_wants_one() -> None:
    with pytest.raises(TypeError, match="`batch` is an engine option: pass `engine="):
        inceptgraph.compile(SPEC, batch=3)


@pytest.mark.parametrize("train", [False, True])
def test_a_checked_module_is_exported_for_any_batch(train: bool) -> None:
    model = inceptgraph.compile(SPEC, engine="eager", train=train, seed=0)
    batch = torch.export.Dim("batch", min=2)
    program = torch.export.export(model, (image(4),), dynamic_shapes=(({0: batch},),))
    leaves = torch.utils._pytree.tree_leaves(program.module()(image(3)))
    assert {len(each) for each in leaves} == {3}


def test_an_input_of_whole_numbers_is_refused() -> None:
    model = inceptgraph.compile(SPEC, engine="eager", seed=0)
    with pytest.raises(TypeError, match=r"`image` is of torch\.int64"):
        model(torch.ones(1, 3, 16, 16, dtype=torch.int64))


def test_a_missing_engine_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from inceptgraph_torch.engines import EagerEngine

    monkeypatch.setattr(EagerEngine, "missing", lambda self: 'pip install "inceptgraph[eager]"')
    with pytest.raises(SpecError, match=r"install it: pip install \"inceptgraph\[eager\]\""):
        inceptgraph.compile(SPEC, engine="eager")


# -- what a GPU would be told ----------------------------------------------------------------


def test_a_fixed_batch_is_held_to() -> None:
    model = inceptgraph.compile(SPEC, engine="eager", batch=2, fixed=True, seed=0)
    assert model(image(2)).shape == (2, 5)
    with pytest.raises(ValueError, match="compiled for 2 samples at a time, got 3"):
        model(image(3))


@pytest.mark.parametrize("dtype", ["float32", "tf32", "bfloat16"])
def test_products_are_rounded_as_asked_and_only_then(dtype: str) -> None:
    from inceptgraph_torch.engines.precision import products

    def state() -> tuple[bool, bool, bool]:
        cudnn = torch.backends.cudnn
        return torch.backends.cuda.matmul.allow_tf32, cudnn.allow_tf32, cudnn.benchmark

    before = state()
    with products(Setting("cuda", dtype, autotune=True)):
        assert state() == (dtype == "tf32", dtype == "tf32", True)
    assert state() == before


def test_on_a_cpu_the_switches_of_gpus_are_not_read() -> None:
    """Torch refuses to read the older names of some that were set by the newer."""
    from inceptgraph_torch.engines.precision import products

    matmul: Any = torch.backends.cuda.matmul
    before = matmul.fp32_precision
    try:
        matmul.fp32_precision = "tf32"
        with pytest.raises(RuntimeError, match="mix"):
            _ = matmul.allow_tf32
        with products(Setting()):
            assert matmul.fp32_precision == "tf32"
    finally:
        matmul.fp32_precision = before
    assert matmul.allow_tf32 is False


def test_inductor_is_told_of_graphs_and_tuning() -> None:
    from inceptgraph_torch.engines.inductor import options

    assert options(Setting("cuda", fixed=True, autotune=True)) == {
        "freezing": True,
        "triton.cudagraphs": True,
        "max_autotune": True,
    }
    assert not options(Setting("cuda"))["triton.cudagraphs"]
    assert "freezing" not in options(Setting("cuda", train=True))


def test_tensorrt_is_handed_the_module_and_the_type(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither it nor a GPU is here: this is what torch.compile is called with."""
    from inceptgraph_torch.engines import TensorRTEngine

    called: dict[str, Any] = {}

    def compile(run: Any, **options: Any) -> Any:
        called.update(options)
        return run

    monkeypatch.setitem(sys.modules, "torch_tensorrt", ModuleType("torch_tensorrt"))
    monkeypatch.setattr(torch, "compile", compile)
    graph = to_graph(SPEC)
    tensors = backends.find_model("torch").initial(graph, seed=0)
    model = TensorRTEngine().prepare(graph.phase("eval"), tensors, Setting(dtype="bfloat16"))
    assert called["backend"] == "torch_tensorrt"
    assert called["options"]["enabled_precisions"] == {torch.bfloat16}
    assert model(image()).shape == (2, 5)


@pytest.mark.parametrize(("setting", "reason"), [(Setting(), "not on `cpu`")])
def test_tensorrt_refuses_what_it_cannot(setting: Setting, reason: str) -> None:
    from inceptgraph_torch.engines import TensorRTEngine

    found = TensorRTEngine().refusal(to_graph(SPEC), setting)
    assert found is not None and reason in found.message


def test_memory_is_kept_only_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    from inceptgraph_torch.engines import runner as network

    asked: list[bool] = []
    monkeypatch.setattr(network, "keep_memory", lambda: asked.append(True))
    inceptgraph.compile(SPEC, engine="eager", seed=0)
    assert not asked
    inceptgraph.compile(SPEC, engine="eager", seed=0, keep_memory=True)
    assert asked


def test_results_of_a_replay_outlive_the_next() -> None:
    from inceptgraph_torch.engines.inductor import _replayed

    buffer = torch.zeros(2)
    run = _replayed(lambda step: {"logits": buffer.fill_(step)})
    first, second = run(1.0), run(2.0)
    assert first["logits"].tolist() == [1.0, 1.0]
    assert second["logits"].tolist() == [2.0, 2.0]
