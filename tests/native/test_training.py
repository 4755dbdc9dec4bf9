"""Training with compiled kernels against torch's own layers, values and gradients, in float64."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_network import TINY, without_dropout
from torch import Tensor, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

import inceptgraph
from inceptgraph import engine as engines
from inceptgraph.diagnostics import Source
from inceptgraph.engine import Setting, _speeds
from inceptgraph.ops.pool import MaxPool
from inceptgraph.pipeline import to_graph
from inceptgraph_native import processor
from inceptgraph_torch import layers as torch_layers
from inceptgraph_torch.rules import rule

if processor.compiler() is None:
    pytest.skip("there is no C++ compiler", allow_module_level=True)

from inceptgraph_native.training import convolution, kernels, layers
from inceptgraph_native.training.convolution import FilteredConv2d
from inceptgraph_native.training.kernels import pitched

SPEC = Source("tiny.yaml", TINY)
EXACT = {"rtol": 1e-11, "atol": 1e-11}

# Rests of a vector: of bytes' halves, of one, and none
CHANNELS = st.sampled_from([1, 5, 8, 16, 24, 35])
EXTENT = st.integers(1, 9)


@pytest.fixture(autouse=True, scope="module")
def cache(empty_cache: Path) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INCEPTGRAPH_CACHE", str(empty_cache))
        patch.setattr(layers, "LEAST", 1)  # so that small maps, too, go through the kernels
        kernels.load.cache_clear()
        yield


def drawn(*shape: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    maps = torch.randn(shape, generator=generator, dtype=torch.float64)
    return maps.contiguous(memory_format=torch.channels_last)


def assert_agrees(fast: Any, plain: Any, x: Tensor) -> None:
    """The same values, and the same gradients of maps and weights, from gradients that lie alone
    and from those that lie in a concatenation's."""
    wanted = copy.deepcopy(plain)(x)
    gradient = drawn(*wanted.shape, seed=1)
    wide = drawn(wanted.shape[0], 2 * wanted.shape[1] + 3, *wanted.shape[2:], seed=2)
    wide[:, 3 : 3 + wanted.shape[1]] = gradient
    for given_gradient in (gradient, wide[:, 3 : 3 + wanted.shape[1]], gradient.contiguous()):
        results = []
        for layer in (fast, plain):
            own = x.clone().requires_grad_()
            y = layer(own)
            weights = [*layer.parameters()]
            results.append((y, *torch.autograd.grad(y, [own, *weights], given_gradient)))
        torch.testing.assert_close(*results, **EXACT)


# -- layers ----------------------------------------------------------------------------------


@settings(max_examples=examples(40), deadline=None)
@given(st.integers(1, 3), CHANNELS, EXTENT, EXTENT, st.booleans(), st.booleans(), st.booleans())
def test_batch_norm(
    batch: int, channels: int, height: int, width: int, scale: bool, shift: bool, relu: bool
) -> None:
    batch = max(batch, 2 if height * width == 1 else 1)
    plain = torch_layers.partial_batch_norm_2d(channels, 1e-3, 0.2, scale, shift).double()
    for each in plain.parameters():
        nn.init.normal_(each)
    fast = layers.BatchNorm(copy.deepcopy(plain), relu)
    # far from zero, where squares would lose what the variance is
    x = drawn(batch, channels, height, width) + 1e3
    assert_agrees(fast, nn.Sequential(plain, nn.ReLU()) if relu else plain, x)
    torch.testing.assert_close(fast.state_dict(), plain.state_dict(), **EXACT)
    torch.testing.assert_close(
        fast.eval()(x), F.relu(plain.eval()(x)) if relu else plain.eval()(x), **EXACT
    )


def test_one_value_a_channel_is_refused_as_torch_does() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        layers.BatchNorm(nn.BatchNorm2d(4))(torch.ones(1, 4, 1, 1))


@pytest.mark.parametrize(
    "change",
    [
        {"momentum": 0},
        {"momentum": 1},
        {"momentum": None},
        {"track_running_stats": False},
        {"eps": 1},
    ],
)
def test_batch_norm_whose_attributes_are_changed(change: dict[str, Any]) -> None:
    """As callers do: ``torch.optim.swa_utils.update_bn`` sets the momentum None."""
    plain = nn.BatchNorm2d(24).double()
    fast = layers.BatchNorm(copy.deepcopy(plain))
    for layer in (fast, plain):
        vars(layer).update(change)
        for seed in range(3):
            layer(drawn(2, 24, 4, 5, seed=seed))
    assert_agrees(fast, plain, drawn(2, 24, 4, 5))
    torch.testing.assert_close(fast.state_dict(), plain.state_dict(), **EXACT)


