"""Programs of torch.export on images of other sizes than the spec's, against the module."""

from __future__ import annotations

import re
from typing import ClassVar

import numpy as np
import pytest
import torch
from agreement import Array, arrays, randomized
from operations_strategy import one_step

from inceptgraph.diagnostics import Source
from inceptgraph.ops import BUILT_IN, Operation
from inceptgraph.pipeline import compile, to_graph
from inceptgraph.types import Shape
from inceptgraph_torch.rules import Layer, rule

NET = """\
name: net
input: {name: image, channels: 3, height: 17, width: 24}
stages:
  conv1: {op: conv2d, out: 6, kernel: 5, stride: 2, padding: [2, 1, 0, 3]}
  norm:  {op: batch_norm}
  pool1: {op: max_pool, kernel: 3, stride: 2, padding: 1}
  mixed:
    branches:
      one:  {op: conv2d, out: 4, kernel: 2, padding: same}
      mean: {op: avg_pool, kernel: 3, padding: 1}
    merge: concat
  drop:  {op: dropout}
  tiles: {op: adaptive_avg_pool, size: 2}
  flat:  {op: flatten}
  fc:    {op: linear, out: 5}
outputs: {logits: fc, map: mixed}
"""

FEWEST = 6
"""Pixels along an axis from which on the map behind both strides has two."""


def sizes(program: torch.export.ExportedProgram) -> list[int | None]:
    """The fixed extents of the image, None for one of any size."""
    (image,) = [
        node.meta["val"]
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
    ]
    return [extent if isinstance(extent, int) else None for extent in image.shape]


@pytest.mark.parametrize("phase", ["eval", "train"])
def test_any_size(phase: str) -> None:
    graph = to_graph(Source("net.yaml", NET))
    module = randomized(graph).train(phase == "train")
    program = compile(graph, "pt2", tensors=arrays(module, graph), dtype="float64", phase=phase)
    assert sizes(program) == [None, 3, None, None]
    run = program.module()
    for batch, height, width in ((1, 17, 24), (3, FEWEST, FEWEST), (2, 6, 33), (1, 18, 7)):
        image = torch.randn(batch, 3, height, width, dtype=torch.float64)
        torch.manual_seed(0)
        found = run(image)
        torch.manual_seed(0)
        torch.testing.assert_close(found, module(image), rtol=1e-12, atol=1e-12)
    with pytest.raises(AssertionError, match=re.escape(f">= {FEWEST}")):
        run(torch.randn(1, 3, FEWEST - 1, 24, dtype=torch.float64))


class Looking(torch.nn.Module):
    """A layer whose Python looks at the size."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + 1 if x.shape[-1] % 3 else x


class Looks(Operation):
    op: ClassVar[str] = "looks"


class Places(Operation):
    op: ClassVar[str] = "places"


class Taps(Operation):
    op: ClassVar[str] = "taps"


class Times(torch.nn.Module):
    def __init__(self, taps: Array) -> None:
        super().__init__()
        self.factor = float(taps.sum())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * self.factor


@rule.register
def _(op: Taps, *inputs: Shape) -> Layer:
    return Layer(Times, (np.array([1.0, 2.0]),))  # whether it equals another is no truth


@rule.register
def _(op: Looks, *inputs: Shape) -> Layer:
    return Layer(Looking)


@rule.register
def _(op: Places, *inputs: Shape) -> Layer:
    return Layer(torch.nn.LayerNorm, (inputs[0][1:],), {"elementwise_affine": False})


@pytest.mark.parametrize(
    "op",
    [
        BUILT_IN["flatten"](),
        BUILT_IN["conv2d"](out=2, kernel=3, stride=2, padding="same"),
        BUILT_IN["max_pool"](kernel=8),  # its map has one pixel, which torch takes for a case apart
        Looks(),
        Places(),
        Taps(),
    ],
)
def test_what_depends_on_the_size(op: Operation) -> None:
    graph = one_step(op, [(3, 8, 10)])
    module = randomized(graph)
    program = compile(graph, "pt2", tensors=arrays(module, graph), dtype="float64")
    assert sizes(program) == [None, 3, 8, 10]
    image = torch.randn(2, 3, 8, 10, dtype=torch.float64)
    torch.testing.assert_close(program.module()(image), module(image))


@pytest.mark.parametrize(
    "arguments", ["layer_norm, scale: false, shift: false", "rms_norm, scale: false"]
)
def test_a_norm_of_a_sample_that_learns_nothing_takes_any_size(arguments: str) -> None:
    stage = f"{{op: {arguments}, over: [channels, space], eps: 1e-3}}"
    text = f"name: n\ninput: {{channels: 3, height: 4, width: 5}}\nstages: {{norm: {stage}}}\n"
    graph = to_graph(Source("norm.yaml", text))
    program = compile(graph, "pt2", tensors={}, dtype="float64", phase="eval").module()
    module = compile(graph, dtype="float64")
    for size in ((4, 5), (2, 7)):
        x = torch.randn(2, 3, *size, dtype=torch.float64)
        flat = x.flatten(1)
        if "layer" in arguments:
            flat = flat - flat.mean(1, keepdim=True)
        wanted = flat / (flat.square().mean(1, keepdim=True) + 1e-3).sqrt()
        for run in (module, program):
            torch.testing.assert_close(run(x), wanted.view_as(x), rtol=1e-12, atol=1e-12)
