"""``render``: a diagram."""

from __future__ import annotations

from typing import Any

import click

from inceptgraph import backend
from inceptgraph.cli.options import set_option, spec_argument
from inceptgraph.cli.pictures import FORMATS, format_of, look_options, send
from inceptgraph.cli.specs import load
from inceptgraph.cli.verbs import verb

__all__ = ["render"]

EXAMPLES = """
inceptgraph render googlenet -o googlenet.svg
inceptgraph render googlenet -o poster.pdf --depth 3 --direction LR
inceptgraph render googlenet -o stages.png --depth 1 --heat params
inceptgraph render googlenet -o - --format mermaid
"""


@verb("render", examples=EXAMPLES)
@spec_argument
@click.option("-o", "--output", required=True, type=click.Path(), help="The file, or - for stdout.")
@click.option(
    "--format",
    type=click.Choice(list(dict.fromkeys(FORMATS.values()))),
    help="The picture's format (default: by the file's suffix).",
)
@look_options
@click.option(
    "--heat",
    type=click.Choice(["macs", "params", "memory", "none"]),
    help="What tints the blocks (default: `macs`).",
)
@set_option
def render(spec: str, output: str, format: str | None, values: dict[str, str], **look: Any) -> None:
    """Draw a diagram.

    As SVG, PNG, PDF, Graphviz's DOT or Mermaid. The file is there whole or not at all; its name
    goes to stderr.
    """
    chosen = format or format_of(output, FORMATS, "diagrams")
    analysis, graph = load(spec, values)
    options = {name: value for name, value in look.items() if value is not None}
    drawn: str | bytes = backend.find("graphviz").lower(graph, format=chosen, **options)
    send(output, drawn, analysis.sources)
