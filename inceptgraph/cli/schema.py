"""``schema``: the JSON Schema of the language."""

from __future__ import annotations

import json
from pathlib import Path

import click

from inceptgraph.cli import console
from inceptgraph.cli.failures import Refused
from inceptgraph.cli.output_files import write
from inceptgraph.cli.verbs import verb
from inceptgraph.report import dumps
from inceptgraph.spec.json_schema import language

__all__ = ["schema"]

EXAMPLES = """
inceptgraph schema -o inceptgraph.schema.json
# then, as the first line of a spec, for editors with yaml-language-server:
# yaml-language-server: $schema=inceptgraph.schema.json
"""


@verb("schema", examples=EXAMPLES)
@click.option("-o", "--output", type=click.Path(), help="The file (default: stdout).")
def schema(output: str | None) -> None:
    """Write the JSON Schema that editors use.

    Editors that know JSON Schema complete keys, show what an argument means, and mark misspelt
    ones. The operations of installed plug-ins are part of it.
    """
    text = dumps(language()) + "\n"
    if output is None or output == "-":
        console.raw(text)
    else:
        _check_replaced(Path(output))
        write(output, text)
        console.message(output)


def _check_replaced(target: Path) -> None:
    """Refuse to replace a file that no schema was in, such as the spec that it is meant for."""
    if not target.is_file():
        return
    try:
        text = target.read_text(encoding="utf-8")
        json.loads(text or "{}")
    except ValueError as error:
        message = f"`{target}` exists and is not JSON: name another file, or remove it"
        raise Refused(message) from error
