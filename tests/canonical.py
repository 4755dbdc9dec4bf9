"""What a graph computes, without how it is named and written.

Two graphs are the same computation if :func:`canonical` gives the same for both: the same operations
with the same attributes on the same operands in the same order, up to what has no effect. Padding is
told in pixels, a depthwise convolution is one in groups, and what changes nothing is left out.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from inceptgraph.graph import Graph, Node
from inceptgraph.ops.window import sides

Form = tuple[Hashable, ...]
UNSEEN = ("weight_init", "bias_init", "scale_init", "shift_init", "momentum")


def canonical(graph: Graph, forms: dict[Form, int]) -> list[tuple[float | None, int]]:
    """Every output with its loss weight (None for the network's own), and the number of its form.

    Args:
        graph: with shapes.
        forms: the numbers of forms, which grow; graphs that are compared share them.
    """
    numbers: dict[str, int] = {}
    for node in graph.nodes.values():
        operands = tuple(numbers[name] for name in node.inputs)
        if has_no_effect(graph, node):
            numbers[node.name] = operands[0]
        else:
            form = (*described(graph, node), graph.shape(node.name), operands)
            numbers[node.name] = forms.setdefault(form, len(forms))
    return [(output.loss_weight, numbers[output.node]) for output in graph.outputs]


def has_no_effect(graph: Graph, node: Node) -> bool:
    op: Any = node.op
    if op.op == "flatten":
        return len(graph.operands(node)[0]) == 1
    return op.op == "identity" or (op.op == "scale" and (op.factor, op.offset) == (1, 0))


def described(graph: Graph, node: Node) -> Form:
    op: Any = node.op
    if op.op == "input":
        return ("input",)
    found = {name: value for name, value in op if name not in UNSEEN}
    name = op.op
    if "padding" in found:
        channels, *extents = graph.operands(node)[0]
        dilation = found.get("dilation", (1, 1))
        found["padding"] = sides(op.padding, (extents[0], extents[1]), op.kernel, op.stride, dilation)
        if "groups" in found or "multiplier" in found:
            found.pop("multiplier", None)
            found["out"], found["groups"] = op.channels(channels)
            name = "conv2d"
        if not any(found["padding"]) and not found.get("ceil"):
            found.pop("count_include_pad", None)  # there is none
    return (name, *sorted(found.items()))
