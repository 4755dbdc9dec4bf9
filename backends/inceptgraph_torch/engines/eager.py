"""Torch as it is, channels last."""

from __future__ import annotations

from inceptgraph.engine import Setting
from inceptgraph.errors import Diagnostic
from inceptgraph.evaluate import Tensors
from inceptgraph.graph import Graph
from inceptgraph.passes.base import Target
from inceptgraph_torch.engines.network import Runner, network, refusal

__all__ = ["EagerEngine"]


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
        if setting.train:
            return 2.4 if setting.dtype == "bfloat16" else 1.4
        return 1.5 if setting.dtype == "float32" else 2.4

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Runner:
        return Runner(network(graph, tensors, setting), setting)
