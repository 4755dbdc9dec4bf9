"""Networks with weights on the command line: what names them, and how they are run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from inceptgraph.cli.options import SPEC as MODEL
from inceptgraph.cli.options import fit_options, weights_file
from inceptgraph.report import counted

if TYPE_CHECKING:
    from inceptgraph.evaluation import Model, Plan

__all__ = ["MODEL", "open_models", "plan_of", "running_options", "weights_options"]

F = TypeVar("F", bound=Callable[..., Any])

_MOST_WORKERS = 8

_RUNNING = (
    click.option(
        "--crops",
        type=click.Choice(["1", "10", "144"]),
        default="1",
        show_default=True,
        help="Views of each image, over which probabilities are averaged.",
    ),
    click.option(
        "--engine",
        default="eager",
        show_default=True,
        metavar="ENGINE",
        help="What runs the network; `auto` is the fastest here (`inceptgraph list engines`).",
    ),
    click.option("--device", metavar="DEVICE", help="cpu (the default), cuda, cuda:1."),
    click.option("--dtype", metavar="DTYPE", help="What to compute in: float32, bfloat16, …"),
    click.option(
        "--batch",
        type=click.IntRange(min=1),
        default=32,
        show_default=True,
        help="Views at a time.",
    ),
    click.option(
        "--workers",
        type=click.IntRange(min=0),
        metavar="N",
        help="Processes that read images (default: one a processor, at most"
        f" {_MOST_WORKERS}; 0 is none).",
    ),
    click.option(
        "--skip-broken",
        is_flag=True,
        help="Leave out images that cannot be read, and count them; else the first ends the work.",
    ),
)


def running_options(function: F) -> F:
    """How images are shown, and what runs the network."""
    for option in reversed(_RUNNING):
        function = option(function)
    return function


def weights_options(function: F) -> F:
    """``--weights``, once for each spec, and how such a file is read."""
    return click.option(
        "--weights",
        type=click.Path(),
        multiple=True,
        metavar="FILE",
        help="Of a MODEL that is a spec. Repeatable: one for each spec, or several for one.",
    )(fit_options(function))


def plan_of(options: dict[str, Any]) -> Plan:
    """How images are shown; its options are taken from the rest."""
    from inceptgraph.evaluation import Plan

    workers = options.pop("workers")
    if workers is None:
        count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
        workers = min(count or 1, _MOST_WORKERS)
    return Plan(
        crops=int(options.pop("crops")),
        batch=options["batch"],
        workers=workers,
        skip_broken=options.pop("skip_broken"),
    )


def open_models(names: Sequence[str], options: dict[str, Any]) -> list[Model]:
    """The networks, with their weights.

    Args:
        names: directories and specs.
        options: the values of :func:`weights_options`, of ``--set`` and of what runs a network.

    Raises:
        click.UsageError: there are more files of weights than specs.
        SpecError: one of the networks cannot be used.
    """
    from inceptgraph.evaluation import is_spec, open_model

    files = options.pop("weights")
    specs = [name for name in names if is_spec(name)]
    if len(names) == len(specs) == 1 and files:
        names = specs = specs * len(files)
    if len(files) > len(specs):
        told = f"{counted(len(files), 'file')} of weights for {counted(len(specs), 'spec')}"
        raise click.UsageError(f"{told}: a directory has its own")
    found, rest = [], iter(files)
    for name in names:
        own = dict(options)
        own["set"] = own.pop("values")
        file = weights_file(next(rest, None) if is_spec(name) else None, own)
        given = {key: value for key, value in own.items() if value is not None}
        found.append(open_model(name, weights=file, **given))
    return found
