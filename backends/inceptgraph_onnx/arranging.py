"""Reshapes, transposes, slices and products of two operands, as ONNX."""

from __future__ import annotations

from collections.abc import Callable

from inceptgraph.ops import Operation, arrange, product, reshape
from inceptgraph.ops.merge import broadcast
from inceptgraph.types import Shape
from inceptgraph_onnx.body import END, Step

__all__ = ["RULES"]


def _reshape(op: reshape.Reshape, step: Step, *inputs: Shape) -> str:
    return step.call("Reshape", step.inputs[0], step.integers(0, *op.infer(*inputs)))


def _transpose(op: arrange.Transpose, step: Step, *inputs: Shape) -> str:
    perm = (0, *(axis + 1 for axis in op.axes(inputs[0])))
    return step.call("Transpose", *step.inputs, perm=perm)


def _slice(op: arrange.Slice, step: Step, *inputs: Shape) -> str:
    stop = END if op.stop is None else op.stop
    numbers = (op.start, stop, op.axis(inputs[0]) + 1, op.step)
    return step.call("Slice", *step.inputs, *map(step.integers, numbers))


def _dot(op: product.Dot, step: Step, *inputs: Shape) -> str:
    axes = (axis + 1 for axis in op.axes(broadcast(op.op, inputs)))
    products = step.call("Mul", *step.inputs)
    return step.reduced("ReduceSum", products, inputs[0], step.integers(*axes), keepdims=1)


RULES: dict[type[Operation], Callable[..., str]] = {
    reshape.Reshape: _reshape,
    arrange.Transpose: _transpose,
    arrange.Slice: _slice,
    product.MatMul: lambda op, step, *inputs: step.call("MatMul", *step.inputs),
    product.Dot: _dot,
}
