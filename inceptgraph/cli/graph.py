"""``graph``: the intermediate representation, as text or JSON."""

from __future__ import annotations

import click

from inceptgraph import text
from inceptgraph.cli import console
from inceptgraph.cli.group import verb
from inceptgraph.cli.options import json_option, set_option, spec_argument
from inceptgraph.cli.specs import load
from inceptgraph.types import Phase

__all__ = ["graph"]

EXAMPLES = """
inceptgraph graph googlenet
inceptgraph graph googlenet --phase eval
inceptgraph graph googlenet --json > googlenet.json
"""


@verb("graph", examples=EXAMPLES)
@spec_argument
@click.option(
    "--phase",
    type=click.Choice([phase.value for phase in Phase]),
    default=Phase.TRAIN.value,
    show_default=True,
    help="`train` has the auxiliary heads, `eval` does not.",
)
@json_option
@set_option
def graph(spec: str, phase: str, as_json: bool, values: dict[str, str]) -> None:
    """Print the graph that a spec compiles to.

    One line a node: its path, its operation with the arguments that are not defaults, its operands
    and the shape of its output. With --json, networkx's node-link form.
    """
    network = load(spec, values).graph.phase(phase)
    if as_json:
        console.send_json(text.to_json(network))
    else:
        console.data(text.to_text(network))
