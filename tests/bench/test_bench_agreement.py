"""Who is held to be right: layers that sum in another order are, wrong ones are not."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from inceptgraph import engine as engines
from inceptgraph.diagnostics import Source
from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.measure import Outputs, Reference
from inceptgraph.measure._agreement import Verdict, error_of, judge
from inceptgraph.pipeline import to_graph
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.lower import initial
from inceptgraph_torch.measure import TorchLab
from inceptgraph_torch.recipe_tensors import as_array

# Whose statistics are of 16,384 numbers
TEXT = """
name: wide
input: {channels: 3, height: 64, width: 32}
defaults: {conv2d: {weight_init: kaiming_normal, bias: false}}
stages:
  conv1: {op: conv2d, out: 4, kernel: 3, padding: same}
  norm1: {op: batch_norm}
  relu1: {op: relu}
  conv2: {op: conv2d, out: 8}
  norm2: {op: batch_norm}
  relu2: {op: relu}
  mean: {op: global_avg_pool}
  flatten: {op: flatten}
  classifier: {op: linear, out: 5}
"""
LAB, SETTING = TorchLab(), Setting(train=True, batch=8)
SEEDS = range(4)


@cache
def case(seed: int) -> tuple[Graph, Tensors, Outputs]:
    """A network, its weights, and what it gives."""
    graph = to_graph(Source("wide.yaml", TEXT))
    tensors = {name: as_array(each) for name, each in initial(graph, seed=seed).items()}
    return graph, tensors, LAB.reference(graph, tensors, SETTING)


def verdict(seed: int, module: nn.Module, *, orders: int = 2) -> Verdict:
    """What is said of a module that has the weights of a case."""
    graph, tensors, wanted = case(seed)
    made = [LAB.plain, LAB.reordered][:orders]
    plain, *others = (error_of(LAB, make, graph, tensors, SETTING, wanted) for make in made)
    found = LAB.subject(module, graph, SETTING).outputs()
    return judge(found, wanted, "float32", plain, 3, *others)


@pytest.mark.parametrize("name", ["eager", pytest.param("native", marks=pytest.mark.slow)])
def test_engines_that_sum_in_another_order_are_right(name: str) -> None:
    engine = next((each for each in engines.ready()[0] if each.name == name), None)
    if engine is None:
        pytest.skip("it is not installed")
    refused = 0
    for seed in SEEDS:
        graph, tensors, _ = case(seed)
        prepare = partial(engines.make, engine, graph, tensors, SETTING)
        assert verdict(seed, prepare()).reason is None
        refused += verdict(seed, prepare(), orders=1).reason is not None
    if name == "eager":
        assert refused  # channels last, in float32, is not what the default layout sums in float64


class NoGate(torch.autograd.Function):
    """A ReLU whose gradient forgets where it was zero."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.clamp(min=0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return gradients[0]


def no_gate(module: nn.Module) -> None:
    module.get_submodule("relu1").forward = NoGate.apply  # type: ignore[method-assign]


def other_eps(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.eps *= 10


def unbiased(module: nn.Module) -> None:
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            part.register_forward_hook(_unbiased)


def _unbiased(part: nn.Module, inputs: tuple[Tensor, ...], found: Tensor) -> Tensor:
    """As if the variance were divided by one less."""
    count = found.numel() / found.shape[1]
    return found * ((count - 1) / count) ** 0.5


@pytest.mark.parametrize("spoil", [no_gate, other_eps, unbiased])
def test_layers_that_are_wrong_are_told(spoil: Callable[[nn.Module], None]) -> None:
    for seed in SEEDS:
        graph, tensors, _ = case(seed)
        module = engines.make(engines.find("eager"), graph, tensors, SETTING)
        spoil(module)
        found = verdict(seed, module)
        assert found.reason is not None, found
    rounded = Reference(LAB, graph, tensors, SETTING).compare(module, SETTING)
    assert rounded.reason is not None, rounded


# Whose mean is small beside what it is a mean of
MEAN = to_graph(
    Source(
        "mean.yaml",
        "name: mean\ninput: {channels: 900, height: 1, width: 1}\n"
        "stages: {f: {op: flatten}, m: {op: mean, over: channels}}",
    )
)


class InTurn(nn.Module):
    """A mean that adds up its numbers one after the other, the last ones left out."""

    def __init__(self, left_out: int) -> None:
        super().__init__()
        self.left_out = left_out

    def forward(self, x: Tensor) -> Tensor:
        numbers = x.flatten(1).numpy()
        total = np.add.accumulate(numbers[:, : numbers.shape[1] - self.left_out], axis=1)
        return torch.from_numpy(total[:, -1:] / np.float32(numbers.shape[1]))


def test_a_sum_that_cancels_may_be_in_any_order() -> None:
    setting = Setting(batch=1)
    reference = Reference(LAB, MEAN, {}, setting)
    found = LAB.subject(InTurn(0), MEAN, setting).outputs()
    plain = error_of(LAB, LAB.plain, MEAN, {}, setting, reference.outputs)
    assert judge(found, reference.outputs, "float32", plain, 0).reason is not None  # torch has luck
    assert reference.compare(InTurn(0), setting).reason is None
    assert reference.compare(InTurn(1), setting).reason is not None
