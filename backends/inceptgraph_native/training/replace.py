"""Which layers of torch's module become faster ones."""

from __future__ import annotations

from collections.abc import Iterator

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
    for part in [*network.modules()]:
        if isinstance(part, fx.GraphModule):
            _accelerate(part, graph)


def _accelerate(network: fx.GraphModule, graph: Graph) -> None:
    """Replace the layers that a network, or a block of it, calls itself."""
    layers = {node: network.get_submodule(str(node.target)) for node in _calls(network)}
    for node, layer in layers.items():
        if isinstance(layer, fx.GraphModule):
            continue
        step = graph.nodes[node.meta[STEP]]
        if isinstance(layer, nn.BatchNorm2d):
            relu = _relu_behind(node, layers)
            if relu is not None:
                relu.replace_all_uses_with(node)
                network.graph.erase_node(relu)
                network.recompile()
                network.delete_submodule(str(relu.target))  # a hook on it would never be called
            network.set_submodule(str(node.target), BatchNorm(layer, relu is not None))
        elif isinstance(layer, nn.Conv2d) and FilteredConv2d.fits(layer):
            network.set_submodule(str(node.target), FilteredConv2d(layer))
        elif isinstance(step.op, MaxPool) and step.op.kernel[0] * step.op.kernel[1] < 2**8:
            network.set_submodule(str(node.target), FastMaxPool2d(step.op, layer))
        elif isinstance(layer, LocalResponseNorm):
            network.set_submodule(str(node.target), FastResponseNorm(layer))


def _calls(network: fx.GraphModule) -> Iterator[fx.Node]:
    return (node for node in network.graph.nodes if node.op == "call_module")


def _relu_behind(node: fx.Node, layers: dict[fx.Node, nn.Module]) -> fx.Node | None:
    """The ReLU that alone reads a step."""
    reader = next(iter(node.users)) if len(node.users) == 1 else None
    return reader if reader is not None and isinstance(layers.get(reader), nn.ReLU) else None
