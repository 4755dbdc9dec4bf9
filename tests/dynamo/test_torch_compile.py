"""The backend of torch.compile: any model computes what it computes without it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from examples import examples
from hypothesis import HealthCheck, given, settings
from modules_strategy import FrozenBatchNorm, Gate, Program, programs
from tiny_network import SCALED
from torch import Tensor, nn
from torch.nn import functional as F

import inceptgraph
from inceptgraph.diagnostics import Code, Diagnostic, Source
from inceptgraph_dynamo import Report, compile_graph, frozen

EPS = 1e-5


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    torch.manual_seed(0)
    torch._dynamo.reset()
    frozen.TOLD.clear()
    yield
    torch._dynamo.reset()


def compiled(model: nn.Module, **options: Any) -> tuple[Callable[..., Any], list[Report]]:
    """The model as the backend compiles it, and its reports."""
    reports: list[Report] = []
    options = {
        "engine": "eager",
        "fallback": "eager",
        "share": 0,
        "report": reports.append,
        **options,
    }
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
    "rows": (lambda x: x.softmax(2).log_softmax(-1), ["softmax", "log_softmax"]),
    "every other": (lambda x: x[:, ::2, 1::3] * 1, ["slice", "slice", "scale"]),
    "other channels": (lambda x: x.view(2, 3, 18, -1) * 1, ["reshape", "scale"]),
    "there and back": (
        lambda x: x.flatten(1).view(2, 6, 9, 8) * 1,
        ["flatten", "reshape", "scale"],
    ),
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
    "broadcast": (lambda x: x + x.mean((2, 3), keepdim=True), ["global_avg_pool", "add"]),
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
    "samples to one": (lambda x: x.softmax(0), "it is over the batch"),
    "over rows": (lambda x: x.mean(2, keepdim=True), "it is not over height and width"),
    "samples side by side": (lambda x: torch.cat([x, x], 0), "it does not join channels"),
    "some samples": (lambda x: x[1:], "it takes some of the samples"),
    "every other sample": (lambda x: x[::2], "it takes some of the samples"),
    "cut off at 1": (lambda x: x.clamp(0, 1), "it cuts off elsewhere than ReLU and ReLU6"),
    "data by data": (lambda x: x / (1 + x.exp()), "it divides by data"),
    "doubles": (lambda x: x.double() * 2, "it computes with float64"),
    "rearranged": (lambda x: x.view(2, 3, 2, 9, 8), "it computes with tensors of 5 axes"),
    "three axes": (lambda x: x.flatten(2), "it computes with tensors of 3 axes"),
    "samples": (lambda x: x.view(4, 3, 9, 8), "it changes the batch"),
}


@pytest.mark.parametrize("name", LEFT)
def test_what_is_not_ours_is_left_with_a_reason(name: str) -> None:
    function, reason = LEFT[name]
    report = checked(Function(function), torch.randn(MAP))
    assert ops(report)[0] == "conv2d"
    assert any(reason in each.reason for each in report.left), report
    assert all("test_torch_compile.py:" in each.place for each in report.left)


# -- any model ---------------------------------------------------------------------------------


def leaves(found: Any) -> list[Tensor]:
    return torch.utils._pytree.tree_leaves(found)


@given(model=programs())
@settings(
    deadline=None,
    max_examples=examples(15),
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


# -- parts -------------------------------------------------------------------------------------


class Net(nn.Module):
    """A small network with what most have."""

    def __init__(self, middle: Callable[[Tensor], Tensor] = lambda x: x) -> None:
        super().__init__()
        self.middle = middle
        self.conv1, self.bn1 = nn.Conv2d(3, 8, 3, bias=False), nn.BatchNorm2d(8)
        self.conv2, self.bn2 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
        self.fc = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)), inplace=True)
        x = self.middle(x)
        x = F.relu(x + self.bn2(self.conv2(x)), inplace=True)
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


IMAGES = torch.rand(2, 3, 10, 10)


def test_a_network_is_one_part() -> None:
    report = checked(Net(), IMAGES)
    assert len(report.taken) == 1 and not report.left
    assert "operations by eager: asked for" in str(report)


def test_a_pool_to_one_pixel_of_maps_with_channels_last() -> None:
    """Which torch follows up with a statement of strides."""
    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 2))
    for batch in (1, 4):
        torch._dynamo.reset()
        image = torch.randn(batch, 3, 8, 8).contiguous(memory_format=torch.channels_last)
        report = checked(body, image)
        assert len(report.taken) == 1 and not report.left


def test_what_is_not_ours_in_the_middle_makes_two_parts(caplog: pytest.LogCaptureFixture) -> None:
    report = checked(Net(torch.sin), IMAGES)
    assert len(report.taken) == 2
    assert [each.operator for each in report.left] == ["aten.sin.default"]
    (warning,) = [r.message for r in caplog.records if r.name == "inceptgraph" and r.levelno > 20]
    assert warning.startswith("left to torch: aten.sin.default (sin) at ")
    assert warning.endswith(": there is no rule for it")


def test_a_detour_does_not_make_a_part_wait_for_itself() -> None:
    class Detour(Net):
        def forward(self, x: Tensor) -> Tensor:
            x = self.conv1(x)
            return self.conv2(x) + self.conv2(torch.sin(x))

    report = checked(Detour(), IMAGES)
    assert sorted(len(part.graph.inputs) for part in report.taken) == [1, 2]


def test_a_model_without_convolutions_is_left_as_a_whole() -> None:
    report = checked(nn.Sequential(nn.ReLU(), nn.MaxPool2d(2)), IMAGES)
    assert not report.taken
    assert report.whole == "there is nothing for engines to run: the backend eager compiles it all"


def test_a_model_of_which_little_is_ours_is_left_as_a_whole() -> None:
    report = checked(Function(lambda x: x.sin().cos().tan()), IMAGES, share=0.5)
    assert not report.taken
    assert report.whole.startswith("engines can run 1 of 4 operations, too few to take them apart")


def test_what_an_engine_refuses_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Any, graph: Any, setting: Any) -> Diagnostic:
        return Diagnostic(Code.ENGINE_REFUSES, "not today")

    monkeypatch.setattr("inceptgraph_torch.engines.EagerEngine.refusal", refuse)
    report = checked(Net(), IMAGES)
    assert not report.taken
    assert {each.reason for each in report.left} == {"not today"}


def test_parts_that_an_engine_refuses_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever is in them, and in however many graphs: no GPU is one reason."""
    there = "the engine `cudagraph` runs on NVIDIA's GPUs, not on `cpu`"

    class Broken(Net):
        def forward(self, x: Tensor) -> Any:
            x = torch.sin(self.conv1(x)).relu()
            torch._dynamo.graph_break()
            return super().forward(x[:, :3])

    run, reports = compiled(randomized(Broken(torch.cos)), engine="cudagraph")
    with torch.no_grad():
        run(IMAGES)
    told = [[line for line in each.warnings.values() if there in line] for each in reports]
    assert [line.partition(", from ")[0] for (line,) in told] == [
        "left to torch: 1 part of 1 operation",  # the ReLU behind the sine is no work
        "left to torch: 2 parts of 11 operations",  # four before the cosine, seven behind
    ]
    warned = [r.message for r in caplog.records if r.name == "inceptgraph" and r.levelno > 20]
    assert sum(there in each for each in warned) == 1


