"""A small network for tests, and what several of them do with it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import compile
from inceptgraph_torch import SpecModule

# A small network with everything in it: branches, a head, batch norm, dropout, size-dependent
# padding, LRN, a residual sum
TINY = """
name: Tiny
input: {name: image, channels: 3, height: 16, width: 16}
params: {classes: 5}
defaults: {conv2d: {weight_init: kaiming_normal}}
blocks:
  unit:
    params: {out: int}
    steps:
      conv: {op: conv2d, out: $out, kernel: 3, padding: same, bias: false}
      bn: {op: batch_norm}
      relu: {op: relu}
  fork:
    params: {out: int}
    branches:
      left: {op: unit, out: $out}
      right: {pool: {op: max_pool, kernel: 3, padding: same}, unit: {op: unit, out: $out}}
    merge: concat
stages:
  stem: {op: conv2d, out: 8, kernel: 5, stride: 2, padding: same}
  norm: {op: lrn}
  first: {op: fork, out: 4}
  sum: {op: add, from: [first, norm]}
  pool: {op: max_pool, kernel: 3, stride: 2, padding: same}
  second: {op: fork, out: 8}
  mean: {op: global_avg_pool}
  flatten: {op: flatten}
  dropout: {op: dropout, rate: 0.2}
  classifier: {op: linear, out: $classes}
outputs: {logits: classifier}
aux_heads:
  aux:
    from: first
    loss_weight: 0.3
    steps:
      pool: {op: adaptive_avg_pool, size: 2}
      flatten: {op: flatten}
      fc: {op: linear, out: $classes}
"""

# Inductor once folded all of these into the weights before them as the last one
SCALED = """
name: scaled
input: {channels: 4, height: 8, width: 8}
stages:
  first: {op: conv2d, out: 4}
  once: {op: scale, factor: 0.17}
  relu: {op: relu}
  second: {op: conv2d, out: 4, kernel: 3}
  twice: {op: scale, factor: 0.1, offset: 0.5}
  flatten: {op: flatten}
  classifier: {op: linear, out: 5}
  thrice: {op: scale, factor: 3.0}
outputs: {y: thrice}
"""


def tiny(**options: Any) -> SpecModule:
    return compile(Source("tiny.yaml", TINY), **{"seed": 0, **options})


def images(batch: int = 2, seed: int = 0, size: int = 16) -> Tensor:
    return torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(seed))


def without_dropout(module: SpecModule) -> SpecModule:
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return module


def assert_same(found: Any, expected: Any) -> None:
    """Equal to the last bit: the same kernels ran on the same numbers."""
    torch.testing.assert_close(found, expected, rtol=0, atol=0)
