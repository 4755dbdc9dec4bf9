"""Networks of sequences and of volumes, whole: counts against torch's layers, engines, sizes."""

from __future__ import annotations

from math import prod

import pytest
import torch
from torch import Tensor, nn

import inceptgraph
from inceptgraph.analysis import largest_field, total
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.graph import Graph
from inceptgraph.infer import at_any_size

STAGES = """
blocks:
  unit:
    params: {out: int, kernel: size = 1}
    steps:
      conv: {op: conv, out: $out, kernel: $kernel, padding: same, bias: false}
      bn: {op: batch_norm}
      relu: {op: relu}
stages:
  stem: {op: conv, out: 4, kernel: 5, stride: 2, padding: 2}
  mixed:
    branches:
      one: {op: unit, out: 3}
      three: {steps: {reduce: {op: unit, out: 2}, conv: {op: unit, out: 5, kernel: 3}}}
      pool: {steps: {pool: {op: max_pool, kernel: 3, padding: same}, proj: {op: unit, out: 2}}}
    merge: concat
  depthwise: {op: depthwise_conv, kernel: 3, padding: 1}
  average: {op: avg_pool, kernel: 2, stride: 2}
  gap: {op: global_avg_pool}
  flat: {op: flatten}
  fc: {op: linear, out: 3}
"""
INPUTS = {1: "length: 24", 2: "height: 12, width: 14", 3: "frames: 8, height: 10, width: 12"}


def network(rank: int) -> Graph:
    text = f"name: Net\ninput: {{channels: 2, {INPUTS[rank]}}}{STAGES}"
    return inceptgraph.to_graph(Source("net.yaml", text))


def by_hand(rank: int) -> tuple[int, int]:
    """Parameters and multiply-adds of the convolutions and the linear layer, as torch makes them
    and as their outputs count."""
    conv = (nn.Conv1d, nn.Conv2d, nn.Conv3d)[rank - 1]
    extents = {1: (24,), 2: (12, 14), 3: (8, 10, 12)}[rank]
    half = prod((extent + 1) // 2 for extent in extents)
    layers = [conv(2, 4, 5), *(conv(i, o, k, bias=False) for i, o, k in _WITHIN)]
    layers.append(conv(10, 10, 3, groups=10))
    macs = sum(layer.weight.numel() * half for layer in layers) + 30
    norms = 2 * sum(out for _, out, _ in _WITHIN)
    params = sum(p.numel() for layer in layers for p in layer.parameters()) + norms + 33
    return params, macs


_WITHIN = ((4, 3, 1), (4, 2, 1), (2, 5, 3), (4, 2, 1))


@pytest.mark.parametrize("rank", INPUTS)
def test_counts_are_those_of_layers_of_torch(rank: int) -> None:
    cost = total(network(rank))
    assert (cost.params, cost.macs) == by_hand(rank)


@pytest.mark.parametrize("rank", INPUTS)
def test_receptive_fields_and_free_sizes(rank: int) -> None:
    graph = network(rank)
    # 5 at the stem, then 3 and 3 and 2 at a distance of 2
    assert largest_field(graph) == (5 + 2 * (2 + 2 + 1),) * rank
    assert at_any_size(graph) is not None


@pytest.mark.parametrize("rank", INPUTS)
def test_engines_agree(rank: int) -> None:
    graph = network(rank)
    x = torch.rand(2, *graph.shape("input"))
    plain = inceptgraph.compile(graph, seed=0).eval()
    with torch.no_grad():
        wanted: Tensor = plain(x)
        for engine in ("eager", "onnxruntime", "openvino"):
            found = inceptgraph.compile(graph, engine=engine, seed=0, optimize=True)(x)
            torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-5)


def test_native_has_no_volumes() -> None:
    with pytest.raises(SpecError, match="it computes sequences and images, no volumes"):
        inceptgraph.compile(network(3), engine="native")
