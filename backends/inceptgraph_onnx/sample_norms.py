"""Normalisation within a sample as ONNX."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from inceptgraph.ops import Operation, sample_norm
from inceptgraph.types import Shape
from inceptgraph_onnx.body import Step

__all__ = ["RULES"]


def _group(op: sample_norm.GroupNorm, step: Step, *inputs: Shape) -> str:
    """As an instance normalisation of groups in a row: `GroupNormalization` of opset 18 has its
    weights for groups, and another meaning since."""
    (x,) = step.inputs
    rows = step.call("Reshape", x, step.integers(0, op.groups, -1))
    ones, zeros = step.number(np.ones(op.groups)), step.number(np.zeros(op.groups))
    normal = step.call("InstanceNormalization", rows, ones, zeros, epsilon=op.eps)
    return step.scaled_and_shifted(step.shaped_as(normal, x, inputs[0]), len(inputs[0]))


def _instance(op: sample_norm.InstanceNorm, step: Step, *inputs: Shape) -> str:
    channels = inputs[0][0]
    scale = step.weight("weight", np.ones(channels))
    shift = step.weight("bias", np.zeros(channels))
    return step.call("InstanceNormalization", *step.inputs, scale, shift, epsilon=op.eps)


def _layer(op: sample_norm.LayerNorm, step: Step, *inputs: Shape) -> str:
    (x,), shape = step.inputs, op.weight_shape(inputs[0])
    scale = step.weight("weight", np.ones(shape))
    shift = [step.weights["bias"]] if op.shift else []
    if len(shape) == len(inputs[0]):
        return step.call("LayerNormalization", x, scale, *shift, axis=1, epsilon=op.eps)
    last = len(inputs[0])
    x = step.call("Transpose", x, perm=(0, *range(2, last + 1), 1))
    x = step.call("LayerNormalization", x, scale, *shift, axis=-1, epsilon=op.eps)
    return step.call("Transpose", x, perm=(0, last, *range(1, last)))


def _rms(op: sample_norm.RmsNorm, step: Step, *inputs: Shape) -> str:
    """In parts: `RMSNormalization` came with opset 23."""
    (x,), rank = step.inputs, len(inputs[0])
    axes = step.integers(*(axis + 1 for axis in op.axes(inputs[0])))
    square = step.call("ReduceMean", step.call("Mul", x, x), axes, keepdims=1)
    root = step.call("Sqrt", step.call("Add", square, step.number(op.eps)))
    value = step.call("Div", x, root)
    if not op.scale:
        return value
    whole = len(op.weight_shape(inputs[0])) == rank
    return step.call(
        "Mul", value, step.weights["weight"] if whole else step.per_channel("weight", rank)
    )


RULES: dict[type[Operation], Callable[..., str]] = {
    sample_norm.GroupNorm: _group,
    sample_norm.InstanceNorm: _instance,
    sample_norm.LayerNorm: _layer,
    sample_norm.RmsNorm: _rms,
}
