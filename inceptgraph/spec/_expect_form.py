"""The form of ``expect:``, which can be told before there is a network to hold it against."""

from __future__ import annotations

from inceptgraph.diagnostics import Code, Findings
from inceptgraph.source import Entry, Mapping, Scalar, to_plain
from inceptgraph.spec._structure import kind_of, read_keys, read_mapping

__all__ = ["COUNTS", "read_expectations"]

COUNTS = ("params", "params_with_aux", "macs", "macs_with_aux", "depth")


def read_expectations(section: Mapping, findings: Findings) -> Mapping:
    """The expectations that have the right form; reports those that have not."""
    items = read_keys(section, (*COUNTS, "shapes"), "`expect`", findings)
    for name in [name for name in items if name in COUNTS]:
        value = items[name].value
        if not isinstance(value, Scalar) or type(value.value) is not int:
            message = f"`{name}` must be a whole number, but is {kind_of(value)}"
            hint = f"write all of its digits, such as `{name}: 6998552`"
            findings.add(Code.WRONG_TYPE, message, value.span.first_line(), help=hint)
            del items[name]
    if "shapes" in items:
        hint = "name a stage or an output: `shapes: {conv1: [64, 112, 112]}`"
        shapes = read_mapping(items["shapes"].value, "`shapes`", findings, hint)
        if shapes is None:
            del items["shapes"]
        else:
            good = {k: e for k, e in shapes.items.items() if _is_shape(k, e, findings)}
            items["shapes"] = Entry(items["shapes"].key, Mapping(good, shapes.span))
    return Mapping(items, section.span)


def _is_shape(name: str, entry: Entry, findings: Findings) -> bool:
    value = to_plain(entry.value)
    if isinstance(value, list) and value and all(type(extent) is int for extent in value):
        return True
    message = f"the shape of `{name}` must be a list of whole numbers"
    hint = f"write `{name}: [channels, height, width]`, or `{name}: [features]`"
    findings.add(Code.WRONG_TYPE, message, entry.value.span.first_line(), help=hint)
    return False
