"""Rules by which operations become torch: the one place that knows both vocabularies.

A rule describes the layer; :mod:`inceptgraph_torch.lower` creates it and
:mod:`inceptgraph_torch.codegen` writes it into a ``model.py``, so that both are the same network.

A package that adds an operation offers its rule through the entry-point group
``inceptgraph_torch.rules``, under the operation's name.
"""

from __future__ import annotations

import operator
from functools import singledispatch
from typing import Any

import torch
from torch import nn

from inceptgraph.backend import has_rule_in
from inceptgraph.ops import Operation, activation, conv, linear, merge, norm, pool, product, shape
from inceptgraph.types import Shape
from inceptgraph_torch import arranging, layers, reducing, resampling, sample_norms, windows
from inceptgraph_torch.described import Concatenate, Fold, Function, Layer, Nest

__all__ = ["ENTRY_POINTS", "Concatenate", "Fold", "Function", "Layer", "Nest", "has_rule", "rule"]

ENTRY_POINTS = "inceptgraph_torch.rules"


@singledispatch
def rule(op: Operation, *inputs: Shape) -> Layer | Function:
    """The layer or function that computes ``op`` on operands of these shapes.

    Raises:
        NotImplementedError: there is no rule for the operation.
    """
    if not has_rule(type(op)):  # which registers the rule that a package offers
        raise NotImplementedError(f"the torch backend has no rule for {op.op}")
    return rule(op, *inputs)


def has_rule(kind: type[Operation]) -> bool:
    """True where there is a rule, here or in an installed package."""
    return has_rule_in(rule, kind, ENTRY_POINTS)


@rule.register(conv.Conv)
@rule.register(conv.Conv2d)
@rule.register(conv.DepthwiseConv)
@rule.register(conv.DepthwiseConv2d)
def _(op: conv.Convolution, *inputs: Shape) -> Layer:
    return windows.convolution(op, inputs[0][0])


@rule.register
def _(op: linear.Linear, *inputs: Shape) -> Layer:
    kwargs = {} if op.bias else {"bias": False}
    return Layer(nn.Linear, (inputs[0][0], op.out), kwargs)


_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
_PARTIAL_BATCH_NORMS = (
    layers.partial_batch_norm_1d,
    layers.partial_batch_norm_2d,
    layers.partial_batch_norm_3d,
)


@rule.register
def _(op: norm.BatchNorm, *inputs: Shape) -> Layer:
    rank = max(len(inputs[0]) - 1, 1)  # torch has a vector and a sequence under one name
    settings: dict[str, Any] = {"eps": op.eps, "momentum": op.momentum}
    if op.scale == op.shift:
        affine = {} if op.scale else {"affine": False}
        return Layer(_BATCH_NORMS[rank - 1], (inputs[0][0],), {**settings, **affine})
    partial = _PARTIAL_BATCH_NORMS[rank - 1]
    return Layer(partial, (inputs[0][0],), {**settings, "scale": op.scale, "shift": op.shift})


@rule.register
def _(op: norm.Lrn, *inputs: Shape) -> Layer:
    settings = {"alpha": op.alpha, "beta": op.beta, "k": op.k}
    return Layer(layers.LocalResponseNorm, (op.size,), settings)


@rule.register
def _(op: norm.Affine, *inputs: Shape) -> Layer:
    return Layer(layers.Affine, (inputs[0][0],), {"scale": op.scale, "shift": op.shift})


@rule.register
def _(op: pool.MaxPool, *inputs: Shape) -> Layer:
    return windows.pool(op, inputs[0][1:])


@rule.register
def _(op: pool.AvgPool, *inputs: Shape) -> Layer:
    return windows.pool(op, inputs[0][1:], count_include_pad=op.count_include_pad)


_ADAPTIVE_AVG = (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d, nn.AdaptiveAvgPool3d)
_ADAPTIVE_MAX = (nn.AdaptiveMaxPool1d, nn.AdaptiveMaxPool2d, nn.AdaptiveMaxPool3d)


@rule.register
def _(op: pool.AdaptiveAvgPool, *inputs: Shape) -> Layer:
    return Layer(_ADAPTIVE_AVG[len(op.size) - 1], (windows.brief(op.size),))


@rule.register
def _(op: pool.AdaptiveMaxPool, *inputs: Shape) -> Layer:
    return Layer(_ADAPTIVE_MAX[len(op.size) - 1], (windows.brief(op.size),))


