"""A training as one of the processes of a group; ``torchrun many_processes.py RUN [TEXT [WHAT]]``.

TEXT is more of the recipe. WHAT is ``--resume``, ``--native`` for another engine, or ``lose`` for a
second process that kills itself in its third step.
"""

from __future__ import annotations

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import Dataset
from trained import job, noise

from inceptgraph.diagnostics import SpecError
from inceptgraph_train import TorchTrainer


class Mortal(Dataset[Any]):
    """Samples of which the ninth of the second process kills it."""

    def __init__(self) -> None:
        self.samples, self.read = noise(), 0

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: int) -> Any:
        self.read += 1
        if self.read == 9 and os.environ.get("RANK") == "1":
            os.kill(os.getpid(), signal.SIGKILL)
        return self.samples[place]


def main(place: str, text: str = "", what: str = "") -> int:
    torch.set_num_threads(1)
    asked = job(Path(place), text.replace(";", "\n"), validation=noise(9, 1))
    asked = replace(asked, resume=what == "--resume")
    if what == "--native":
        asked = replace(asked, engine="native")
    if what == "lose":
        asked = replace(asked, data=Mortal())
    try:
        TorchTrainer().train(asked, lambda report: print(report.message, end="", flush=True))
    except SpecError as error:
        print(error, *error.diagnostics[0].notes, sep="\n", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