def test_an_empty_batch_is_torchs() -> None:
    x = torch.ones(0, 4, 3, 3)
    assert layers.BatchNorm(nn.BatchNorm2d(4))(x).shape == x.shape


@pytest.mark.parametrize("channels", [16, 64])
@pytest.mark.parametrize(
    "layer", [layers.BatchNorm(nn.BatchNorm2d(32)), FilteredConv2d(nn.Conv2d(32, 32, 3))]
)
def test_other_channels_are_refused_as_torch_does(layer: nn.Module, channels: int) -> None:
    with pytest.raises(RuntimeError, match=r"channels|running_mean should contain"):
        layer(torch.ones(8, channels, 24, 24))


def test_weights_that_do_not_lie_side_by_side() -> None:
    plain = nn.BatchNorm2d(24).double()
    plain.weight = nn.Parameter(drawn(1, 2, 24, 1).flatten()[::2])
    x = drawn(2, 24, 4, 5)
    torch.testing.assert_close(layers.BatchNorm(plain)(x), plain(x), **EXACT)


def test_weights_elsewhere_are_refused_as_torch_does() -> None:
    with pytest.raises(RuntimeError, match="device"):
        layers.BatchNorm(nn.BatchNorm2d(4)).to("meta")(torch.ones(2, 4, 3, 3))


@settings(max_examples=examples(60), deadline=None)
@given(
    st.integers(1, 3),
    CHANNELS,
    st.tuples(st.integers(5, 9), st.integers(5, 9)),
    st.tuples(st.integers(1, 4), st.integers(1, 4)),
    st.tuples(st.integers(1, 3), st.integers(1, 3)),
    st.sampled_from(["same", "valid", "sides"]),
    st.booleans(),
)
def test_max_pool(
    batch: int,
    channels: int,
    extent: tuple[int, int],
    kernel: tuple[int, int],
    stride: tuple[int, int],
    padding: str,
    ceil: bool,
) -> None:
    rows, columns = kernel
    border = (rows - 1, rows // 2, columns // 2, columns - 1) if padding == "sides" else padding
    op = MaxPool(kernel=kernel, stride=stride, padding=border, ceil=ceil)
    plain = rule(op, (channels, *extent)).create()
    # few different values: of equal ones the first takes the gradient
    x = drawn(batch, channels, *extent).round()
    assert_agrees(layers.FastMaxPool2d(op, plain), plain, x)


def test_max_pool_of_what_is_not_finite() -> None:
    op = MaxPool(kernel=(3, 3), padding="same").settled((16, 6, 6))
    x = drawn(1, 16, 6, 6)
    x[:, ::2, 2, 2], x[:, 1::2] = float("nan"), float("-inf")
    plain = rule(op, (16, 6, 6)).create()
    found = layers.FastMaxPool2d(op, plain)(x)
    torch.testing.assert_close(found, plain(x), equal_nan=True, **EXACT)


def test_a_map_too_small_for_a_window_is_refused_as_torch_does() -> None:
    plain = nn.MaxPool2d(3, 2)
    pool = layers.FastMaxPool2d(MaxPool(kernel=(3, 3), stride=(2, 2)), plain)
    for each in (plain, pool):
        with pytest.raises(RuntimeError, match="Output size is too small"):
            each(torch.randn(1, 4, 2, 2))


@settings(max_examples=examples(40), deadline=None)
@given(
    st.integers(1, 3),
    CHANNELS,
    EXTENT,
    st.integers(1, 6),
    st.sampled_from([0.75, 0.5, 1.0]),
    st.sampled_from([1.0, 2.0]),
)
def test_response_norm(
    batch: int, channels: int, extent: int, size: int, beta: float, k: float
) -> None:
    plain = nn.LocalResponseNorm(size, 0.3, beta, k)
    x = drawn(batch, channels, extent, extent + 1)
    assert_agrees(layers.FastResponseNorm(plain), plain, x)


@settings(max_examples=examples(40), deadline=None)
@given(
    st.integers(1, 3),
    st.sampled_from([16, 48]),
    st.sampled_from([16, 32, 80]),
    st.tuples(st.integers(5, 14), st.integers(5, 14)),
    st.sampled_from([3, 5]),
    st.data(),
)
def test_convolution(
    batch: int, inputs: int, outputs: int, extent: tuple[int, int], taps: int, data: st.DataObject
) -> None:
    padding = data.draw(st.tuples(st.integers(0, taps - 1), st.integers(0, taps - 1)))
    bias = data.draw(st.booleans())
    plain = nn.Conv2d(inputs, outputs, taps, padding=padding, bias=bias).double()
    assert FilteredConv2d.fits(plain)
    fast = FilteredConv2d(copy.deepcopy(plain))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "_pays", lambda *_: True)
        assert_agrees(fast, plain, drawn(batch, inputs, *extent))
    assert repr(fast).removeprefix("Filtered") == repr(plain)


