"""Where implementations of GoogLeNet and its relatives differ, each place by its number in the
facts (``data/facts/README.md``).

Each test runs a step as a shipped spec has it, and a formulation of its own with torch's functions:
that both readings are told apart, and that each spec has the right one.
"""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from places import DOCS
from torch import Tensor, nn
from torch.nn import functional as F

import inceptgraph
from inceptgraph.analysis import total
from inceptgraph.diagnostics import Source
from inceptgraph.ops import Operation
from inceptgraph.pipeline import to_graph
from inceptgraph.types import Shape


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    torch.manual_seed(0)


def random(*shape: int) -> Tensor:
    """Signed numbers, in double precision."""
    return torch.randn(shape, dtype=torch.double)


def alone(spec: str, step: str, shape: Shape) -> nn.Module:
    """A step of a shipped spec by itself, over a map of any shape."""
    return chain([to_graph(spec).nodes[step].op], shape)


def chain(operations: list[Operation], shape: Shape) -> nn.Module:
    """A network of operations, one after the other, called ``step0`` and so on."""
    text = {
        "name": "Chain",
        "input": dict(zip(("channels", "height", "width"), shape, strict=True)),
        "stages": {f"step{i}": written(op) for i, op in enumerate(operations)},
    }
    return inceptgraph.compile(Source("chain.yaml", json.dumps(text))).double()


def written(op: Operation) -> dict[str, Any]:
    settings = op.model_dump(mode="json")
    return {"op": op.op, **{k: v for k, v in settings.items() if not k.endswith("_init")}}


def differ(one: Tensor, other: Tensor) -> bool:
    return one.shape != other.shape or not torch.allclose(one, other, atol=1e-6, rtol=0)


# -- 1: pools of stride 2 --------------------------------------------------------------------

Pool = Callable[[Tensor], Tensor]
POOLS = [f"pool{i}" for i in (1, 2, 3, 4)]


def rounding_up(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2, ceil_mode=True)


