"""``diff``: what changed between two networks, in the lines that a person would write."""

from __future__ import annotations

from typing import Any, Final

import click

from inceptgraph import backend
from inceptgraph.cli import console, failures, pictures
from inceptgraph.cli.options import SPEC, json_option, one_format, overrides, set_option
from inceptgraph.cli.pictures import look_options
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb
from inceptgraph.compare import Comparison, mark, to_json, to_markdown, to_text
from inceptgraph.compare import diff as compare
from inceptgraph.graph import Graph
from inceptgraph.report import dumps

__all__ = ["diff"]

EXAMPLES = """
inceptgraph diff old.yaml new.yaml
inceptgraph diff googlenet my.yaml --all
inceptgraph diff googlenet my.yaml --format md | gh pr comment --body-file -
inceptgraph diff googlenet my.yaml -o changes.svg
git show main:my.yaml | inceptgraph diff - my.yaml
inceptgraph diff googlenet googlenet --set stages.inception_3a.3x3=192
"""


FORMATS: Final = {".txt": "text", ".md": "md", ".json": "json", **pictures.FORMATS}


@verb("diff", examples=EXAMPLES)
@click.argument("before", metavar="A", type=SPEC)
@click.argument("after", metavar="B", type=SPEC)
@click.option(
    "-o", "--output", type=click.Path(), help="A file instead of stdout: a picture, or a text."
)
@click.option(
    "--format",
    type=click.Choice(list(dict.fromkeys(FORMATS.values()))),
    help="`text` (the default), `md` for a pull request, `json`, or a picture's; follows from the"
    " suffix of a file.",
)
@json_option
@click.option("--all", "everything", is_flag=True, help="List stages whose size follows, too.")
@click.option(
    "--set-a",
    "values_a",
    multiple=True,
    metavar="PATH=VALUE",
    callback=overrides("classes=10 or stages.conv1.out=96"),
    help="Replace a value of A.",
)
@look_options
@set_option
def diff(
    before: str,
    after: str,
    output: str | None,
    format: str | None,
    as_json: bool,
    everything: bool,
    values_a: dict[str, str],
    values: dict[str, str],
    **look: Any,
) -> int:
    """Show what changed between two specs.

    Compares what the networks compute, from A to B; comments do not count. --set applies to B. As a
    picture, it is B with what changed in colour, and what is gone where it stood. The exit code is
    0 where nothing changed and 1 where something did.
    """
    if before == after == "-":
        raise click.UsageError("only one of the two can be stdin")
    chosen = one_format(format, as_json)
    if chosen is None:
        chosen = pictures.format_of(output, FORMATS, "comparisons") if output else "text"
    old, new = load(before, values_a), load(after, values)
    sources = (*old.analysis.sources, *new.analysis.sources)
    found = compare(old.analysis, new.analysis)
    if chosen not in ("text", "md", "json"):
        drawn = _picture(old.graph, new.graph, chosen, look)
        pictures.send(output or "-", drawn, sources)
    elif output is not None:
        pictures.send(output, _written(found, chosen, everything) + "\n", sources)
    elif found.equal and chosen == "text":
        console.message(to_text(found))
    else:
        console.data(_written(found, chosen, everything))
    return 0 if found.equal else failures.DIFFERENT


def _written(found: Comparison, format: str, everything: bool) -> str:
    if format == "json":
        return dumps(to_json(found))
    if format == "md":
        return to_markdown(found, everything=everything)
    return to_text(found, everything=everything, color=console.colored())


def _picture(before: Graph, after: Graph, format: str, look: dict[str, Any]) -> str | bytes:
    """B with what changed in colour."""
    marks, ghosts = mark(before, after)
    options = {name: value for name, value in look.items() if value is not None}
    drawn: str | bytes = backend.find("graphviz").lower(
        after, format=format, marks=marks, ghosts=ghosts, **options
    )
    return drawn