@pytest.mark.parametrize(("inputs", "outputs"), [(64, 64), (48, 80)])  # vectors in pairs, and one
@pytest.mark.parametrize("threads", [1, 3])
def test_convolution_in_float32_rounds_little_more(threads: int, inputs: int, outputs: int) -> None:
    fast = FilteredConv2d(nn.Conv2d(inputs, outputs, 3, padding=1))
    x, gradient = drawn(3, inputs, 50, 46).float(), drawn(3, outputs, 50, 46, seed=1).float()
    assert fast._takes(x)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        found = derived(fast, x, gradient)
    finally:
        torch.set_num_threads(before)
    # blocks of tiles, of which the last has fewer
    for ours, theirs in zip(found, exact(fast, x, gradient), strict=True):
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()


def test_convolution_of_bfloat16_rounds_its_maps_alone() -> None:
    fast = FilteredConv2d(nn.Conv2d(64, 64, 3, padding=1))
    x, gradient = drawn(3, 64, 50, 46).bfloat16(), drawn(3, 64, 50, 46, seed=1).bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        y, dx, dweight, dbias = derived(fast, x.float(), gradient)
    assert fast._takes(x) and y.dtype is torch.bfloat16
    wanted = exact(fast, x, gradient)
    torch.testing.assert_close((y.double(), dx.double()), wanted[:2], rtol=2**-8, atol=1e-4)
    for ours, theirs in zip((dweight, dbias), wanted[2:], strict=True):
        assert (ours - theirs).abs().max() < 1e-5 * theirs.abs().max()


@pytest.fixture
def shorter_kernels(shorter_vectors: None) -> Iterator[None]:
    caches = (kernels.load, kernels.lanes, kernels._function)
    for each in caches:
        each.cache_clear()
    yield
    for each in caches:
        each.cache_clear()


@pytest.mark.usefixtures("shorter_kernels")
def test_shorter_vectors_compute_the_same() -> None:
    assert kernels.lanes() < 16
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convolution, "_pays", lambda *_: True)
        for inputs, outputs, taps in ((16, 24, 3), (8, 16, 5), (24, 8, 3)):
            conv = nn.Conv2d(inputs, outputs, taps, padding=1).double()
            assert FilteredConv2d.fits(conv)
            assert_agrees(FilteredConv2d(copy.deepcopy(conv)), conv, drawn(2, inputs, 9, 7))
        fast = FilteredConv2d(nn.Conv2d(24, 24, 3, padding=1))
        for dtype, close in ((torch.float32, 1e-5), (torch.bfloat16, 2**-8)):
            x, gradient = drawn(2, 24, 9, 7).to(dtype), drawn(2, 24, 9, 7, seed=1).to(dtype)
            found, wanted = derived(fast, x, gradient), exact(fast, x, gradient)
            for ours, theirs in zip(found, wanted, strict=True):
                assert (ours - theirs).abs().max() < close * theirs.abs().max()
    norm = nn.BatchNorm2d(35).double()
    assert_agrees(layers.BatchNorm(copy.deepcopy(norm)), norm, drawn(2, 35, 5, 6))
    pool = nn.MaxPool2d(3, 2)
    fast_pool = layers.FastMaxPool2d(MaxPool(kernel=(3, 3), stride=(2, 2)), pool)
    assert_agrees(fast_pool, pool, drawn(2, 35, 9, 7))
    response = nn.LocalResponseNorm(5)
    assert_agrees(layers.FastResponseNorm(response), response, drawn(2, 35, 5, 6))


