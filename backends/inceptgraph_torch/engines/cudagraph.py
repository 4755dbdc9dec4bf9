"""cuDNN's fused convolutions in one CUDA graph, branches side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import fx, nn

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import Setting, input_shapes
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.engines.fuse import fuse
from inceptgraph_torch.engines.replay import Replay
from inceptgraph_torch.engines.replay_training import TrainingReplay
from inceptgraph_torch.engines.runner import Runner, network, refusal, refuse_other_devices
from inceptgraph_torch.engines.speed_table import Measured, on_gpu
from inceptgraph_torch.engines.streams import SideBySide

__all__ = ["CudaGraphEngine"]

INFERENCE: Measured = {
    "float32": (5.5, 1.7, 1.3),
    "tf32": (10.3, 4.0, 1.7),
    "bfloat16": (11.8, 6.6, 1.8),
    "float16": (11.8, 6.6, 1.8),
}
TRAINING: Measured = {
    "float32": (1.1, 1.1, 1.0),
    "tf32": (2.0, 2.0, 1.3),
    "bfloat16": (2.3, 2.3, 1.6),
    "float16": (2.3, 2.3, 1.6),
}


class CudaGraphEngine:
    """Torch's layers, captured as a CUDA graph for each batch that comes."""

    name = "cudagraph"
    export: str | None = None

    def missing(self) -> str | None:
        return None

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        return refuse_other_devices(self, setting) or refusal(self, graph, setting)

    def target(self, setting: Setting) -> Target:
        # siblings run side by side as they are, and cutting their sum would be copies
        return Target(batch=setting.batch, call_cost=0.0, fuses_activations=True)

    def speed(self, setting: Setting) -> float:
        return on_gpu(TRAINING if setting.train else INFERENCE, setting)

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Runner:
        module = network(graph, tensors, setting)
        return Runner(module, setting, partial(_captured, setting), input_shapes(graph))


def _captured(setting: Setting, module: nn.Module) -> Callable[..., Any]:
    if setting.train:
        return TrainingReplay(module, setting.batch)
    assert isinstance(module, fx.GraphModule)
    fused = fuse(module)
    return Replay(fused, SideBySide(fused).run)
