"""The trainer that ``inceptgraph train`` asks: what is around the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Any

import torch
import torch.distributed as dist

from inceptgraph import backend as backends
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.pipeline import to_graph
from inceptgraph.report import counted
from inceptgraph.training import Job, Outcome, Recipe, Report
from inceptgraph_train.checkpoints import Checkpoints
from inceptgraph_train.inputs import open_samples, with_classes
from inceptgraph_train.loop import Training
from inceptgraph_train.processes import Processes, joined
from inceptgraph_train.refusals import check_mixing
from inceptgraph_train.run_directory import RunDirectory, open_run

__all__ = ["TorchTrainer"]


class TorchTrainer:
    """Trains on torch, alone or as one of the processes that ``torchrun`` started."""

    def train(self, job: Job, tell: Callable[[Report], None] = lambda report: None) -> Outcome:
        """Train a network; see :class:`inceptgraph.training.Trainer`."""
        backends.find_model(backends.MODEL).check(device=job.device)
        with joined(torch.device(job.device)) as processes:
            run = open_run(job.out, job.graph.name, job.resume, job.tensorboard)
            processes.wait()  # all have looked before the first one writes
            try:
                return _train(job, run, processes, tell)
            except SpecError as error:
                raise _with_checkpoint(error.diagnostics, run, processes) from error
            except OSError as error:
                what = f"cannot write `{error.filename or job.out}`: {error.strerror or error}"
                hint = "make room, or see to it that it may be written; then go on with `--resume`"
                raise _failed(what, hint, run, processes) from error
            except KeyboardInterrupt:
                if processes.first:
                    tell(Report(message=_newest(run, processes)))
                raise
            except RuntimeError as error:
                if not _is_lost(error, processes):
                    raise
                what = f"a process of the {processes.world} was lost: {_first_line(error)}"
                hint = "start it again with `--resume`; what the others print tells why"
                raise _failed(what, hint, run, processes) from error


def _train(
    job: Job, run: RunDirectory, processes: Processes, tell: Callable[[Report], None]
) -> Outcome:
    recipe = _recipe(job, run, tell if processes.first else lambda report: None)
    check_mixing(recipe, job.graph)
    data, validation = open_samples(job, recipe)
    _check_network(run, job)
    _check_data(run, data)
    training = Training(job, recipe, data, validation, run, processes, tell)
    if processes.first:
        about = {
            "data": _about(job.data, data),
            "validation": _about(job.validation, validation),
            "processes": processes.world,
            "device": str(processes.device),
            "engine": str(getattr(training.model, "choice", "the layers of torch")),
        }
        run.begin(with_classes(job.spec, data), recipe, about)
    return training.run()


def _recipe(job: Job, run: RunDirectory, tell: Callable[[Report], None]) -> Recipe:
    """The recipe, with what is told where a run goes on by another."""
    if job.recipe is None:
        return run.recipe()
    if run.record():
        before = run.recipe()
        for each in fields(Recipe):
            if getattr(before, each.name) != getattr(job.recipe, each.name):
                tell(Report(message=f"`{each.name}` is not what the run began with"))
    return job.recipe


def _check_network(run: RunDirectory, job: Job) -> None:
    """Refuse to go on with another network."""
    if run.record() and not to_graph(run.place / "spec.yaml").same_as(job.graph):
        message = f"`{run.place}` is a run of another network than `{job.graph.name}`"
        hint = f"go on with its own, `{run.place}/spec.yaml`, or begin another run"
        raise SpecError([Diagnostic(Code.TRAINING, message, help=hint)])


def _check_data(run: RunDirectory, data: Any) -> None:
    """Refuse to go on with other samples, of which steps would mean others."""
    before = run.record().get("data")
    if before is not None and before != _about(before["where"], data):
        message = f"the run began with other data: {counted(before['samples'], 'sample')}"
        message += f" of `{before['where']}`, {_digest(before['sha256'])}"
        hint = "give the same, or begin another run"
        raise SpecError([Diagnostic(Code.TRAINING, message, help=hint)])


def _digest(sha256: str | None) -> str:
    return f"sha256 {sha256[:12]}…" if sha256 else "without a hash"


def _about(where: Any, data: Any) -> dict[str, Any] | None:
    if data is None:
        return None
    shown = where if isinstance(where, str) else type(where).__name__
    digest = data.digest() if hasattr(data, "digest") else None
    return {"where": shown, "samples": len(data), "sha256": digest}


def _is_lost(error: RuntimeError, processes: Processes) -> bool:
    """Whether an error is that another process does not answer."""
    told = str(error).lower()
    words = ("gloo", "nccl", "connection", "peer", "timed out")
    return processes.world > 1 and (
        isinstance(error, dist.DistError) or any(word in told for word in words)
    )


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0][:200]


def _failed(message: str, help: str, run: RunDirectory, processes: Processes) -> SpecError:
    return _with_checkpoint((Diagnostic(Code.TRAINING, message, help=help),), run, processes)


def _with_checkpoint(
    found: Sequence[Diagnostic], run: RunDirectory, processes: Processes
) -> SpecError:
    """Findings of which the last says which checkpoint is good, where a run was begun."""
    if not run.checkpoints.is_dir():
        return SpecError(found)
    *others, last = found
    return SpecError([*others, replace(last, notes=(*last.notes, _newest(run, processes)))])


def _newest(run: RunDirectory, processes: Processes) -> str:
    newest = Checkpoints(run.checkpoints, 1, processes).newest()
    return f"the newest good checkpoint is `{newest}`" if newest else "there is no checkpoint yet"
