"""Trainings that are killed while they run: each line of stdin is one, ``RUN WHEN COUNT``, and
``--resume`` where it goes on.

Each has a process of its own, forked from this one, which has imported all before. A line of stdout
tells how it ended, with what it said, as JSON.

WHEN is ``sample``, as one is read; ``sync``, as a part of a checkpoint gets to the disk;
``rename``, as a file or a checkpoint is moved into its place; or ``never``. COUNT says at which of
them, the first is 1. ``term`` sends SIGTERM as a sample is read; ``full`` lets no file grow beyond
COUNT bytes.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import tempfile
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


def forked(words: list[str]) -> dict[str, Any]:
    """A training in a process of its own."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), sys.stdout.fileno())
            code = 99
            try:
                code = main(*words)
                sys.stdout.flush()
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return {"code": os.waitstatus_to_exitcode(status), "said": said.read()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    for line in sys.stdin:
        print(json.dumps(forked(line.split())), flush=True)
