"""``explain``: what a code means."""

from __future__ import annotations

import click

from inceptgraph.cli import console
from inceptgraph.cli.verbs import verb
from inceptgraph.diagnostics import codes, did_you_mean

__all__ = ["explain"]

EXAMPLES = """
inceptgraph explain IG501
inceptgraph explain spatial-mismatch
"""


@verb("explain", examples=EXAMPLES)
@click.argument("code")
def explain(code: str) -> None:
    """Explain a finding's code.

    Takes the code or its name, in any case. `inceptgraph list codes` shows them all.
    """
    found = codes.find(code)
    if found is None:
        known = [word for c in codes.every_code() for word in (c.value, codes.name(c))]
        hint = did_you_mean(code.upper(), known) or did_you_mean(code.lower(), known)
        message = f"there is no code `{code}`: {hint or '`inceptgraph list codes` shows them all'}"
        raise click.UsageError(message)
    first, _, rest = codes.explain(found).partition("\n")
    console.data(f"{console.strong(first.removeprefix('# '))}\n{rest}")
