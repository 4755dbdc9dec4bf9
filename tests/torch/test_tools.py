"""A compiled network under torch's compilers, exporters, distributed training and optimisers."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from process_group import process_group as process_group
from tiny_network import TINY, assert_same, images, tiny, without_dropout
from torch import Tensor, fx, nn

from inceptgraph.diagnostics import Source
from inceptgraph.engine import Setting
from inceptgraph.pipeline import compile
from inceptgraph_torch import SpecModule
from inceptgraph_torch.engines.runner import Runner

TARGET = torch.tensor([1, 3])


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    yield
    torch._dynamo.reset()


def step(module: Any, source: SpecModule) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss and gradients of one training step, from fresh statistics."""
    source.zero_grad()
    loss = source.loss(module(images()), TARGET)
    loss.backward()
    gradients = {n: p.grad.clone() for n, p in source.named_parameters() if p.grad is not None}
    return loss.detach(), gradients


# -- compilers ---------------------------------------------------------------------------------


def check_compiled(backend: str, **tolerance: float) -> None:
    """Both modes, back and forth, against a twin that is not compiled."""
    plain = without_dropout(tiny())
    module = copy.deepcopy(plain)
    compiled = torch.compile(module, backend=backend, fullgraph=True)
    for mode in (True, False, True, False):
        plain.train(mode), compiled.train(mode)
        assert module.training is mode
        if mode:
            (loss, found), (expected_loss, expected) = step(compiled, module), step(plain, plain)
            torch.testing.assert_close(loss, expected_loss, **tolerance)
            assert list(found) == [name for name, _ in module.named_parameters()]
            torch.testing.assert_close(found, expected, **tolerance)
        else:
            found_map = compiled(images())
            assert isinstance(found_map, Tensor)
            torch.testing.assert_close(found_map, plain(images()), **tolerance)


def test_compile_eager() -> None:
    check_compiled("eager", rtol=0, atol=0)


def test_compile_aot() -> None:
    # the backward graph is torch's decompositions: float32 sums in another order
    check_compiled("aot_eager", rtol=1e-4, atol=1e-5)


@pytest.mark.slow
def test_compile_inductor() -> None:
    check_compiled("inductor", rtol=1e-4, atol=1e-5)


def test_switching_modes_compiles_twice_and_no_more() -> None:
    graphs: list[torch.fx.GraphModule] = []

    def count(module: torch.fx.GraphModule, _: object) -> Any:
        graphs.append(module)
        return module.forward

    compiled = torch.compile(tiny(), backend=count, fullgraph=True)
    for mode in (True, False, True, False):
        compiled.train(mode)(images())
    assert len(graphs) == 2


@pytest.mark.slow
def test_compile_googlenet() -> None:
    module = compile("googlenet", seed=0).eval()
    x = images(1, size=224)
    compiled = torch.compile(module, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), module(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "non-strict"])
@pytest.mark.parametrize("training", [True, False], ids=["training", "evaluation"])
def test_export(training: bool, strict: bool) -> None:
    module = without_dropout(tiny()).train(training)
    twin = copy.deepcopy(module)
    shapes = ({0: torch.export.Dim("batch", min=2, max=64)},)
    exported = torch.export.export(module, (images(),), dynamic_shapes=shapes, strict=strict)
    assert set(exported.state_dict) == set(module.state_dict())
    for batch in (2, 5):
        found, expected = exported.module()(images(batch)), copy.deepcopy(twin)(images(batch))
        assert isinstance(found, dict if training else Tensor)
        assert_same(dict(found) if training else found, expected)


# -- training ----------------------------------------------------------------------------------


def by_an_engine(module: SpecModule) -> nn.Module:
    return Runner(module, Setting(train=True))


@pytest.mark.usefixtures("process_group")
@pytest.mark.parametrize("made", [lambda module: module, by_an_engine])
def test_distributed_training(made: Any) -> None:
    plain = without_dropout(tiny())
    module = made(copy.deepcopy(plain))
    wrapped = nn.parallel.DistributedDataParallel(module)
    for _ in range(2):  # the second step fails where the first left parameters unused
        loss, gradients = step(wrapped, module)
        expected_loss, expected = step(plain, plain)
        assert_same(loss, expected_loss)
        assert gradients.keys() == dict(module.named_parameters()).keys()
        assert_same(gradients, expected)
    assert isinstance(wrapped.eval()(images()), Tensor)
    assert isinstance(wrapped.train()(images()), dict)


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(
    ("optimizer", "settings"),
    [(torch.optim.SGD, {"lr": 0.05, "momentum": 0.9}), (torch.optim.AdamW, {"lr": 0.01})],
    ids=["SGD", "AdamW"],
)
def test_training_reduces_the_loss(optimizer: Any, settings: Any, channels_last: bool) -> None:
    module = without_dropout(tiny(channels_last=channels_last))
    x, target = images(16), torch.arange(16) % 5
    steps = optimizer(module.parameters(), **settings)
    losses = []
    for _ in range(25):
        steps.zero_grad()
        loss = module.loss(module(x), target)
        loss.backward()
        steps.step()
        losses.append(loss.item())
    # 16 samples, some thousand weights: they can be learned by heart
    assert losses[-1] < 0.5 * losses[0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_autocast(dtype: torch.dtype) -> None:
    module = without_dropout(tiny())
    expected = copy.deepcopy(module)(images())
    with torch.autocast("cpu", dtype):
        outputs = module(images())
        loss = module.loss(outputs, TARGET)
    loss.backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
    for name, value in expected.items():
        assert outputs[name].dtype == dtype
        # 8 bits of mantissa through a dozen layers whose values are near one
        torch.testing.assert_close(outputs[name].float(), value, rtol=0.1, atol=0.1)


def test_heads_get_no_gradients_in_evaluation() -> None:
    module = tiny().eval()
    module(images()).sum().backward()
    without = {name for name, p in module.named_parameters() if p.grad is None}
    assert without == {"aux.fc.weight", "aux.fc.bias"}


def test_a_network_with_its_heads_removed_is_the_same_in_evaluation() -> None:
    text = TINY[: TINY.index("aux_heads:")]
    bare = compile(Source("bare.yaml", text), seed=0).eval()
    assert_same(bare(images()), tiny().eval()(images()))


def test_unused_layers_are_those_that_neither_mode_needs() -> None:
    module = tiny().eval()
    module.spare = nn.ReLU()
    module.delete_all_unused_submodules()
    assert not hasattr(module, "spare")
    assert_same(
        without_dropout(copy.deepcopy(module))(images()), without_dropout(tiny()).eval()(images())
    )
    assert list(module.train()(images())) == list(tiny()(images()))


def test_a_module_with_another_graph_can_be_pickled() -> None:
    module = tiny()
    graph = fx.Graph()
    graph.output(graph.graph_copy(module.graph, {}))
    module.graph = graph
    loaded = pickle.loads(pickle.dumps(module))
    assert_same(without_dropout(loaded)(images()), without_dropout(module)(images()))
