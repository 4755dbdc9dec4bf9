"""Other people's tools on compiled networks and ``model.py``, held to a module written by hand."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from model_files import network
from tiny_network import assert_same
from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import compile, to_graph

SPEC = """
name: Small
input: {channels: 3, height: 16, width: 16}
blocks:
  unit:
    params: {out: int, kernel: 1}
    steps:
      conv: {op: conv2d, out: $out, kernel: $kernel, padding: same, bias: false}
      bn: {op: batch_norm}
      relu: {op: relu}
  fork:
    params: {out: int}
    branches:
      left: {op: unit, out: $out}
      right: {reduce: {op: unit, out: 4}, 3x3: {op: unit, out: $out, kernel: 3}}
    merge: concat
stages:
  stem: {op: unit, out: 8, kernel: 3}
  first: {op: fork, out: 8}
  pool: {op: max_pool, kernel: 2, stride: 2}
  second: {op: fork, out: 12}
  mean: {op: global_avg_pool}
  flatten: {op: flatten}
  classifier: {op: linear, out: 5}
"""
BARE = SPEC.replace("      bn: {op: batch_norm}\n", "")


class Unit(nn.Module):
    def __init__(self, inputs: int, out: int, kernel: int, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, out, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(out) if norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Fork(nn.Module):
    def __init__(self, inputs: int, out: int, norm: bool) -> None:
        super().__init__()
        self.left = Unit(inputs, out, 1, norm)
        self.reduce, self.wide = Unit(inputs, 4, 1, norm), Unit(4, out, 3, norm)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.left(x), self.wide(self.reduce(x))], 1)


class ByHand(nn.Module):
    """The network of the spec, in torch alone."""

    def __init__(self, norm: bool = True) -> None:
        super().__init__()
        self.stem = Unit(3, 8, 3, norm)
        self.first, self.second = Fork(8, 8, norm), Fork(16, 12, norm)
        self.classifier = nn.Linear(24, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.first(self.stem(x)), 2)
        found: Tensor = self.classifier(self.second(x).mean((2, 3)))
        return found


def tree(text: str = SPEC) -> Any:
    return compile(Source("small.yaml", text), seed=0).eval()


def file(text: str = SPEC) -> Any:
    module = network(to_graph(Source("small.yaml", text)))
    module.load_state_dict(tree(text).state_dict())
    return module.eval()


def by_hand(text: str = SPEC) -> ByHand:
    """With the same weights, which come in the same order."""
    module = ByHand(norm="batch_norm" in text).eval()
    weights = tree(text).state_dict().values()
    module.load_state_dict(dict(zip(module.state_dict(), weights, strict=True)))
    return module


def x(seed: int = 0) -> Tensor:
    return torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(seed))


def tool(package: str, what: str) -> Any:
    """A test of a package, of both forms of a network."""

    def marked(test: Any) -> Any:
        test = pytest.mark.parametrize("made", [tree, file], ids=["graph module", "model.py"])(test)
        return pytest.mark.ecosystem(package, what)(test)

    return marked


def close(found: Any, expected: Any) -> None:
    """Sums of float32 in another order."""
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


@tool("torchvision", "`create_feature_extractor` at a block")
def test_torchvision(made: Any) -> None:
    from torchvision.models.feature_extraction import create_feature_extractor

    plain = by_hand()
    found = create_feature_extractor(made(), ["first", "second"])(x())
    first = plain.first(plain.stem(x()))
    close(found, {"first": first, "second": plain.second(F.max_pool2d(first, 2))})


@tool("captum", "`LayerGradCam`, `LayerActivation` of a block; `IntegratedGradients`")
def test_captum(made: Any) -> None:
    from captum.attr import IntegratedGradients, LayerActivation, LayerGradCam

    net, plain = made(), by_hand()
    for kind in (LayerGradCam, LayerActivation):
        options = {"target": 2} if kind is LayerGradCam else {}
        found = kind(net, net.second).attribute(x(), **options)
        close(found, kind(plain, plain.second).attribute(x(), **options))
    found, expected = (
        IntegratedGradients(each).attribute(x(), target=2, n_steps=8) for each in (net, plain)
    )
    close(found, expected)


@tool("grad-cam", "`GradCAM`, `EigenCAM` of a block")
def test_grad_cam(made: Any) -> None:
    from pytorch_grad_cam import EigenCAM, GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    for kind in (GradCAM, EigenCAM):
        maps = []
        for net in (made(), by_hand()):
            targets = [ClassifierOutputTarget(2)] * len(x())
            with kind(model=net, target_layers=[net.second]) as cam:
                maps.append(torch.from_numpy(cam(input_tensor=x(), targets=targets)))
        torch.testing.assert_close(*maps, rtol=1e-3, atol=1e-3)


@tool("torchcam", "`GradCAM`, `LayerCAM` of a block")
def test_torchcam(made: Any) -> None:
    from torchcam.methods import GradCAM, LayerCAM

    for kind in (GradCAM, LayerCAM):
        maps = []
        for net in (made(), by_hand()):
            with kind(net, net.second) as cam:
                maps.append(cam(2, net(x()))[0])
        close(*maps)


@tool("torch-pruning", "`MagnitudePruner`: half of the channels")
def test_torch_pruning(made: Any) -> None:
    import torch_pruning

    outputs, sizes = [], []
    for net in (made(), by_hand()):
        importance = torch_pruning.importance.MagnitudeImportance(p=2)
        pruner = torch_pruning.pruner.MagnitudePruner(
            net, x(), importance=importance, pruning_ratio=0.5, ignored_layers=[net.classifier]
        )
        pruner.step()
        outputs.append(net(x()))
        sizes.append(sum(parameter.numel() for parameter in net.parameters()))
    assert sizes[0] == sizes[1] < sum(p.numel() for p in by_hand().parameters()) / 2
    close(*outputs)


@tool("accelerate", "`prepare`, a step, `unwrap_model`")
def test_accelerate(made: Any) -> None:
    from accelerate import Accelerator

    losses = []
    for net in (made().train(), by_hand().train()):
        accelerator = Accelerator(cpu=True)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
        prepared, optimizer = accelerator.prepare(net, optimizer)
        for _ in range(2):
            optimizer.zero_grad()
            loss = F.cross_entropy(prepared(x()), torch.arange(4))
            accelerator.backward(loss)
            optimizer.step()
        losses.append(loss.detach())
        whole = accelerator.unwrap_model(prepared, keep_fp32_wrapper=False).eval()
        assert whole is net and isinstance(whole(x()), Tensor)
    close(*losses)


@tool("opacus", "gradients of each sample, without batch normalisation")
def test_opacus(made: Any) -> None:
    from opacus import GradSampleModule

    plain = by_hand(BARE).train()
    net = GradSampleModule(made(BARE).train(), loss_reduction="sum")
    F.cross_entropy(net(x()), torch.arange(4), reduction="sum").backward()
    for sample, image in enumerate(x()):
        plain.zero_grad()
        F.cross_entropy(plain(image[None]), torch.tensor([sample])).backward()
        for ours, theirs in zip(net.parameters(), plain.parameters(), strict=True):
            close(ours.grad_sample[sample], theirs.grad)  # type: ignore[attr-defined]


@tool("torchview", "a nested diagram")
def test_torchview(made: Any) -> None:
    from torchview import draw_graph

    drawn = draw_graph(made(), input_size=(2, 3, 16, 16), depth=1).visual_graph.source
    assert drawn.count("Fork") == 2 and "(2, 24, 8, 8)" in drawn


@tool("torchinfo", "a nested table, with shapes")
def test_torchinfo(made: Any) -> None:
    from torchinfo import summary

    found = summary(made(), input_size=(2, 3, 16, 16), depth=1, verbose=0)
    rows = {info.var_name: (info.class_name, info.output_size) for info in found.summary_list}
    assert rows["second"] == ("Fork", [2, 24, 8, 8])
    expected = summary(by_hand(), input_size=(2, 3, 16, 16), verbose=0)
    assert found.total_params == expected.total_params
    assert found.total_mult_adds == expected.total_mult_adds


@tool("torch", "`torch.jit.trace`")
@pytest.mark.filterwarnings("ignore")
def test_torch_trace(made: Any) -> None:
    traced = torch.jit.trace(made(), x())
    close(traced(x(1)), by_hand()(x(1)))


@tool("torch", "`fx.symbolic_trace`; `copy.deepcopy`")
def test_torch_fx(made: Any) -> None:
    net = made()
    assert_same(torch.fx.symbolic_trace(copy.deepcopy(net))(x()), net(x()))
