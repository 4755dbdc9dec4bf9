"""A network over pixels: what its inputs say of images, as its first steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inceptgraph.graph import Graph, Node
from inceptgraph.ops import Preprocessing
from inceptgraph.ops.merge import Concat
from inceptgraph.ops.shape import Channels, Scale
from inceptgraph.passes._names import free_name

__all__ = ["from_pixels"]


def from_pixels(graph: Graph) -> Graph:
    """The network that makes numbers of pixels by itself: of 0 to 255, red first, resized and
    cropped before.

    Args:
        graph: with shapes, of either phase; the same object where nothing is said of its inputs.
    """
    nodes: dict[str, Node] = {}
    ready: dict[str, str] = {}
    for node in graph.nodes.values():
        nodes[node.name] = replace(node, inputs=tuple(ready.get(n, n) for n in node.inputs))
        said = graph.preprocessing.get(node.name)
        for step in _steps(said, node, {*graph.nodes, *nodes}) if said else ():
            nodes[step.name] = step
            ready[node.name] = step.name
    if not ready:
        return graph
    pixels = {
        name: said.model_copy(update=_PIXELS).over(graph.shape(name)[0])
        for name, said in graph.preprocessing.items()
    }
    outputs = tuple(replace(each, node=ready.get(each.node, each.node)) for each in graph.outputs)
    return replace(graph, nodes=nodes, outputs=outputs, preprocessing=pixels)


_PIXELS = {"range": (0.0, 255.0), "order": "rgb", "mean": (0.0,), "std": (1.0,)}
"""What is said of an input of pixels."""


def _steps(said: Preprocessing, node: Node, taken: set[str]) -> Iterator[Node]:
    """Colours in their order, then a factor and an offset for each; no step that does nothing."""
    shape, source = node.shape, node.name
    assert shape is not None

    def name(what: str) -> str:
        return free_name(f"{node.name}_{what}", taken)

    if said.order == "bgr":
        single = (1, *shape[1:])
        cuts = [
            Node(name(f"colour_{at}"), Channels(start=at, stop=at + 1), (source,), single)
            for at in reversed(range(shape[0]))
        ]
        yield from cuts
        source = name("reversed")
        yield Node(source, Concat(), tuple(cut.name for cut in cuts), shape)
    scale = Scale(factor=said.factors, offset=said.offsets).settled(shape)
    if not scale.is_identity():
        yield Node(name("scaled"), scale, (source,), shape)
