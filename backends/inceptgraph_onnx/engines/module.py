"""A compiled model as a torch module: tensors in, tensors out, nothing copied that need not be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from inceptgraph.engine import Setting, refuse_pickling
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
    computes the same in training mode.

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
        self._inputs = {node.name: graph.shape(node.name) for node in graph.inputs}
        self._outputs = {output.name: graph.shape(output.node) for output in graph.outputs}
        self._device = torch.device(setting.device)
        self._dtype = torch.float16 if setting.dtype == "float16" else torch.float32
        self._program = program
        self.eval()

    def __deepcopy__(self, memo: dict[int, Any]) -> EngineModule:
        """Another module; the program is shared, which does not change."""
        copied = EngineModule.__new__(EngineModule)
        vars(copied).update(vars(self))
        return copied

    def __reduce__(self) -> Any:
        refuse_pickling()

    def forward(self, *inputs: Tensor) -> Tensor | dict[str, Tensor]:
        """Run the network.

        Args:
            inputs: floating-point tensors of shape (batch, …), one an input in their order.

        Returns:
            A float32 tensor of shape (batch, …); of several outputs, a dict of them by name.

        Raises:
            TypeError: there are more or fewer tensors than inputs, or one holds whole numbers.
            ValueError: one has another shape than the network was compiled for, or is on another
                device; or their batches differ.
        """
        if len(inputs) != len(self._inputs):
            names = ", ".join(f"`{name}`" for name in self._inputs)
            raise TypeError(f"the network reads {len(self._inputs)} ({names}), not {len(inputs)}")
        given = [
            self._read(tensor, name, shape)
            for tensor, (name, shape) in zip(inputs, self._inputs.items(), strict=True)
        ]
        batches = {len(tensor) for tensor in given}
        if len(batches) > 1:
            raise ValueError(f"the inputs differ in their batches: {sorted(batches)}")
        (batch,) = batches
        self.setting.check_batch(batch)
        found = [
            torch.empty((batch, *shape), dtype=self._dtype, device=self._device)
            for shape in self._outputs.values()
        ]
        if batch:  # runtimes differ in what they make of none
            self._program(given, found)
        values = [tensor.float() for tensor in found]
        return values[0] if len(values) == 1 else dict(zip(self._outputs, values, strict=True))

    def _read(self, tensor: Tensor, name: str, shape: tuple[int, ...]) -> Tensor:
        """An input as the program takes it: the same memory where it can be."""
        if not tensor.is_floating_point():
            raise TypeError(f"`{name}` is of {tensor.dtype}: give it as a floating-point type")
        if tuple(tensor.shape[1:]) != shape or tensor.dim() != len(shape) + 1:
            wanted = ", ".join(map(str, ("batch", *shape)))
            raise ValueError(
                f"`{name}` is of shape {tuple(tensor.shape)}, but the network was compiled for "
                f"({wanted})"
            )
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
