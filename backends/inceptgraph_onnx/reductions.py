"""Reductions over axes, and powers, as ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from inceptgraph.ops import Operation, pointwise, reduce
from inceptgraph.types import Shape
from inceptgraph_onnx.body import Step

__all__ = ["RULES"]


def _reduced(operator: str, op: Any, step: Step, shape: Shape) -> str:
    axes = step.integers(*(axis + 1 for axis in op.axes(shape)))
    return step.reduced(operator, step.inputs[0], shape, axes, keepdims=1)


def _normalized(op: reduce.L2Normalize, step: Step, *inputs: Shape) -> str:
    norm = _reduced("ReduceL2", op, step, inputs[0])
    return step.call("Div", *step.inputs, step.call("Max", norm, step.number(op.eps)))


def _power(op: pointwise.Power, step: Step, *inputs: Shape) -> str:
    return step.call("Pow", *step.inputs, step.number(op.exponent))


_OPERATORS: dict[type[Operation], str] = {
    reduce.Mean: "ReduceMean",
    reduce.Sum: "ReduceSum",
    reduce.Max: "ReduceMax",
    reduce.L2Norm: "ReduceL2",
}

RULES: dict[type[Operation], Callable[..., str]] = {
    **{
        kind: lambda op, step, *inputs, operator=operator: _reduced(operator, op, step, inputs[0])
        for kind, operator in _OPERATORS.items()
    },
    reduce.L2Normalize: _normalized,
    pointwise.Abs: lambda op, step, *inputs: step.call("Abs", step.behind_pool()),
    pointwise.Power: _power,
}
