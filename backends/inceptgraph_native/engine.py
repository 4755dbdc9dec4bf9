"""The engine: what it needs, what it refuses, and how it makes what runs."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import (
    AVX2,
    ZEN_4,
    ZEN_4_BF16,
    Measured,
    Setting,
    refuse,
    refuse_step,
    speed,
)
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.types import Phase
from inceptgraph.weights.recipe_values import Tensors, checked
from inceptgraph_native import processor

if TYPE_CHECKING:
    from torch import nn

__all__ = ["NativeEngine"]

GROUP = 4
"""Images that pass through the network together, where a batch has as many: what lies between two
steps then stays in the cache, and small maps still fill the tiles."""

_VERSION = "inceptgraph 0.1.0"

FIGURES = (
    Measured({1: 4.16, 16: 3.33}, "float32", ZEN_4, _VERSION),
    Measured({1: 6.05, 16: 5.05}, "bfloat16", ZEN_4_BF16, _VERSION),
    Measured({16: 1.96}, "float32", ZEN_4, _VERSION, train=True),
    Measured({16: 2.87}, "bfloat16", ZEN_4_BF16, _VERSION, train=True),
    Measured({1: 3.0, 16: 2.7}, "float32", AVX2, _VERSION),
    Measured({16: 1.3}, "float32", AVX2, _VERSION, train=True),
)
"""From docs/performance.md."""


class NativeEngine:
    """Runs a program that is made from the graph, in C++, for its shapes and this processor."""

    name = "native"
    export: str | None = None
    figures = FIGURES

    def missing(self) -> str | None:
        if processor.compiler():
            return None
        return "apt install g++ (or another C++20 compiler, which CXX may name)"

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        from inceptgraph_native.codegen.rules import has_rule
        from inceptgraph_native.codegen.sequences import as_image

        if setting.device != "cpu":
            return refuse(self, f"runs on the CPU, not on `{setting.device}`")
        if setting.dtype not in ("float32", "bfloat16"):
            return refuse(self, f"does not compute in {setting.dtype}")
        if setting.dtype == "bfloat16" and not processor.here().bfloat16:
            return refuse(self, "computes in bfloat16 only where the processor has AVX512_BF16")
        if setting.train:
            from inceptgraph_native.training import TORCH

            found = TORCH.refusal(graph, setting)
            told = f"the engine `{self.name}` trains on torch's layers, and"
            return found and replace(found, message=f"{told} {found.message}")
        for node in graph.phase(Phase.EVAL).nodes.values():
            if not setting.train and len(graph.shape(node.name)) > 3:
                return refuse_step(self, node, "it computes sequences and images, no volumes")
            if not setting.train and as_image(graph, node) is None:
                return refuse_step(self, node, "it has no kernel for the operation on sequences")
            if not has_rule(type(node.op)):
                return refuse_step(self, node, "it has no kernel for the operation")
        return None

    def target(self, setting: Setting) -> Target:
        """Calls cost little here, cut channels and activations behind a convolution nothing; but
        training is torch's."""
        if setting.train:
            from inceptgraph_native.training import TORCH

            return TORCH.target(setting)
        return Target(setting.batch, call_cost=2e4, copy_cost=0.0, fuses_activations=True)

    def speed(self, setting: Setting) -> float | None:
        return speed(self.figures, setting)

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> nn.Module:
        """Compile the program of a graph.

        Raises:
            SpecError: it cannot run the graph, or the compiler fails.
            ValueError: a tensor is missing, or has another shape.
        """
        from inceptgraph.diagnostics import SpecError
        from inceptgraph_native.codegen.lower import lower
        from inceptgraph_native.codegen.program_module import NativeModule
        from inceptgraph_native.compile_cache import compiled

        if refusal := self.refusal(graph, setting):
            raise SpecError([refusal])
        if setting.train:
            from inceptgraph_native import training

            return training.prepare(graph, tensors, setting)
        machine = processor.here()
        program = lower(
            graph.phase(Phase.EVAL),
            checked(graph, tensors),
            machine,
            group=min(setting.batch, GROUP),
            threads=os.cpu_count() or 1,
            bfloat16=setting.dtype == "bfloat16",
        )
        library = compiled(program.sources, machine)
        return NativeModule(program, library, setting=setting)
