"""What trains: a package that is found by its entry point, and what it is asked and tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from inceptgraph import backend as backends
from inceptgraph import plugins
from inceptgraph.graph import Graph
from inceptgraph.training._recipe import Recipe

if TYPE_CHECKING:
    from inceptgraph.weights import Fitted

__all__ = ["Job", "Outcome", "Report", "Trainer", "find_trainer"]

ENTRY_POINTS = "inceptgraph.trainers"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A training that is asked for.

    Attributes:
        graph: of the network, both phases.
        spec: its text, in one file.
        recipe: how it is trained; None goes on by that of the run.
        data: where the samples are; or a dataset of (input, label), by index.
        out: the directory of the run.
        validation: samples that accuracy is measured on; None measures none.
        resume: go on with the run in ``out``.
        weights: a file to start from.
        device: as torch names it.
        engine: what computes the steps, by its name or ``auto``; None has the layers of torch.
        workers: processes that load samples, for each process that trains.
        log_every: steps between two records.
        tensorboard: also write what TensorBoard reads.
    """

    graph: Graph
    spec: str
    recipe: Recipe | None
    data: Any
    out: Path
    validation: Any = None
    resume: bool = False
    weights: Fitted | None = None
    device: str = "cpu"
    engine: str | None = "auto"
    workers: int = 0
    log_every: int = 10
    tensorboard: bool = False


@dataclass(frozen=True, kw_only=True)
class Report:
    """The state of a training, as it is told.

    Attributes:
        message: something to be said; the rest is as it was then.
        step: steps that were made.
        steps: those of the whole training.
        epoch: the same in epochs.
        loss: the total, as the mean since the last report.
        losses: of each output and head, before its weight.
        top1: the share of samples that the network puts into their class; None where it has none.
        rate: images a second.
        seconds_left: until the end, as far as can be told.
        validation: loss, losses and accuracy there, right after they were measured.
    """

    message: str = ""
    step: int = 0
    steps: int = 0
    epoch: float = 0.0
    loss: float | None = None
    losses: Mapping[str, float] = field(default_factory=dict)
    top1: float | None = None
    rate: float | None = None
    seconds_left: float | None = None
    validation: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Outcome:
    """The end of a training.

    Attributes:
        finished: whether all steps were made; else it was told to stop.
        checkpoint: the newest.
        best: the accuracy of the best checkpoint in validation; None without one.
    """

    finished: bool
    checkpoint: Path
    best: float | None = None


@runtime_checkable
class Trainer(Protocol):
    """Trains networks."""

    def train(self, job: Job, tell: Callable[[Report], None] = lambda report: None) -> Outcome:
        """Train a network.

        Args:
            job: what is asked for.
            tell: is told how far it is, by the first process alone.

        Raises:
            SpecError: it cannot begin, or not go on; the finding names the newest checkpoint.
        """


def find_trainer(name: str = backends.MODEL) -> Trainer:
    """The trainer of a backend.

    Raises:
        SpecError: no installed package does, or it cannot be loaded.
    """
    return plugins.named(ENTRY_POINTS, name, Trainer, "trainer")
