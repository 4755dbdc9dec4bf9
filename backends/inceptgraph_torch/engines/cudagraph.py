"""cuDNN's fused convolutions in one CUDA graph, branches side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import fx, nn

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import H200, Measured, Setting, input_shapes, speed
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.engines.fuse import fuse
from inceptgraph_torch.engines.replay import Replay
from inceptgraph_torch.engines.replay_training import TrainingReplay
from inceptgraph_torch.engines.runner import Runner, network, refusal, refuse_other_devices
from inceptgraph_torch.engines.streams import SideBySide

__all__ = ["CudaGraphEngine"]

_RUN = (H200, "torch 2.11.0")

FIGURES = (
    Measured({1: 5.5, 16: 1.7, 128: 1.3}, "float32", *_RUN),
    Measured({1: 10.3, 16: 4.0, 128: 1.7}, "tf32", *_RUN),
    Measured({1: 11.8, 16: 6.6, 128: 1.8}, "bfloat16", *_RUN),
    Measured({16: 2.0, 128: 1.3}, "tf32", *_RUN, train=True),
    Measured({16: 2.3, 128: 1.6}, "bfloat16", *_RUN, train=True),
)
"""From docs/performance.md. Training in float32 has been rounded otherwise since."""


class CudaGraphEngine:
    """Torch's layers, captured as a CUDA graph for each batch that comes."""

    name = "cudagraph"
    export: str | None = None
    figures = FIGURES

    def missing(self) -> str | None:
        return None

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        return refuse_other_devices(self, setting) or refusal(self, graph, setting)

    def target(self, setting: Setting) -> Target:
        # siblings run side by side as they are, and cutting their sum would be copies
        return Target(batch=setting.batch, call_cost=0.0, fuses_activations=True)

    def speed(self, setting: Setting) -> float | None:
        return speed(self.figures, setting)

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Runner:
        module = network(graph, tensors, setting, flat=True)
        return Runner(module, setting, partial(_captured, setting), input_shapes(graph))


def _captured(setting: Setting, module: nn.Module) -> Callable[..., Any]:
    if setting.train:
        return TrainingReplay(module, setting.batch)
    assert isinstance(module, fx.GraphModule)
    fused = fuse(module)
    return Replay(fused, SideBySide(fused).run)
