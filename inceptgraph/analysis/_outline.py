"""The outline of a network: parts within parts, with what each costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from inceptgraph.analysis._cost import Cost, cost, total
from inceptgraph.analysis._memory import peak
from inceptgraph.analysis._receptive_field import largest_field, receptive_fields
from inceptgraph.graph import Graph, Node, Output, Scope, sources
from inceptgraph.ops import DEFAULT_LOSS, Input, Preprocessing, along, format_size
from inceptgraph.types import Family, Shape

__all__ = ["Free", "Head", "Outline", "Part", "free_axes", "outline", "to_json"]


@dataclass(frozen=True, slots=True)
class Part:
    """A stage, a step inside it, or an auxiliary head.

    Attributes:
        path: its path of spec names.
        op: the block or operation that the spec names there, None for an inline body.
        copies: how often it is chained, where it says ``repeat:``.
        window: patch size and stride, such as ``7×7/2``, where it has one.
        integers: whole-numbered arguments of its block by name, where it is made of several layers.
        out: shape of its output.
        cost: what all of it costs.
        field: extents of its output's local receptive field; None where it has none.
        parts: what it is made of.
        shares: the path of the part whose weights it uses; its cost counts none.
    """

    path: str
    op: str | None
    copies: int | None
    window: str
    integers: Mapping[str, int]
    out: Shape
    cost: Cost
    field: tuple[int, ...] | None
    parts: tuple[Part, ...] = ()
    shares: str | None = None


@dataclass(frozen=True, slots=True)
class Head:
    """An auxiliary head: what it reads, and what its loss is and counts."""

    part: Part
    tap: str
    loss_weight: float
    loss: str


@dataclass(frozen=True, slots=True)
class Free:
    """An axis of an input that may have any extent.

    Attributes:
        axis: its name, such as ``height``.
        least: the least extent.
        multiple: what extents are multiples of.
    """

    axis: str
    least: int
    multiple: int


@dataclass(frozen=True, slots=True)
class Outline:
    """A whole network as parts within parts.

    Attributes:
        name: its name.
        inputs: shapes by name.
        preprocessing: by the names of inputs, what images are made into.
        free: by the names of inputs, the axes that may have any extent.
        outputs: of the network itself: shapes by name.
        classes: what it tells apart; None where nobody says.
        background: whether the first of them is the background.
        stages: in order.
        losses: of those, with their weights in the total.
        heads: in order.
        cost: without the heads.
        peak: elements that are alive at once in inference, at most.
        field: extents of the largest receptive field of a feature map.
        cost_with_heads: everything, as it is trained.
    """

    name: str
    inputs: Mapping[str, Shape]
    preprocessing: Mapping[str, Preprocessing]
    free: Mapping[str, tuple[Free, ...]]
    outputs: Mapping[str, Shape]
    classes: tuple[str, ...] | None
    background: bool
    losses: Mapping[str, tuple[str, float]]
    stages: tuple[Part, ...]
    heads: tuple[Head, ...]
    cost: Cost
    peak: int
    field: tuple[int, ...] | None
    cost_with_heads: Cost


def outline(graph: Graph, depth: int | None = None) -> Outline:
    """The outline of a graph.

    Args:
        graph: with shapes, both phases.
        depth: levels of parts: 1 for the stages alone, None for all.

    Raises:
        ValueError: the depth is less than 1.

    >>> import inceptgraph
    >>> stages = outline(inceptgraph.to_graph("googlenet"), depth=1).stages
    >>> stages[0].path, stages[0].window, stages[0].cost.params
    ('conv1', '7×7/2', 9472)
    """
    if depth is not None and depth < 1:
        raise ValueError(f"`depth` must be at least 1, got {depth}")
    maker = _Maker(graph)
    network = graph.phase("eval")
    ends = {output.name: output for output in graph.outputs}
    heads = tuple(_head(maker, scope, ends.get(scope.path), depth) for scope in graph.heads)
    return Outline(
        name=graph.name,
        inputs={node.name: graph.shape(node.name) for node in graph.inputs},
        preprocessing=graph.preprocessing,
        free={node.name: free for node in graph.inputs if (free := free_axes(node))},
        outputs={o.name: graph.shape(o.node) for o in graph.outputs if not o.training_only},
        classes=graph.classes,
        background=graph.background,
        losses={o.name: (o.loss, o.loss_weight) for o in network.outputs},
        stages=tuple(maker.part(scope.path, depth) for scope in graph.stages),
        heads=heads,
        cost=total(network),
        peak=peak(network).elements,
        field=largest_field(network, maker.fields),
        cost_with_heads=total(graph),
    )


def _head(maker: _Maker, scope: Scope, end: Output | None, depth: int | None) -> Head:
    """A head; one that gives no output has a loss that counts nothing."""
    loss, weight = (end.loss, end.loss_weight) if end else (DEFAULT_LOSS, 0.0)
    return Head(maker.part(scope.path, depth), sources(maker.graph, scope.path)[0], weight, loss)


def free_axes(node: Node) -> tuple[Free, ...]:
    """Those of an input that may have any extent."""
    op = node.op
    assert isinstance(op, Input)
    bounds = zip(op.free, op.least, strict=False)
    return tuple(Free(axis, least, op.multiple) for axis, least in bounds)


class _Maker:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.fields = receptive_fields(graph)

    def part(self, path: str, depth: int | None) -> Part:
        """The part at a path, with so many levels of what is inside."""
        graph = self.graph
        scope, node = graph.scopes.get(path), graph.nodes.get(path)
        nodes = graph.within(path)
        end = scope.output if scope else nodes[-1].name
        inner = graph.children(path) if depth != 1 else ()
        below = None if depth is None else depth - 1
        return Part(
            path=path,
            op=scope.block if scope else node.op.op if node else None,
            copies=scope.copies if scope else None,
            window=_window(nodes),
            integers=self.integers(path, scope, nodes),
            out=graph.shape(end),
            cost=cost(graph, nodes),
            field=self.fields[end].size,
            parts=tuple(self.part(child, below) for child in inner),
            shares=graph.shared(path),
        )

    def integers(self, path: str, scope: Scope | None, nodes: tuple[Node, ...]) -> dict[str, int]:
        """Arguments of a block of several layers; a single layer shows its own otherwise."""
        if scope is not None and scope.copies:
            scope = self.graph.scopes.get(f"{path}.0")
        layers = sum(_kernel(node) is not None for node in nodes)
        if scope is None or layers < 2:
            return {}
        return {name: value for name, value in scope.arguments.items() if type(value) is int}


def _kernel(node: Node) -> tuple[int, ...] | None:
    """The window of a convolution or a pool."""
    if node.op.family not in (Family.CONV, Family.POOL):
        return None
    kernel: Any = getattr(node.op, "kernel", None)
    return kernel if isinstance(kernel, tuple) else None


def _window(nodes: tuple[Node, ...]) -> str:
    """Patch size and stride as the paper's Table 1 has them: of the one layer that there is, or of
    the one convolution in a chain of them that looks at more than a pixel."""
    if any(len(node.inputs) > 1 for node in nodes):
        return ""
    layers = [node for node in nodes if node.op.family in (Family.CONV, Family.POOL, Family.LINEAR)]
    if len(layers) > 1 and all(node.op.family is Family.CONV for node in layers):
        layers = [node for node in layers if max(_kernel(node) or (2,)) > 1]
    kernel = _kernel(layers[0]) if len(layers) == 1 else None
    if kernel is None:
        return ""
    stride: Any = getattr(layers[0].op, "stride", (1,))
    return f"{format_size(kernel)}/{along(stride)}"


# -- JSON ------------------------------------------------------------------------------------


def to_json(network: Outline) -> dict[str, Any]:
    """The data of an outline as plain dicts and lists, which ``json`` writes.

    >>> import inceptgraph
    >>> to_json(inceptgraph.summary("googlenet", depth=1))["totals"]["params"]
    6998552
    """
    cost, trained = network.cost, network.cost_with_heads
    classes = network.classes and {"classes": [*network.classes], "background": network.background}
    return {
        "name": network.name,
        "inputs": [_input_json(network, name) for name in network.inputs],
        "outputs": [
            {"name": name, "shape": list(shape), "loss": loss, "loss_weight": weight}
            for (name, shape), (loss, weight) in zip(
                network.outputs.items(), network.losses.values(), strict=True
            )
        ],
        **(classes or {}),
        "totals": {
            "params": cost.params,
            "params_with_aux": trained.params,
            "macs": cost.macs,
            "macs_with_aux": trained.macs,
            "depth": cost.depth,
            "buffers": cost.buffers,
            "buffers_with_aux": trained.buffers,
            "activations": cost.activations,
            "activations_with_aux": trained.activations,
            "peak_activations": network.peak,
            "receptive_field": _sides(network.field),
        },
        "stages": [_part_json(stage) for stage in network.stages],
        "aux_heads": [
            {
                **_part_json(head.part),
                "tap": head.tap,
                "loss": head.loss,
                "loss_weight": head.loss_weight,
            }
            for head in network.heads
        ],
    }


def _input_json(network: Outline, name: str) -> dict[str, Any]:
    free = [asdict(each) for each in network.free.get(name, ())]
    made = network.preprocessing.get(name)
    return {
        "name": name,
        "shape": list(network.inputs[name]),
        **({"free": free} if free else {}),
        **({"preprocess": made.model_dump(mode="json")} if made else {}),
    }


def _part_json(part: Part) -> dict[str, Any]:
    return {
        "name": part.path,
        "op": part.op,
        **({"repeat": part.copies} if part.copies else {}),
        **({"share": part.shares} if part.shares else {}),
        "out": list(part.out),
        "params": part.cost.params,
        "buffers": part.cost.buffers,
        "macs": part.cost.macs,
        "depth": part.cost.depth,
        "activations": part.cost.activations,
        "receptive_field": _sides(part.field),
        "arguments": dict(part.integers),
        "steps": [_part_json(inner) for inner in part.parts],
    }


def _sides(field: tuple[int, ...] | None) -> list[int] | None:
    """A receptive field as JSON has it: its extents in pixels of the input."""
    return list(field) if field else None
