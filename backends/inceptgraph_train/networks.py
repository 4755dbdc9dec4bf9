"""The network that is trained: as an engine runs it, or as torch's own layers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from inceptgraph import backend as backends
from inceptgraph.engine import Setting, prepare
from inceptgraph.training import Job, Recipe, Report
from inceptgraph_train.processes import Processes

__all__ = ["trained_network"]


def trained_network(
    job: Job, recipe: Recipe, processes: Processes, tell: Callable[[Report], None]
) -> nn.Module:
    """A network with the weights that it starts from, in training mode.

    Its parameters have their names in the spec, whatever runs it, so that a run may go on by
    another engine. No engine computes in float64, where torch's own layers do.

    Args:
        job: names the engine.
        recipe: says the precision, the batch and the seed.
        processes: each has its own part of a batch.
        tell: is told which engine it is.

    Raises:
        SpecError: the engine is missing, or cannot train it.
    """
    start: dict[str, Any] = {"seed": recipe.seed}
    if job.weights is not None:
        start["weights"] = job.weights
    source = backends.find_model(backends.MODEL)
    if job.engine is None or recipe.precision == "float64":
        dtype = "float64" if recipe.precision == "float64" else "float32"
        plain: nn.Module = source.lower(job.graph, device=processes.device, dtype=dtype, **start)
        return plain
    setting = Setting.of(
        device=processes.device,
        dtype=recipe.precision,
        batch=recipe.batch // processes.world // recipe.accumulate,
        train=True,
        keep_memory=True,
    )
    tensors = partial(source.initial, job.graph, **start)
    network: Any = prepare(job.engine, job.graph, tensors, setting)  # with its choice
    tell(Report(message=f"trained by the engine `{network.choice.engine.name}`"))
    trained: nn.Module = network
    return trained
