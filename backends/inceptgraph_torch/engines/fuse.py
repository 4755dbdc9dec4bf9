"""Convolutions that add and clip as they write: one kernel of cuDNN for up to three steps."""

from __future__ import annotations

import copy
import operator
from typing import Any

import torch
from torch import fx, nn

__all__ = ["fuse"]

_RELU = torch.ops.aten.cudnn_convolution_relu.default
_ADD_RELU = torch.ops.aten.cudnn_convolution_add_relu.default


def fuse(module: fx.GraphModule) -> fx.GraphModule:
    """Make a ReLU behind a convolution, or behind a sum with one, part of the convolution.

    Args:
        module: in evaluation; it stays as it is.

    Returns:
        A module of the same layers and weights, which computes the same on an NVIDIA GPU.
    """
    graph = copy.deepcopy(module.graph)
    layers: Layers = {
        node: module.get_submodule(str(node.target))
        for node in graph.nodes
        if node.op == "call_module"
    }
    for node in graph.nodes:
        if type(layers.get(node)) is nn.ReLU:
            _fuse_into(node, layers)
    graph.lint()
    return fx.GraphModule(module, graph)


Layers = dict[fx.Node, nn.Module]


def _fuse_into(relu: fx.Node, layers: Layers) -> None:
    """Replace a ReLU and what it reads, where one kernel does for both."""
    (before,) = relu.all_input_nodes
    operands = [before]
    if before.target is operator.add and len(before.users) == 1:
        operands = before.all_input_nodes
    # of two convolutions the later one adds: the earlier one's result is there by then
    for convolution in reversed(operands):
        others = [node for node in operands if node is not convolution]
        if _is_alone(convolution, layers) and len(others) == (before is not convolution):
            break
    else:
        return
    layer = layers[convolution]
    assert isinstance(layer, nn.Conv2d)
    graph = relu.graph
    with graph.inserting_before(relu):
        weight, bias = (graph.get_attr(f"{convolution.target}.{name}") for name in _OWN)
        arguments: list[Any] = [*convolution.all_input_nodes, weight]
        arguments += [*others, 1.0] if others else []
        arguments += [bias, layer.stride, layer.padding, layer.dilation, layer.groups]
        fused = graph.call_function(_ADD_RELU if others else _RELU, tuple(arguments))
    fused.meta = dict(relu.meta)
    relu.replace_all_uses_with(fused)
    for node in dict.fromkeys((relu, before, convolution)):
        graph.erase_node(node)


_OWN = ("weight", "bias")


def _is_alone(node: fx.Node, layers: Layers) -> bool:
    """Whether it is a convolution with a bias, zeros around it, and one reader."""
    layer = layers.get(node)
    return (
        type(layer) is nn.Conv2d
        and layer.bias is not None
        and layer.padding_mode == "zeros"
        and not isinstance(layer.padding, str)
        and len(node.users) == 1
    )
