"""Every operation as torch computes it, against its definition.

Everything runs in float64; sums have at most some hundred terms, so 1e-12 relative to the largest
element is a hundred times the rounding that can occur and far below any difference in arithmetic.
"""

from __future__ import annotations

import math
import re
from importlib.metadata import EntryPoint
from typing import Any

import pytest
import torch
from examples import examples
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from operations_strategy import arguments, maps, one_step, operands, vectors
from reference_operations import DEFINITIONS, batch_norm
from torch import Tensor, nn

from inceptgraph import plugins
from inceptgraph.diagnostics import ShapeError, SpecError
from inceptgraph.ops import BUILT_IN, Operation
from inceptgraph.ops.shape import Scale
from inceptgraph.types import Shape
from inceptgraph_torch import SpecModule, lower
from inceptgraph_torch.layers import LocalResponseNorm
from inceptgraph_torch.rules import Layer, has_rule, rule

TOLERANCE = 1e-12
# torch's backward kernel of hard sigmoid holds 1/6 in float32, whatever the dtype: 2**-24 relative
GRADIENT_TOLERANCE = {"hard_sigmoid": 2**-24}


# gradients of which all may cancel, such as along the one number that is divided by its own length:
# what is left is the rounding of terms as large as what flows back
CANCELS = {"l2_normalize", "group_norm", "instance_norm", "layer_norm", "rms_norm"}


def network(op: Operation, shapes: list[Shape], **options: Any) -> SpecModule:
    return lower(one_step(op, shapes), **{"seed": 0, "dtype": "float64", **options})


