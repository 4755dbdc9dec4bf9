"""Where implementations of the later networks differ: each reading against plain torch.

The numbers of the sections are those of the fact files' list of places. A part of a network is
taken out of its graph and run alone, against the formula written with ``torch.nn.functional``; and
against the other reading, which has to be visibly elsewhere.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from inceptgraph import pipeline
from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops.shape import Input
from inceptgraph.pipeline import compile

EXACT = 1e-12  # float64, sums of at most some 20,000 terms
VISIBLE = 1e-2


@cache
def to_graph(spec: str) -> Graph:
    return pipeline.to_graph(spec)


def part(spec: str, path: str) -> Any:
    """What stands at a path of a shipped spec, as a module of its own in float64.

    Its one operand becomes the input; its weights are random, statistics included.
    """
    graph = to_graph(spec)
    inside = {node.name: node for node in graph.within(path)}
    (outside,) = {name for node in inside.values() for name in node.inputs} - set(inside)
    nodes = {outside: Node(outside, Input(shape=graph.shape(outside)), shape=graph.shape(outside))}
    end = graph.scopes[path].output if path in graph.scopes else path
    alone = Graph(spec, nodes | inside, (Output("out", end),)).verify()
    module = compile(alone, dtype="float64", seed=0)
    generator = torch.Generator().manual_seed(0)
    for tensor in module.state_dict().values():
        if tensor.dim() == 1:  # all but kernels
            tensor.uniform_(0.5, 1.5, generator=generator)
    return module.eval()


def weights(module: Any, path: str) -> dict[str, Tensor]:
    """Tensors by their names below a path."""
    state = module.state_dict()
    return {n.removeprefix(f"{path}."): t for n, t in state.items() if n.startswith(f"{path}.")}


def image(*shape: int) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(2, *shape, dtype=torch.float64, generator=generator)


def distance(found: Tensor, expected: Tensor) -> float:
    assert found.shape == expected.shape
    return ((found - expected).abs().max() / expected.abs().max()).item()


def conv_bn(x: Tensor, tensors: dict[str, Tensor], eps: float = 1e-3, **window: Any) -> Tensor:
    x = F.conv2d(x, tensors["conv.weight"], **window)
    statistics = tensors["bn.running_mean"], tensors["bn.running_var"]
    return F.relu(F.batch_norm(x, *statistics, tensors["bn.weight"], tensors["bn.bias"], eps=eps))


# -- 5: what an average pool divides by at the border ----------------------------------------


@pytest.mark.parametrize(
    ("spec", "path", "counted"),
    [
        ("inception_v3", "mixed_5b.pool.pool", True),
        ("inception_v3", "mixed_6e.pool.pool", True),
        ("inception_v3", "mixed_7c.pool.pool", True),
        ("inception_v3_tfslim", "mixed_5b.pool.pool", False),
        ("inception_v3_tfslim", "mixed_7c.pool.pool", False),
        ("inception_v2_tfslim", "inception_3a.pool.pool", False),
        ("inception_v4", "inception_a.0.pool.pool", False),
        ("inception_v4", "inception_b.6.pool.pool", False),
        ("inception_v4", "inception_c.2.pool.pool", False),
        ("inception_resnet_v2", "mixed_5b.pool.pool", False),
    ],
)
def test_average_pools(spec: str, path: str, counted: bool) -> None:
    module = part(spec, path)
    x = image(*to_graph(spec).shape(path))
    found = module(x)
    ours, other = (
        F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=c) for c in (counted, not counted)
    )
    assert distance(found, ours) < EXACT
    assert distance(found, other) > VISIBLE
    inside = (slice(None), slice(None), slice(1, -1), slice(1, -1))
    assert distance(found[inside], other[inside]) < EXACT  # they differ at the border alone


# -- 6: what batch normalisation adds to the variance, remembers and learns ------------------


@pytest.mark.parametrize(
    ("spec", "path", "eps", "momentum", "gamma"),
    [
        ("inception_v3", "stem.conv_1a.bn", 1e-3, 0.1, True),
        ("inception_v3_tfslim", "stem.conv_1a.bn", 1e-3, 3e-4, False),
        ("inception_v2_tfslim", "conv2.3x3.bn", 1e-3, 3e-4, False),
        ("inception_v4", "stem.conv_1a.bn", 1e-3, 0.1, True),
        ("inception_resnet_v1", "embedding.bn", 1e-3, 0.1, True),
        ("inception_resnet_v2", "conv_7b.bn", 1e-3, 0.1, True),
        ("googlenet_torchvision", "conv1.bn", 1e-3, 0.1, True),
        ("inception_v1_tfslim", "conv1.bn", 1e-3, 3e-4, False),
        ("bn_inception", "conv1.bn", 1e-5, 0.1, True),
        ("bn_inception_96", "conv1.bn", 1e-5, 0.1, True),
        ("xception", "conv1.bn", 1e-5, 0.1, True),
        ("xception", "middle.0.residual.sepconv1.bn", 1e-5, 0.1, True),
    ],
)
def test_batch_normalisation(
    spec: str, path: str, eps: float, momentum: float, gamma: bool
) -> None:
    graph = to_graph(spec)
    norms: list[Any] = [n.op for n in graph.nodes.values() if n.op.op == "batch_norm"]
    assert {(op.eps, op.momentum, op.scale) for op in norms} == {(eps, momentum, gamma)}
    module = part(spec, path)
    tensors = weights(module, path)
    assert ("weight" in dict(module.named_parameters()).keys() | tensors.keys()) == gamma
    x = image(*graph.shape(path)) / 30  # a variance of 1e-3, where eps matters
    mean, var = x.transpose(0, 1).flatten(1).mean(1), x.transpose(0, 1).flatten(1).var(1)
    before = tensors["running_mean"].clone()
    module.train()
    found = module(x)
    scale, shift = tensors.get("weight"), tensors["bias"]
    ours, other = (
        F.batch_norm(x, None, None, scale, shift, training=True, eps=e)
        for e in ((1e-3, 1e-5) if eps == 1e-3 else (1e-5, 1e-3))
    )
    assert distance(found, ours) < EXACT
    assert distance(found, other) > VISIBLE
    remembered = weights(module, path)["running_mean"]
    assert distance(remembered, before + momentum * (mean - before)) < EXACT
    assert var.min() > 0


# -- 8: the separable first layer of TF-slim's Inception v2 ----------------------------------


def test_the_first_layer_of_inception_v2_has_a_bias_and_no_batch_normalisation() -> None:
    module = part("inception_v2_tfslim", "conv1")
    tensors = weights(module, "conv1")
    assert {n: tuple(t.shape) for n, t in tensors.items()} == {
        "conv.depthwise.weight": (24, 1, 7, 7),
        "conv.pointwise.weight": (64, 24, 1, 1),
        "conv.pointwise.bias": (64,),
    }
    depthwise, pointwise, bias = tensors.values()
    x = image(3, 224, 224) / 10

    def layer(*border: int) -> Tensor:
        found = F.conv2d(F.pad(x, border), depthwise, stride=2, groups=3)
        return F.relu(F.conv2d(found, pointwise, bias))

    with torch.no_grad():
        found = module(x)
        assert distance(found, layer(2, 3, 2, 3)) < EXACT  # TensorFlow's SAME
        assert distance(found, layer(3, 2, 3, 2)) > VISIBLE
        bias.zero_()
        assert distance(module(x), found) > VISIBLE  # the bias has an effect


# -- 9: residual modules ---------------------------------------------------------------------


def residual(
    x: Tensor, tensors: dict[str, Tensor], kernel: int, scale: float, relu: bool
) -> Tensor:
    """A module B or C of an Inception-ResNet, by its tensors."""

    def conv(x: Tensor, name: str, padding: Any = 0) -> Tensor:
        below = {n.removeprefix(f"{name}."): t for n, t in tensors.items()}
        return conv_bn(x, below, padding=padding)

    half = kernel // 2
    tower = conv(x, "towers.nxn.reduce")
    tower = conv(tower, "towers.nxn.nxn.1xn", (0, half))
    tower = conv(tower, "towers.nxn.nxn.nx1", (half, 0))
    both = torch.cat([conv(x, "towers.1x1"), tower], 1)
    found = x + scale * F.conv2d(both, tensors["expand.weight"], tensors["expand.bias"])
    return F.relu(found) if relu else found


@pytest.mark.parametrize("spec", ["inception_resnet_v1", "inception_resnet_v2"])
@pytest.mark.parametrize(
    ("path", "kernel", "scale", "relu"),
    [("resnet_b.0", 7, 0.1, True), ("resnet_c.0", 3, 0.2, True), ("last", 3, 1.0, False)],
)
def test_residual_modules(spec: str, path: str, kernel: int, scale: float, relu: bool) -> None:
    module = part(spec, path)
    tensors = weights(module, path)
    assert {n for n in tensors if n.startswith("expand.")} == {"expand.weight", "expand.bias"}
    graph = to_graph(spec)
    x = image(*graph.shape(graph.scopes[path].output))
    with torch.no_grad():
        found = module(x)
        assert distance(found, residual(x, tensors, kernel, scale, relu)) < EXACT
        assert distance(found, residual(x, tensors, kernel, scale, not relu)) > VISIBLE
        assert distance(found, residual(x, tensors, kernel, 2 * scale, relu)) > VISIBLE
        tensors["expand.bias"].zero_()
        assert distance(module(x), found) > VISIBLE


@pytest.mark.parametrize(
    ("spec", "copies", "widths"),
    [
        ("inception_resnet_v1", (5, 10, 5), (256, 896, 1792)),
        ("inception_resnet_v2", (10, 20, 9), (320, 1088, 2080)),
    ],
)
def test_counts_and_widths_are_the_code_s(
    spec: str, copies: tuple[int, ...], widths: tuple[int, ...]
) -> None:
    """Not those of figure 15: 5, 10 and 5 modules, 384, 1152 and 2144 channels in v2."""
    graph = to_graph(spec)
    stages = [graph.scopes[f"resnet_{letter}"] for letter in "abc"]
    assert tuple(stage.copies for stage in stages) == copies
    assert tuple(graph.shape(stage.output)[0] for stage in stages) == widths
    assert graph.shape(graph.scopes["last"].output)[0] == widths[-1]


# -- 13: the order of the outputs in training, and how the head of v3 starts -----------------


def test_inception_v3_in_training_gives_the_logits_and_then_the_head() -> None:
    module = compile("inception_v3", seed=0)
    outputs = module(image(3, 299, 299).float())
    assert list(outputs) == ["logits", "aux"]
    labels = torch.tensor([3, 5])
    logits, aux = (F.cross_entropy(outputs[name], labels) for name in outputs)
    torch.testing.assert_close(module.loss(outputs, labels), logits + 0.4 * aux)
    # 2,457,600 draws: the deviation of the sample is within 1 % of 0.1, and far from 0.01
    started = module.state_dict()
    assert started["aux.features.5x5.conv.weight"].std().item() == pytest.approx(0.1, rel=0.01)
    assert started["aux.classifier.weight"].std().item() == pytest.approx(0.001, rel=0.01)
    assert started["classifier.weight"].std().item() == pytest.approx(0.1, rel=0.01)
