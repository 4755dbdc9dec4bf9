"""``bench``: engines and peers side by side."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

import click

from inceptgraph.cli import console, failures
from inceptgraph.cli.options import fit_options, json_option, set_option, spec_argument
from inceptgraph.cli.output_files import check_target, write
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb
from inceptgraph.engine import DTYPES, SHORT

if TYPE_CHECKING:
    from inceptgraph.bench import Plan, Report
    from inceptgraph.graph import Graph
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["bench"]

EXAMPLES = """
inceptgraph bench googlenet
inceptgraph bench googlenet --engine eager,inductor --batch 1,16 --dtype f32,bf16
inceptgraph bench googlenet_torchvision --against torchvision:googlenet -o bench.svg
inceptgraph bench googlenet --train --batch 16 --tune-allocator
inceptgraph bench my.yaml --device cuda --dtype bf16 --json > bench.json
"""

CACHES = ("XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "INCEPTGRAPH_CACHE")
"""Where compilers keep what they made; empty ones make every first result a cold one."""


def _words(what: str) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    def split(
        context: click.Context, option: click.Parameter, value: str | None
    ) -> list[str] | None:
        if value is None:
            return None
        found = list(dict.fromkeys(word.strip() for word in value.split(",")))
        if not all(found):
            raise click.BadParameter(f"is a list of {what} with commas between", context, option)
        return found

    return split


def _batches(context: click.Context, option: click.Parameter, value: str) -> list[int]:
    words = _words("numbers")(context, option, value)
    if not all(word.isdecimal() and int(word) for word in words):
        message = "is a list of whole numbers, each 1 or more, such as 1,16"
        raise click.BadParameter(message, context, option)
    return [int(word) for word in words]


def _dtypes(context: click.Context, option: click.Parameter, value: str) -> list[str]:
    found = [SHORT.get(word, word) for word in _words("types")(context, option, value)]
    for word in found:
        if word not in DTYPES:
            known = ", ".join((*DTYPES, *SHORT))
            raise click.BadParameter(f"`{word}` is none of {known}", context, option)
    return list(dict.fromkeys(found))


def _plot_name(context: click.Context, option: click.Parameter, value: str | None) -> str | None:
    if value is not None and PurePath(value).suffix.lower() not in (".svg", ".png", ".pdf"):
        raise click.BadParameter("ends in .svg, .png or .pdf", context, option)
    return value


@verb("bench", examples=EXAMPLES)
@spec_argument
@click.option(
    "--engine",
    "engines",
    metavar="NAME,…",
    callback=_words("engines"),
    help="Which engines; all that are installed unless given.",
)
@click.option(
    "--against",
    "peers",
    multiple=True,
    metavar="PACKAGE:NAME",
    help="A module of another package beside it, such as torchvision:googlenet; what it names is"
    " imported and called. Repeatable.",
)
@click.option("--compile-peers", is_flag=True, help="Peers by torch.compile with freezing as well.")
@click.option(
    "--batch",
    "batches",
    default="1",
    metavar="N,…",
    callback=_batches,
    show_default=True,
    help="Samples at a time.",
)
@click.option(
    "--dtype",
    "dtypes",
    default="float32",
    metavar="DTYPE,…",
    callback=_dtypes,
    show_default=True,
    help="What to compute in: float32 (f32), bfloat16 (bf16), float16 (f16), tf32.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1.")
@click.option("--train", is_flag=True, help="Time a training step, with heads and their losses.")
@click.option("--fixed", is_flag=True, help="Let engines assume that no other batch ever comes.")
@click.option("--autotune", is_flag=True, help="Let engines take minutes to try kernels.")
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    metavar="N",
    help="How many rounds; as many as fit into --seconds unless given.",
)
@click.option(
    "--seconds",
    type=click.FloatRange(min=0, min_open=True),
    default=20.0,
    show_default=True,
    help="Of timing for each batch; never fewer than 5 rounds.",
)
@click.option(
    "--memory/--no-memory",
    default=True,
    help="Measure memory and first results, each in a process of its own (the default), or not.",
)
@click.option(
    "--tune-allocator",
    is_flag=True,
    help="Let the process keep memory that is freed, for all engines and peers alike.",
)
@click.option(
    "--weights",
    type=click.Path(),
    metavar="FILE",
    help="Measure with these; with random ones unless given.",
)
@fit_options
@json_option
@click.option(
    "-o", "--output", type=click.Path(), callback=_plot_name, help="Also a plot: .svg, .png, .pdf."
)
@set_option
def bench(
    spec: str,
    engines: list[str] | None,
    weights: str | None,
    remap: str | None,
    allow: tuple[str, ...],
    as_json: bool,
    output: str | None,
    values: dict[str, str],
    **options: Any,
) -> int:
    """Time engines side by side.

    Every engine gets the same random inputs. Its outputs are compared first with those of the plain
    module in float64; what is further off than its type of numbers explains is reported as wrong,
    and not timed. Then all have their turns in interleaved rounds. Speed-ups are over the plain
    module run by torch in float32, which is the row `torch`.

    Where other processes took more than 5 % of the processor in the rounds, or a figure is certain
    to no more than 5 % by the spread of its rounds, a warning below the table says so.

    A * marks the engine that `auto` picks. The exit code is 1 where an engine is wrong or fails.
    """
    if weights is None and (remap or allow):
        raise click.UsageError("`--remap` and `--allow` are about a file: give it with --weights")
    analysis, graph = load(spec, values)
    if output is not None:
        _require_plots()
        check_target(output, analysis.sources)  # before anything takes long
    plan, missing = _plan(engines, **options)
    lab, tensors = _lab(graph, weights, remap, allow)
    with _empty_caches():
        report = replace(_measured(graph, tensors, plan, lab), missing=missing)
    if output is not None:
        from inceptgraph.bench import draw

        write(output, draw(report, PurePath(output).suffix[1:].lower()), analysis.sources)
        console.message(output)
    if as_json:
        console.send_json(report.as_dict())
    else:
        from inceptgraph.cli.bench_table import as_text

        console.data(as_text(report))
    if report.interrupted:
        console.message("interrupted: these are the rounds before that")
        return failures.INTERRUPTED
    return failures.FINDINGS if report.wrong else 0


def _plan(
    names: Sequence[str] | None,
    *,
    peers: Sequence[str],
    batches: Sequence[int],
    dtypes: Sequence[str],
    compile_peers: bool,
    rounds: int | None,
    seconds: float,
    memory: bool,
    tune_allocator: bool,
    **setting: Any,
) -> tuple[Plan, dict[str, str]]:
    """What to measure, and what installs each engine that is not here.

    Raises:
        SpecError: an engine that was asked for is not here, or a peer cannot be imported.
    """
    from inceptgraph import engine
    from inceptgraph.bench import Plan, find_peer

    missing: dict[str, str] = {}
    if names is None:
        offered = engine.installed()
        found = {each.name: each.missing() for each in offered}
        missing = {name: command for name, command in found.items() if command}
        names = [name for name in found if name not in missing]
    else:
        if engine.AUTO in names:
            hint = "name engines, or leave --engine out: the one that `auto` takes has a *"
            raise click.UsageError(f"`{engine.AUTO}` is no engine of its own: {hint}")
        names = [engine.find(name).name for name in names]
    for peer in peers:
        find_peer(peer)  # before anything takes long
    return Plan(
        engines=names,
        peers=peers,
        batches=batches,
        dtypes=dtypes,
        setting=engine.Setting.of(keep_memory=tune_allocator, **setting),
        compile_peers=compile_peers,
        rounds=rounds,
        seconds=seconds,
        memory=memory,
    ), missing


def _lab(
    graph: Graph, weights: str | None, remap: str | None, allow: tuple[str, ...]
) -> tuple[Any, Tensors]:
    """What measures, and the weights to measure with."""
    from inceptgraph import backend
    from inceptgraph.bench import find_lab
    from inceptgraph.weights import fit_file, not_finite

    fitted = None
    if weights is not None:
        fitted = fit_file(graph, weights, remap=remap, allow=allow).require()
        for line in not_finite(fitted.not_finite):
            console.message(f"warning: {line}")
    backend.check_support(backend.find(backend.MODEL), graph)
    lab = find_lab()
    console.message("weights: drawing" if fitted is None else f"weights: {weights}")
    return lab, lab.weights(graph, fitted, seed=0)


def _measured(graph: Graph, tensors: Tensors, plan: Plan, lab: Any) -> Report:
    from inceptgraph.backend import MODEL
    from inceptgraph.bench import bench as measure
    from inceptgraph.bench import probe

    prober = partial(probe, MODEL, graph=graph, tensors=tensors) if plan.memory else None
    started = time.monotonic()

    def progress(text: str) -> None:
        console.message(f"[{time.monotonic() - started:6.1f} s] {text}")

    return measure(graph, tensors, plan, lab, prober=prober, progress=progress)


def _require_plots() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise failures.Refused('plots need matplotlib: pip install "inceptgraph[bench]"')


@contextmanager
def _empty_caches() -> Iterator[None]:
    """Caches of compilers that are empty, and the user's own again after that."""
    before = {name: os.environ.get(name) for name in CACHES}
    with tempfile.TemporaryDirectory(prefix="inceptgraph-bench-") as folder:
        os.environ |= dict.fromkeys(CACHES, folder)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
