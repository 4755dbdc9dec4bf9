"""``train``: a network trained by a recipe."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Any

import click

from inceptgraph.cli import console, failures
from inceptgraph.cli.options import fit_options, overrides, set_option, spec_argument, weights_file
from inceptgraph.cli.specs import load
from inceptgraph.cli.training_progress import Progress
from inceptgraph.cli.verbs import verb

__all__ = ["train"]

EXAMPLES = """
inceptgraph train lenet5 --data digits/ --recipe modern -o run/
inceptgraph train googlenet --data images/ --recipe googlenet_paper -o run/ --device cuda
inceptgraph train googlenet --data images/ --recipe my.yaml -o run/ --with batch=64
inceptgraph train googlenet --data images/ -o run/ --resume
inceptgraph train googlenet --set classes=10 --weights FILE --data images/ \\
  --recipe finetune -o run/ --with 'frozen=[conv1, conv2]'
torchrun --nproc-per-node 8 -m inceptgraph train googlenet --device cuda --data images/ …
"""


class _Recipe(click.ParamType[str]):
    """The name of a shipped training recipe, or a file."""

    name = "recipe"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[Any]:
        """Shipped recipes, and files."""
        from click.shell_completion import CompletionItem

        from inceptgraph.training import shipped

        names = [CompletionItem(name) for name in shipped() if name.startswith(incomplete)]
        return [*names, CompletionItem(incomplete, type="file")]


@verb("train", examples=EXAMPLES)
@spec_argument
@click.option(
    "--data",
    required=True,
    metavar="DATA",
    help="Images and labels: a folder of classes, or of `train` and `val`; a table (.csv,"
    " .parquet), tar shards, or package:callable.",
)
@click.option("--validation", metavar="DATA", help="Others, that accuracy is measured on.")
@click.option(
    "--recipe",
    type=_Recipe(),
    metavar="NAME|FILE",
    help="How it is trained: a shipped recipe's name (`inceptgraph list recipes`) or a .yaml file.",
)
@click.option("-o", "--output", required=True, type=click.Path(), help="The run's directory.")
@click.option(
    "--resume", is_flag=True, help="Go on with the run in it, from its newest checkpoint."
)
@click.option(
    "--with",
    "changes",
    multiple=True,
    metavar="PATH=VALUE",
    callback=overrides("batch=64 or optimizer.lr=0.1"),
    help="Replace a value of the recipe, such as batch=64 or optimizer.lr=0.1. Repeatable.",
)
@click.option("--device", metavar="DEVICE", default="cpu", help="Where: cpu (default), cuda, mps.")
@click.option(
    "--engine",
    metavar="ENGINE",
    default="auto",
    help="What computes the steps: auto (default), native, cudagraph, inductor, eager, …",
)
@click.option(
    "--workers",
    type=click.IntRange(min=0),
    default=0,
    help="Processes that load samples, for each that trains (default: 0, it loads them itself).",
)
@click.option(
    "--log-every",
    type=click.IntRange(min=1),
    default=10,
    help="Steps between two records in metrics.jsonl (default: 10).",
)
@click.option("--tensorboard", is_flag=True, help="Also write what TensorBoard reads.")
@click.option(
    "--weights",
    type=click.Path(),
    metavar="FILE",
    help="Start from these: safetensors, .pth, .caffemodel, Keras's .h5, …",
)
@fit_options
@set_option
def train(
    spec: str,
    data: str,
    recipe: str | None,
    output: str,
    resume: bool,
    changes: dict[str, str],
    values: dict[str, str],
    weights: str | None,
    **options: Any,
) -> int:
    """Train a network by a recipe.

    The run's directory holds the spec, the recipe, the weights, checkpoints, metrics.jsonl and
    curves.svg; `build` takes it as it takes a spec. Under `torchrun` the same command trains on
    many GPUs and machines.

    SIGTERM writes a checkpoint and ends with exit code 75; Ctrl-C ends at once, and names the
    newest. --resume goes on from that.
    """
    file = weights_file(weights, options)
    fit = {name: options.pop(name) for name in ("remap", "allow")}
    own = Path(output) / "recipe.yaml"
    if recipe is None and not (resume and own.is_file()):
        told = f"`{output}` holds no run to go on with, and " if resume else ""
        raise click.UsageError(f"{told}a new run needs a `--recipe`: `inceptgraph list recipes`")
    if recipe is None and changes:
        recipe = str(own)
    analysis, graph = load(spec, values)
    from inceptgraph.training import Job, choose, find_trainer

    progress = Progress()
    with progress:
        job = Job(
            graph=graph,
            spec=analysis.text(values),
            recipe=None if recipe is None else choose(recipe, changes),
            data=data,
            out=Path(output),
            resume=resume,
            weights=_fitted(graph, file, fit),
            **options,
        )
        try:
            outcome = find_trainer().train(job, progress.tell)
        except KeyboardInterrupt:
            _say_how_to_go_on("interrupted", resume)
            return failures.INTERRUPTED
    if _first():
        best = f", {outcome.best:.2%} right in validation" if outcome.best is not None else ""
        console.message(f"{output}: {outcome.checkpoint}{best}")
    if outcome.finished:
        return 0
    _say_how_to_go_on("stopped as it was told to", resume)
    return failures.STOPPED


def _first() -> bool:
    """Whether this is the first of the processes that ``torchrun`` started."""
    return os.environ.get("RANK", "0") == "0"


def _say_how_to_go_on(why: str, resume: bool) -> None:
    if _first():
        again = shlex.join(sys.argv[1:] + ([] if resume else ["--resume"]))
        several = "torchrun … -m " if "RANK" in os.environ else ""
        console.message(f"{why}; go on with\n  {several}inceptgraph {again}")


def _fitted(graph: Any, file: Any, fit: dict[str, Any]) -> Any:
    """A file of weights that is fitted to the network, if there is one."""
    if file is None:
        return None
    from inceptgraph.weights import load as load_weights

    return load_weights(graph, file, tell=console.message, **fit)
