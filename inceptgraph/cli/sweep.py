"""``sweep``: what a spec amounts to with every combination of some values."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Sequence
from itertools import chain
from typing import Any, TypeVar

import click

from inceptgraph import report
from inceptgraph.cli import console, failures
from inceptgraph.cli.options import json_option, one_format, spec_argument
from inceptgraph.cli.specs import shown_name
from inceptgraph.cli.sweep_grid import Amount, Bound, Limit, Order, grid_size, read_grid
from inceptgraph.cli.verbs import verb
from inceptgraph.diagnostics import Severity, SpecError
from inceptgraph.report import counted, dumps, exact
from inceptgraph.sweep import (
    BYTES,
    FIGURES,
    Point,
    Table,
    tabulate,
    to_csv,
    to_json,
    to_markdown,
    to_text,
)
from inceptgraph.sweep import sweep as points_of

__all__ = ["sweep"]

EXAMPLES = """
inceptgraph sweep googlenet --set classes=10,100,1000
inceptgraph sweep my.yaml --set width=0.5,0.75,1 --set stages.conv1.kernel=[1,7],3
inceptgraph sweep my.yaml --set width=0.5,1 --set classes=10..100:10 --max-params 7M --sort -macs
inceptgraph sweep googlenet --set stages.inception_3a.3x3=64..256:64 --format csv > sweep.csv
"""

SIDES = {"min": "below", "max": "above"}
FORMATS: dict[str, Callable[[Table], str]] = {
    "table": lambda table: to_text(table, room=console.room(), color=console.colored()),
    "csv": to_csv,
    "json": lambda table: dumps(to_json(table)),
    "md": to_markdown,
}
FOR_PROGRAMS = ("csv", "json")
F = TypeVar("F", bound=Callable[..., Any])


def bound_options(function: F) -> F:
    """``--min-…`` and ``--max-…`` for every figure."""
    for side, beyond in reversed(SIDES.items()):
        for figure in reversed(FIGURES.values()):
            function = click.option(
                f"--{side}-{figure.name}",
                type=Bound(figure.unit),
                metavar=figure.unit.upper() or "N",
                help=f"Leave out what is {beyond} this.",
            )(function)
    return function


@verb("sweep", examples=EXAMPLES)
@spec_argument
@click.option(
    "--set",
    "grid",
    multiple=True,
    metavar="PATH=VALUES",
    callback=read_grid,
    help="Values to try, separated by commas, or whole numbers as FIRST..LAST:STEP. Of several"
    " options every combination is tried, the last option fastest; one value is fixed.",
)
@click.option(
    "--format",
    type=click.Choice(list(FORMATS)),
    help="`table` (the default) and `md` for people, `csv` and `json` for programs.",
)
@json_option
@click.option("--human", "rounded", is_flag=True, help="Round figures: 118 M for 118,013,952.")
@click.option(
    "--dtype",
    type=click.Choice(list(BYTES)),
    default="float32",
    show_default=True,
    help="What an element of an activation takes.",
)
@click.option(
    "--sort",
    type=Order(list(FIGURES)),
    help=f"Sort by {', '.join(FIGURES)}; with - before it, the largest first.",
)
@bound_options
def sweep(
    spec: str,
    grid: dict[str, Sequence[str]],
    format: str | None,
    as_json: bool,
    rounded: bool,
    dtype: str,
    sort: str | None,
    **bounds: Amount | None,
) -> int:
    """Tabulate what a spec amounts to with other values.

    Figures are exact, for one sample, without auxiliary heads. "Activations" are the outputs of all
    steps, which training keeps; "peak" is what inference holds at once; the receptive field is the
    largest of a feature map of more than one pixel, and its shorter side is bounded and sorted.
    Bounds take K, M, G and T: 1.5G, 20MB. A combination that does not compile is listed with its
    finding, and the exit code is 1.
    """
    chosen = one_format(format, as_json) or "table"
    element = BYTES[dtype]
    limits = [
        Limit(side, figure, amount)
        for side in SIDES
        for name, figure in FIGURES.items()
        if (amount := bounds[f"{side}_{name.replace('-', '_')}"]) is not None
    ]
    size = grid_size(grid)
    points = list(console.counted_off(points_of(spec, grid), size, "combinations"))
    over = [  # what does not compile is outside of no bound
        [limit for limit in limits if point.figures and not limit.allows(point.figures, element)]
        for point in points
    ]
    kept = [point for point, beyond in zip(points, over, strict=True) if not beyond]
    rows = _sorted(kept, sort, element)
    left_out = len(points) - len(kept)
    name = shown_name(spec)
    table = tabulate(name, grid, rows, left_out=left_out, dtype=dtype, rounded=rounded)
    alike = _alike(points)
    if not alike or chosen in FOR_PROGRAMS:
        console.data(FORMATS[chosen](table))
    _tell_warnings(points)
    _tell_left_out(over, limits)
    if alike:
        if size > 1:
            console.message(f"all {exact(size)} combinations fail alike:\n")
        raise SpecError(points[0].findings)
    failed = [point for point in points if point.figures is None]
    if failed:
        _tell_failed(failed, len(points), spec)
    return failures.FINDINGS if failed else 0


# -- in which order --------------------------------------------------------------------------


def _sorted(points: Sequence[Point], order: str | None, element: int) -> list[Point]:
    """The points in an order; those without the figure come last, in the grid's order."""
    if order is None:
        return list(points)
    figure = FIGURES[order.removeprefix("-")]
    numbered, others = [], []
    for point in points:
        number = figure.key(point.figures, element) if point.figures else None
        if number is None:
            others.append(point)
        else:
            numbered.append((number, point))
    numbered.sort(key=lambda pair: pair[0], reverse=order.startswith("-"))
    return [point for _, point in numbered] + others


# -- what is said about it -------------------------------------------------------------------


def _alike(points: Sequence[Point]) -> bool:
    """Whether every combination fails, and all for the same reasons."""
    reasons = {tuple((d.code, d.message) for d in point.errors) for point in points}
    return len(reasons) == 1 and points[0].figures is None


def _tell_warnings(points: Iterable[Point]) -> None:
    """Each warning of networks that compile once, in a line."""
    findings = chain.from_iterable(point.findings for point in points if point.figures)
    once = {(d.code, d.message): d for d in findings if d.severity is Severity.WARNING}
    if once:
        color = console.colored("stderr")
        console.message(report.render(list(once.values()), "concise", color=color))


def _tell_left_out(over: Sequence[Sequence[Limit]], limits: Sequence[Limit]) -> None:
    """How many networks the bounds left out, and which bounds did."""
    left_out = sum(map(bool, over))
    if not left_out:
        return
    counts = {limit.option: sum(limit in each for each in over) for limit in limits}
    reasons = ", ".join(f"{exact(n)} by {option}" for option, n in counts.items() if n)
    total = counted(len(over), "combination")
    console.message(f"{exact(left_out)} of {total} left out: {reasons}")


def _tell_failed(failed: Sequence[Point], size: int, spec: str) -> None:
    """How many combinations do not compile, and how to see all that is wrong with one."""
    given = [f"--set {shlex.quote(f'{path}={text}')}" for path, text in failed[0].values.items()]
    command = " ".join(("inceptgraph check", shlex.quote(spec), *given))
    form = "does" if len(failed) == 1 else "do"
    total = counted(size, "combination")
    console.message(f"{exact(len(failed))} of {total} {form} not compile; `{command}` says more")
