"""Which layers of torch's module become faster ones."""

from __future__ import annotations

from math import prod
from typing import NamedTuple

from torch import fx, nn

from inceptgraph.graph import Graph
from inceptgraph.ops.pool import MaxPool
from inceptgraph_native.training.convolution import FilteredConv2d
from inceptgraph_native.training.kernels import load
from inceptgraph_native.training.layers import BatchNorm, FastMaxPool2d, FastResponseNorm
from inceptgraph_torch.layers import LocalResponseNorm
from inceptgraph_torch.spec_module import STEP

__all__ = ["accelerate"]


def accelerate(network: fx.GraphModule, graph: Graph) -> None:
    """Put faster layers in the places of torch's, with the same weights of the same names.

    Args:
        network: the module of the graph, in training mode; it is changed.
        graph: with shapes.

    Raises:
        SpecError: the kernels cannot be compiled.
    """
    load()
    parts = [part for part in network.modules() if isinstance(part, fx.GraphModule)]
    calls: dict[nn.Module, list[_Call]] = {}
    for part in parts:
        for node in part.graph.nodes:
            if node.op == "call_module":
                layer = part.get_submodule(str(node.target))
                calls.setdefault(layer, []).append(_Call(part, node))
    for layer, uses in calls.items():
        if not isinstance(layer, fx.GraphModule):
            _replace(layer, uses, graph)


class _Call(NamedTuple):
    """Where a network, or a block of it, calls a layer."""

    part: fx.GraphModule
    node: fx.Node


def _replace(layer: nn.Module, uses: list[_Call], graph: Graph) -> None:
    """Put a faster layer in the place of one, which has several uses where steps share it."""
    part, node = uses[0]
    place = str(node.target)
    step = graph.nodes[node.meta[STEP]]
    is_image = len(graph.shape(step.name)) == 3
    if isinstance(layer, nn.BatchNorm2d):
        behind = [_relu_behind(*use) for use in uses]
        fused = None not in behind
        for (around, norm), relu in zip(uses, behind, strict=True):
            if fused and relu is not None:
                relu.replace_all_uses_with(norm)
                around.graph.erase_node(relu)
                around.recompile()
                around.delete_submodule(str(relu.target))  # a hook on it would never be called
        part.set_submodule(place, BatchNorm(layer, fused))
    elif isinstance(layer, nn.Conv2d) and FilteredConv2d.fits(layer):
        part.set_submodule(place, FilteredConv2d(layer))
    elif isinstance(step.op, MaxPool) and is_image and prod(step.op.kernel) < 2**8:
        part.set_submodule(place, FastMaxPool2d(step.op, layer))
    elif isinstance(layer, LocalResponseNorm) and is_image:
        part.set_submodule(place, FastResponseNorm(layer))


def _relu_behind(part: fx.GraphModule, node: fx.Node) -> fx.Node | None:
    """The ReLU that alone reads a step."""
    reader = next(iter(node.users)) if len(node.users) == 1 else None
    if reader is None or reader.op != "call_module":
        return None
    return reader if isinstance(part.get_submodule(str(reader.target)), nn.ReLU) else None
