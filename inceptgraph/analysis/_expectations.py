"""``expect:``: what a spec says of itself, held against what it is."""

from __future__ import annotations

from typing import Any

from inceptgraph.analysis._cost import total
from inceptgraph.diagnostics import Code, Findings, Severity, did_you_mean
from inceptgraph.graph import Graph
from inceptgraph.source import Entry, Mapping, to_plain
from inceptgraph.spec import COUNTS, Spec

__all__ = ["COUNTS", "check_expectations"]


def check_expectations(spec: Spec, graph: Graph, findings: Findings) -> None:
    """Warn of every expectation that the graph does not meet.

    A warning, since the network is sound: who edits a spec wants to see what it has become.

    Args:
        spec: with its ``expect``.
        graph: with shapes, both phases.
        findings: receives what differs, with the figure that is right.
    """
    if spec.expect is None:
        return
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
            _compare(f"`{name}`", entry, actual[name], findings)
    shapes = spec.expect.items.get("shapes")
    if shapes is not None and isinstance(shapes.value, Mapping):
        for name, entry in shapes.value.items.items():
            _check_shape(name, entry, graph, findings)


def _check_shape(name: str, entry: Entry, graph: Graph, findings: Findings) -> None:
    scope = graph.scopes.get(name)
    outputs = {output.name: output.node for output in graph.outputs}
    node = scope.output if scope else outputs.get(name, name)
    if node not in graph.nodes:
        message = f"there is no stage or output `{name}`"
        hint = did_you_mean(name, (*graph.scopes, *outputs)) or "a shape is that of a stage"
        findings.add(Code.UNKNOWN_REFERENCE, message, entry.key.span, help=hint)
        return
    _compare(f"the shape of `{name}`", entry, list(graph.shape(node)), findings)


def _compare(name: str, entry: Entry, actual: Any, findings: Findings) -> None:
    stated = to_plain(entry.value)
    if stated == actual:
        return
    message = f"{name} is {_shown(actual)}, not {_shown(stated)} as expected"
    if isinstance(stated, int):
        message += f": {abs(actual - stated):,} {'more' if actual > stated else 'fewer'}"
    hint = f"if the network is right, write `{entry.key.text}: {actual}`"
    span = entry.value.span.first_line()
    findings.add(Code.UNMET_EXPECTATION, message, span, help=hint, severity=Severity.WARNING)


def _shown(value: Any) -> str:
    return f"{value:,}" if type(value) is int else str(value)
