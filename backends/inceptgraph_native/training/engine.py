"""The training half of the engine: torch's own, with faster layers."""

from __future__ import annotations

from torch import nn

from inceptgraph.engine import Setting
from inceptgraph.graph import Graph
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_native.training.replace import accelerate
from inceptgraph_torch import SpecModule
from inceptgraph_torch.engines import EagerEngine

__all__ = ["TORCH", "prepare"]

TORCH = EagerEngine()
"""What trains, which also says what it refuses and which rewrites pay."""


def prepare(graph: Graph, tensors: Tensors, setting: Setting) -> nn.Module:
    """The module that trains a graph; see :meth:`inceptgraph_native.NativeEngine.prepare`."""
    runner = TORCH.prepare(graph, tensors, setting)
    assert isinstance(runner.network, SpecModule)
    accelerate(runner.network, graph)
    return runner
