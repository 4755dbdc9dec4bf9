"""``schema``: the JSON Schema of the language."""

from __future__ import annotations

import click

from inceptgraph.cli import console
from inceptgraph.cli.files import write
from inceptgraph.cli.group import verb
from inceptgraph.report.json import dumps
from inceptgraph.schema import language

__all__ = ["schema"]

EXAMPLES = """
inceptgraph schema -o inceptgraph.schema.json
# then, as the first line of a spec, for editors with yaml-language-server:
# yaml-language-server: $schema=inceptgraph.schema.json
"""


@verb("schema", examples=EXAMPLES)
@click.option("-o", "--output", type=click.Path(), help="Where to; stdout unless given.")
def schema(output: str | None) -> None:
    """Write the JSON Schema that editors use.

    Editors that know JSON Schema complete keys, show what an argument means, and mark misspelt
    ones. The operations of installed plug-ins are part of it.
    """
    text = dumps(language()) + "\n"
    if output is None or output == "-":
        console.raw(text)
    else:
        write(output, text)
        console.message(output)
