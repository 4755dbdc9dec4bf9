"""Rules that write each operation as ONNX: the one place that knows both vocabularies.

A rule writes calls of operators of opset 18, which later opsets keep, and returns the name of the
value. It describes the operation in evaluation.

A package that adds an operation offers its rule through the entry-point group
``inceptgraph_onnx.rules``, under the operation's name.
"""

from __future__ import annotations

from functools import reduce, singledispatch
from math import pi, sqrt

import numpy as np

from inceptgraph.backend import has_rule_in
from inceptgraph.ops import Operation, activation, conv, linear, merge, norm, pool, shape
from inceptgraph.types import Shape
from inceptgraph_onnx import (
    arranging,
    borders,
    convolutions,
    lrn,
    pools,
    reductions,
    resampling,
    sample_norms,
)
from inceptgraph_onnx.body import Step

__all__ = ["ENTRY_POINTS", "has_rule", "rule"]

ENTRY_POINTS = "inceptgraph_onnx.rules"


@singledispatch
def rule(op: Operation, step: Step, *inputs: Shape) -> str:
    """Write what computes ``op`` on operands of these shapes.

    Args:
        op: the operation.
        step: its operands and weights, and where to write.
        inputs: shapes of the operands, without the batch.

    Returns:
        The name of the value.

    Raises:
        NotImplementedError: there is no rule for the operation.
    """
    if not has_rule(type(op)):  # which registers the rule that a package offers
        raise NotImplementedError(f"the ONNX backend has no rule for {op.op}")
    return rule(op, step, *inputs)


def has_rule(kind: type[Operation]) -> bool:
    """Whether there is a rule, here or in an installed package."""
    return has_rule_in(rule, kind, ENTRY_POINTS)


# -- layers with weights -------------------------------------------------------------------------


@rule.register(conv.Conv)
@rule.register(conv.Conv2d)
@rule.register(conv.DepthwiseConv)
@rule.register(conv.DepthwiseConv2d)
def _(op: conv.Convolution, step: Step, *inputs: Shape) -> str:
    return convolutions.convolution(op, step, inputs[0])


@rule.register
def _(op: linear.Linear, step: Step, *inputs: Shape) -> str:
    if inputs[0][0] == op.out == 1:
        # OpenVINO 2026.4.1 does not compile such a Gemm behind another, on one thread
        scaled = step.call("Mul", *step.inputs, step.weights["weight"])
        return step.call("Add", scaled, step.weights["bias"]) if op.bias else scaled
    return step.call("Gemm", *step.inputs, *step.weights.values(), transB=1)


@rule.register
def _(op: norm.BatchNorm, step: Step, *inputs: Shape) -> str:
    channels = inputs[0][0]
    scale = step.weight("weight", np.ones(channels))
    shift = step.weight("bias", np.zeros(channels))
    statistics = step.weights["running_mean"], step.weights["running_var"]
    return step.call("BatchNormalization", *step.inputs, scale, shift, *statistics, epsilon=op.eps)


@rule.register
def _(op: norm.Affine, step: Step, *inputs: Shape) -> str:
    # OpenVINO drops one of ones and zeros, and what is behind it meets what was before it
    value = step.fence(step.inputs[0], "MaxPool", "Pad")
    return step.scaled_and_shifted(value, len(inputs[0]))


@rule.register
def _(op: activation.Prelu, step: Step, *inputs: Shape) -> str:
    monotonic = bool((step.body.constants[step.weights["weight"]] >= 0).all())
    x = step.behind_pool(monotonic)
    return step.call("PRelu", x, step.per_channel("weight", len(inputs[0])))


@rule.register
def _(op: norm.Lrn, step: Step, *inputs: Shape) -> str:
    return lrn.normalised(op, step, inputs[0])


# -- pools: see pools.py -------------------------------------------------------------------------


@rule.register
def _(op: pool.MaxPool, step: Step, *inputs: Shape) -> str:
    return pools.maximum(op, step, inputs[0])


@rule.register
def _(op: pool.AvgPool, step: Step, *inputs: Shape) -> str:
    return pools.average(op, step, inputs[0])


@rule.register
def _(op: pool.GlobalAvgPool, step: Step, *inputs: Shape) -> str:
    return step.reduced("GlobalAveragePool", step.inputs[0], inputs[0])