def test_several_inputs_and_outputs() -> None:
    class Two(Net):
        def forward(self, x: Tensor, y: Tensor) -> dict[str, Any]:
            a, b = self.conv1(x), self.conv1(y)
            return {"sum": a + b, "both": (b, self.conv2(torch.cat([a, b], 1)[:, :8]))}

    report = checked(Two(), IMAGES, IMAGES + 1)
    assert len(report.taken[0].graph.inputs) == 2


def test_weights_that_depend_on_weights_are_computed_once() -> None:
    model = Net()
    nn.utils.parametrizations.weight_norm(model.conv2)
    report = checked(model, IMAGES)
    assert len(report.taken) == 1


def test_weights_that_come_in_are_data() -> None:
    class Hyper(nn.Module):
        def forward(self, x: Tensor, weight: Tensor) -> Tensor:
            return F.conv2d(x, weight)

    report = checked(Hyper(), IMAGES, torch.rand(4, 3, 3, 3))
    assert [each.reason for each in report.left] == ["its weights depend on data"]


def test_channels_last_stays_so() -> None:
    model = randomized(nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()))
    model.to(memory_format=torch.channels_last)
    fast, _ = compiled(model)
    with torch.no_grad():
        x = IMAGES.contiguous(memory_format=torch.channels_last)
        assert_same(fast(x), model(x))


