"""``summary``: the table of stages, as in the paper's Table 1, with exact figures."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import click

from inceptgraph.analysis import EVERYTHING, Cost, Head, Network, Part, describe
from inceptgraph.cli import console
from inceptgraph.cli.options import json_option, set_option, spec_argument
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb
from inceptgraph.report import RULE, Column, Row, Style, draw, exact, human, one_line, pretty
from inceptgraph.types import format_shape

__all__ = ["summary"]

EXAMPLES = """
inceptgraph summary googlenet
inceptgraph summary googlenet --depth 2
inceptgraph summary googlenet --by step --human
inceptgraph summary my.yaml --set classes=10
inceptgraph summary googlenet --json | jq .totals.params
"""

Figure = Callable[[int], str]


@verb("summary", examples=EXAMPLES)
@spec_argument
@click.option("--depth", type=click.IntRange(min=1), help="Levels to show: 1 for stages alone.")
@click.option(
    "--by",
    type=click.Choice(["stage", "step"]),
    help="A row for each stage (the default) or for every step.",
)
@click.option("--human", "rounded", is_flag=True, help="Round figures: 118 M for 118,013,952.")
@json_option
@set_option
def summary(
    spec: str,
    depth: int | None,
    by: str | None,
    rounded: bool,
    as_json: bool,
    values: dict[str, str],
) -> None:
    """Show stages, shapes, parameters and multiply-adds.

    The table of a paper, with exact figures for one sample. Multiply-adds (MACs) are those of
    convolutions and linear layers; depth counts the layers with weights on the longest path.
    Columns that do not fit the terminal are left out, the blocks' arguments first. JSON holds every
    level.
    """
    if depth is not None and by is not None:
        raise click.UsageError("`--depth` and `--by` say the same: give one of them")
    graph = load(spec, values).graph
    if as_json:
        console.send_json(_as_json(describe(graph)))
        return
    network = describe(graph, depth or (EVERYTHING if by == "step" else 1))
    console.data(_as_text(network, human if rounded else exact))


# -- text ------------------------------------------------------------------------------------


def _as_text(network: Network, figure: Figure) -> str:
    arguments = _argument_columns(network.stages)
    columns = (
        Column("stage"),
        Column("type", rank=1),
        Column("patch/ stride", rank=2),
        Column("output size"),
        Column("depth", right=True, rank=3),
        *(Column(pretty(name), right=True, rank=4) for name in arguments),
        Column("params", right=True),
        Column("MACs", right=True),
    )
    rows = list(_rows(network, arguments, figure))
    table = draw(columns, rows, room=console.room(), color=console.colored())
    notes = list(_notes(network.heads))
    return "\n".join((console.strong(one_line(network.name)), "", table, *notes))


def _argument_columns(stages: Sequence[Part]) -> list[str]:
    """Arguments of blocks that tell something: not those that always are the output's channels.

    The block with the most comes first, since others tend to have some of the same.
    """
    by_stage = sorted((stage.integers for stage in stages), key=len, reverse=True)
    names = dict.fromkeys(name for integers in by_stage for name in integers)
    return [
        name for name in names if any(s.integers.get(name, s.out[0]) != s.out[0] for s in stages)
    ]


def _rows(network: Network, arguments: Sequence[str], figure: Figure) -> Iterator[Row]:
    blank = ("",) * len(arguments)
    for name, shape in network.inputs.items():
        yield Row((name, "input", "", format_shape(shape), "", *blank, "", ""))
    for stage in network.stages:
        yield from _part_rows(stage, arguments, figure, 0)
    yield RULE
    yield _total_row("network", network.cost, blank, figure)
    if network.heads:
        for head in network.heads:
            first, *inner = _part_rows(head.part, arguments, figure, 0)
            yield Row(first.cells, first.style, spill=True)
            yield from inner
        yield _total_row("with auxiliary heads", network.cost_with_heads, blank, figure)


def _part_rows(part: Part, arguments: Sequence[str], figure: Figure, level: int) -> Iterator[Row]:
    times = f" ×{part.copies}" if (part.copies or 1) > 1 else ""
    name = part.path.rpartition(".")[2]
    given = (part.integers.get(argument) for argument in arguments)
    yield Row(
        (
            f"{'  ' * level}{name}",
            pretty(part.op or "") + times,
            part.window,
            format_shape(part.out),
            _unless_zero(part.cost.depth, str),
            *("" if value is None else str(value) for value in given),
            _unless_zero(part.cost.params, figure),
            _unless_zero(part.cost.macs, figure),
        ),
        Style.STRONG if part.parts and not level else None,
    )
    for inner in part.parts:
        yield from _part_rows(inner, arguments, figure, level + 1)


def _total_row(title: str, cost: Cost, blank: tuple[str, ...], figure: Figure) -> Row:
    cells = (title, "", "", "", str(cost.depth), *blank, figure(cost.params), figure(cost.macs))
    return Row(cells, Style.STRONG, spill=True)


def _unless_zero(number: int, figure: Figure) -> str:
    return figure(number) if number else ""


def _notes(heads: Sequence[Head]) -> Iterator[str]:
    """What the heads read and what they count, in a line each."""
    if heads:
        yield ""
    for head in heads:
        weight = f"{head.loss_weight:g}"
        yield f"{head.part.path} reads {head.tap} in training alone; its loss weighs {weight}."


# -- JSON ------------------------------------------------------------------------------------


def _as_json(network: Network) -> dict[str, Any]:
    cost, trained = network.cost, network.cost_with_heads
    return {
        "name": network.name,
        "inputs": [{"name": name, "shape": list(s)} for name, s in network.inputs.items()],
        "outputs": [{"name": name, "shape": list(s)} for name, s in network.outputs.items()],
        "totals": {
            "params": cost.params,
            "params_with_aux": trained.params,
            "macs": cost.macs,
            "macs_with_aux": trained.macs,
            "depth": cost.depth,
            "buffers": cost.buffers,
            "buffers_with_aux": trained.buffers,
            "activations": cost.activations,
            "activations_with_aux": trained.activations,
            "peak_activations": network.peak,
            "receptive_field": _sides(network.field),
        },
        "stages": [_part_as_json(stage) for stage in network.stages],
        "aux_heads": [
            {**_part_as_json(head.part), "tap": head.tap, "loss_weight": head.loss_weight}
            for head in network.heads
        ],
    }


def _part_as_json(part: Part) -> dict[str, Any]:
    return {
        "name": part.path,
        "op": part.op,
        **({"repeat": part.copies} if part.copies else {}),
        "out": list(part.out),
        "params": part.cost.params,
        "buffers": part.cost.buffers,
        "macs": part.cost.macs,
        "depth": part.cost.depth,
        "activations": part.cost.activations,
        "receptive_field": _sides(part.field),
        "arguments": dict(part.integers),
        "steps": [_part_as_json(inner) for inner in part.parts],
    }


def _sides(field: tuple[int, int] | None) -> list[int] | None:
    """A receptive field as JSON has it: height and width in pixels of the input."""
    return list(field) if field else None
