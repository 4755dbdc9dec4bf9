"""The processes of a training: one, or those that ``torchrun`` started."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

__all__ = ["Processes", "joined", "told_to_stop"]

_groups: list[Any] = []
"""The groups that this process joined, held to its end.

Who lets go of a group last waits for its threads, and they may wait for the interpreter. This
handle lets go of the interpreter first. DistributedDataParallel does not, and a traceback can keep
that longest, so that a process waited forever when another was lost (pytorch issue 56297).
"""


@dataclass(frozen=True)
class Processes:
    """This process among those of the training.

    Attributes:
        device: that this process computes on.
        rank: its number.
        world: how many there are.
    """

    device: torch.device
    rank: int = 0
    world: int = 1

    @property
    def first(self) -> bool:
        """Whether it is the one that writes and tells."""
        return self.rank == 0

    def summed(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.world > 1:
            dist.all_reduce(values)
        return values

    def wait(self) -> None:
        """Return when all processes have come here."""
        if self.world > 1:
            dist.barrier()


@contextmanager
def joined(device: torch.device) -> Iterator[Processes]:
    """The processes that ``torchrun`` started, joined to a group; this one alone without it.

    Args:
        device: what to compute on; of several GPUs each process of a machine takes its own.
    """
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        yield Processes(device)
        return
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo")
    _groups.append(dist.group.WORLD)
    try:
        yield Processes(device, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """Whether SIGTERM came, which then ends nothing by itself."""
    told = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield told  # signals are the main thread's
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: told.set())
    try:
        yield told
    finally:
        signal.signal(signal.SIGTERM, before)
