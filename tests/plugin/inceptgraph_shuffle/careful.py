"""An engine that runs a network in torch and refuses to hand on numbers that are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from inceptgraph.backend import find
from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import Setting, check_inputs, in_order, input_shapes, refuse, refuse_step
from inceptgraph.graph import Graph
from inceptgraph.ops import Input
from inceptgraph.passes import Target
from inceptgraph.types import Shape
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch import lower


class CarefulEngine:
    """Torch in float32 on the CPU, with a look at every output."""

    name = "careful"
    export: str | None = None

    def missing(self) -> str | None:
        return None  # or the command that installs what it needs

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        if setting.train or setting.device != "cpu" or setting.dtype != "float32":
            return refuse(self, f"does no {setting}", "use another engine")
        for node in graph.nodes.values():
            if not isinstance(node.op, Input) and not find("torch").supports(type(node.op)):
                return refuse_step(self, node, "torch has no rule for it", "use another operation")
        return None

    def target(self, setting: Setting) -> Target:
        return Target(batch=setting.batch)

    def speed(self, setting: Setting) -> float | None:
        return None  # not measured: `auto` takes it where nothing that was can run the network

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> nn.Module:
        return _Careful(lower(graph, tensors=tensors), input_shapes(graph), setting)


class _Careful(nn.Module):
    def __init__(self, network: nn.Module, shapes: Mapping[str, Shape], setting: Setting) -> None:
        super().__init__()
        self.network, self.shapes, self.setting = network, shapes, setting
        self.eval()

    def train(self, mode: bool = True) -> _Careful:
        return super().train(self.setting.mode(mode))  # stays in evaluation, with a warning

    @torch.no_grad()
    def forward(self, *inputs: Tensor, **named: Tensor) -> Any:
        given = in_order(self.shapes, inputs, named)
        check_inputs(self.shapes, given, self.setting)
        found = self.network(*(tensor.float() for tensor in given))
        for value in found.values() if isinstance(found, dict) else [found]:
            if not value.isfinite().all():
                raise FloatingPointError("an output is not finite")
        return found
