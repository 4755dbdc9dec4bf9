"""Torch as it is, channels last."""

from __future__ import annotations

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import Setting, input_shapes
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.engines.runner import Runner, network, refusal
from inceptgraph_torch.engines.speed_table import Measured, on_gpu

__all__ = ["EagerEngine"]

ON_GPU: Measured = {
    "float32": (1.3, 1.0, 1.0),
    "tf32": (1.5, 1.5, 1.2),
    "bfloat16": (2.0, 2.0, 1.3),
    "float16": (2.0, 2.0, 1.3),
}
TRAINING_ON_GPU: Measured = {
    "float32": (1.0, 1.0, 1.2),
    "tf32": (1.0, 1.0, 1.4),
    "bfloat16": (1.0, 1.0, 1.5),
    "float16": (1.0, 1.0, 1.5),
}


class EagerEngine:
    """Torch's own layers, one call each, in channels-last order. Runs every network."""

    name = "eager"
    export: str | None = None

    def missing(self) -> str | None:
        return None

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        return refusal(self, graph, setting)

    def target(self, setting: Setting) -> Target:
        return Target(batch=setting.batch)

    def speed(self, setting: Setting) -> float:
        if setting.on_gpu:
            return on_gpu(TRAINING_ON_GPU if setting.train else ON_GPU, setting)
        if setting.train:
            return 2.4 if setting.dtype == "bfloat16" else 1.4
        return 1.5 if setting.dtype == "float32" else 2.4

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Runner:
        return Runner(network(graph, tensors, setting), setting, inputs=input_shapes(graph))
