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
from inceptgraph.ops import Operation, Sides, activation, conv, linear, merge, norm, pool, shape
from inceptgraph.types import Shape
from inceptgraph_torch import layers, reducing
from inceptgraph_torch.described import Concatenate, Fold, Function, Layer, Nest

__all__ = ["ENTRY_POINTS", "Concatenate", "Fold", "Function", "Layer", "has_rule", "rule"]

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


def _pair(size: tuple[int, int]) -> int | tuple[int, int]:
    """3 for (3, 3): what a person writes."""
    return size[0] if size[0] == size[1] else size


def _static_padding(
    padding: str | Sides,
    kernel: tuple[int, int],
    stride: tuple[int, int],
    dilation: tuple[int, int] = (1, 1),
) -> tuple[int, int] | None:
    """Padding that is equal on opposite sides and for every size of map, if it is."""
    if padding == "valid":
        return (0, 0)
    if padding == "same":
        reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        if any(r and (s > 1 or r % 2) for r, s in zip(reach, stride, strict=True)):
            return None
        return reach[0] // 2, reach[1] // 2
    assert not isinstance(padding, str)
    top, bottom, left, right = padding
    return (top, left) if (top, left) == (bottom, right) else None


def _convolution(
    op: conv.Conv2d | conv.DepthwiseConv2d, out: int, groups: int, inputs: int
) -> Layer:
    kwargs: dict[str, Any] = {}
    if op.stride != (1, 1):
        kwargs["stride"] = _pair(op.stride)
    padding = _static_padding(op.padding, op.kernel, op.stride, op.dilation)
    if padding not in (None, (0, 0)):
        kwargs["padding"] = _pair(padding)
    if op.dilation != (1, 1):
        kwargs["dilation"] = _pair(op.dilation)
    if groups != 1:
        kwargs["groups"] = groups
    if not op.bias:
        kwargs["bias"] = False
    if padding is None:
        return Layer(
            layers.PaddedConv2d,
            (inputs, out, _pair(op.kernel)),
            {**kwargs, "border": op.padding},
        )
    return Layer(nn.Conv2d, (inputs, out, _pair(op.kernel)), kwargs)


@rule.register
def _(op: conv.Conv2d, *inputs: Shape) -> Layer:
    return _convolution(op, op.out, op.groups, inputs[0][0])


@rule.register
def _(op: conv.DepthwiseConv2d, *inputs: Shape) -> Layer:
    out, groups = op.channels(inputs[0][0])
    return _convolution(op, out, groups, inputs[0][0])


@rule.register
def _(op: linear.Linear, *inputs: Shape) -> Layer:
    kwargs = {} if op.bias else {"bias": False}
    return Layer(nn.Linear, (inputs[0][0], op.out), kwargs)


@rule.register
def _(op: norm.BatchNorm, *inputs: Shape) -> Layer:
    is_map = len(inputs[0]) == 3
    settings: dict[str, Any] = {"eps": op.eps, "momentum": op.momentum}
    if op.scale == op.shift:
        whole = nn.BatchNorm2d if is_map else nn.BatchNorm1d
        affine = {} if op.scale else {"affine": False}
        return Layer(whole, (inputs[0][0],), {**settings, **affine})
    partial = layers.partial_batch_norm_2d if is_map else layers.partial_batch_norm_1d
    return Layer(partial, (inputs[0][0],), {**settings, "scale": op.scale, "shift": op.shift})


@rule.register
def _(op: norm.Lrn, *inputs: Shape) -> Layer:
    settings = {"alpha": op.alpha, "beta": op.beta, "k": op.k}
    return Layer(layers.LocalResponseNorm, (op.size,), settings)


@rule.register
def _(op: norm.Affine, *inputs: Shape) -> Layer:
    return Layer(layers.Affine, (inputs[0][0],), {"scale": op.scale, "shift": op.shift})


def _pool(
    op: pool.MaxPool | pool.AvgPool,
    plain: type[nn.Module],
    padded: type[nn.Module],
    extra: dict[str, Any],
) -> Layer:
    padding = _static_padding(op.padding, op.kernel, op.stride)
    # `same` leaves nothing to round
    ceil = {"ceil_mode": True} if op.ceil and op.padding != "same" else {}
    # torch refuses a padding of more than half the kernel
    if padding is None or any(2 * p > k for p, k in zip(padding, op.kernel, strict=True)):
        border = {"border": op.padding}
        return Layer(padded, (op.kernel, op.stride), {**border, **ceil, **extra})
    if padding == (0, 0):
        return Layer(plain, (_pair(op.kernel), _pair(op.stride)), ceil)
    return Layer(
        plain, (_pair(op.kernel), _pair(op.stride)), {"padding": _pair(padding), **ceil, **extra}
    )


@rule.register
def _(op: pool.MaxPool, *inputs: Shape) -> Layer:
    return _pool(op, nn.MaxPool2d, layers.PaddedMaxPool2d, {})


@rule.register
def _(op: pool.AvgPool, *inputs: Shape) -> Layer:
    counted = {"count_include_pad": op.count_include_pad}
    return _pool(op, nn.AvgPool2d, layers.PaddedAvgPool2d, counted)


@rule.register
def _(op: pool.AdaptiveAvgPool, *inputs: Shape) -> Layer:
    return Layer(nn.AdaptiveAvgPool2d, (_pair(op.size),))


@rule.register
def _(op: pool.AdaptiveMaxPool, *inputs: Shape) -> Layer:
    return Layer(nn.AdaptiveMaxPool2d, (_pair(op.size),))


_WITHOUT_SETTINGS: dict[type[Operation], Layer] = {
    pool.GlobalAvgPool: Layer(nn.AdaptiveAvgPool2d, (1,)),
    pool.GlobalMaxPool: Layer(nn.AdaptiveMaxPool2d, (1,)),
    activation.Relu: Layer(nn.ReLU),
    activation.Relu6: Layer(nn.ReLU6),
    activation.Silu: Layer(nn.SiLU),
    activation.Mish: Layer(nn.Mish),
    activation.Sigmoid: Layer(nn.Sigmoid),
    activation.HardSigmoid: Layer(nn.Hardsigmoid),
    activation.HardSwish: Layer(nn.Hardswish),
    activation.Softplus: Layer(nn.Softplus),
    activation.Tanh: Layer(nn.Tanh),
    activation.Softmax: Layer(nn.Softmax, (), {"dim": 1}),
    activation.LogSoftmax: Layer(nn.LogSoftmax, (), {"dim": 1}),
    shape.Identity: Layer(nn.Identity),
    shape.Flatten: Layer(nn.Flatten),
}
for _kind, _layer in _WITHOUT_SETTINGS.items():
    rule.register(_kind, lambda op, *inputs, layer=_layer: layer)


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


for _kind, _rule in reducing.RULES.items():
    rule.register(_kind, _rule)


_JOINS: dict[type[Operation], Function] = {
    merge.Add: Fold(operator.add, "+"),
    merge.Multiply: Fold(operator.mul, "*"),
    merge.Subtract: Fold(operator.sub, "-"),
    merge.Divide: Fold(operator.truediv, "/"),
    merge.Maximum: Nest(torch.maximum),
    merge.Minimum: Nest(torch.minimum),
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
    top, bottom, left, right = op.border
    return Layer(nn.ConstantPad2d, ((left, right, top, bottom), op.value))


@rule.register
def _(op: shape.Channels, *inputs: Shape) -> Layer:
    return Layer(layers.Channels, op.extent)


@rule.register
def _(op: shape.Crop, *inputs: Shape) -> Layer:
    return Layer(layers.Crop, (op.border,))
