"""Graphs as computations: what two networks have in common whatever their steps are called.

:class:`Computations` gives each value of a graph a number, the same number to what is computed
in the same way from the same values, in any graph that it has seen. So two networks are the same
function of their weights, layer by layer, if their outputs have the same numbers.

What counts as the same is what is so for any weights and any input of these shapes: names,
initialisation and the following do not matter.

- ``identity``, a ``scale`` by 1 and a ``flatten`` of a vector or of a 1×1 map change nothing.
- A 1×1 convolution of a 1×1 map is a linear layer, and a depthwise convolution one in groups.
- ``same`` with a stride of 1 is padding by numbers, and ``ceil`` then has no effect.
- Without padding there is none to count in an average.
"""

from __future__ import annotations

from typing import Any

from inceptgraph.graph import Graph, Node
from inceptgraph.ops import same_padding, sides
from inceptgraph.ops.conv import DepthwiseConv2d

WINDOWS = ("conv2d", "max_pool", "avg_pool")


class Computations:
    """Numbers for values, shared by all graphs that are given to it."""

    def __init__(self) -> None:
        self.numbers: dict[tuple[Any, ...], int] = {}

    def of(self, graph: Graph) -> dict[str, int]:
        """The number of each node's value, by the node's name."""
        found: dict[str, int] = {}
        for name, node in graph.nodes.items():
            operands = tuple(found[operand] for operand in node.inputs)
            if changes_nothing(graph, node):
                found[name] = operands[0]
                continue
            key = (*described(graph, node), operands, flat(graph.shape(name)))
            found[name] = self.numbers.setdefault(key, len(self.numbers))
        return found

    def outputs(self, graph: Graph) -> list[tuple[int, float | None]]:
        """The number and the loss weight of each output and head, in order."""
        found = self.of(graph)
        return [(found[output.node], output.loss_weight) for output in graph.outputs]


def changes_nothing(graph: Graph, node: Node) -> bool:
    op = node.op.model_dump()
    return (
        node.op.op == "identity"
        or (node.op.op == "scale" and (op["factor"], op["offset"]) == (1, 0))
        or (node.op.op == "flatten" and len(flat(graph.operands(node)[0])) == 1)
    )


def flat(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A 1×1 map as the vector that it holds."""
    return shape[:1] if shape[1:] == (1, 1) else shape


def described(graph: Graph, node: Node) -> tuple[Any, ...]:
    """The operation's name and its settings, in one way for all that mean the same."""
    if node.op.op == "input":
        return ("input",)
    settings = {k: v for k, v in node.op.model_dump().items() if not k.endswith("_init")}
    name = node.op.op
    if isinstance(node.op, DepthwiseConv2d):
        name, multiplier = "conv2d", settings.pop("multiplier")
        channels = graph.operands(node)[0][0]
        settings |= {"out": channels * multiplier, "groups": channels}
    if name in WINDOWS:
        settings["padding"] = padding(graph.operands(node)[0], settings)
        if settings["stride"] == (1, 1):
            settings.pop("ceil", None)
        if settings["padding"] == (0, 0, 0, 0):
            settings.pop("count_include_pad", None)
    if name == "conv2d" and pointwise(settings) and graph.operands(node)[0][1:] == (1, 1):
        name, settings = "linear", {"out": settings["out"], "bias": settings["bias"]}
    return (name, tuple(sorted(settings.items())))


def padding(shape: tuple[int, ...], settings: dict[str, Any]) -> Any:
    """Padding as numbers where they are the same for every size of map, else the word."""
    stride, kernel = settings["stride"], settings["kernel"]
    dilation = settings.get("dilation", (1, 1))
    if settings["padding"] == "same" and stride == (1, 1):
        (top, bottom), (left, right) = (
            same_padding(extent, k, 1, d)
            for extent, k, d in zip(shape[1:], kernel, dilation, strict=True)
        )
        return top, bottom, left, right
    if settings["padding"] == "valid":
        return sides("valid", (shape[1], shape[2]), kernel, stride, dilation)
    return settings["padding"]


def pointwise(settings: dict[str, Any]) -> bool:
    plain = settings["kernel"] == (1, 1) and settings["groups"] == 1
    return plain and settings["padding"] == (0, 0, 0, 0)


def first_difference(ours: Graph, theirs: Graph) -> str:
    """Where our network first computes what theirs does not, for a message."""
    computations = Computations()
    known = set(computations.of(theirs).values())
    found = computations.of(ours)
    for name, node in ours.nodes.items():
        if found[name] not in known:
            operation, settings = described(ours, node) if node.inputs else (node.op.op, ())
            return f"{name} = {operation}{dict(settings)} of {node.inputs}: {ours.shape(name)}"
    return "none: outputs are in another order, or have other loss weights"
