"""The blocks of attention, against torch's own attention and the formulas of the papers."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import compile

TOLERANCE = 1e-12
SIZES = {1: {"length": 7}, 2: {"height": 3, "width": 5}, 3: {"frames": 2, "height": 3, "width": 2}}
"""Extents of maps, by their rank."""


def network(inputs: dict[str, dict[str, Any]], step: str) -> Any:
    """One step of the library in float64, its weights drawn."""
    each = "".join(f"  {name}: {written(axes)}\n" for name, axes in inputs.items())
    text = f"name: N\ninclude: attention\ninputs:\n{each}stages: {{a: {{{step}}}}}\n"
    module = compile(Source("n.yaml", text), dtype="float64")
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.uniform_(0.1, 0.9, generator=generator)
    return module.eval()


def written(axes: dict[str, Any]) -> str:
    return "{" + ", ".join(f"{name}: {value}" for name, value in axes.items()) + "}"


def sample(axes: dict[str, int]) -> Tensor:
    return torch.randn(2, *axes.values(), dtype=torch.float64, requires_grad=True)


def rows(x: Tensor) -> Tensor:
    """The places of a map by their channels, as torch's attention takes them."""
    return x.flatten(2).transpose(1, 2)


def assert_close(found: Tensor, expected: Tensor) -> None:
    torch.testing.assert_close(found, expected, rtol=TOLERANCE, atol=TOLERANCE)


@pytest.mark.parametrize("rank", SIZES)
def test_attend_is_scaled_dot_product_attention(rank: int) -> None:
    places = {"query": SIZES[rank], "key": {"length": 4}, "value": {"length": 4}}
    channels = {"query": 6, "key": 6, "value": 9}
    inputs = {name: {"channels": channels[name], **axes} for name, axes in places.items()}
    module = network(inputs, "op: attend, heads: 3, from: [query, key, value]")
    q, k, v = map(sample, inputs.values())
    heads = (rows(x).unflatten(2, (3, -1)).transpose(1, 2) for x in (q, k, v))
    expected = F.scaled_dot_product_attention(*heads, scale=1.0)
    assert_close(rows(module(q, k, v)), expected.transpose(1, 2).flatten(2))


@pytest.mark.parametrize("rank", SIZES)
def test_multi_head_attention_is_that_of_torch(rank: int) -> None:
    """Values, and gradients of the inputs and of all weights."""
    inputs = {"x": {"channels": 16, **SIZES[rank]}, "y": {"channels": 10, "length": 4}}
    step = "op: multi_head_attention, heads: 4, scale: 0.5, from: [x, y]"
    module = network(inputs, step)
    theirs = nn.MultiheadAttention(16, 4, kdim=10, vdim=10, batch_first=True, dtype=torch.float64)
    own = {name.removeprefix("a."): value for name, value in module.named_parameters()}
    ins = ("query", "key", "value")
    weights = {f"{name[0]}_proj_weight": own[f"{name}.weight"] for name in ins}
    weights["out_proj.weight"] = own["out.weight"]
    biases = {"in_proj_bias": torch.cat([own[f"{name}.bias"] for name in ins])}
    biases["out_proj.bias"] = own["out.bias"]
    flat = {name: weight.flatten(1) for name, weight in weights.items()}
    theirs.load_state_dict({name: tensor.detach() for name, tensor in (flat | biases).items()})
    x, y = map(sample, inputs.values())
    found = module(x, y)
    assert found.shape == x.shape
    expected, _ = theirs(rows(x), rows(y), rows(y))
    assert_close(rows(found), expected)

    direction = torch.randn(expected.shape, dtype=torch.float64)
    ours = torch.autograd.grad(rows(found), [x, y, *weights.values()], direction)
    wanted = [x, y, *map(theirs.get_parameter, weights)]
    for mine, other in zip(ours, torch.autograd.grad(expected, wanted, direction), strict=True):
        assert_close(mine.reshape(other.shape), other)


@pytest.mark.parametrize("rank", SIZES)
def test_non_local_is_the_formula_of_the_paper(rank: int) -> None:
    """z = W·y + x, where y is softmax(θᵀφ)·g over all places; with what normalises W·y."""
    axes = {"channels": 6, **SIZES[rank]}
    module = network({"x": axes}, "op: non_local")
    x = sample(axes)
    w = {name.removeprefix("a.residual."): value for name, value in module.state_dict().items()}

    def projected(name: str, of: Tensor) -> Tensor:
        weight, bias = w[f"{name}.weight"].flatten(1), w[f"{name}.bias"]
        return torch.einsum("oc,nc...->no...", weight, of.flatten(2)) + bias[:, None]

    theta, phi, g = (projected(name, x) for name in ("query", "key", "value"))
    shares = torch.exp(torch.einsum("nci,ncj->nij", theta, phi))
    y = torch.einsum("nij,ncj->nci", shares / shares.sum(2, keepdim=True), g)
    scale = w["bn.weight"] / (w["bn.running_var"] + 1e-5).sqrt()
    shift = w["bn.bias"] - w["bn.running_mean"] * scale
    z = projected("out", y) * scale[:, None] + shift[:, None]
    assert_close(module(x), z.reshape(x.shape) + x)


def test_non_local_begins_as_nothing() -> None:
    text = "name: N\ninclude: attention\ninput: {channels: 4, height: 3, width: 3}\n"
    text += "stages: {a: {op: non_local}}\n"
    x = torch.randn(2, 4, 3, 3)
    assert torch.equal(compile(Source("n.yaml", text))(x), x)


def test_non_local_of_any_size() -> None:
    free = {"channels": 4, "height": "free = 5", "width": "free = 6"}
    fixed = {"channels": 4, "height": 3, "width": 7}
    x = sample(fixed)
    assert_close(*(network({"x": axes}, "op: non_local")(x) for axes in (free, fixed)))


def test_a_siamese_score_is_the_cosine() -> None:
    text = """name: Siamese
inputs: {x: {features: 9}, y: {features: 9}}
stages:
  left:  {op: l2_normalize, from: x}
  right: {op: l2_normalize, from: y}
  score: {op: dot, from: [left, right]}
"""
    x, y = torch.randn(2, 5, 9, dtype=torch.float64)
    found = compile(Source("n.yaml", text), dtype="float64")(x, y)
    assert_close(found, F.cosine_similarity(x, y)[:, None])
