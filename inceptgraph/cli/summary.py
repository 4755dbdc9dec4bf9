"""``summary``: the table of stages, as in the paper's Table 1, with exact figures."""

from __future__ import annotations

import click

from inceptgraph.analysis import outline, to_json, to_text
from inceptgraph.cli import console
from inceptgraph.cli.options import json_option, set_option, spec_argument
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb

__all__ = ["summary"]

EXAMPLES = """
inceptgraph summary googlenet
inceptgraph summary googlenet --depth 2
inceptgraph summary googlenet --by step --human
inceptgraph summary my.yaml --set classes=10
inceptgraph summary googlenet --json | jq .totals.params
"""


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
    convolutions, linear layers and products of two steps; depth counts the layers with weights on
    the longest path. Columns that do not fit the terminal are left out, the blocks' arguments
    first. JSON holds every level.
    """
    if depth is not None and by is not None:
        raise click.UsageError("`--depth` and `--by` say the same: give one of them")
    graph = load(spec, values).graph
    if as_json:
        console.send_json(to_json(outline(graph)))
        return
    found = outline(graph, depth or (None if by == "step" else 1))
    console.data(to_text(found, rounded=rounded, room=console.room(), color=console.colored()))
