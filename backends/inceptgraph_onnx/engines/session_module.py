"""Torch module that runs a compiled model, and copies nothing that need not be copied."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from inceptgraph.engine import Setting, check_inputs, in_order, input_shapes, refuse_pickling
from inceptgraph.graph import Graph

__all__ = ["EngineModule", "Program"]


class Program(Protocol):
    """What a runtime compiled. Several threads may call it at once."""

    def __call__(self, inputs: Sequence[Tensor], outputs: Sequence[Tensor]) -> None:
        """Run it.

        Args:
            inputs: contiguous, of shape (batch, …), one an input of the network in their order.
            outputs: where the results are written, alike.
        """


class EngineModule(nn.Module):
    """Runs a compiled network.

    It has no parameters: the weights are in the runtime's own form. It gives no gradients, and
    stays in evaluation.

    Attributes:
        setting: how the network runs.
    """

    def __init__(self, graph: Graph, setting: Setting, program: Program) -> None:
        """Args:
        graph: that the program was compiled from, in evaluation.
        setting: how it runs.
        program: runs it, in float16 where the setting says so and else in float32.
        """
        super().__init__()
        self.setting = setting
        self._inputs = input_shapes(graph)
        self._outputs = {output.name: graph.shape(output.node) for output in graph.outputs}
        self._device = torch.device(setting.device)
        self._dtype = torch.float16 if setting.dtype == "float16" else torch.float32
        self._program = program
        self.eval()

    def train(self, mode: bool = True) -> EngineModule:
        return super().train(self.setting.mode(mode))

    def __deepcopy__(self, memo: dict[int, Any]) -> EngineModule:
        """Another module; the program is shared, which does not change."""
        copied = EngineModule.__new__(EngineModule)
        vars(copied).update(vars(self))
        return copied

    def __reduce__(self) -> Any:
        refuse_pickling()

    def forward(self, *inputs: Tensor, **named: Tensor) -> Tensor | dict[str, Tensor]:
        """Run the network.

        Args:
            inputs: floating-point tensors of shape (batch, …), one an input in their order.
            named: those that follow, by the names of the inputs.

        Returns:
            A float32 tensor of shape (batch, …); of several outputs, a dict of them by name.

        Raises:
            TypeError: there are more or fewer tensors than inputs, or one holds whole numbers.
            ValueError: one has another shape than the network was compiled for, or is on another
                device; or their batches differ, or the batch is fixed, and another one.
        """
        ordered = in_order(self._inputs, inputs, named)
        batch = check_inputs(self._inputs, ordered, self.setting)
        given = [
            self._read(tensor, name) for tensor, name in zip(ordered, self._inputs, strict=True)
        ]
        found = [
            torch.empty((batch, *shape), dtype=self._dtype, device=self._device)
            for shape in self._outputs.values()
        ]
        if batch:  # runtimes differ in what they make of none
            self._program(given, found)
        values = [tensor.float() for tensor in found]
        return values[0] if len(values) == 1 else dict(zip(self._outputs, values, strict=True))

    def _read(self, tensor: Tensor, name: str) -> Tensor:
        """An input as the program takes it: the same memory where it can be."""
        if _place(tensor.device) != _place(self._device):
            raise ValueError(
                f"`{name}` is on {tensor.device}, but the network was compiled for "
                f"{self._device}: move one to the other"
            )
        return tensor.detach().to(self._dtype).contiguous()

    def extra_repr(self) -> str:
        return f"{self._program}, {self.setting}"


def _place(device: torch.device) -> tuple[str, int]:
    return device.type, device.index or 0