# -- weights that change -----------------------------------------------------------------------


def test_weights_loaded_after_compilation_are_used() -> None:
    model, other = randomized(Net()), randomized(Net())
    fast, reports = compiled(model)
    with torch.no_grad():
        assert_same(fast(IMAGES), model(IMAGES))
        model.load_state_dict(other.state_dict())
        for _ in range(3):
            assert_same(fast(IMAGES), other(IMAGES))
        model.bn2.running_var.mul_(2)
        other.bn2.running_var.mul_(2)
        for _ in range(3):
            assert_same(fast(IMAGES), other(IMAGES))
    assert len(reports) == 1


def test_weights_put_in_the_place_of_others_are_used() -> None:
    model, other = randomized(Net()), randomized(Net())
    fast, _ = compiled(model)
    with torch.no_grad():
        assert_same(fast(IMAGES), model(IMAGES))
        for mine, theirs in zip(model.parameters(), other.parameters(), strict=True):
            mine.data = theirs.data.clone()
        for mine, theirs in zip(model.buffers(), other.buffers(), strict=True):
            mine.copy_(theirs)
        for _ in range(3):
            assert_same(fast(IMAGES), other(IMAGES))
        model.conv1 = copy.deepcopy(other.conv1)
        model.conv1.weight.zero_()
        assert_same(fast(IMAGES), model(IMAGES))


def test_weights_that_change_with_every_call_are_not_prepared_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made: list[Any] = []
    prepare = frozen.Frozen._made
    monkeypatch.setattr(frozen.Frozen, "_made", lambda *a: made.append(a) or prepare(*a))
    model = randomized(Net())
    fast, _ = compiled(model)
    with torch.no_grad():
        for _ in range(4):
            assert_same(fast(IMAGES), model(IMAGES))
            model.fc.bias.add_(1)
        assert len(made) == 1
        for _ in range(3):
            assert_same(fast(IMAGES), model(IMAGES))
        assert len(made) == 2


class Shared(nn.Module):
    """A layer applied over and over, and a tower over two inputs, the second with another norm."""

    def __init__(self) -> None:
        super().__init__()
        self.again = nn.Conv2d(3, 3, 3, padding=1)
        self.conv, self.norms = nn.Conv2d(3, 4, 3), nn.ModuleList([nn.BatchNorm2d(4) for _ in "ab"])
        self.fc = nn.Linear(4, 5)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        for _ in range(3):
            a = self.again(a).tanh()
        towers = (norm(self.conv(x)).relu() for norm, x in zip(self.norms, (a, b), strict=True))
        left, right = (self.fc(x.mean((2, 3))) for x in towers)
        return torch.cat([left, right], 1)


@pytest.mark.parametrize("engine", ["eager", "onnxruntime", "native"])
def test_layers_that_are_called_again(engine: str) -> None:
    """All uses follow a weight that changes."""
    model = randomized(Shared())
    inputs = torch.rand(2, 3, 9, 8), torch.rand(2, 3, 9, 8)
    report = checked(model, *inputs, engine=engine)
    (part,) = report.taken
    assert sum("conv" in node.op.op for node in part.graph.nodes.values()) == 5
    assert not report.left
    torch._dynamo.reset()
    fast, _ = compiled(model, engine=engine)
    with torch.no_grad():
        for parameter in model.parameters():
            assert_same(fast(*inputs), model(*inputs))
            parameter.mul_(1.25)
        assert_same(fast(*inputs), model(*inputs))