@rule.register
def _(op: pool.GlobalMaxPool, step: Step, *inputs: Shape) -> str:
    return step.reduced("GlobalMaxPool", step.inputs[0], inputs[0])


@rule.register
def _(op: pool.AdaptiveAvgPool, step: Step, *inputs: Shape) -> str:
    return pools.adaptive_average(op.size, step, inputs[0])


@rule.register
def _(op: pool.AdaptiveMaxPool, step: Step, *inputs: Shape) -> str:
    return pools.adaptive_maximum(op.size, step, inputs[0])


# -- operations that ONNX has under one name -----------------------------------------------------

_PLAIN: dict[type[Operation], tuple[str, dict[str, int]]] = {
    activation.Relu: ("Relu", {}),
    activation.Sigmoid: ("Sigmoid", {}),
    activation.Tanh: ("Tanh", {}),
    shape.Flatten: ("Flatten", {"axis": 1}),
}
for _kind, _plain in _PLAIN.items():
    rule.register(
        _kind, lambda op, step, *inputs, plain=_plain: step.call(plain[0], *step.inputs, **plain[1])
    )


@rule.register
def _(op: activation.Softmax, step: Step, *inputs: Shape) -> str:
    return step.call("Softmax", *step.inputs, axis=op.axis(inputs[0]) + 1)


@rule.register
def _(op: activation.LogSoftmax, step: Step, *inputs: Shape) -> str:
    return step.call("LogSoftmax", *step.inputs, axis=op.axis(inputs[0]) + 1)


# -- other activations ---------------------------------------------------------------------------


@rule.register
def _(op: activation.Softplus, step: Step, *inputs: Shape) -> str:
    """relu(x) + log(1 + e) with e = exp(-|x|), in Kahan's form of ``log1p``: the rounding of 1 + e
    is divided out. ``Softplus`` of OpenVINO 2026.4.1 adds x to a logarithm instead, so that numbers
    from about -9 on become negative; so does log(1 + exp(x)), of which it makes one but for a Max
    between."""
    (x,), one = step.inputs, step.number(1.0)
    e = step.call("Exp", step.call("Neg", step.call("Abs", x)))
    rounded = step.call("Max", step.call("Add", e, one), one)
    kept = step.call("Sub", rounded, one)
    log = step.call("Mul", step.call("Log", rounded), step.call("Div", e, kept))
    log = step.call("Where", step.call("Equal", kept, step.number(0.0)), e, log)
    return step.call("Add", step.call("Relu", x), log)


@rule.register
def _(op: activation.Mish, step: Step, *inputs: Shape) -> str:
    """x · n / (n + 2), where n = e·(e + 2) and e = exp(x): ``Mish`` of OpenVINO 2026.4.1 is off by
    1e-6 where the result is small, and that of ONNX Runtime takes four times as long."""
    x, two = step.behind_pool(), step.number(2.0)
    e = step.call("Exp", step.call("Min", x, step.number(20.0)))  # from there on it is x
    n = step.call("Mul", e, step.call("Add", e, two))
    return step.call("Mul", x, step.call("Div", n, step.call("Add", n, two)))


@rule.register
def _(op: activation.HardSwish, step: Step, *inputs: Shape) -> str:
    return step.call("HardSwish", step.behind_pool())


@rule.register
def _(op: activation.Relu6, step: Step, *inputs: Shape) -> str:
    return step.call("Clip", *step.inputs, step.number(0.0), step.number(6.0))


@rule.register
def _(op: activation.LeakyRelu, step: Step, *inputs: Shape) -> str:
    if op.slope == 1:
        return step.inputs[0]
    return step.call("LeakyRelu", step.behind_pool(op.slope >= 0), alpha=op.slope)


@rule.register
def _(op: activation.Elu, step: Step, *inputs: Shape) -> str:
    return step.call("Elu", step.behind_pool(op.alpha >= 0), alpha=op.alpha)


@rule.register
def _(op: activation.HardSigmoid, step: Step, *inputs: Shape) -> str:
    return step.call("HardSigmoid", *step.inputs, alpha=1 / 6, beta=0.5)


