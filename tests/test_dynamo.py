"""The backend of torch.compile: any model computes what it computes without it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from modules_strategy import FrozenBatchNorm, Gate, Program, programs
from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph_torch.dynamo import Report, compile_graph, frozen

EPS = 1e-5


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch.manual_seed(0)
    torch._dynamo.reset()
    frozen.say_once.cache_clear()
    yield
    torch._dynamo.reset()


def compiled(model: nn.Module, **options: Any) -> tuple[Callable[..., Any], list[Report]]:
    """The model as the backend compiles it, and its reports."""
    reports: list[Report] = []
    options = {"engine": "eager", "fallback": "eager", "report": reports.append, **options}
    return torch.compile(model, backend=compile_graph, options=options), reports


def randomized(model: nn.Module) -> nn.Module:
    """In evaluation, with statistics that a batch normalisation does not start with."""
    with torch.no_grad():
        for name, buffer in model.named_buffers():
            if "running" in name:
                buffer.copy_(torch.rand_like(buffer) + 0.5)
    return model.eval()


def assert_same(found: Any, wanted: Any) -> None:
    torch.testing.assert_close(found, wanted, rtol=EPS, atol=EPS, check_stride=True)


def assert_close(found: Any, exact: Any) -> None:
    """What was found is what was computed in float64."""
    found = torch.utils._pytree.tree_map(lambda tensor: tensor.double(), found)
    torch.testing.assert_close(found, exact, rtol=EPS, atol=EPS)


def ops(report: Report) -> list[str]:
    """The operations of the parts that were taken."""
    return [n.op.op for part in report.taken for n in part.graph.nodes.values() if n.inputs]


def checked(model: nn.Module, *inputs: Tensor, **options: Any) -> Report:
    """The only report on a model, whose outputs are the same compiled."""
    fast, reports = compiled(randomized(model), **options)
    with torch.no_grad():
        exact = copy.deepcopy(model).double()(*(x.double() for x in inputs))
        exact = torch.utils._pytree.tree_map(lambda tensor: tensor.double(), exact)
        assert_close(fast(*inputs), exact)
        assert_close(fast(*inputs), exact)
    (report,) = reports
    return report


class Function(nn.Module):
    """A convolution, and a function of its result."""

    def __init__(self, function: Callable[[Tensor], Any]) -> None:
        super().__init__()
        self.conv, self.function = nn.Conv2d(3, 6, 1), function

    def forward(self, x: Tensor) -> Any:
        return self.function(self.conv(x))


# -- how each operator is read -----------------------------------------------------------------

MAP = (2, 3, 9, 8)

LAYERS: list[tuple[nn.Module, list[str]]] = [
    (nn.Conv2d(6, 4, 3, 2, 1), ["conv2d"]),
    (nn.Conv2d(6, 4, (1, 3), padding="same", bias=False), ["conv2d"]),
    (nn.Conv2d(6, 6, 3, dilation=2, groups=3), ["conv2d"]),
    (nn.Conv2d(6, 12, 3, groups=6), ["depthwise_conv2d"]),
    (nn.BatchNorm2d(6, eps=1e-3), ["batch_norm"]),
    (nn.BatchNorm2d(6, affine=False), ["batch_norm"]),
    (FrozenBatchNorm(6), ["affine", "affine"]),
    (nn.PReLU(6), ["prelu"]),
    (nn.PReLU(), ["prelu"]),
    (nn.ReLU(inplace=True), ["relu"]),
    (nn.ReLU6(), ["relu6"]),
    (nn.LeakyReLU(0.2), ["leaky_relu"]),
    (nn.ELU(0.7), ["elu"]),
    (nn.GELU(), ["gelu"]),
    (nn.GELU("tanh"), ["gelu"]),
    (nn.SiLU(inplace=True), ["silu"]),
    (nn.Mish(), ["mish"]),
    (nn.Sigmoid(), ["sigmoid"]),
    (nn.Hardsigmoid(), ["hard_sigmoid"]),
    (nn.Hardswish(), ["hard_swish"]),
    (nn.Softplus(), ["softplus"]),
    (nn.Tanh(), ["tanh"]),
    (nn.Softmax(1), ["softmax"]),
    (nn.LogSoftmax(-3), ["log_softmax"]),
    (nn.Softmax2d(), ["softmax"]),
    (nn.MaxPool2d(3, 2, 1), ["max_pool"]),
    (nn.MaxPool2d((3, 2), ceil_mode=True), ["max_pool"]),
    (nn.AvgPool2d(3, 2, 1), ["avg_pool"]),
    (nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False), ["avg_pool"]),
    (nn.AvgPool2d(3, 2, 1, ceil_mode=True), ["avg_pool"]),
    (nn.AdaptiveAvgPool2d((4, 3)), ["adaptive_avg_pool"]),
    (nn.AdaptiveAvgPool2d(1), ["global_avg_pool"]),
    (nn.AdaptiveMaxPool2d(2), ["adaptive_max_pool"]),
    (nn.ZeroPad2d((1, 2, 3, 0)), ["pad"]),
    (nn.ConstantPad2d(1, 0.5), ["pad"]),
    (nn.Dropout(), ["identity"]),
    (nn.Dropout2d(), []),
    (nn.Identity(), []),
    (Gate(6), ["global_avg_pool", "conv2d", "relu", "conv2d", "sigmoid", "multiply"]),
    (nn.Sequential(nn.Flatten(), nn.Linear(432, 5)), ["flatten", "linear"]),
    (nn.Sequential(nn.Flatten(), nn.Linear(432, 5, bias=False)), ["flatten", "linear"]),
    (nn.Sequential(nn.Flatten(), nn.BatchNorm1d(432)), ["flatten", "batch_norm"]),
]


@pytest.mark.parametrize(("layer", "names"), LAYERS, ids=[str(layer) for layer, _ in LAYERS])
def test_layers_are_read(layer: nn.Module, names: list[str]) -> None:
    report = checked(nn.Sequential(nn.Conv2d(3, 6, 1), copy.deepcopy(layer)), torch.randn(MAP))
    assert ops(report) == ["conv2d", *names]
    assert not report.left


FUNCTIONS: dict[str, tuple[Callable[[Tensor], Any], list[str]]] = {
    "F.relu": (lambda x: F.relu(x, inplace=True), ["relu"]),
    "torch.relu": (torch.relu, ["relu"]),
    "x.relu_": (lambda x: x.relu_(), ["relu"]),
    "clamp": (lambda x: x.clamp(min=0), ["relu"]),
    "clamp 0 to 6": (lambda x: x.clamp(0, 6), ["relu6"]),
    "F.silu": (F.silu, ["silu"]),
    "swish": (lambda x: x * x.sigmoid(), ["sigmoid", "multiply"]),
    "mean": (lambda x: x.mean((2, 3)), ["global_avg_pool", "flatten"]),
    "mean, kept": (lambda x: x.mean([-1, -2], keepdim=True), ["global_avg_pool"]),
    "amax": (lambda x: torch.amax(x, (2, 3)), ["global_max_pool", "flatten"]),
    "flatten": (lambda x: torch.flatten(x, 1), ["flatten"]),
    "view": (lambda x: x.view(x.size(0), -1), ["flatten"]),
    "reshape": (lambda x: x.reshape(len(x), -1), ["flatten"]),
    "add": (lambda x: x + x.sigmoid(), ["sigmoid", "add"]),
    "iadd": (lambda x: x.add_(x.sigmoid()), ["sigmoid", "add"]),
    "a number": (lambda x: 2 * x / 3 + 1 - 0.5, ["scale"] * 4),
    "from a number": (lambda x: 1 - x, ["scale"]),
    "minus": (lambda x: -x, ["scale"]),
    "a share": (lambda x: torch.add(x, 3, alpha=0.5), ["scale"]),
    "softmax": (lambda x: F.softmax(x, dim=1), ["softmax"]),
    "cat": (lambda x: torch.cat((x, x), dim=-3), ["concat"]),
    "slice": (lambda x: x[:, 1:4] * 1, ["channels", "scale"]),
    "negative slice": (lambda x: x[:, -2:, 1:-1, 2:] * 1, ["channels", "crop", "crop", "scale"]),
    "chunk": (lambda x: [y * 1 for y in x.chunk(4, 1)], ["channels", "scale"] * 3),
    "split": (lambda x: [y * 1 for y in x.split([1, 5], 1)], ["channels", "scale"] * 2),
    "transform_input": (
        lambda x: torch.cat((torch.unsqueeze(x[:, 0], 1) * 0.458 - 0.03, x[:, 1:3]), 1),
        ["channels", "scale", "scale", "channels", "concat"],
    ),
    "pad": (lambda x: F.pad(x, (0, 1, 2, 0), value=1.5), ["pad"]),
    "max_pool": (lambda x: F.max_pool2d(x, 3, 2, ceil_mode=True), ["max_pool"]),
    "dropout": (lambda x: F.dropout(x, 0.4, False), ["identity"]),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_and_methods_are_read(name: str) -> None:
    function, names = FUNCTIONS[name]
    report = checked(Function(function), torch.randn(MAP))
    assert sorted(ops(report)) == sorted(["conv2d", *names])
    assert not report.left


LEFT: dict[str, tuple[Callable[[Tensor], Any], str]] = {
    "no such operation": (torch.sin, "there is no rule for it"),
    "a dilated pool": (lambda x: F.max_pool2d(x, 2, dilation=2), "its window is dilated"),
    "places": (
        lambda x: F.max_pool2d(x, 2, return_indices=True)[1].float(),
        "it computes with int64",
    ),
    "a divisor": (lambda x: F.avg_pool2d(x, 2, divisor_override=3), "a divisor of its own"),
    "rows": (lambda x: x.softmax(2), "it is not over channels"),
    "over rows": (lambda x: x.mean(2, keepdim=True), "it is not over height and width"),
    "samples side by side": (lambda x: torch.cat([x, x], 0), "it does not join channels"),
    "some samples": (lambda x: x[1:], "it takes some of the samples"),
    "every other": (lambda x: x[:, ::2], "it leaves out elements between others"),
    "cut off at 1": (lambda x: x.clamp(0, 1), "it cuts off elsewhere than ReLU and ReLU6"),
    "broadcast": (lambda x: x + x.mean((2, 3), keepdim=True), "no operation of ours does the same"),
    "data by data": (lambda x: x / (1 + x.exp()), "it divides by data"),
    "doubles": (lambda x: x.double() * 2, "it computes with float64"),
    "rearranged": (lambda x: x.view(2, 3, 2, 9, 8), "it computes with tensors of 5 axes"),
    "three axes": (lambda x: x.flatten(2), "it computes with tensors of 3 axes"),
    "samples": (lambda x: x.view(4, 3, 9, 8), "it changes the batch"),
    "other channels": (lambda x: x.view(2, 3, 18, 8), "it gives (3, 18, 8) where ours gives"),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_not_ours_is_left_with_a_reason(name: str) -> None:
    function, reason = LEFT[name]
    report = checked(Function(function), torch.randn(MAP))
    assert ops(report)[0] == "conv2d"
    assert any(reason in each.reason for each in report.left), report
    assert all("test_dynamo.py:" in each.place for each in report.left)


# -- any model ---------------------------------------------------------------------------------


def leaves(found: Any) -> list[Tensor]:
    return torch.utils._pytree.tree_leaves(found)


@given(model=programs())
@settings(
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_model_computes_the_same(model: Program) -> None:
    torch._dynamo.reset()
    randomized(model)
    fast, _ = compiled(model)
    for batch in (2, 3):
        inputs = torch.rand(batch, 4, 6, 6) - 0.3, torch.rand(batch, 4, 6, 6) - 0.3
        for each in inputs:
            mine, theirs = each.clone(), each.clone()
            with torch.no_grad():
                found, wanted = fast(mine), model(theirs)
                assert_same(found, wanted)
                assert_same(mine, theirs)  # what was changed in place
                for a, b in zip(leaves(found), leaves(wanted), strict=True):
                    a.mul_(2)  # what shares its memory with another
                    b.mul_(2)
                assert_same(found, wanted)
                assert_same(mine, theirs)
