"""Networks that use weights more than once, in every engine and export."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch
from agreement import arrays, assert_close, expected, randomized, samples
from safetensors.torch import load_file

import inceptgraph
from inceptgraph import engine as engines
from inceptgraph.builder import build
from inceptgraph.diagnostics import Source
from inceptgraph.engine import Engine, Setting
from inceptgraph.graph import Graph
from inceptgraph.passes import optimize
from inceptgraph_onnx.lower import lower as to_onnx

NET = """
name: Shared
inputs:
  a: {channels: 3, height: 9, width: 9}
  b: {channels: 3, height: 9, width: 9}
blocks:
  tower:
    steps:
      conv: {op: conv2d, out: 8, kernel: 3, padding: same, bias: false}
      norm: {op: batch_norm}
      relu: {op: relu}
      wide: {op: conv2d, out: 8}
      pool: {op: global_avg_pool}
      flat: {op: flatten}
stages:
  left: {op: tower, from: a}
  right: {share: left, from: b}
  half: {op: max_pool, kernel: 2, stride: 2, from: b}
  small: {share: left.conv}
  other: {op: batch_norm}
  pool: {op: global_avg_pool}
  flat: {op: flatten}
  all: {op: concat, from: [left, right, flat]}
"""
ENGINES = [
    engine
    for engine in engines.installed()
    if engine.missing() is None and engine.name not in ("inductor", "cudagraph", "tensorrt")
]


def graph() -> Graph:
    return inceptgraph.to_graph(Source("net.yaml", NET))


@pytest.mark.parametrize("optimized", [True, pytest.param(False, marks=pytest.mark.slow)])
@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_every_engine(engine: Engine, optimized: bool) -> None:
    module = randomized(graph())
    inputs = samples(graph(), 2)
    model = engines.make(engine, graph(), arrays(module, graph()), Setting(batch=2), optimized)
    found = model(*(torch.from_numpy(each).float() for each in inputs.values()))
    assert_close([found.detach().numpy()], expected(module, inputs), 1e-4)


def test_weights_that_stay_the_same_are_one_in_onnx() -> None:
    network = graph()
    tensors = arrays(randomized(network), network)
    names = [each.name for each in to_onnx(network, tensors=tensors).graph.initializer]
    assert {name for name in names if name.startswith(("left", "right", "small", "other"))} == {
        name for name in tensors if not name.startswith("/")
    }
    rewritten = optimize(network)
    shared = [n for n in rewritten.nodes if rewritten.owner(n) != n]
    assert shared == ["right.conv", "right.wide"]  # the third has another norm in its weights
    owned = [each.name for each in to_onnx(rewritten, tensors=tensors).graph.initializer]
    assert not [name for name in owned if name.startswith("right")]


def test_training_in_native_adds_up_the_gradients_of_all_uses() -> None:
    pytest.importorskip("inceptgraph_native")
    network = graph()
    (native,) = (each for each in ENGINES if each.name == "native")
    setting = Setting(batch=4, train=True)
    plain = randomized(network).float().train()
    if native.refusal(network, setting):
        pytest.skip("no compiler")
    tensors = {name: each.copy() for name, each in arrays(plain, network).items()}
    model = engines.make(native, network, tensors, setting, True)
    inputs = [torch.from_numpy(each).float() for each in samples(network, 4).values()]
    for each in (plain, model):
        each(*inputs).square().sum().backward()
    found = dict(model.named_parameters())
    wanted = dict(plain.named_parameters())
    assert found.keys() == wanted.keys()
    for name, parameter in wanted.items():
        scale = parameter.grad.abs().max()
        assert (found[name].grad - parameter.grad).abs().max() <= 1e-4 * scale, name


def test_a_build_writes_what_is_shared_once(tmp_path: Path) -> None:
    analysis = inceptgraph.analyze(Source("net.yaml", NET))
    built = build(analysis, tmp_path / "plain", export=["onnx", "pt2"])
    assert (built / "model.py").read_text(encoding="utf-8").count("self.left(") == 2
    build(analysis, tmp_path / "fast", optimize=True, engine="onnxruntime", verify=True)


def test_the_files_of_a_build_compute_the_same(tmp_path: Path) -> None:
    """With weights that training changed in all uses at once."""
    trained = inceptgraph.compile(Source("net.yaml", NET), seed=3)
    rate = torch.optim.SGD(trained.parameters(), 0.1)
    inputs = [torch.from_numpy(each).float() for each in samples(graph(), 1).values()]
    for _ in range(3):
        rate.zero_grad()
        trained(*inputs).square().mean().backward()
        rate.step()
    torch.save(trained.state_dict(), tmp_path / "w.pth")
    analysis = inceptgraph.analyze(Source("net.yaml", NET))
    folder = build(analysis, tmp_path / "m", weights=tmp_path / "w.pth", export=["onnx", "pt2"])
    wanted = trained.eval()(*inputs).detach()
    namespace: dict[str, Any] = {"__name__": "model", "__file__": str(folder / "model.py")}
    exec((folder / "model.py").read_text(encoding="utf-8"), namespace)
    written = namespace["Shared"]()
    written.load_state_dict(load_file(folder / "model.safetensors"))
    session = onnxruntime.InferenceSession(folder / "exports" / "model.onnx")
    fed = {"a": inputs[0].numpy(), "b": inputs[1].numpy()}
    found = {
        "load": inceptgraph.load(folder).eval()(*inputs),
        "load and engine": inceptgraph.load(folder, engine="onnxruntime", optimize=True)(*inputs),
        "model.py": written.eval()(*inputs),
        "model.pt2": torch.export.load(folder / "exports" / "model.pt2").module()(*inputs),
        "model.onnx": torch.from_numpy(session.run(None, fed)[0]),
    }
    for which, each in found.items():
        torch.testing.assert_close(each.detach(), wanted, rtol=1e-5, atol=1e-6, msg=which)