def same_as_in_tensorflow(x: Tensor) -> Tensor:
    """Padding of TensorFlow's SAME, which is all at the end where a map is even."""
    total_padding = [max((-(-n // 2) - 1) * 2 + 3 - n, 0) for n in x.shape[-2:]]
    (top, bottom), (left, right) = [(n // 2, n - n // 2) for n in total_padding]
    return F.max_pool2d(F.pad(x, (left, right, top, bottom), value=-torch.inf), 3, 2)


def padded_by_one(x: Tensor) -> Tensor:
    return F.max_pool2d(x, 3, 2, padding=1)


@pytest.mark.parametrize("size", [112, 56, 28, 14, 74])
def test_1_rounding_up_is_same_on_even_maps(size: int) -> None:
    x = random(1, 2, size, size)
    same, up = same_as_in_tensorflow(x), rounding_up(x)
    assert torch.equal(same, up)
    assert differ(same, padded_by_one(x))
    for pool in POOLS:
        assert torch.equal(alone("googlenet", pool, (2, size, size))(x), same)
        assert torch.equal(alone("googlenet_caffe", pool, (2, size, size))(x), up)


@pytest.mark.parametrize("size", [147, 37, 19])
def test_1_on_odd_maps_it_is_not_but_padding_by_one_is(size: int) -> None:
    x = random(1, 2, size, size)
    same, up = same_as_in_tensorflow(x), rounding_up(x)
    assert differ(same, up)
    assert torch.equal(same, padded_by_one(x))
    assert torch.equal(alone("googlenet", "pool1", (2, size, size))(x), same)
    assert torch.equal(alone("inception_v1_tfslim", "pool1", (2, size, size))(x), same)
    for spec in ("googlenet_caffe", "googlenet_torchvision"):
        assert torch.equal(alone(spec, "pool1", (2, size, size))(x), up)


@pytest.mark.parametrize(
    ("spec", "pool", "pooled", "other"),
    [
        ("bn_inception", "pool1.pool", rounding_up, padded_by_one),
        ("bn_inception", "inception_3c.pool.pool", rounding_up, padded_by_one),
        ("inception_v2_tfslim", "pool1.pool", same_as_in_tensorflow, padded_by_one),
        ("nin_imagenet_caffe", "pool1", rounding_up, padded_by_one),
        ("nin_cifar10", "pool1", padded_by_one, rounding_up),
        ("xception", "block2.residual.pool", padded_by_one, same_as_in_tensorflow),
    ],
)
def test_1_pools_of_the_other_networks(spec: str, pool: str, pooled: Pool, other: Pool) -> None:
    """Xception's second block pools a map of 74×74, where padding by one is not SAME."""
    graph = to_graph(spec)
    (shape,) = graph.operands(graph.nodes[pool])
    size = shape[1:]
    x = random(1, 2, *size)
    assert torch.equal(alone(spec, pool, (2, *size))(x), pooled(x))
    assert differ(pooled(x), other(x))


def helped(x: Tensor) -> Tensor:
    """Keras with a PoolHelper: zeros around, less the first row and column."""
    return F.max_pool2d(F.pad(x, (1, 1, 1, 1))[..., 1:, 1:], 3, 2)


def test_1_pool_helper_is_rounding_up_where_nothing_is_negative() -> None:
    steps = [f"pool1.{step}" for step in ("zero_pad", "helper", "pool")]
    signed = -random(1, 2, 14, 14).abs()
    for x in (signed, signed.relu(), random(1, 2, 14, 14).abs()):
        ours = x
        for step in steps:
            ours = alone("googlenet_keras_poolhelper", step, tuple(ours.shape[1:]))(ours)
        assert torch.equal(ours, helped(x))
        assert torch.equal(ours, rounding_up(x)) == bool((x >= 0).all())


# -- 2: the first convolution ----------------------------------------------------------------


def test_2_the_first_convolution_is_padded_on_all_sides_or_as_same() -> None:
    x, weight = random(1, 3, 224, 224), random(64, 3, 7, 7)
    symmetric = F.conv2d(x, weight, stride=2, padding=3)
    same = F.conv2d(F.pad(x, (2, 3, 2, 3)), weight, stride=2)
    assert symmetric.shape == same.shape
    assert differ(symmetric, same)
    for spec, expected in {
        "googlenet": same,
        "inception_v1_tfslim": same,
        "googlenet_caffe": symmetric,
        "googlenet_keras_poolhelper": symmetric,
        "googlenet_torchvision": symmetric,
        "bn_inception": symmetric,
    }.items():
        step = alone(spec, "conv1.conv", (3, 224, 224))
        state = {name: torch.zeros_like(tensor) for name, tensor in step.state_dict().items()}
        step.load_state_dict({**state, "step0.weight": weight})
        torch.testing.assert_close(step(x), expected, atol=1e-10, rtol=0)


def test_2_networks_on_the_same_weights() -> None:
    """The Keras port is the Caffe model; the paper's padding makes another network of them."""
    caffe, keras, paper = (
        inceptgraph.compile(name, set={"classes": 10}, seed=0).double().eval()
        for name in ("googlenet_caffe", "googlenet_keras_poolhelper", "googlenet")
    )
    for other in (keras, paper):
        other.load_state_dict(caffe.state_dict())
    x = 50 * random(1, 3, 224, 224)
    with torch.no_grad():
        expected = caffe(x)
        torch.testing.assert_close(keras(x), expected, atol=0, rtol=1e-12)
        assert (paper(x) - expected).abs().max() > 1e-4 * expected.abs().max()


# -- 3: 3×3 in the place of 5×5, and 2×2 for the fourth pool ---------------------------------

MODULES = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")


@pytest.mark.parametrize(
    ("spec", "kernel"),
    [
        ("googlenet", 5),
        ("googlenet_caffe", 5),
        ("googlenet_keras_poolhelper", 5),
        ("googlenet_torchvision", 3),
        ("inception_v1_tfslim", 3),
    ],
)
def test_3_the_5x5_branch(spec: str, kernel: int) -> None:
    weights = inceptgraph.compile(spec, device="meta").state_dict()
    found = [weights[f"inception_{m}.5x5.5x5.conv.weight"].shape[2:] for m in MODULES]
    assert found == [(kernel, kernel)] * 9


def test_3_the_fourth_pool() -> None:
    x = random(1, 2, 14, 14)
    two, three = F.max_pool2d(x, 2, 2), rounding_up(x)
    assert two.shape == three.shape
    assert differ(two, three)
    for spec, expected in {
        "googlenet": three,
        "googlenet_caffe": three,
        "googlenet_torchvision": two,
        "inception_v1_tfslim": two,
    }.items():
        assert torch.equal(alone(spec, "pool4", (2, 14, 14))(x), expected)


# -- 4: the heads' pools ---------------------------------------------------------------------


def averages(x: Tensor, windows: list[tuple[int, int]]) -> Tensor:
    """Averages over rows and columns ``[begin, end)``."""
    rows = [
        torch.stack([x[..., top:bottom, left:right].mean((-2, -1)) for left, right in windows], -1)
        for top, bottom in windows
    ]
    return torch.stack(rows, -2)


def test_4_the_heads_pool_windows_of_5x5_or_adaptively() -> None:
    x = random(1, 2, 14, 14)
    sliding = averages(x, [(0, 5), (3, 8), (6, 11), (9, 14)])
    adaptive = averages(x, [(0, 4), (3, 7), (7, 11), (10, 14)])
    assert differ(sliding, adaptive)
    for spec, expected in {
        "googlenet": sliding,
        "googlenet_caffe": sliding,
        "googlenet_keras_poolhelper": sliding,
        "googlenet_torchvision": adaptive,
    }.items():
        for head in ("aux1", "aux2"):
            found = alone(spec, f"{head}.pool", (2, 14, 14))(x)
            torch.testing.assert_close(found, expected, atol=1e-12, rtol=0)


def test_4_rounding_up_matters_to_the_second_head_of_bn_inception() -> None:
    """On 7×7 it makes 2×2 averages, of which the last windows are cut off; else there is one."""
    x = random(1, 2, 7, 7)
    found = alone("bn_inception_96", "aux2.pool", (2, 7, 7))(x)
    torch.testing.assert_close(found, averages(x, [(0, 5), (3, 7)]), atol=1e-12, rtol=0)


# -- 7: the two readings of BN-Inception -----------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "widths", "bias"),
    [("bn_inception", (608, 608, 1056), True), ("bn_inception_96", (576, 576, 1024), False)],
)
def test_7_widths_and_biases(spec: str, widths: tuple[int, ...], bias: bool) -> None:
    graph = to_graph(spec)
    found = [graph.shape(graph.scopes[f"inception_4{m}"].output)[0] for m in "cde"]
    assert tuple(found) == widths
    convolutions = [node for node in graph.nodes.values() if node.op.op == "conv2d"]
    assert {node.op.bias for node in convolutions} == {bias}
    assert len(convolutions) == 69 + len(graph.heads)


def test_7_the_readings_differ_by_what_their_widths_say() -> None:
    """32 channels less from 4c to 4e, and no biases (10,016 channels have one in the port)."""
    port, trained = (total(to_graph(s).phase("eval")) for s in ("bn_inception", "bn_inception_96"))
    outputs = {"4c": 576, "4d": 608}  # inputs of the channels that the projections have less
    inputs = {"4d": 96 + 128 + 160 + 96, "4e": 128 + 192, "5a": 352 + 192 + 160 + 128}
    weights = 32 * (sum(outputs.values()) + sum(inputs.values()))
    norms = 2 * 2 * 32  # gamma and beta of both projections
    biases = 10_016
    assert port.params - trained.params == weights + norms + biases


def test_7_averages_count_the_padding() -> None:
    x = random(1, 2, 14, 14)
    counted = F.avg_pool2d(x, 3, 1, 1, ceil_mode=True, count_include_pad=True)
    assert differ(counted, F.avg_pool2d(x, 3, 1, 1, count_include_pad=False))
    found = alone("bn_inception", "inception_4a.pool.pool", (2, 14, 14))(x)
    torch.testing.assert_close(found, counted, atol=1e-12, rtol=0)


# -- 10: local response normalisation --------------------------------------------------------


def lrn(x: Tensor, radius: int, alpha: float, beta: float, k: float) -> Tensor:
    """x / (k + alpha · sum of the squares of the channels at most ``radius`` away) ^ beta."""
    channels = range(x.shape[1])
    sums = [
        sum((x[:, j] ** 2 for j in channels if abs(i - j) <= radius), torch.zeros(()))
        for i in channels
    ]
    return x / (k + alpha * torch.stack(sums, 1)) ** beta


@pytest.mark.parametrize(
    ("spec", "step"),
    [
        ("googlenet", "norm1"),
        ("googlenet_caffe", "norm2"),
        ("googlenet_keras_poolhelper", "norm1"),
        ("alexnet_caffe", "norm1"),
        ("alexnet_caffe", "norm2"),
    ],
)
def test_10_alpha_is_divided_by_the_size(spec: str, step: str) -> None:
    x = 100 * random(1, 16, 3, 3)
    found = alone(spec, step, (16, 3, 3))(x)
    torch.testing.assert_close(found, lrn(x, 2, 1e-4 / 5, 0.75, 1), atol=1e-9, rtol=0)
    assert differ(found, lrn(x, 2, 1e-4, 0.75, 1))
    assert differ(found, lrn(x, 5, 1e-4, 0.75, 1)), "a radius of 5, as TensorFlow reads it"
    assert differ(found, lrn(x, 2, 1e-4, 0.75, 2)), "the paper of AlexNet"


@pytest.mark.parametrize(
    ("edit", "expected"),
    [
        ("{size: 11, alpha: 11e-4}", (5, 1e-4, 0.75, 1)),  # TensorFlow: radius 5, not divided
        ("{k: 2, alpha: 5e-4}", (2, 1e-4, 0.75, 2)),  # Krizhevsky et al. 2012, section 3.3
    ],
)
def test_10_the_other_readings_can_be_written(
    edit: str, expected: tuple[int, float, float, float]
) -> None:
    text = f"extends: alexnet_caffe\nname: Other\nedit: {{norm*: {{set: {edit}}}}}\n"
    net = chain([to_graph(Source("other.yaml", text)).nodes["norm1"].op], (16, 3, 3))
    x = 100 * random(1, 16, 3, 3)
    torch.testing.assert_close(net(x), lrn(x, *expected), atol=1e-9, rtol=0)


# -- 11: dropout -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("spec", "step", "rate"),
    [
        ("googlenet", "dropout", 0.4),
        ("googlenet_caffe", "dropout", 0.4),
        ("googlenet_keras_poolhelper", "dropout", 0.4),
        ("googlenet_torchvision", "dropout", 0.2),
        ("inception_v1_tfslim", "dropout", 0.2),
        ("googlenet", "aux1.dropout", 0.7),
        ("googlenet_caffe", "aux2.dropout", 0.7),
        ("googlenet_torchvision", "aux2.dropout", 0.7),
        ("alexnet_caffe", "fc6.dropout", 0.5),
        ("alexnet_torchvision", "fc6.dropout", 0.5),
        ("vgg16", "fc7.dropout", 0.5),
        ("inception_v2_tfslim", "dropout", 0.2),
        ("inception_v3", "dropout", 0.5),
        ("inception_v3_tfslim", "dropout", 0.2),
        ("inception_v4", "dropout", 0.2),
        ("inception_resnet_v1", "dropout", 0.6),
        ("inception_resnet_v2", "dropout", 0.2),
        ("xception", "dropout", 0.5),
    ],
)
def test_11_the_share_that_is_dropped(spec: str, step: str, rate: float) -> None:
    net = alone(spec, step, (100, 100, 100))
    ones = torch.ones(1, 100, 100, 100, dtype=torch.double)
    out = net.train()(ones)
    assert (out == 0).double().mean().item() == pytest.approx(rate, abs=0.005)
    assert out.mean().item() == pytest.approx(1, abs=0.01), "what is kept is scaled up"
    assert torch.equal(net.eval()(ones), ones)


@pytest.mark.parametrize("spec", ["bn_inception", "bn_inception_96"])
def test_11_bn_inception_drops_nothing(spec: str) -> None:
    assert not [node for node in to_graph(spec).nodes.values() if node.op.op == "dropout"]


def test_11_alexnet_drops_after_a_hidden_layer_and_torchvisions_before() -> None:
    caffe, torchvision = to_graph("alexnet_caffe"), to_graph("alexnet_torchvision")
    assert caffe.nodes["fc6.dropout"].inputs == ("fc6.relu",)
    assert caffe.nodes["fc8"].inputs == ("fc7.dropout",)
    assert torchvision.nodes["fc6.fc"].inputs == ("fc6.dropout",)
    assert torchvision.nodes["fc8"].inputs == ("fc7.relu",)


# -- 12: weight decay ------------------------------------------------------------------------


def after_a_step(optimizer_of: Callable[[nn.Module], torch.optim.Optimizer], l2: float) -> Tensor:
    """A kernel after a step on a loss of its own, with Keras's ``l2`` added for the kernels."""
    net = inceptgraph.compile("lenet5", seed=0).double()
    optimizer = optimizer_of(net)
    kernel = net.get_parameter("c3.conv.weight")
    loss = kernel.sin().sum() + l2 * sum(
        (p**2).sum() for name, p in net.named_parameters() if name.endswith(".weight")
    )
    loss.backward()
    optimizer.step()
    return kernel.detach()


def test_12_decay_as_caffe_torch_and_keras_mean_it() -> None:
    def decaying(decay: float) -> Callable[[nn.Module], torch.optim.Optimizer]:
        return lambda net: torch.optim.SGD(net.parameters(), lr=0.1, weight_decay=decay)

    before = inceptgraph.compile("lenet5", seed=0).double().get_parameter("c3.conv.weight")
    # Caffe, sgd_solver.cpp: decay · w is added to the gradient
    caffe = before - 0.1 * (before.cos() + 0.0002 * before)
    keras = after_a_step(decaying(0), l2=0.0002)
    torch.testing.assert_close(after_a_step(decaying(0.0002), l2=0), caffe, atol=1e-15, rtol=0)
    torch.testing.assert_close(after_a_step(decaying(0.0004), l2=0), keras, atol=1e-15, rtol=0)
    assert (keras - caffe).abs().max() > 1e-7


def test_12_the_example_in_the_documentation() -> None:
    """Caffe's lr_mult 1 and 2, decay_mult 1 and 0."""
    page = (DOCS / "python.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"## Training as in the papers.*?```python\n(.*?)```", page, re.DOTALL)
    net = inceptgraph.compile("googlenet_caffe", set={"classes": 2})
    names: dict[str, Any] = {"net": net, "torch": torch}
    exec(code, names)
    settings = {
        parameter: (group["lr"], group["weight_decay"], group["momentum"])
        for group in names["optimizer"].param_groups
        for parameter in group["params"]
    }
    assert len(settings) == 2 * (57 + 1 + 2 * 3)
    for name, parameter in net.named_parameters():
        expected = (0.02, 0, 0.9) if parameter.ndim == 1 else (0.01, 0.0002, 0.9)
        assert settings[parameter] == expected, name


# -- 13: what training returns ---------------------------------------------------------------


def test_13_outputs_have_names_and_heads_are_in_the_order_of_the_network() -> None:
    """torchvision returns a tuple: the logits, the second head, the first."""
    net = inceptgraph.compile("googlenet_torchvision", set={"classes": 10}, seed=0)
    x = torch.randn(2, 3, 224, 224)
    outputs = net(x)
    assert list(outputs) == ["logits", "aux1", "aux2"]
    # 4b lies behind the tap of the first head and before that of the second
    between = net.get_parameter("inception_4b.1x1.conv.weight")
    reached = {
        name: torch.autograd.grad(out.sum(), between, retain_graph=True, allow_unused=True)[0]
        for name, out in outputs.items()
    }
    assert {name: grad is not None for name, grad in reached.items()} == {
        "logits": True,
        "aux1": False,
        "aux2": True,
    }
    result = net.eval()(x)
    assert isinstance(result, Tensor)
    assert result.shape == (2, 10)


def test_13_bn_inceptions_heads_follow_the_reductions() -> None:
    graph = to_graph("bn_inception_96")
    taps = {head.path: graph.nodes[f"{head.path}.pool"].inputs for head in graph.heads}
    assert taps == {"aux1": ("inception_3c.merge",), "aux2": ("inception_4e.merge",)}


# -- 14: the order in which a map is flattened -----------------------------------------------


@pytest.fixture
def head() -> nn.Module:
    """The first head of the Caffe model, from its flatten to its hidden layer."""
    graph = to_graph("googlenet_caffe")
    assert graph.nodes["aux1.fc"].inputs == ("aux1.flatten",)
    assert graph.shape("aux1.conv.relu") == (128, 4, 4)
    return chain([graph.nodes[f"aux1.{step}"].op for step in ("flatten", "fc")], (128, 4, 4))


def test_14_channels_are_outermost(head: nn.Module) -> None:
    x = random(1, 128, 4, 4)
    weight = torch.zeros(1024, 2048, dtype=torch.double)
    places = list(itertools.product((0, 1, 127), range(4), range(4)))
    for row, (channel, y, x_) in enumerate(places):
        weight[row, channel * 16 + y * 4 + x_] = 1
    head.load_state_dict({"step1.weight": weight, "step1.bias": torch.zeros(1024)})
    expected = torch.stack([x[0, channel, y, x_] for channel, y, x_ in places])
    assert torch.equal(head(x)[0, : len(places)], expected)


def test_14_rows_of_a_channels_last_port_are_permuted(head: nn.Module) -> None:
    x = random(2, 128, 4, 4)
    theirs = random(4 * 4 * 128, 1024)  # TensorFlow: (inputs, outputs), channels innermost
    expected = x.permute(0, 2, 3, 1).flatten(1) @ theirs
    ours = theirs.reshape(4, 4, 128, 1024).permute(3, 2, 0, 1).reshape(1024, 2048)
    head.load_state_dict({"step1.weight": ours, "step1.bias": torch.zeros(1024)})
    torch.testing.assert_close(head(x), expected, atol=1e-9, rtol=0)
    head.load_state_dict({"step1.weight": theirs.T, "step1.bias": torch.zeros(1024)})
    assert differ(head(x), expected)
