"""A module with its inputs, called over and over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from inceptgraph.engine import Setting
from inceptgraph.graph import Graph, Output
from inceptgraph.ops import LOSSES, Target
from inceptgraph.weights.recipe_values import Array
from inceptgraph_torch.losses import CRITERIA
from inceptgraph_torch.sample_norms import StochasticDepth

__all__ = ["TorchSubject", "inputs_of", "named"]

SEED = 0
UNNAMED = Output("", "")
"""What an output counts for of which the network does not know."""
STRIDE = 0.01
"""Length at most of the step whose outcome is compared, over all weights: small, since a network of
many layers goes anywhere from a large one. Steps that are timed have none: it stays itself."""


def inputs_of(
    graph: Graph, batch: int, device: str = "cpu", magnitude: float = 1.0
) -> list[Tensor]:
    """The same random inputs whenever they are asked for, in float32.

    Args:
        graph: with shapes.
        batch: samples.
        device: where they are.
        magnitude: their standard deviation.
    """
    generator = torch.Generator().manual_seed(SEED)
    return [
        magnitude * torch.randn(batch, *graph.shape(node.name), generator=generator).to(device)
        for node in graph.inputs
    ]


def named(found: Any) -> dict[str, Tensor]:
    """The tensors that a module returned, by name or by place."""
    if isinstance(found, Tensor):
        return {"0": found}
    pairs = found.items() if isinstance(found, Mapping) else enumerate(found)
    return {str(name): value for name, value in pairs if isinstance(value, Tensor)}


class TorchSubject:
    """See :class:`inceptgraph.measure.Subject`.

    A training step is the forward pass with the heads, the sum of the losses with the weights
    that the spec gives them, the backward pass, and SGD with momentum 0.9. Dropout has rate 0,
    since what is random cannot be compared.
    """

    def __init__(
        self, module: nn.Module, inputs: Sequence[Tensor], graph: Graph, setting: Setting
    ) -> None:
        """Args:
        module: in the mode of the setting.
        inputs: what it is called with.
        graph: the network.
        setting: how it runs.
        """
        self._module, self._inputs, self._setting = module, inputs, setting
        self._targets: dict[str, Tensor] = {}
        places = {str(place): output for place, output in enumerate(graph.outputs)}
        self._trained = places | {output.name: output for output in graph.outputs}
        if setting.train:
            for part in module.modules():
                if isinstance(part, nn.modules.dropout._DropoutNd | StochasticDepth):
                    part.p = 0.0
            self._optimizer = torch.optim.SGD(module.parameters(), lr=0.0, momentum=0.9)

    def outputs(self) -> dict[str, Array]:
        found = self._forward()
        if not self._setting.train:
            return found
        self._step(move=True)
        return found | {f"{name} after a step": value for name, value in self._forward().items()}

    def call(self) -> None:
        if self._setting.train:
            self._step()
        else:
            with torch.no_grad():
                self._module(*self._inputs)

    def wait(self) -> None:
        if self._setting.on_gpu:
            torch.cuda.synchronize(self._setting.device)

    def _forward(self) -> dict[str, Array]:
        with torch.set_grad_enabled(self._setting.train):
            found = named(self._module(*self._inputs))
        return {
            name: np.asarray(value.detach().cpu().double().numpy()) for name, value in found.items()
        }

    def _step(self, move: bool = False) -> None:
        self._optimizer.zero_grad()
        found = named(self._module(*self._inputs))
        losses = [
            self._loss(name, value, self._trained.get(name, UNNAMED))
            for name, value in found.items()
        ]
        torch.autograd.backward(torch.stack(losses).sum())
        if move:
            nn.utils.clip_grad_norm_(self._module.parameters(), STRIDE)
        for group in self._optimizer.param_groups:
            group["lr"] = float(move)
        self._optimizer.step()

    def _loss(self, name: str, value: Tensor, output: Output) -> Tensor:
        if name not in self._targets:
            self._targets[name] = _target(value, LOSSES[output.loss].target)
        return output.loss_weight * CRITERIA[output.loss](value, self._targets[name])


def _target(value: Tensor, kind: Target) -> Tensor:
    """What a loss of this kind compares an output with, drawn."""
    generator = torch.Generator().manual_seed(SEED)
    if kind is Target.CLASSES:
        shape = (value.shape[0], *value.shape[2:])
        return torch.randint(value.shape[1], shape, generator=generator).to(value.device)
    return torch.rand(value.shape, generator=generator).to(value)
