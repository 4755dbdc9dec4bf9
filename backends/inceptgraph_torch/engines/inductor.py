"""Torch's compiler, with frozen weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import Setting, input_shapes
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.compiler import compiler
from inceptgraph_torch.engines.runner import Runner, network, refusal
from inceptgraph_torch.engines.speed_table import Measured, on_gpu
from inceptgraph_torch.inductor_workaround import freezable

__all__ = ["InductorEngine"]

# Only bfloat16 was measured, at 1 and 16, and in training at 16 and 128. For the other types it is
# put below `cudagraph`, which was, and which does not take half a minute to start.
ON_GPU: Measured = {
    "float32": (5.0, 1.6, 1.2),
    "tf32": (10.0, 3.9, 1.6),
    "bfloat16": (13.1, 8.8, 2.3),
    "float16": (13.1, 8.8, 2.3),
}
WITHOUT_GRAPHS: Measured = dict.fromkeys(ON_GPU, (2.0, 1.5, 1.2))
TRAINING_ON_GPU: Measured = {
    "float32": (1.0, 1.0, 1.0),
    "tf32": (1.0, 1.0, 1.2),
    "bfloat16": (2.1, 2.1, 2.3),
    "float16": (2.1, 2.1, 2.3),
}


class InductorEngine:
    """``torch.compile`` with Inductor; a first call takes 20 s and more. Needs a C++ compiler."""

    name = "inductor"
    export: str | None = "aoti"

    def missing(self) -> str | None:
        return None if compiler() else "apt install g++ (or another C++ compiler)"

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        return refusal(self, graph, setting)

    def target(self, setting: Setting) -> Target:
        return Target(batch=setting.batch, fuses_activations=True)

    def speed(self, setting: Setting) -> float:
        if setting.on_gpu:
            measured = ON_GPU if setting.fixed else WITHOUT_GRAPHS
            return on_gpu(TRAINING_ON_GPU if setting.train else measured, setting)
        if setting.train:
            return 1.8 if setting.dtype == "bfloat16" else 1.2
        # of float16 nothing was measured; the others are set beside `openvino`, which it is 0.8 to
        # 0.95 times as fast as on torchvision's GoogLeNet and, at batch 16, on Inception-v3
        return {"float32": 1.9, "bfloat16": 3.4}.get(setting.dtype, 2.5)

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Runner:
        module = network(graph, tensors, setting)
        if not setting.train:
            freezable(module)
        return Runner(module, setting, partial(_compiled, setting), input_shapes(graph))


def _compiled(setting: Setting, module: nn.Module) -> Callable[..., Any]:
    """Compiled with what a setting says when it is called first."""
    compiled: Callable[..., Any] = torch.compile(
        module.__call__, dynamic=False if setting.fixed else None, options=options(setting)
    )
    if options(setting).get("triton.cudagraphs"):
        compiled = _replayed(compiled)
    return compiled if setting.train else _frozen(compiled)


def _frozen(call: Callable[..., Any]) -> Callable[..., Any]:
    """Compiles with constant weights, whenever that happens."""
    from torch._inductor import config  # takes half a second

    def run(*inputs: Tensor) -> Any:
        # an option of torch.compile does not reach Dynamo, which reads it, too
        with config.patch(freezing=True):
            return call(*inputs)

    return run


def _replayed(call: Callable[..., Any]) -> Callable[..., Any]:
    """Takes results out of the memory of a CUDA graph, which the next replay overwrites."""

    def run(*inputs: Tensor) -> Any:
        torch.compiler.cudagraph_mark_step_begin()  # type: ignore[no-untyped-call]
        return tree_map(torch.clone, call(*inputs))

    return run


def options(setting: Setting) -> dict[str, Any]:
    """The options that Inductor is told."""
    chosen: dict[str, Any] = {}
    if not setting.train:
        chosen["freezing"] = True
    if setting.on_gpu:
        chosen["triton.cudagraphs"] = setting.fixed
        chosen["max_autotune"] = setting.autotune
    elif not setting.train:
        chosen["cpp_wrapper"] = True
    return chosen