def test_models_of_one_class_share_code_and_not_weights() -> None:
    reports: list[Report] = []
    options = {"engine": "eager", "report": reports.append}
    models = [randomized(Net()) for _ in range(frozen.KEPT + 2)]
    step = torch.compile(lambda m, x: m(x), backend=compile_graph, options=options)
    with torch.no_grad():
        for model in models * 3:
            assert_same(step(model, IMAGES), model(IMAGES))
    assert len(reports) == 1


def test_weights_made_in_inference_mode_are_torchs() -> None:
    with torch.inference_mode():
        model = randomized(Net())
        fast, _ = compiled(model)
        for _ in range(3):
            assert_same(fast(IMAGES), model(IMAGES))
            model.fc.weight.add_(1)


# -- how it is called --------------------------------------------------------------------------


def test_other_batches_and_sizes_come_later() -> None:
    model = randomized(Net())
    fast, reports = compiled(model)
    with torch.no_grad():
        for shape in [(2, 3, 10, 10), (5, 3, 10, 10), (7, 3, 10, 10), (1, 3, 10, 10)]:
            x = torch.rand(shape)
            assert_same(fast(x), model(x))
        assert len(reports) == 3  # for 2, for any, and for 1
        for shape in [(5, 3, 12, 10), (5, 3, 12, 13), (4, 3, 9, 9)]:
            x = torch.rand(shape)
            assert_same(fast(x), model(x))
    assert all(len(report.taken) == 1 for report in reports)


@pytest.mark.parametrize("fixed", [False, True])
def test_a_batch_without_samples(fixed: bool) -> None:
    checked(Function(lambda x: x.relu()), torch.randn(0, 3, 4, 4), fixed=fixed)


@torch._dynamo.config.patch(capture_dynamic_output_shape_ops=True)
def test_a_batch_whose_size_depends_on_numbers() -> None:
    class Chosen(Function):
        def forward(self, x: Tensor) -> Any:
            return super().forward(x[x.mean((1, 2, 3)) > 0])

    report = checked(Chosen(lambda x: x.relu()), torch.randn(6, 3, 4, 4))
    assert ops(report) == ["conv2d", "relu"]


def test_a_reason_is_a_line() -> None:
    report = checked(Function(lambda x: F.pad(x, (-1, 2))), torch.randn(MAP))
    (reason,) = (each.reason for each in report.left)
    assert reason == (
        "no operation of ours does the same: `border` is a list of pixels before and after each"
        " axis, such as [top, bottom, left, right]"
    )


def test_a_batch_that_is_fixed() -> None:
    assert len(checked(Net(), IMAGES, fixed=True).taken) == 1


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_both_modes_of_inference(mode: Any) -> None:
    model = randomized(Net())
    fast, reports = compiled(model)
    for wrapped in (mode, torch.no_grad, torch.inference_mode):
        with wrapped():
            assert_same(fast(IMAGES), model(IMAGES))
    assert all(len(report.taken) == 1 for report in reports)


def test_weights_without_gradients_need_no_mode() -> None:
    model = randomized(Net()).requires_grad_(False)
    fast, reports = compiled(model)
    found = fast(IMAGES)
    assert_same(found, model(IMAGES))
    assert not found.requires_grad
    assert len(reports[0].taken) == 1


def test_gradients_are_torchs(caplog: pytest.LogCaptureFixture) -> None:
    model = Net().train()
    reference = copy.deepcopy(model)
    fast, reports = compiled(model)
    for each in (fast, reference):
        each(IMAGES).square().sum().backward()
    for mine, theirs in zip(model.parameters(), reference.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad)
    assert_same(model.state_dict(), reference.state_dict())
    assert reports[0].whole in caplog.text and "gradients are wanted" in reports[0].whole


def test_training_mode_without_gradients_moves_the_statistics() -> None:
    model = Net().train()
    reference = copy.deepcopy(model)
    fast, _ = compiled(model)
    with torch.no_grad():
        for _ in range(3):
            assert_same(fast(IMAGES), reference(IMAGES))
            assert_same(model.state_dict(), reference.state_dict())
        model.eval()
        assert_same(fast(IMAGES), reference.eval()(IMAGES))


