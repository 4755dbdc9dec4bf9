"""Torch as it is, channels last."""

from __future__ import annotations

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import AVX2, H200, ZEN_4, ZEN_4_BF16, Measured, Setting, input_shapes, speed
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.engines.runner import Runner, network, refusal

__all__ = ["EagerEngine"]

_ON_GPU = (H200, "torch 2.11.0")
_ON_CPU = "torch 2.13.0"

FIGURES = (
    Measured({1: 1.74, 16: 1.96}, "float32", ZEN_4, _ON_CPU),
    Measured({1: 1.4, 16: 1.9}, "float32", AVX2, _ON_CPU),
    Measured({16: 1.2}, "float32", AVX2, _ON_CPU, train=True),
    Measured({1: 2.93, 16: 3.29}, "bfloat16", ZEN_4_BF16, _ON_CPU),
    Measured({16: 1.43}, "float32", ZEN_4, _ON_CPU, train=True),
    Measured({16: 2.50}, "bfloat16", ZEN_4_BF16, _ON_CPU, train=True),
    Measured({1: 1.6, 16: 1.5, 128: 1.3}, "tf32", *_ON_GPU),
    Measured({1: 2.0, 16: 2.2, 128: 1.3}, "bfloat16", *_ON_GPU),
    Measured({16: 1.0, 128: 1.4}, "tf32", *_ON_GPU, train=True),
    Measured({16: 1.0, 128: 1.5}, "bfloat16", *_ON_GPU, train=True),
)
"""From docs/performance.md. In float32 a GPU has been given channels first since, and the backward
pass has been rounded otherwise."""


class EagerEngine:
    """Torch's own layers, one call each, in channels-last order. Runs every network."""

    name = "eager"
    export: str | None = None
    figures = FIGURES

    def missing(self) -> str | None:
        return None

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        return refusal(self, graph, setting)

    def target(self, setting: Setting) -> Target:
        return Target(batch=setting.batch)

    def speed(self, setting: Setting) -> float | None:
        return speed(self.figures, setting)

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Runner:
        return Runner(network(graph, tensors, setting), setting, inputs=input_shapes(graph))
