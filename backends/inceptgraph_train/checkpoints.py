"""Checkpoints: all that a training goes on from, in a directory that is there whole or not at all.

torch's ``distributed.checkpoint`` writes the tensors. What is drawn follows from the seed and the
step (see :mod:`inceptgraph_train.drawing`), so that the step is the position in the data, the place
in the schedule and the state of every process's generators in one.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn, optim
from torch.amp.grad_scaler import GradScaler
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.checkpoint.state_dict import get_state_dict, set_state_dict
from torch.distributed.checkpoint.state_dict_loader import load
from torch.distributed.checkpoint.state_dict_saver import save
from torch.optim.swa_utils import AveragedModel

from inceptgraph_train.processes import Processes
from inceptgraph_train.refusals import unusable

__all__ = ["Checkpoints", "Learned", "Saved"]

STATE = "state.json"


@dataclass(frozen=True)
class Saved:
    """What a checkpoint says of itself.

    Attributes:
        step: how many steps were made.
        world: how many processes made them.
        loss: the total in validation; None without one.
        top1: the accuracy there; None where the network has no classes.
    """

    step: int
    world: int
    loss: float | None = None
    top1: float | None = None

    @property
    def rank(self) -> tuple[float, float]:
        """How good it is: more is better. Of those that are right as often, less loss is."""
        return self.top1 or 0.0, -(self.loss or 0.0)


@dataclass(frozen=True)
class Learned:
    """All that a training changes: what a checkpoint holds."""

    model: nn.Module
    optimizer: optim.Optimizer
    scaler: GradScaler
    average: AveragedModel | None = None

    def not_finite(self, processes: Processes) -> list[str]:
        """The names of weights, of statistics and of their averages that are no numbers in some
        process; all processes call it."""
        found = dict(self.model.state_dict())
        if self.average is not None:
            averages = self.average.module.state_dict()
            found |= {f"average of {name}": each for name, each in averages.items()}
        found = {name: each for name, each in found.items() if each.is_floating_point()}
        wrong = torch.stack([~torch.isfinite(each).all() for each in found.values()])
        often = processes.summed(wrong.int()).tolist()  # one wait for the device
        return [name for name, count in zip(found, often, strict=True) if count]

    def gathered(self) -> dict[str, Any]:
        """It as a tree of tensors; what is loaded goes into these."""
        model, optimizer = get_state_dict(self.model, self.optimizer)
        average = {} if self.average is None else {"average": self.average.state_dict()}
        scaler = {name: torch.tensor(each) for name, each in self.scaler.state_dict().items()}
        return {"model": model, "optimizer": optimizer["state"], "scaler": scaler, **average}

    def take(self, state: dict[str, Any]) -> None:
        """Go on from a tree of tensors."""
        _, own = get_state_dict(self.model, self.optimizer)
        set_state_dict(
            self.model,
            self.optimizer,
            model_state_dict=state["model"],
            optim_state_dict={**own, "state": state["optimizer"]},
        )
        if self.average is not None:
            self.average.load_state_dict(state["average"])
        if state["scaler"]:
            self.scaler.load_state_dict({k: v.item() for k, v in state["scaler"].items()})


class Checkpoints:
    """The checkpoints of a run.

    Args:
        folder: that holds them, and nothing else.
        keep: how many of the newest stay; the best stays beside them.
        processes: all of which call each method.
    """

    def __init__(self, folder: Path, keep: int, processes: Processes) -> None:
        self.folder, self.keep, self.processes = folder, keep, processes

    def all(self) -> dict[Path, Saved]:
        """Those that are whole, the oldest first.

        Raises:
            SpecError: what one says of itself cannot be read.
        """
        found = {}
        for place in self.folder.glob("step-*"):
            try:
                found[place] = Saved(**json.loads((place / STATE).read_text(encoding="utf-8")))
            except (OSError, TypeError, ValueError) as error:
                raise unusable(place, error) from error
        return dict(sorted(found.items(), key=lambda item: item[1].step))

    def newest(self) -> Path | None:
        """The one to go on from."""
        return next(reversed(self.all()), None)

    def best(self) -> Path | None:
        """The one that did best in validation; None where none was measured. A loss that is no
        number measures nothing."""
        ranks = {
            place: each.rank
            for place, each in self.all().items()
            if each.loss is not None and math.isfinite(each.loss)
        }
        return max(ranks, key=lambda place: ranks[place], default=None)

    def save(self, learned: Learned, saved: Saved) -> Path:
        """Write a checkpoint beside its place, move it there, and remove those that are too many.

        Raises:
            OSError: the system cannot write it; those before are untouched.
        """
        place, beside = self.folder / f"step-{saved.step:09d}", self.folder / ".writing"
        if self.processes.first:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
        self.processes.wait()
        with _quiet(), _system_errors():
            save(learned.gathered(), checkpoint_id=beside)
        if self.processes.first:
            _write_durably(beside / STATE, json.dumps(asdict(saved)) + "\n")
            if place.exists():  # of a run that was taken up from an earlier one
                self._remove(place)
            beside.rename(place)
            _sync(self.folder)
            self._prune()
        self.processes.wait()
        return place

    def restore(self, learned: Learned) -> Saved | None:
        """Go on from the newest checkpoint; None where there is none.

        Raises:
            SpecError: it is broken, or of another optimiser.
        """
        place = self.newest()
        if place is None:
            return None
        state = learned.gathered()
        try:
            with _quiet(), _system_errors():
                load(state, checkpoint_id=place)
            learned.take(state)
        except Exception as error:  # a broken file, or one of another optimiser, fails in many ways
            raise unusable(place, error) from error
        return self.all()[place]

    def _prune(self) -> None:
        for left in self.folder.glob(".removing-*"):
            shutil.rmtree(left, ignore_errors=True)
        best = self.best()
        for place in [*self.all()][: -self.keep]:
            if place != best:
                self._remove(place)

    def _remove(self, place: Path) -> None:
        """Remove a checkpoint, which first loses its name: a part of one must not pass for it."""
        aside = place.with_name(f".removing-{place.name}")
        place.rename(aside)
        shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without torch's warning that one process is no group."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="torch.distributed is disabled")
        yield


@contextmanager
def _system_errors() -> Iterator[None]:
    """The first error that a process of a checkpoint met, as itself."""
    try:
        yield
    except CheckpointException as error:
        raise next(iter(error.failures.values()))[0] from error


def _write_durably(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
