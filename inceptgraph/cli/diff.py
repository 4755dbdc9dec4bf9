"""``diff``: what changed between two networks, in the lines that a person would write."""

from __future__ import annotations

import click

from inceptgraph.cli import comparisons, console, failures
from inceptgraph.cli.group import verb
from inceptgraph.cli.options import SPEC, json_option, overrides, set_option
from inceptgraph.cli.specs import load
from inceptgraph.cli.words import exact
from inceptgraph.compare import compare
from inceptgraph.cost import Cost

__all__ = ["diff"]

EXAMPLES = """
inceptgraph diff old.yaml new.yaml
inceptgraph diff googlenet my.yaml --all
inceptgraph diff googlenet my.yaml --format md | gh pr comment --body-file -
git show main:my.yaml | inceptgraph diff - my.yaml
inceptgraph diff googlenet googlenet --set stages.inception_3a.3x3=192
"""


@verb("diff", examples=EXAMPLES)
@click.argument("before", metavar="A", type=SPEC)
@click.argument("after", metavar="B", type=SPEC)
@click.option(
    "--format",
    type=click.Choice(["text", "md", "json"]),
    default="text",
    help="For a terminal (the default), for a pull request, or for programs.",
)
@json_option
@click.option("--all", "everything", is_flag=True, help="List stages whose size follows, too.")
@click.option(
    "--set-a",
    "values_a",
    multiple=True,
    metavar="PATH=VALUE",
    callback=overrides,
    help="Replace a value of A.",
)
@set_option
def diff(
    before: str,
    after: str,
    format: str,
    as_json: bool,
    everything: bool,
    values_a: dict[str, str],
    values: dict[str, str],
) -> int:
    """Show what changed between two specs.

    Compares what the networks compute, from A to B; comments do not count. --set applies to B. The
    exit code is 0 where nothing changed and 1 where something did.
    """
    if before == after == "-":
        raise click.UsageError("only one of the two can be stdin")
    found = compare(load(before, values_a).analysis, load(after, values).analysis)
    if as_json or format == "json":
        console.send_json(comparisons.as_json(found))
    elif format == "md":
        console.data(comparisons.as_markdown(found, everything=everything))
    elif found.equal:
        cost: Cost = found.cost.after
        figures = f"{exact(cost.params)} parameters, {exact(cost.macs)} multiply-adds"
        console.message(f"no differences: both have {figures}")
    else:
        console.data(comparisons.as_text(found, everything=everything))
    return 0 if found.equal else failures.DIFFERENT