def test_the_input_is_left_as_it_is_unless_the_model_changes_it() -> None:
    model = randomized(nn.Sequential(nn.ReLU(inplace=True), nn.Conv2d(3, 4, 1)))
    fast, _ = compiled(model)
    mine, theirs = IMAGES - 0.5, IMAGES - 0.5
    with torch.no_grad():
        assert_same(fast(mine), model(theirs))
    assert_same(mine, theirs)


# -- types -------------------------------------------------------------------------------------


def test_a_model_in_bfloat16_is_run_in_it() -> None:
    model = randomized(Net()).bfloat16()
    fast, reports = compiled(model)
    with torch.no_grad():
        found, exact = fast(IMAGES.bfloat16()), copy.deepcopy(model).float()(IMAGES)
    assert found.dtype is torch.bfloat16 and len(reports[0].taken) == 1
    torch.testing.assert_close(found.float(), exact, rtol=0.05, atol=0.05)


def test_another_type_can_be_asked_for() -> None:
    model = randomized(Net())
    fast, _ = compiled(model, dtype="bfloat16")
    with torch.no_grad():
        found, exact = fast(IMAGES), model(IMAGES)
    assert found.dtype is torch.float32 and not torch.equal(found, exact)
    torch.testing.assert_close(found, exact, rtol=0.05, atol=0.05)


def test_autocast_is_followed() -> None:
    model = randomized(Net())
    fast, _ = compiled(model)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        found, wanted = fast(IMAGES), model(IMAGES)
    assert found.dtype is wanted.dtype
    torch.testing.assert_close(found, wanted, rtol=0.05, atol=0.05)


def test_doubles_are_torchs() -> None:
    model = randomized(Net()).double()
    fast, reports = compiled(model)
    with torch.no_grad():
        torch.testing.assert_close(fast(IMAGES.double()), model(IMAGES.double()))
    assert {each.reason for each in reports[0].left} == {"it computes with float64"}


# -- the backend itself ------------------------------------------------------------------------


def test_it_is_found_by_name() -> None:
    assert "inceptgraph" in torch._dynamo.list_backends()
    model = randomized(Net())
    fast = torch.compile(model, backend="inceptgraph", options={"engine": "eager"})
    with torch.no_grad():
        assert_same(fast(IMAGES), model(IMAGES))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engin": "eager"}, "the backend `inceptgraph` has no option `engin`"),
        ({"engine": "eagre"}, "there is no engine `eagre`"),
        ({"dtype": "float8"}, "no engine computes in `float8`"),
    ],
)
def test_a_wrong_option_is_told(options: dict[str, str], message: str) -> None:
    model = torch.compile(randomized(Net()), backend=compile_graph, options=options)
    with torch.no_grad(), pytest.raises(torch._dynamo.exc.BackendCompilerFailed, match=message):
        model(IMAGES)


@pytest.mark.parametrize("name", ["googlenet", "resnet18", "squeezenet1_1", "mobilenet_v2"])
def test_models_of_torchvision_are_taken_as_a_whole(name: str) -> None:
    torchvision = pytest.importorskip("torchvision")
    options = {"init_weights": False} if name == "googlenet" else {}
    report = checked(
        torchvision.models.get_model(name, weights=None, **options), torch.rand(2, 3, 64, 64)
    )
    assert len(report.taken) == 1 and not report.left


def test_numbers_behind_layers_leave_a_network_whole() -> None:
    reports: list[Any] = []
    module = inceptgraph.compile(Source("scaled.yaml", SCALED), seed=0).eval()
    x = torch.randn(2, 4, 8, 8)
    options = {"engine": "eager", "report": reports.append}
    with torch.no_grad():
        found = torch.compile(module, backend="inceptgraph", options=options)(x)
        torch.testing.assert_close(found, module(x), rtol=1e-4, atol=1e-5)
    assert [len(report.taken) for report in reports] == [1]
