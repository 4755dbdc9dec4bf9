"""``preprocess`` of an input: its values, checked by their model."""

from __future__ import annotations

from pydantic import ValidationError

from inceptgraph.diagnostics import Findings
from inceptgraph.expand._arguments import Values, as_floats, values_note
from inceptgraph.expand._refusals import locate, refusal
from inceptgraph.ops import Preprocessing
from inceptgraph.source import Entry, Mapping
from inceptgraph.spec import FAILED

__all__ = ["read_preprocessing"]


def read_preprocessing(entry: Entry, values: Values, findings: Findings) -> Preprocessing | None:
    """What an image is made into for an input; None where that cannot be said.

    Args:
        entry: of the input, whose keys are known ones.
        values: gives parameters their values.
        findings: receives what is wrong.
    """
    assert isinstance(entry.value, Mapping)
    items, network = entry.value.items, values.network
    given = {name: values.value(item.value, network) for name, item in items.items()}
    if any(value is FAILED for value in given.values()):
        return None
    try:
        return Preprocessing(**{name: as_floats(value) for name, value in given.items()})
    except ValidationError as error:
        told = set()
        for problem in error.errors(include_url=False):
            name, *inside = problem["loc"]
            if name in told:
                continue  # three words for numbers are one mistake
            told.add(name)
            node, _ = locate(items[str(name)].value, inside)
            node = node or items[str(name)].value
            found = refusal(problem, values.value(node, network), network)
            message, notes = f"`{name}` of `preprocess` {found.reason}", values_note(node, network)
            span = node.span.first_line()
            findings.add(found.code, message, span, notes=notes, help=found.help)
        return None
