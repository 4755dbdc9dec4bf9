"""NVIDIA's TensorRT, by way of Torch-TensorRT."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import torch
from torch import nn

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import Setting, input_shapes, refuse
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.engines.runner import (
    Runner,
    compute_dtype,
    network,
    refusal,
    refuse_other_devices,
)

__all__ = ["TensorRTEngine"]


class TensorRTEngine:
    """Torch-TensorRT as a backend of ``torch.compile``, for inference on NVIDIA's GPUs."""

    name = "tensorrt"
    export: str | None = None

    def missing(self) -> str | None:
        return None if find_spec("torch_tensorrt") else 'pip install "inceptgraph[tensorrt]"'

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        if away := refuse_other_devices(self, setting):
            return away
        if setting.train:
            return refuse(self, "does not train", "use `auto`, or `eager`")
        return refusal(self, graph, setting)

    def target(self, setting: Setting) -> Target:
        return Target(batch=setting.batch, fuses_activations=True)

    def speed(self, setting: Setting) -> float | None:
        return None

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Runner:
        import torch_tensorrt  # noqa: F401  # which registers itself with torch.compile

        module = network(graph, tensors, setting, flat=True)
        return Runner(module, setting, partial(_compiled, setting), input_shapes(graph))


def _compiled(setting: Setting, module: nn.Module) -> Callable[..., Any]:
    options: dict[str, Any] = {
        "enabled_precisions": {compute_dtype(setting)},
        "disable_tf32": setting.dtype != "tf32",
        "min_block_size": 1,
    }
    dynamic = False if setting.fixed else None
    return torch.compile(
        module.__call__, backend="torch_tensorrt", dynamic=dynamic, options=options
    )