@rule.register
def _(op: activation.Silu, step: Step, *inputs: Shape) -> str:
    x = step.behind_pool()
    return step.call("Mul", x, step.call("Sigmoid", x))


@rule.register
def _(op: activation.Gelu, step: Step, *inputs: Shape) -> str:
    """In parts, which runtimes join: ``Gelu`` itself came with opset 20."""
    x = step.behind_pool()
    if op.approximate == "none":
        bent = step.call("Erf", step.call("Div", x, step.number(sqrt(2))))
    else:
        square = step.call("Mul", step.call("Mul", x, x), step.number(0.044715))
        factor = step.call("Add", square, step.number(1.0))
        inner = step.call("Mul", step.call("Mul", x, factor), step.number(sqrt(2 / pi)))
        bent = step.call("Tanh", inner)
    twice = step.call("Mul", x, step.call("Add", bent, step.number(1.0)))
    return step.call("Mul", twice, step.number(0.5))


# -- joins, and operations that move, cut or scale -----------------------------------------------
# One that does nothing writes nothing: runtimes drop it, so that a fence has to look past it.


@rule.register
def _(op: merge.Concat, step: Step, *inputs: Shape) -> str:
    if not inputs[1:]:
        return step.inputs[0]
    first, *others = step.inputs
    if inputs[0][0] == 1 and {first} == set(others):
        # OpenVINO 2026.4.1 makes a broadcast of it, which mixes the pixels of one channel
        first = step.apart(first)
    return step.call("Concat", first, *others, axis=1)


for _family in (reductions, resampling, sample_norms, arranging):
    for _kind, _rule in _family.RULES.items():
        rule.register(_kind, _rule)

_JOINS: dict[type[Operation], str] = {
    merge.Add: "Add",
    merge.Subtract: "Sub",
    merge.Divide: "Div",
    merge.Maximum: "Max",
    merge.Minimum: "Min",
}
for _kind, _join in _JOINS.items():
    rule.register(
        _kind,
        lambda op, step, *inputs, operator=_join: reduce(
            lambda a, b: step.call(operator, a, b), step.inputs
        ),
    )


@rule.register
def _(op: merge.Multiply, step: Step, *inputs: Shape) -> str:
    # with its own sigmoid a value is a SiLU, which runtimes see: as there
    operands = [step.fence(each, "MaxPool") for each in step.inputs]
    return reduce(lambda a, b: step.call("Mul", a, b), operands)


@rule.register(shape.Identity)
@rule.register(shape.Dropout)
@rule.register(shape.StochasticDepth)
def _(op: Operation, step: Step, *inputs: Shape) -> str:
    return step.inputs[0]


@rule.register
def _(op: shape.Scale, step: Step, *inputs: Shape) -> str:
    value = step.inputs[0]
    apart = (-1, *(1,) * (len(inputs[0]) - 1))  # channels, then what they are spread over
    for kind, number, nothing in (("Mul", op.factor, 1), ("Add", op.offset, 0)):
        if number != nothing:
            each = np.reshape(number, apart) if isinstance(number, tuple) else number
            value = step.call(kind, value, step.number(each))
    return value


@rule.register
def _(op: shape.Pad, step: Step, *inputs: Shape) -> str:
    (x,) = step.inputs
    if not any(op.border):
        return x
    if op.mode == "constant":
        return step.border(x, op.border, op.value)
    return borders.of_the_map(op, step)


@rule.register
def _(op: shape.ChannelShuffle, step: Step, *inputs: Shape) -> str:
    return borders.shuffled(op, step, inputs[0])


@rule.register
def _(op: shape.Channels, step: Step, *inputs: Shape) -> str:
    if op.extent == (0, inputs[0][0]):
        return step.inputs[0]
    start, stop = map(step.integers, op.extent)
    return step.call("Slice", *step.inputs, start, stop, step.integers(1))


@rule.register
def _(op: shape.Crop, step: Step, *inputs: Shape) -> str:
    if not any(op.border):
        return step.inputs[0]
    _, *extents = inputs[0]
    ends = (extent - after for extent, after in zip(extents, op.border[1::2], strict=True))
    starts, stops = step.integers(*op.border[::2]), step.integers(*ends)
    axes = step.integers(*range(2, 2 + len(extents)))
    return step.call("Slice", *step.inputs, starts, stops, axes)
