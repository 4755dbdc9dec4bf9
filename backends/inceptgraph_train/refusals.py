"""Findings of a training that cannot begin or go on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph.report import counted
from inceptgraph.training import Recipe
from inceptgraph_train.processes import Processes

__all__ = ["check_batch", "check_mixing", "diverged", "unreadable", "unusable"]


def check_batch(recipe: Recipe, samples: int, processes: Processes) -> None:
    """Refuse a batch that cannot be divided among the processes, or that no epoch has.

    Raises:
        SpecError: it is such a one.
    """
    batch, parts = recipe.batch, processes.world * recipe.accumulate
    if batch % parts:
        message = f"a batch of {batch} does not divide into {parts} parts of one size"
        hint = f"{counted(processes.world, 'process')} of {counted(recipe.accumulate, 'part')}"
        hint = f"say `--with batch={-(-batch // parts) * parts}`, or take other parts than {hint}"
        raise SpecError([Diagnostic(Code.TRAINING, message, help=hint)])
    if samples < batch:
        message = f"a batch is {counted(batch, 'sample')}, and the data has {samples:,}"
        hint = f"give a smaller one: `--with batch={max(samples // 2, 1)}`"
        raise SpecError([Diagnostic(Code.TRAINING, message, help=hint)])


def check_mixing(recipe: Recipe, graph: Graph) -> None:
    """Refuse to mix samples whose labels cannot be mixed.

    Raises:
        SpecError: an output is not trained by the classes of samples, or there are several.
    """
    own = [output for output in graph.outputs if not output.training_only]
    alike = {output.loss for output in graph.outputs} == {"cross_entropy"}
    if (recipe.augment.mixup or recipe.augment.cutmix) and not (alike and len(own) == 1):
        message = f"`mixup` and `cutmix` mix the classes of samples, and `{graph.name}` is trained"
        message += " by something else"
        hint = "say `--with augment.mixup=0 --with augment.cutmix=0`"
        raise SpecError([Diagnostic(Code.TRAINING, message, help=hint)])


def diverged(step: int, what: str, losses: Mapping[str, float]) -> SpecError:
    """The error that a training has lost its numbers.

    Args:
        step: at which it was seen.
        what: it is: "the loss is nan".
        losses: of each output.
    """
    wrong = [f"`{name}`" for name, each in losses.items() if not math.isfinite(each)]
    where = f" (of {' and '.join(wrong)})" if wrong else ""
    message = f"at step {step} {what}{where}: the training diverged"
    hint = "go on with a lower rate: `--resume --with optimizer.lr=…`"
    return SpecError([Diagnostic(Code.TRAINING, message, help=hint)])


def unreadable(message: str) -> SpecError:
    """The error that there is nothing to go on with, since images cannot be read."""
    hint = "do they lie where the data says? mend them, and go on with `--resume`"
    return SpecError([Diagnostic(Code.TRAINING, message, help=hint)])


def unusable(checkpoint: Path, error: Exception) -> SpecError:
    """The error that a checkpoint cannot be gone on from."""
    why = f"{type(error).__name__}: {error}".partition("\n")[0][:300]
    message = f"the checkpoint `{checkpoint}` cannot be gone on from: {why}"
    hint = "is the optimiser the one it was made with? if the file is broken, remove the checkpoint"
    hint += ", and `--resume` takes the one before"
    return SpecError([Diagnostic(Code.TRAINING, message, help=hint)])
