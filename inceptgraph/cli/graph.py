"""``graph``: the intermediate representation, as text or JSON."""

from __future__ import annotations

import click

from inceptgraph.cli import console
from inceptgraph.cli.options import (
    json_option,
    passes_option,
    rewriting,
    set_option,
    spec_argument,
)
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb
from inceptgraph.diagnostics import did_you_mean
from inceptgraph.graph import Graph, to_json, to_text
from inceptgraph.types import Phase

__all__ = ["graph"]

EXAMPLES = """
inceptgraph graph googlenet
inceptgraph graph googlenet --phase eval
inceptgraph graph googlenet --json > googlenet.json
inceptgraph graph googlenet_bn --optimize --print-after fold-norm
inceptgraph graph googlenet_bn --passes drop-training,fold-norm
"""


@verb("graph", examples=EXAMPLES)
@spec_argument
@click.option(
    "--phase",
    type=click.Choice([phase.value for phase in Phase]),
    help="`train` (the default) has the auxiliary heads, `eval` does not.",
)
@click.option("--optimize", is_flag=True, help="As passes leave it, for evaluation alone.")
@passes_option
@click.option(
    "--print-after",
    metavar="PASS",
    help="With one of these: the graph before and after a pass, or `all` that change it.",
)
@json_option
@set_option
def graph(
    spec: str,
    phase: str | None,
    optimize: bool,
    passes: list[str] | None,
    print_after: str | None,
    as_json: bool,
    values: dict[str, str],
) -> None:
    """Print the graph that a spec compiles to.

    One line a node: its path, its operation with the arguments that are not defaults, its operands
    and the shape of its output. With --json, networkx's node-link form.
    """
    is_rewritten = rewriting(optimize, passes)
    if optimize and phase == Phase.TRAIN:
        raise click.UsageError("`--optimize` is for evaluation alone: leave `--phase train` out")
    network = load(spec, values).graph.phase(phase or Phase.TRAIN)
    if print_after and (as_json or not is_rewritten):
        raise click.UsageError("`--print-after` needs `--optimize` or `--passes`, and prints text")
    if is_rewritten:
        network = _optimized(network, passes, print_after)
    if print_after:
        return
    if as_json:
        console.send_json(to_json(network))
    else:
        console.data(to_text(network))


def _optimized(network: Graph, only: list[str] | None, print_after: str | None) -> Graph:
    """The graph as passes leave it; what a pass does is printed where that is asked for."""
    from inceptgraph import passes

    names = only or [each.name for each in passes.installed()]
    if print_after not in (None, "all", *names):
        hint = did_you_mean(print_after or "", names) or f"those that run are {', '.join(names)}"
        raise click.UsageError(f"no pass `{print_after}` runs: {hint}")

    def show(step: passes.Step) -> None:
        if print_after == step.name or (print_after == "all" and step.changed):
            told = "" if step.changed else ", which changed nothing"
            console.data(f"before {step.name}\n{to_text(step.before)}")
            console.data(f"after {step.name}{told}\n{to_text(step.after)}")

    return passes.optimize(network, observe=show, only=only)
