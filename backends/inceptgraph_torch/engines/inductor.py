"""Torch's compiler, with frozen weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import H200, ZEN_4, ZEN_4_BF16, Measured, Setting, input_shapes, speed
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.compiler import compiler
from inceptgraph_torch.engines.runner import Runner, network, refusal
from inceptgraph_torch.inductor_workaround import freezable

__all__ = ["InductorEngine"]

_ON_GPU = (H200, "torch 2.11.0")
_ON_CPU = "torch 2.13.0"

FIGURES = (
    Measured({1: 2.50, 16: 2.18}, "float32", ZEN_4, _ON_CPU),
    Measured({16: 4.01}, "bfloat16", ZEN_4_BF16, _ON_CPU),
    Measured({1: 13.1, 16: 8.9}, "bfloat16", *_ON_GPU, fixed=True),
    Measured({16: 2.1, 128: 2.3}, "bfloat16", *_ON_GPU, train=True),
)
"""From docs/performance.md: in runs of its own, on the GPU beside other processes and over torch
eager of another run. Nothing was measured without CUDA graphs in inference."""


class InductorEngine:
    """``torch.compile`` with Inductor; a first call takes 20 s and more. Needs a C++ compiler."""

    name = "inductor"
    export: str | None = "aoti"
    figures = FIGURES

    def missing(self) -> str | None:
        return None if compiler() else "apt install g++ (or another C++ compiler)"

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        return refusal(self, graph, setting)

    def target(self, setting: Setting) -> Target:
        return Target(batch=setting.batch, fuses_activations=True)

    def speed(self, setting: Setting) -> float | None:
        return speed(self.figures, setting)

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Runner:
        module = network(graph, tensors, setting, flat=True)
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
