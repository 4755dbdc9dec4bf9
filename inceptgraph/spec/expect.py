"""``expect:``: what a spec says of itself, held against what it is."""

from __future__ import annotations

from typing import Any

from inceptgraph.cost import total
from inceptgraph.errors import Code, Findings
from inceptgraph.graph import Graph
from inceptgraph.source import Entry, Mapping, to_plain
from inceptgraph.spec.models import Spec
from inceptgraph.spec.steps import keys

__all__ = ["check_expectations"]

COUNTS = ("params", "params_with_aux", "macs", "macs_with_aux", "depth")


def check_expectations(spec: Spec, graph: Graph, findings: Findings) -> None:
    """Report every expectation that the graph does not meet.

    Args:
        spec: with its ``expect``.
        graph: with shapes, both phases.
        findings: receives what differs, with the figure that is right.
    """
    if spec.expect is None:
        return
    keys(spec.expect, (*COUNTS, "shapes"), "`expect`", findings)
    inference, training = total(graph.phase("eval")), total(graph)
    actual = {
        "params": inference.params,
        "params_with_aux": training.params,
        "macs": inference.macs,
        "macs_with_aux": training.macs,
        "depth": inference.depth,
    }
    for name, entry in spec.expect.items.items():
        if name in actual:
            _compare(name, entry, actual[name], findings)
    shapes = spec.expect.items.get("shapes")
    if shapes is not None and isinstance(shapes.value, Mapping):
        for name, entry in shapes.value.items.items():
            _check_shape(name, entry, graph, findings)


def _check_shape(name: str, entry: Entry, graph: Graph, findings: Findings) -> None:
    scope = graph.scopes.get(name)
    output = next((o.node for o in graph.outputs if o.name == name), None)
    node = scope.output if scope else output or name
    if node not in graph.nodes:
        message = f"there is no step or output `{name}`"
        findings.add(Code.UNKNOWN_REFERENCE, message, entry.key.span)
        return
    _compare(f"the shape of {name}", entry, list(graph.shape(node)), findings)


def _compare(name: str, entry: Entry, actual: Any, findings: Findings) -> None:
    stated = to_plain(entry.value)
    if stated == actual and type(stated) is type(actual):
        return
    difference = ""
    if isinstance(stated, int) and isinstance(actual, int):
        difference = f", {abs(actual - stated):,} {'more' if actual > stated else 'fewer'}"
    span = entry.value.span.first_line()
    shown = f"{actual:,}" if isinstance(actual, int) else str(actual)
    message = f"expected {name} to be {_shown(stated)}, but it is {shown}{difference}"
    hint = f"if the network is right, write `{entry.key.text}: {actual}`"
    findings.add(Code.UNMET_EXPECTATION, message, span, help=hint)


def _shown(value: Any) -> str:
    return f"{value:,}" if type(value) is int else str(value)