def assert_equal(
    found: Tensor, expected: Tensor, tolerance: float = TOLERANCE, terms: float = 1e-3
) -> None:
    """``terms`` is how large is what a result may be the sum of, which may cancel to nothing."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype
    scale = max(expected.abs().max().item(), terms)
    assert (found - expected).abs().max().item() <= tolerance * scale


def test_a_scale_of_each_channel_is_no_weight_and_exact() -> None:
    op = Scale(factor=(0.1, -2.0, 3.0), offset=(0.7, 0.0, 1e-3))
    module = network(op, [(3, 2, 2)])
    assert not module.state_dict()
    assert not [*module.parameters()]
    x = torch.randn(2, 3, 2, 2, dtype=torch.float64)
    wanted = torch.stack([x[:, i] * op.factor[i] + op.offset[i] for i in range(3)], 1)
    assert torch.equal(module(x), wanted)
    assert network(op, [(3, 2, 2)], dtype="bfloat16")(x.bfloat16()).dtype == torch.bfloat16
    torch.fx.symbolic_trace(module)


@pytest.mark.parametrize("name", BUILT_IN)
def test_has_a_rule_and_a_definition(name: str) -> None:
    assert has_rule(BUILT_IN[name])
    assert name in DEFINITIONS


@pytest.mark.parametrize("name", BUILT_IN)
@given(data=st.data())
@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
def test_operation(name: str, data: st.DataObject) -> None:
    """Shape, names and shapes of weights, values and gradients."""
    shapes = data.draw(operands(name), label="operands")
    given = data.draw(arguments(name, shapes), label="arguments")
    op = BUILT_IN[name](**given)
    try:
        op = op.settled(*shapes)
        shape = op.infer(*shapes)
    except ShapeError:
        assume(False)
    module = network(op, shapes).eval()
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 2**32), label="seed"))

    weights = op.weights(*shapes)
    state = {key.removeprefix("step."): value for key, value in module.state_dict().items()}
    counters = {key for key in state if key == "num_batches_tracked"}
    assert {key: tuple(state[key].shape) for key in state.keys() - counters} == {
        key: weight.shape for key, weight in weights.items()
    }
    trainable = {key for key, weight in weights.items() if weight.trainable}
    assert {n.removeprefix("step.") for n, _ in module.named_parameters()} == trainable
    count = sum(weights[key].size for key in trainable)
    assert sum(p.numel() for p in module.parameters()) == count
    for key in weights:
        state[key].normal_(generator=generator)
    if "running_var" in state:
        state["running_var"].abs_().add_(0.1)

    ours, theirs = two_copies(inputs(shapes, generator))
    found = module(*ours)
    expected = DEFINITIONS[name](op, state, *theirs)
    assert tuple(found.shape) == (3, *shape)
    assert_equal(found.detach(), expected.detach())

    direction = torch.randn(expected.shape, dtype=torch.float64, generator=generator)
    for mine, other in zip(
        torch.autograd.grad(found, ours, direction, materialize_grads=True),
        torch.autograd.grad(expected, theirs, direction, materialize_grads=True),
        strict=True,
    ):
        terms = direction.abs().max().item() if name in CANCELS else 1e-3
        assert_equal(mine, other, GRADIENT_TOLERANCE.get(name, TOLERANCE), terms)


def inputs(shapes: list[Shape], generator: torch.Generator, batch: int = 3) -> list[Tensor]:
    return [
        2 * torch.randn(batch, *shape, dtype=torch.float64, generator=generator) for shape in shapes
    ]


def two_copies(tensors: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    first, second = ([x.clone().requires_grad_() for x in tensors] for _ in range(2))
    return first, second


# -- what training changes ---------------------------------------------------------------------


@given(
    shape=maps | vectors,
    scale=st.booleans(),
    shift=st.booleans(),
    momentum=st.floats(0, 1),
)
@settings(max_examples=examples(40), deadline=None)
def test_batch_norm_in_training(shape: Shape, scale: bool, shift: bool, momentum: float) -> None:
    op: Any = BUILT_IN["batch_norm"](scale=scale, shift=shift, momentum=momentum)
    module = network(op, [shape]).train()
    generator = torch.Generator().manual_seed(0)
    (x,) = inputs([shape], generator)
    axes = (0, *range(2, x.dim()))
    count = x.numel() // shape[0]
    mean, var = x.mean(axes), x.var(axes, unbiased=False)
    state = {key.removeprefix("step."): value for key, value in module.state_dict().items()}
    assert_equal(module(x).detach(), batch_norm(op, x, mean, var, state))
    # torch keeps the unbiased variance
    assert_equal(state["running_mean"], momentum * mean)
    assert_equal(state["running_var"], (1 - momentum) + momentum * var * count / (count - 1))
    assert state["num_batches_tracked"] == 1


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.7])
def test_dropout_in_training(rate: float) -> None:
    module = network(BUILT_IN["dropout"](rate=rate), [(100_000,)]).train()
    torch.manual_seed(0)
    found = module(torch.ones(1, 100_000, dtype=torch.float64))
    kept = found != 0
    assert_equal(found[kept], torch.full_like(found[kept], 1 / (1 - rate)))
    # five standard deviations of a binomial share: by chance once in two million seeds
    allowed = 5 * math.sqrt(rate * (1 - rate) / found.numel())
    assert abs(1 - kept.double().mean().item() - rate) <= allowed


@pytest.mark.parametrize("rate", [0.0, 0.25, 0.7])
def test_stochastic_depth_in_training(rate: float) -> None:
    """Whole samples, scaled so that the mean stays; drawn as torchvision draws them."""
    module = network(BUILT_IN["stochastic_depth"](rate=rate), [(2, 3)]).train()
    torch.manual_seed(0)
    found = module(torch.ones(10_000, 2, 3, dtype=torch.float64))
    torch.manual_seed(0)
    noise = torch.empty(10_000, 1, 1, dtype=torch.float64).bernoulli_(1 - rate).div_(1 - rate)
    assert torch.equal(found, (noise if rate else torch.ones_like(noise)).expand(-1, 2, 3))
    kept = (found[:, 0, 0] != 0).double().mean().item()
    assert abs(kept - (1 - rate)) <= 5 * math.sqrt(rate * (1 - rate) / 10_000)


# -- which layer -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "arguments", "kind", "padding"),
    [
        ("conv2d", {"kernel": (3, 3), "padding": "same"}, nn.Conv2d, (1, 1)),
        ("conv2d", {"kernel": (1, 7), "padding": "same"}, nn.Conv2d, (0, 3)),
        ("conv2d", {"kernel": (3, 3), "padding": "same", "dilation": 2}, nn.Conv2d, (2, 2)),
        ("conv2d", {"kernel": (1, 1), "padding": "same", "stride": 2}, nn.Conv2d, (0, 0)),
        ("conv2d", {"kernel": (1, 3), "padding": "same", "stride": (2, 1)}, nn.Conv2d, (0, 1)),
        ("conv2d", {"kernel": (2, 2), "padding": "same", "dilation": 2}, nn.Conv2d, (1, 1)),
        ("conv2d", {"kernel": (3, 5), "padding": (1, 1, 2, 2)}, nn.Conv2d, (1, 2)),
        ("max_pool", {"kernel": 3, "padding": "same"}, nn.MaxPool2d, 1),
        ("max_pool", {"kernel": 1, "stride": 2, "padding": "same"}, nn.MaxPool2d, 0),
        ("avg_pool", {"kernel": 3, "padding": "same"}, nn.AvgPool2d, 1),
        ("avg_pool", {"kernel": 5, "stride": 3, "ceil": True}, nn.AvgPool2d, 0),
    ],
)
def test_layers_are_plain_where_torch_has_them(
    name: str, arguments: dict[str, Any], kind: type, padding: Any
) -> None:
    op = BUILT_IN[name](**({"out": 4} if name == "conv2d" else {}), **arguments)
    found = rule(op.settled((3, 9, 9)), (3, 9, 9))
    assert isinstance(found, Layer)
    assert found.kind is kind
    layer: Any = found.create()
    assert layer.padding == padding


# -- a network's other uses --------------------------------------------------------------------

OWN_LAYERS: list[tuple[str, dict[str, Any], Shape]] = [
    ("conv2d", {"out": 4, "kernel": 7, "stride": 2, "padding": "same"}, (3, 12, 11)),
    ("max_pool", {"kernel": 3, "stride": 2, "padding": "same"}, (3, 12, 12)),
    ("max_pool", {"kernel": 3, "stride": 2, "padding": (0, 1, 2, 1), "ceil": True}, (3, 12, 9)),
    ("avg_pool", {"kernel": 3, "stride": 2, "padding": "same"}, (3, 12, 9)),
    (
        "avg_pool",
        {"kernel": 3, "stride": 2, "padding": (0, 1, 2, 1), "count_include_pad": True},
        (3, 12, 9),
    ),
    ("batch_norm", {"scale": False}, (3, 5, 5)),
    ("batch_norm", {"shift": False}, (6,)),
    ("affine", {}, (3, 5, 5)),
    ("scale", {"factor": 0.5, "offset": 1.0}, (3, 5, 5)),
    ("crop", {"border": (1, 0, 2, 1)}, (3, 5, 5)),
    ("channels", {"start": 1, "stop": 3}, (4, 5, 5)),
    ("layer_norm", {}, (4, 5, 5)),
    ("layer_norm", {"over": ["channels", "space"], "scale": False}, (4, 5, 5)),
    ("rms_norm", {}, (4, 5, 5)),
    ("group_norm", {"groups": 2, "shift": False}, (4, 5, 5)),
    ("instance_norm", {"scale": False}, (4, 5, 5)),
    ("stochastic_depth", {"rate": 0.5}, (4, 5, 5)),
    ("channel_shuffle", {"groups": 2}, (4, 5, 5)),
    ("pad", {"border": (1, 2, 0, 1), "mode": "circular"}, (4, 5, 5)),
    ("mean", {"over": "channels"}, (4, 5, 5)),
    ("l2_norm", {"over": "space"}, (4, 5, 5)),
    ("l2_normalize", {}, (4,)),
    ("power", {"exponent": 2.0}, (4, 5, 5)),
]


@pytest.mark.parametrize(("name", "arguments", "shape"), OWN_LAYERS)
def test_own_layers_compile_and_export(name: str, arguments: dict[str, Any], shape: Shape) -> None:
    module = network(BUILT_IN[name](**arguments), [shape], dtype="float32").eval()
    (x,) = (t.float() for t in inputs([shape], torch.Generator().manual_seed(0), batch=2))
    expected = module(x)
    compiled = torch.compile(module, backend="eager", fullgraph=True)
    assert torch.equal(compiled(x), expected)
    batch = torch.export.Dim("batch", min=1)
    exported = torch.export.export(module, (x,), dynamic_shapes=({0: batch},), strict=False)
    assert torch.equal(exported.module()(torch.cat([x, x, x])), torch.cat([expected] * 3))
    assert repr(module.step)
    torch._dynamo.reset()


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("nowhere_at_all:rule", "the rule `offered` cannot be loaded: ModuleNotFoundError"),
        ("math:pi", "`math:pi` is offered as the rule `offered`: it does not implement `__call__`"),
    ],
)
def test_a_rule_that_cannot_be_used_is_a_finding(
    monkeypatch: pytest.MonkeyPatch, value: str, message: str
) -> None:
    class Offered(Operation):
        op = "offered"

    point = EntryPoint("offered", value, "inceptgraph_torch.rules")
    monkeypatch.setattr(plugins, "points", lambda group: {"offered": point})
    with pytest.raises(SpecError, match=re.escape(message)):
        has_rule(Offered)


def test_a_missing_rule_is_said() -> None:
    class Unknown(Operation):
        op = "unknown_to_torch"

    assert not has_rule(Unknown)
    with pytest.raises(NotImplementedError, match="no rule for unknown_to_torch"):
        network(Unknown(), [(3,)])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 11])
def test_lrn_of_maps_with_channels_last_is_torchs(size: int) -> None:
    layer = LocalResponseNorm(size, alpha=0.3, beta=0.6, k=1.5)
    x = torch.randn(2, 7, 5, 6, dtype=torch.float64, requires_grad=True)
    y = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    torch.testing.assert_close(layer(y), layer(x), rtol=1e-12, atol=1e-12)
    layer(x).square().sum().backward()
    layer(y).square().sum().backward()
    torch.testing.assert_close(y.grad, x.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("order", [(0, 1, 2, 4, 3), (0, 4, 1, 2, 3)])
def test_lrn_of_volumes_in_any_order_of_memory(order: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, 4, 5, 6, dtype=torch.float64).permute(order)
    layer = LocalResponseNorm(3, alpha=0.5)
    torch.testing.assert_close(layer(x), layer(x.contiguous()), rtol=0, atol=0)


def test_a_compiler_is_given_torchs_own_lrn() -> None:
    called: list[Any] = []

    def backend(module: torch.fx.GraphModule, inputs: Any) -> Any:
        called.extend(node.target for node in module.graph.nodes if node.op == "call_function")
        return module

    layer = LocalResponseNorm(5, alpha=0.3, beta=0.6, k=1.5).eval()
    x = torch.randn(2, 7, 5, 6, dtype=torch.float64).contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        found = torch.compile(layer, backend=backend)(x)
    torch.testing.assert_close(found, layer(x), rtol=1e-12, atol=1e-12)
    assert called and torch.conv2d not in called