def derived(layer: nn.Module, x: Tensor, gradient: Tensor) -> tuple[Tensor, ...]:
    """Outputs, and the gradients of the input and of the parameters."""
    own = x.clone().requires_grad_()
    y = layer(own)
    return y, *torch.autograd.grad(y, [own, *layer.parameters()], gradient)


def exact(fast: FilteredConv2d, x: Tensor, gradient: Tensor) -> tuple[Tensor, ...]:
    plain = nn.Conv2d(fast.in_channels, fast.out_channels, 3, padding=1).double()
    plain.load_state_dict(fast.state_dict())
    return derived(plain, x.double(), gradient.double())


def test_autocast_around_the_backward_pass_changes_nothing() -> None:
    fast = FilteredConv2d(nn.Conv2d(64, 64, 3, padding=1))
    x = drawn(4, 64, 28, 28).float().requires_grad_()
    assert fast._takes(x)
    y = fast(x)
    wanted = torch.autograd.grad(y, x, torch.ones_like(y), retain_graph=True)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(*torch.autograd.grad(y, x, torch.ones_like(y)), *wanted)


@pytest.mark.parametrize("frozen", ["weight", "bias", "both"])
def test_frozen_weights_get_no_gradient(frozen: str) -> None:
    fast = FilteredConv2d(nn.Conv2d(32, 32, 3, padding=1).double())
    for name, each in fast.named_parameters():
        each.requires_grad_(frozen not in (name, "both"))
    x = drawn(16, 32, 12, 12).requires_grad_()
    assert fast._takes(x)
    fast(x).sum().backward()
    assert x.grad is not None
    assert (fast.weight.grad is None) == (frozen in ("weight", "both"))
    assert (fast.bias.grad is None) == (frozen in ("bias", "both"))


@pytest.mark.parametrize(
    "conv",
    [
        nn.Conv2d(64, 64, 3, stride=2),
        nn.Conv2d(64, 64, 3, dilation=2),
        nn.Conv2d(64, 64, 3, groups=2),
        nn.Conv2d(64, 64, 3, padding=3),
        nn.Conv2d(64, 64, 3, padding="same"),
        nn.Conv2d(64, 64, (1, 3)),
        nn.Conv2d(64, 60, 3),
        nn.Conv2d(3, 64, 3),
        nn.Conv2d(64, 64, 7),
        torch_layers.PaddedConv2d(64, 64, 3),
    ],
)
def test_other_convolutions_stay_as_they_are(conv: nn.Conv2d) -> None:
    assert not FilteredConv2d.fits(conv)


@pytest.mark.parametrize(
    "change",
    [
        {"stride": (2, 2)},
        {"dilation": (2, 2), "padding": (2, 2)},
        {"padding": (3, 3)},
        {"padding": 1},
        {"padding": (0, 2)},
        {"weight": nn.Parameter(drawn(32, 32, 7, 7))},
        {"weight": nn.Parameter(drawn(32, 32, 3, 5))},
    ],
)
def test_convolution_whose_attributes_are_changed(change: dict[str, Any]) -> None:
    """As callers do, who dilate a network that was made for classes."""
    plain = nn.Conv2d(32, 32, 3, padding=1).double()
    fast = FilteredConv2d(copy.deepcopy(plain))
    x = drawn(16, 32, 12, 12)
    assert fast._takes(x)
    for layer in (fast, plain):
        for name, value in change.items():
            setattr(layer, name, value)
    assert_agrees(fast, plain, x)


def test_where_a_convolution_does_not_pay_it_is_torchs() -> None:
    fast = FilteredConv2d(nn.Conv2d(256, 256, 3, padding=1))
    assert fast._takes(drawn(8, 256, 28, 28).float())
    assert not fast._takes(drawn(1, 256, 2, 2).float())  # weights would take all of the time
    assert not fast._takes(drawn(8, 256, 28, 28))  # the weights are float32
    with pytest.MonkeyPatch.context() as patch, torch.autocast("cpu", torch.bfloat16):
        patch.setattr(convolution, "call", None)
        assert (
            fast(drawn(8, 256, 7, 7).float()).dtype is torch.bfloat16
        )  # products at twice the rate
    assert not fast._takes(torch.empty(8, 256, 28, 28, device="meta"))


