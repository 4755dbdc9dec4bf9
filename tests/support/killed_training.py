"""A training that is killed while it runs: ``main(run, when, count)``, and ``--resume`` where it
goes on.

WHEN is ``sample``, as one is read; ``sync``, as a part of a checkpoint gets to the disk;
``rename``, as a file or a checkpoint is moved into its place; or ``never``. COUNT says at which of
them, the first is 1. ``term`` sends SIGTERM as a sample is read; ``full`` lets no file grow beyond
COUNT bytes.
"""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from trained import SMALL, job, noise

from inceptgraph.diagnostics import SpecError
from inceptgraph_train import TorchTrainer

DRAWING = SMALL.replace(
    "  flatten: {op: flatten}\n  classifier",
    "  bn: {op: batch_norm}\n  flatten: {op: flatten}\n"
    "  dropout: {op: dropout, rate: 0.3}\n  classifier",
)
"""A network that draws, and observes."""

RECIPE = """
length: 12 steps
optimizer: {name: sgd, lr: 0.05, momentum: 0.9}
schedule: {name: cosine, warm_up: 3 steps}
augment: {mixup: 0.3, cutmix: 1.0}
average: {name: ema, decay: 0.9}
precision: float32
checkpoints: {every: 2 steps, keep: 2}
"""


class Noisy(Dataset[Any]):
    """Random images with noise that is drawn anew each time."""

    def __init__(self, seen: Callable[[], None]) -> None:
        self.samples, self.seen = noise(), seen

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor]:
        self.seen()
        image, label = self.samples[place]
        return image + 0.1 * torch.randn(image.shape), label


def counted(count: int, number: int) -> Callable[[], None]:
    """What sends this process a signal when it is called for the ``count``-th time."""
    calls = 0

    def call() -> None:
        nonlocal calls
        calls += 1
        if calls == count:
            os.kill(os.getpid(), number)

    return call


def before(call: Callable[[], None], function: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> Any:
        call()
        return function(*arguments, **options)

    return called


def main(place: str, when: str, count: str, *more: str) -> int:
    number = signal.SIGTERM if when == "term" else signal.SIGKILL
    call = counted(int(count), number)
    if when == "sync":
        os.fsync = before(call, os.fsync)
    if when == "rename":
        Path.rename = before(call, Path.rename)  # type: ignore[method-assign]
        os.replace = before(call, os.replace)
    if when == "full":
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(count), resource.RLIM_INFINITY))
    data = Noisy(call if when in ("sample", "term") else lambda: None)
    asked = job(Path(place), RECIPE, DRAWING, data=data, validation=noise(9, 1))
    asked = type(asked)(**{**vars(asked), "resume": "--resume" in more})
    try:
        outcome = TorchTrainer().train(asked, lambda report: print(report.message, end=""))
    except SpecError as error:
        print(error, *error.diagnostics[0].notes, sep="\n")
        return 1
    return 0 if outcome.finished else 75
