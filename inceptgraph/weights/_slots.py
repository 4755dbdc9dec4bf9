"""The tensors of a network, which a file is to fill."""

from __future__ import annotations

from dataclasses import dataclass

from inceptgraph.graph import Graph

__all__ = ["Slot", "slots"]


@dataclass(frozen=True, slots=True)
class Slot:
    """A tensor of a network.

    Attributes:
        name: the node's and the tensor's in it, ``inception_3a.1x1.conv.weight``.
        shape: its shape, output channels first.
        classifier: it belongs to the one layer that an output of the network or of an auxiliary
            head comes from, so that its first axis counts classes.
        reads_image: its layer reads an input of the network, so that its second axis counts the
            channels of an image.
    """

    name: str
    shape: tuple[int, ...]
    classifier: bool = False
    reads_image: bool = False

    @property
    def layer(self) -> str:
        """The node that owns it."""
        return self.name.rpartition(".")[0]


def slots(graph: Graph) -> dict[str, Slot]:
    """The tensors of a network by name, in the order of the graph."""
    classifiers, readers = _classifiers(graph), _readers(graph)
    return {
        name: Slot(
            name,
            weight.shape,
            owner in classifiers,
            len(weight.shape) > 2 and weight.shape[1] == readers.get(owner),
        )
        for node in graph.nodes.values()
        for owner in [graph.owner(node.name)]
        for key, weight in graph.own_weights(node).items()
        for name in [f"{owner}.{key}"]
    }


def _classifiers(graph: Graph) -> set[str]:
    """The layers from which an output comes through operations without weights.

    Where several lead to one output, it is not a layer's but a join's, and its width is no choice
    of one of them.
    """
    found = set()
    for output in graph.outputs:
        weighted, waiting, seen = set[str](), [output.node], {output.node}
        while waiting:
            node = graph.nodes[waiting.pop()]
            if graph.weights(node):
                weighted.add(graph.owner(node.name))
                continue
            waiting += [name for name in node.inputs if name not in seen]
            seen.update(node.inputs)
        if len(weighted) == 1:
            found |= weighted
    return found


def _readers(graph: Graph) -> dict[str, int]:
    """The layers that an input reaches through operations without weights, and its channels."""
    maps, found = dict[str, int](), dict[str, int]()
    for node in graph.nodes.values():
        shape = node.shape or ()
        if not node.inputs and len(shape) > 1:
            maps[node.name] = shape[0]
        elif len(node.inputs) == 1 and (channels := maps.get(node.inputs[0])):
            if graph.weights(node):
                found[graph.owner(node.name)] = channels
            elif shape[:1] == (channels,):
                maps[node.name] = channels
    return found