SAME_POOL = MaxPool(kernel=(3, 3), padding="same").settled((24, 9, 7))


@pytest.mark.parametrize(
    "make",
    [
        lambda: (layers.BatchNorm(nn.BatchNorm2d(24)), nn.BatchNorm2d(24)),
        lambda: (
            layers.FastMaxPool2d(SAME_POOL, nn.Identity()),
            nn.MaxPool2d(3, 1, 1),
        ),
        lambda: (
            layers.FastResponseNorm(nn.LocalResponseNorm(5)),
            nn.LocalResponseNorm(5),
        ),
    ],
)
def test_bfloat16_rounds_once(make: Any) -> None:
    fast, plain = make()
    x = drawn(4, 24, 9, 7).bfloat16()
    gradient = drawn(*x.shape, seed=1).bfloat16()
    results = []
    for layer, given_x, given_gradient in (
        (fast, x, gradient),
        (plain.double(), x.double(), gradient.double()),
    ):
        own = given_x.clone().requires_grad_()
        y = layer(own)
        results.append((y.double(), torch.autograd.grad(y, own, given_gradient)[0].double()))
    assert fast(x).dtype is torch.bfloat16
    # a gradient that sums some, as of overlapping windows, rounds once, too
    torch.testing.assert_close(*results, rtol=2**-8, atol=2**-8)


def test_maps_too_small_to_gain_are_torchs(monkeypatch: pytest.MonkeyPatch) -> None:
    norm = layers.BatchNorm(nn.BatchNorm2d(16), relu=True)
    pool = layers.FastMaxPool2d(MaxPool(kernel=(2, 2)), nn.MaxPool2d(2))
    monkeypatch.setattr(layers, "LEAST", 2 * 16 * 8 * 8)
    for size, who in ((8, "_BatchNorm"), (7, "Relu")):
        assert who in type(norm(drawn(2, 16, size, size).float()).grad_fn).__name__
    for size, who in ((8, "_MaxPool"), (7, "MaxPool2D")):
        x = drawn(2, 16, size, size).requires_grad_()
        assert type(pool(x).grad_fn).__name__.startswith(who)


def test_a_range_of_channels_is_not_copied() -> None:
    whole = drawn(2, 12, 3, 4)
    found, pitch = pitched(whole[:, 4:8])
    assert found.data_ptr() == whole[:, 4:8].data_ptr() and pitch == 12
    for other in (whole[:, :, 1:], whole[:, :, ::2], whole[:, :1].expand(2, 5, 3, 4)):
        found, pitch = pitched(other)
        assert torch.equal(found, other) and pitch == other.shape[1]


def test_numbers_whose_signs_torch_keeps_apart() -> None:
    """As of the imaginary part of a conjugate."""
    x = torch._neg_view(drawn(2, 32, 6, 5))
    for found in (kernels.channels_last(x), pitched(x)[0]):
        assert not found.is_neg() and torch.equal(found, x)
    norm = nn.BatchNorm2d(32).double()
    torch.testing.assert_close(layers.BatchNorm(copy.deepcopy(norm))(x), norm(x), **EXACT)


# -- the engine ------------------------------------------------------------------------------


