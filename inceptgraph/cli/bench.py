"""``bench``: engines and peers side by side."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import PurePath
from typing import Any

import click

from inceptgraph.cli import console, failures
from inceptgraph.cli.options import (
    fit_options,
    json_option,
    set_option,
    spec_argument,
    weights_file,
)
from inceptgraph.cli.output_files import check_target, write
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb
from inceptgraph.engine import AUTO, DTYPES, SHORT, Setting

__all__ = ["bench"]

EXAMPLES = """
inceptgraph bench googlenet
inceptgraph bench googlenet --engine eager,inductor --batch 1,16 --dtype f32,bf16
inceptgraph bench googlenet_torchvision --against torchvision:googlenet -o bench.svg
inceptgraph bench googlenet --train --batch 16 --tune-allocator
inceptgraph bench my.yaml --device cuda --dtype bf16 --json > bench.json
"""

SETTING = ("device", "train", "fixed", "autotune", "keep_memory")
"""The options that are of a setting; the rest are of a plan."""


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


def _engines(
    context: click.Context, option: click.Parameter, value: str | None
) -> list[str] | None:
    names: list[str] | None = _words("engines")(context, option, value)
    if names and AUTO in names:
        hint = "name engines, or leave --engine out: the one that `auto` takes has a *"
        raise click.UsageError(f"`{AUTO}` is no engine of its own: {hint}", context)
    return names


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
    callback=_engines,
    help="Engines to time (default: all installed).",
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
    help="Rounds to time (default: as many as fit into --seconds).",
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
    "keep_memory",
    is_flag=True,
    help="Let the process keep memory that is freed, for all engines and peers alike.",
)
@click.option(
    "--weights",
    type=click.Path(),
    metavar="FILE",
    help="Measure with these (default: random ones).",
)
@fit_options
@json_option
@click.option(
    "-o", "--output", type=click.Path(), callback=_plot_name, help="Also a plot: .svg, .png, .pdf."
)
@set_option
def bench(
    spec: str,
    weights: str | None,
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
    file = weights_file(weights, options)
    fit = {name: options.pop(name) for name in ("remap", "allow")}
    analysis, graph = load(spec, values)
    if output is not None:
        _require_plots()
        check_target(output, analysis.sources)  # before anything takes long
    from inceptgraph.bench import Plan, draw, run_plan

    setting = Setting.of(**{name: options.pop(name) for name in SETTING})
    report = run_plan(
        graph,
        Plan(setting=setting, **options),
        weights=file,
        **fit,
        progress=_progress(),
    )
    if output is not None:
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


def _progress() -> Callable[[str], None]:
    """Messages with the seconds since now."""
    started = time.monotonic()
    return lambda step: console.message(f"[{time.monotonic() - started:6.1f} s] {step}")


def _require_plots() -> None:
    from importlib.util import find_spec

    if find_spec("matplotlib") is None:
        raise failures.Refused('plots need matplotlib: pip install "inceptgraph[bench]"')
