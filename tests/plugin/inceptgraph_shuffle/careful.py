"""An engine that runs a network in torch and refuses to hand on numbers that are none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from inceptgraph.diagnostics import Diagnostic
from inceptgraph.engine import Setting, refuse
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
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
        return None

    def target(self, setting: Setting) -> Target:
        return Target(batch=setting.batch)

    def speed(self, setting: Setting) -> float | None:
        return None  # not measured: `auto` takes it where nothing that was can run the network

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> nn.Module:
        return _Careful(lower(graph, tensors=tensors).eval())


class _Careful(nn.Module):
    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.eval()

    @torch.no_grad()
    def forward(self, *inputs: Tensor) -> Any:
        found = self.network(*(tensor.float() for tensor in inputs))
        for value in found.values() if isinstance(found, dict) else [found]:
            if not value.isfinite().all():
                raise FloatingPointError("an output is not finite")
        return found
