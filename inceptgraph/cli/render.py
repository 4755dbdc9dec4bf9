"""``render``: a diagram."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any

import click

from inceptgraph import backend
from inceptgraph.cli import console
from inceptgraph.cli.files import write
from inceptgraph.cli.group import verb
from inceptgraph.cli.options import set_option, spec_argument
from inceptgraph.cli.specs import load

__all__ = ["render"]

EXAMPLES = """
inceptgraph render googlenet -o googlenet.svg
inceptgraph render googlenet -o poster.pdf --depth 3 --direction LR
inceptgraph render googlenet -o stages.png --depth 1 --heat params
inceptgraph render googlenet -o - --format mermaid
"""

FORMATS = {
    ".svg": "svg",
    ".png": "png",
    ".pdf": "pdf",
    ".dot": "dot",
    ".gv": "dot",
    ".mmd": "mermaid",
    ".mermaid": "mermaid",
}


def _fold(context: click.Context, parameter: click.Parameter, value: str | None) -> Any:
    """``auto``, ``none`` or a number of columns, as the backend takes them."""
    if value is None:
        return None
    if value in ("auto", "none"):
        return value == "auto"
    if value.isdecimal() and int(value) >= 1:
        return int(value)
    message = f"`{value}` is not `auto`, `none` or a number of columns"
    raise click.BadParameter(message, context, parameter)


@verb("render", examples=EXAMPLES)
@spec_argument
@click.option("-o", "--output", required=True, type=click.Path(), help="The file, or - for stdout.")
@click.option(
    "--format",
    type=click.Choice(list(dict.fromkeys(FORMATS.values()))),
    help="Follows from the file's suffix unless given.",
)
@click.option(
    "--depth",
    type=click.IntRange(1, 3),
    help="1 for a box a stage, 2 for the operations an author would name (the default), 3 for all.",
)
@click.option("--fold", callback=_fold, help="Columns: `auto` (the default), `none`, or how many.")
@click.option(
    "--heat",
    type=click.Choice(["macs", "params", "memory", "none"]),
    help="What tints the blocks; `macs` unless given.",
)
@click.option(
    "--direction",
    type=click.Choice(["TB", "LR"], case_sensitive=False),
    help="Down (the default) or to the right.",
)
@click.option(
    "--theme",
    type=click.Choice(["auto", "light", "dark"]),
    help="`auto`, the default, lets an SVG follow its viewer.",
)
@click.option("--legend/--no-legend", default=None, help="Explain the colours.")
@set_option
def render(spec: str, output: str, format: str | None, values: dict[str, str], **look: Any) -> None:
    """Draw a diagram.

    As SVG, PNG, PDF, Graphviz's DOT or Mermaid. The file is there whole or not at all; its name
    goes to stderr.
    """
    chosen = format or _format(output)
    graph = load(spec, values).graph
    options = {name: value for name, value in look.items() if value is not None}
    drawn: str | bytes = backend.find("graphviz").lower(graph, format=chosen, **options)
    if output == "-":
        console.raw(drawn)
    else:
        write(output, drawn)
        console.message(output)


def _format(output: str) -> str:
    if output == "-":
        raise click.UsageError("with `-o -`, say which format: --format svg")
    suffix = PurePath(output).suffix.lower()
    if suffix not in FORMATS:
        what = f"`{suffix}` is no format of diagrams" if suffix else f"`{output}` has no suffix"
        raise click.UsageError(f"{what}: use one of {', '.join(FORMATS)}, or say --format")
    return FORMATS[suffix]
