"""Means over samples: the total loss, each output's, and how many are right."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from inceptgraph_train.losses import Losses
from inceptgraph_train.processes import Processes

__all__ = ["Means", "Meter"]

Means = dict[str, Any]
"""``loss``, ``losses`` by output, before their weights, and ``top1``, None where no output has
classes; nothing where there was no sample."""


class Meter:
    """Sums over the samples of all processes.

    Args:
        losses: what they are of.
        processes: all of which call :meth:`read`.
    """

    def __init__(self, losses: Losses, processes: Processes) -> None:
        self.losses, self.processes = losses, processes
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        size, device = len(self.losses.names) + 3, self.processes.device
        dtype = torch.float32 if device.type == "mps" else torch.float64
        self.sums = torch.zeros(size, dtype=dtype, device=device)
        self.began = time.monotonic()

    def add(self, count: int, loss: Tensor, outputs: Mapping[str, Tensor], right: Tensor) -> None:
        """Add a batch.

        Args:
            count: its samples.
            loss: their mean, in total.
            outputs: that of each output.
            right: how many are in their class.
        """
        zero = self.sums.new_zeros(())
        each = [outputs.get(name, zero) * count for name in self.losses.names]
        sums = [zero + count, loss.detach() * count, *each, right]
        self.sums += torch.stack([one.to(self.sums.dtype) for one in sums])

    def read(self, told: bool = False) -> tuple[Means, float, bool]:
        """The means since the last time, the samples a second, and whether any process was told
        to stop; begins anew."""
        sums = torch.cat([self.sums, self.sums.new_tensor([told])])
        count, loss, *losses, right, stopping = self.processes.summed(sums).tolist()
        seconds = max(time.monotonic() - self.began, 1e-9)
        self.clear()
        if not count:
            return {}, 0.0, stopping > 0
        named = zip(self.losses.names, losses, strict=True)
        top1 = right / count if self.losses.classified else None
        means = {name: each / count for name, each in named if each}
        return {"loss": loss / count, "losses": means, "top1": top1}, count / seconds, stopping > 0
