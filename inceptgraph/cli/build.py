"""``build``: a directory with a model that runs."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from inceptgraph.builder import build as build_model
from inceptgraph.cli import console
from inceptgraph.cli.options import (
    Names,
    fit_options,
    passes_option,
    rewriting,
    set_option,
    spec_argument,
    weights_file,
)
from inceptgraph.cli.output_files import writing
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb

__all__ = ["build"]

EXAMPLES = """
inceptgraph build googlenet -o model/
inceptgraph build my.yaml -o model/ --device cuda --dtype bfloat16
inceptgraph build googlenet -o model/ --set classes=10 --seed 7 --force
inceptgraph build googlenet -o model/ --weights bvlc_googlenet.caffemodel
inceptgraph build run/ -o model/
inceptgraph build googlenet -o model/ --export onnx,pt2,aoti
inceptgraph build googlenet_torchvision -o model/ --export onnx --preprocess
inceptgraph build googlenet -o model/ --optimize --engine inductor --batch 16
inceptgraph build googlenet -o model/ --passes drop-training,fold-norm
"""

_LEARNED = "model.safetensors"
"""The weights in the directory of a run, beside its ``spec.yaml``."""


def _backends() -> Iterable[str]:
    from inceptgraph import backend

    return backend.names()


@verb("build", examples=EXAMPLES)
@spec_argument
@click.option("-o", "--output", required=True, type=click.Path(), help="The directory to write.")
@click.option("--device", metavar="DEVICE", help="Where the weights start: cpu, cuda, cuda:1, mps.")
@click.option("--dtype", metavar="DTYPE", help="Type of the weights: float32, bfloat16, …")
@click.option("--seed", type=int, help="Makes the weights reproducible.")
@click.option(
    "--weights",
    type=click.Path(),
    metavar="FILE",
    help="Start from these: safetensors, .pth, .caffemodel, Keras's .h5, …",
)
@fit_options
@click.option(
    "--export",
    type=Names(_backends, "onnx,pt2"),
    metavar="BACKEND,…",
    help="Also write exports/ for other programs, such as onnx, pt2, aoti.",
)
@click.option(
    "--optimize",
    is_flag=True,
    help="Also write the network in evaluation, rewritten to run fast, and export that.",
)
@passes_option
@click.option(
    "--engine",
    metavar="ENGINE",
    help="What it is rewritten for, such as inductor (default: auto, the fastest here).",
)
@click.option(
    "--batch",
    type=click.IntRange(min=1),
    help="Samples at a time that it is to be fastest for (default: 1).",
)
@click.option(
    "--no-verify",
    is_flag=True,
    help="Do not compare what --engine computes with the plain module on one random batch.",
)
@click.option(
    "--preprocess",
    is_flag=True,
    help="Let exports take pixels of 0 to 255: `preprocess` of the spec is their first steps.",
)
@click.option("--force", is_flag=True, help="Replace an earlier build even if it was changed.")
@set_option
def build(
    spec: str,
    output: str,
    no_verify: bool,
    force: bool,
    values: dict[str, str],
    **options: Any,
) -> None:
    """Write a model that runs.

    The directory holds a standalone Python module that needs torch alone, its weights, the spec as
    it was resolved, and a diagram. It is written beside its place and then moved there.
    `inceptgraph weights` says how a file of weights fits, and writes nothing. Of the directory of
    a run of `train`, its network is built with the weights that it learned.
    """
    run = Path(spec)
    if options["weights"] is None and (run / _LEARNED).is_file():
        spec, options["weights"] = str(run / "spec.yaml"), str(run / _LEARNED)
    options["weights"] = weights_file(options["weights"], options)
    options["optimize"] = rewriting(options["optimize"], options.pop("passes"))
    if options["engine"] is not None and not options["optimize"]:
        raise click.UsageError("`--engine` needs `--optimize` or `--passes`")
    if options["batch"] is not None and not (options["optimize"] or options["export"]):
        raise click.UsageError("`--batch` needs `--optimize`, `--passes` or `--export`")
    if options["preprocess"] and not options["export"]:
        raise click.UsageError("`--preprocess` is about exports: name them with --export")
    if no_verify and options["engine"] is None:
        raise click.UsageError("`--no-verify` is about an engine: name it with --engine")
    options["verify"] = options["engine"] is not None and not no_verify
    analysis = load(spec, values).analysis
    given = {name: value for name, value in options.items() if value is not None}
    with writing(output):
        build_model(
            analysis, output, overrides=values, force=force, progress=console.message, **given
        )
    console.message(output)
