"""Parts: what of a graph of ATen operations can be a graph of ours, as large as possible."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace

import networkx
import torch
from torch import fx

from inceptgraph.graph import Graph, Node, Output
from inceptgraph.ops import Input
from inceptgraph.passes import free_name
from inceptgraph_dynamo.reading import Held, Reading
from inceptgraph_dynamo.values import FLOATS, Data

__all__ = ["Part", "find_parts", "wire"]


@dataclass(frozen=True)
class Part:
    """Nodes that one network of ours computes.

    Attributes:
        readings: what each of them is, in order.
        inputs: the nodes outside that it reads.
        outputs: the nodes in it that others read, or that are returned; see :func:`wire`.
    """

    readings: Mapping[fx.Node, Reading]
    inputs: tuple[fx.Node, ...]
    outputs: tuple[fx.Node, ...] = ()

    @property
    def like(self) -> torch.Tensor:
        """One of its values: all have one type, device and batch; see :func:`is_uniform`."""
        tensor: torch.Tensor = next(iter(self.readings)).meta["val"]
        return tensor

    @property
    def weights(self) -> dict[str, Held]:
        """The weights of its network, by the names in :meth:`graph`."""
        return {
            f"{node.name}.{name}": held
            for node, reading in self.readings.items()
            for name, held in reading.weights.items()
        }

    @property
    def is_worth_it(self) -> bool:
        """True where there is work in it that engines do better: convolutions or linear layers."""
        return any(
            op.macs(*(operand.shape for operand in reading.operands))
            for reading in self.readings.values()
            for op in reading.ops[:1]
        )

    @property
    def is_uniform(self) -> bool:
        """True where its values have one type and one device."""
        tensors = [node.meta["val"] for node in (*self.inputs, *self.readings)]
        return len({(tensor.dtype, tensor.device) for tensor in tensors}) == 1

    @property
    def dtype(self) -> str:
        """The type that it computes in, as engines name it."""
        return FLOATS[self.like.dtype]

    def graph(self, name: str) -> Graph:
        """The network, with shapes; its outputs are named after the nodes.

        Raises:
            InvalidGraph: a reading is wrong.
        """
        nodes: dict[str, Node] = {}
        last: dict[fx.Node, str] = {}
        for source in self.inputs:
            shape = Data(source).shape
            nodes[source.name] = Node(source.name, Input(shape=shape), (), shape)
            last[source] = source.name
        for node, reading in self.readings.items():
            operands = tuple(last[operand.node] for operand in reading.operands)
            shapes = tuple(operand.shape for operand in reading.operands)
            for op in reading.ops:
                first = op is reading.ops[0]
                own = node.name if first else free_name(f"{node.name}_{op.op}", nodes)
                shapes = (op.infer(*shapes),)
                nodes[own] = Node(own, op, operands, shapes[0])
                operands = (own,)
            last[node] = operands[0]
        outputs = tuple(Output(node.name, last[node]) for node in self.outputs)
        return Graph(name, nodes, outputs).verify()


def find_parts(
    graph: fx.Graph, readings: Mapping[fx.Node, Reading], fixed: Collection[fx.Node]
) -> list[Part]:
    """The connected parts of what was read, none of which waits for a node that waits for it.

    Each node has a level: how many times the data that leads to it changed from what was not read
    to what was. What was read of one level can be computed at once, since a way out of it and back
    leads to a higher one. torch's ``CapabilityBasedPartitioner`` joins what is not connected, and
    takes quadratic time for that.

    Args:
        graph: of ATen operations.
        readings: of those nodes that have one.
        fixed: the constants.
    """
    levels: dict[fx.Node, int] = {}
    joined: networkx.Graph[fx.Node] = networkx.Graph()
    for node in graph.nodes:
        before = [n for n in _operands(node, readings) if n not in fixed]
        levels[node] = max((levels[n] + _enters(n, node, readings) for n in before), default=0)
        if node in readings:
            joined.add_node(node)
            same = (n for n in before if n in readings and levels[n] == levels[node])
            joined.add_edges_from((n, node) for n in same)
    groups = networkx.connected_components(joined)
    owner = {node: index for index, group in enumerate(groups) for node in group}
    members: dict[int, dict[fx.Node, Reading]] = {}
    for node, reading in readings.items():
        members.setdefault(owner[node], {})[node] = reading
    return [_part(own) for own in members.values()]


def _enters(before: fx.Node, node: fx.Node, readings: Mapping[fx.Node, Reading]) -> bool:
    """Whether data comes here from what was not read to what was."""
    return node in readings and before not in readings and before.op == "call_function"


def _part(own: Mapping[fx.Node, Reading]) -> Part:
    read = (operand.node for reading in own.values() for operand in reading.operands)
    return Part(own, tuple(dict.fromkeys(node for node in read if node not in own)))


def _operands(node: fx.Node, readings: Mapping[fx.Node, Reading]) -> list[fx.Node]:
    """What a node waits for, where a read node is computed as its reading says."""
    if node in readings:
        return [operand.node for operand in readings[node].operands]
    return node.all_input_nodes


def wire(graph: fx.Graph, parts: Iterable[Part]) -> list[Part]:
    """The parts with their outputs: what others read of each.

    A view is no output, but what it is a view of: torch makes it of that, so that what shares its
    memory with something else still does.

    Args:
        graph: that they are parts of.
        parts: those that are to be computed as such.
    """
    parts = list(parts)
    owner = {node: index for index, part in enumerate(parts) for node in part.readings}
    readings = {node: reading for part in parts for node, reading in part.readings.items()}
    outside = {graph.output_node()}
    inside: set[fx.Node] = set()
    outputs: set[fx.Node] = set()
    for node in reversed(graph.nodes):
        if node in outside and (node not in owner or _is_view(node)):
            outside.update(node.all_input_nodes)
        elif node in outside:
            outputs.add(node)
        if node in outputs or node in inside:
            for operand in readings[node].operands:
                same = owner.get(operand.node) == owner[node]
                (inside if same else outside).add(operand.node)
    return [
        replace(part, outputs=tuple(node for node in part.readings if node in outputs))
        for part in parts
    ]


def _is_view(node: fx.Node) -> bool:
    """Whether its value lies in the memory of another."""
    source = node.args[0] if node.target is operator.getitem else node
    target = source.target if isinstance(source, fx.Node) else None
    if not isinstance(target, torch._ops.OpOverload):
        return False
    return any(result.alias_info is not None for result in target._schema.returns)