@rule.register
def _(op: pool.GlobalAvgPool, *inputs: Shape) -> Layer:
    return Layer(_ADAPTIVE_AVG[len(inputs[0]) - 2], (1,))


@rule.register
def _(op: pool.GlobalMaxPool, *inputs: Shape) -> Layer:
    return Layer(_ADAPTIVE_MAX[len(inputs[0]) - 2], (1,))


_WITHOUT_SETTINGS: dict[type[Operation], Layer] = {
    activation.Relu: Layer(nn.ReLU),
    activation.Relu6: Layer(nn.ReLU6),
    activation.Silu: Layer(nn.SiLU),
    activation.Mish: Layer(nn.Mish),
    activation.Sigmoid: Layer(nn.Sigmoid),
    activation.HardSigmoid: Layer(nn.Hardsigmoid),
    activation.HardSwish: Layer(nn.Hardswish),
    activation.Softplus: Layer(nn.Softplus),
    activation.Tanh: Layer(nn.Tanh),
    shape.Identity: Layer(nn.Identity),
    shape.Flatten: Layer(nn.Flatten),
}
for _kind, _layer in _WITHOUT_SETTINGS.items():
    rule.register(_kind, lambda op, *inputs, layer=_layer: layer)


@rule.register
def _(op: activation.Softmax, *inputs: Shape) -> Layer:
    return Layer(nn.Softmax, (), {"dim": op.axis(inputs[0]) + 1})


@rule.register
def _(op: activation.LogSoftmax, *inputs: Shape) -> Layer:
    return Layer(nn.LogSoftmax, (), {"dim": op.axis(inputs[0]) + 1})


@rule.register
def _(op: activation.LeakyRelu, *inputs: Shape) -> Layer:
    return Layer(nn.LeakyReLU, (op.slope,))


@rule.register
def _(op: activation.Prelu, *inputs: Shape) -> Layer:
    return Layer(nn.PReLU, (inputs[0][0],))


@rule.register
def _(op: activation.Elu, *inputs: Shape) -> Layer:
    return Layer(nn.ELU, (op.alpha,))


@rule.register
def _(op: activation.Gelu, *inputs: Shape) -> Layer:
    return Layer(nn.GELU, (), {} if op.approximate == "none" else {"approximate": op.approximate})


@rule.register
def _(op: merge.Concat, *inputs: Shape) -> Function:
    return Concatenate()


for _family in (reducing, resampling, sample_norms, arranging):
    for _kind, _rule in _family.RULES.items():
        rule.register(_kind, _rule)


_JOINS: dict[type[Operation], Function] = {
    merge.Add: Fold(operator.add, "+"),
    merge.Multiply: Fold(operator.mul, "*"),
    merge.Subtract: Fold(operator.sub, "-"),
    merge.Divide: Fold(operator.truediv, "/"),
    merge.Maximum: Nest(torch.maximum),
    merge.Minimum: Nest(torch.minimum),
    product.MatMul: Nest(torch.matmul),
}
for _kind, _function in _JOINS.items():
    rule.register(_kind, lambda op, *inputs, function=_function: function)


@rule.register
def _(op: shape.Dropout, *inputs: Shape) -> Layer:
    return Layer(nn.Dropout, (op.rate,))


@rule.register
def _(op: shape.Scale, *inputs: Shape) -> Layer:
    several = [each for each in (op.factor, op.offset) if isinstance(each, tuple)]
    if several:
        both = (op.factor, op.offset)
        channels = len(several[0])
        spread = (each if isinstance(each, tuple) else (each,) * channels for each in both)
        return Layer(layers.ScaleChannels, tuple(spread))
    return Layer(layers.Scale, (op.factor,), {"offset": op.offset} if op.offset else {})


@rule.register
def _(op: shape.Pad, *inputs: Shape) -> Layer:
    return windows.pad(op)


@rule.register
def _(op: shape.ChannelShuffle, *inputs: Shape) -> Layer:
    return Layer(nn.ChannelShuffle, (op.groups,))


@rule.register
def _(op: shape.Channels, *inputs: Shape) -> Layer:
    return Layer(layers.Channels, op.extent)


@rule.register
def _(op: shape.Crop, *inputs: Shape) -> Layer:
    return Layer(layers.Crop, (op.border,))
