"""Local response normalisation as ONNX: one operator where runtimes have it right, or in parts."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from inceptgraph.ops.norm import Lrn
from inceptgraph.types import Shape
from inceptgraph_onnx.body import Step

__all__ = ["normalised"]

_FLOAT, _FLOAT16 = 1, 10  # onnx.TensorProto.FLOAT and FLOAT16


def normalised(op: Lrn, step: Step, operand: Shape) -> str:
    """Each value over a power of the mean square of its neighbours in other channels."""
    if step.dtype != np.float16:
        return _lrn(op, step, operand)
    # the square of 256 is past float16
    wide = step.call("Cast", *step.inputs, to=_FLOAT)
    normal = _lrn(op, replace(step, inputs=(wide,), dtype=np.dtype(np.float32)), operand)
    return step.call("Cast", normal, to=_FLOAT16)


def _lrn(op: Lrn, step: Step, operand: Shape) -> str:
    # A window of even size reaches one further back here and one further ahead in ONNX, and ONNX
    # Runtime has none. ONNX Runtime 1.31.1 takes squares that leave the window off a running sum,
    # whose rounding stays: of values up to a hundred, 1e-6 of k at this alpha. It loads no alpha or
    # beta that is not above 0, and runs on images alone.
    exact = op.alpha <= 1e-3 * op.size * op.k
    # OpenVINO 2026.4.1 cuts the bias to a whole number: of any other one k^-beta is a factor
    factor = 1.0 if op.k.is_integer() else op.k
    settings = {"alpha": op.alpha / factor, "beta": op.beta, "bias": op.k / factor}
    loads = len(operand) == 3 and np.float32(settings["alpha"]) > 0 and np.float32(op.beta) > 0
    if op.size % 2 and exact and loads and "LRN" not in step.body.avoid:
        value = step.call("LRN", *step.inputs, size=op.size, **settings)
        return value if factor == 1 else step.call("Mul", value, step.number(factor**-op.beta))
    (x,), channels, half = step.inputs, operand[0], op.size // 2
    rest = [0] * (len(operand) - 1)
    borders = step.integers(0, half, *rest, 0, op.size - 1 - half, *rest)
    squares = step.call("Pad", step.call("Mul", x, x), borders, step.number(0.0))
    window = [
        step.call("Slice", squares, *map(step.integers, (start, start + channels, 1)))
        for start in range(op.size)
    ]
    mean = step.call("Mul", step.call("Sum", *window), step.number(op.alpha / op.size))
    return step.call("Div", x, _power(step, step.call("Add", mean, step.number(op.k)), op.beta))


def _power(step: Step, value: str, exponent: float) -> str:
    """A power of what is not negative, by square roots where it can be: others take runtimes many
    times as long."""
    if exponent not in (0.5, 0.75):
        return step.call("Pow", value, step.number(exponent))
    root = step.call("Sqrt", value)
    return root if exponent == 0.5 else step.call("Mul", root, step.call("Sqrt", root))