def steps(net: Any, batches: int = 2) -> list[Tensor]:
    """What a network gives in some steps of SGD."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    found = []
    for seed in range(batches):
        optimizer.zero_grad()
        outputs = net(drawn(4, 3, 16, 16, seed=seed))
        net.loss(outputs, torch.tensor([1, 3, 0, 2])).backward()
        optimizer.step()
        found += outputs.values()
    return found


def trained(engine: str, source: Source = SPEC) -> Any:
    """In float64, which no setting asks for: a kernel may then differ by rounding alone."""
    graph = to_graph(source)
    tensors = inceptgraph.backend.find_model("torch").initial(graph, seed=0)
    runner = engines.make(engines.find(engine), graph, tensors, Setting(train=True))
    return without_dropout(runner.network.double())


def test_training_takes_the_steps_that_torch_takes() -> None:
    fast, plain = trained("native"), trained("eager")
    kinds = {type(part) for part in fast.modules()}
    assert kinds >= {layers.BatchNorm, layers.FastMaxPool2d, layers.FastResponseNorm}
    for net, count in ((fast, 0), (plain, 4)):
        assert sum(isinstance(part, nn.ReLU) for part in net.modules()) == count
    torch.testing.assert_close(steps(fast), steps(plain), **EXACT)
    assert list(fast.state_dict()) == list(plain.state_dict())
    torch.testing.assert_close(fast.state_dict(), plain.state_dict(), **EXACT)
    image = drawn(2, 3, 16, 16)
    torch.testing.assert_close(fast.eval()(image), plain.eval()(image), **EXACT)


def test_convolutions_of_a_network_are_filtered() -> None:
    """With a bias and without, and of an image, whose gradient nobody wants."""
    conv = "{op: conv2d, out: 32, kernel: 3, padding: same"
    text = "name: wide\ninput: {channels: 32, height: 16, width: 16}\nstages:\n"
    text += f"  a: {conv}}}\n  b: {conv}, bias: false}}\n  norm: {{op: batch_norm}}\n"
    text += "  mean: {op: global_avg_pool}\n  flatten: {op: flatten}\n"
    fast, plain = (trained(each, Source("wide.yaml", text)) for each in ("native", "eager"))
    assert sum(isinstance(part, FilteredConv2d) for part in fast.modules()) == 2
    x = drawn(8, 32, 16, 16)
    assert fast.get_submodule("a")._takes(x)
    for net in (fast, plain):
        net(x).square().sum().backward()
    for ours, theirs in zip(fast.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, **EXACT)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_copies_train_apart(copied: Any) -> None:
    net = trained("native")
    twin = copied(net)
    torch.testing.assert_close(steps(twin), steps(net), **EXACT)
    assert not {p.data_ptr() for p in net.parameters()} & {p.data_ptr() for p in twin.parameters()}


def test_compilers_see_torchs_layers() -> None:
    net = trained("native")
    x = drawn(4, 3, 16, 16)
    torch.export.export(net, (x,))
    run = torch.compile(copy.deepcopy(net), backend="eager", fullgraph=True)
    torch.testing.assert_close(run(x), net(x), **EXACT)


@pytest.mark.filterwarnings(
    "ignore::torch.jit.TracerWarning", "ignore:.*torch.jit:DeprecationWarning"
)
def test_tracers_see_torchs_layers() -> None:
    net = trained("native")
    x = drawn(4, 3, 16, 16)
    traced = torch.jit.trace(copy.deepcopy(net), x, strict=False, check_trace=False)
    torch.testing.assert_close(traced(x), net(x), **EXACT)


def test_modes_and_transformations_see_torchs_layers() -> None:
    """Which see operations of torch alone: of a kernel's result, memory that was never written."""
    net, plain = trained("native"), trained("eager")
    x, other = drawn(4, 3, 16, 16), drawn(4, 3, 16, 16, seed=1)
    torch.testing.assert_close(make_fx(copy.deepcopy(net))(x)(other), net(other), **EXACT)
    counts = []
    for each in (net, plain):
        with FlopCounterMode(display=False) as counter:
            sum(value.sum() for value in each(x).values()).backward()
        counts.append(counter.get_total_flops())
    assert counts[0] == counts[1] > 0


def test_functional_transformations_see_torchs_layers() -> None:
    conv, x = nn.Conv2d(32, 32, 3, padding=1).double(), drawn(16, 32, 12, 12)
    fast = FilteredConv2d(copy.deepcopy(conv))
    assert fast._takes(x)
    found, wanted = (
        torch.func.grad(
            lambda weights, layer=layer: (
                torch.func.functional_call(layer, weights, x).square().sum()
            )
        )(dict(layer.named_parameters()))
        for layer in (fast, conv)
    )
    torch.testing.assert_close(found, wanted, **EXACT)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_auto_trains(dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if dtype == "bfloat16" and not processor.here().bfloat16:
        pytest.skip("there is no AVX512_BF16")
    measured = {"float32": "avx512f", "bfloat16": "avx512_bf16"}
    monkeypatch.setattr(_speeds, "instruction_set", measured.get)
    net = inceptgraph.compile(SPEC, engine="auto", train=True, dtype=dtype, seed=0)
    assert net.choice.engine.name == "native"
    net.loss(net(drawn(4, 3, 16, 16)), torch.tensor([1, 3, 0, 2])).backward()
    assert {p.dtype for p in net.parameters()} == {torch.float32}
    assert all(p.grad is not None for p in net.parameters())
