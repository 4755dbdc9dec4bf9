"""Agreement of two networks' outputs, up to the rounding of a type of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inceptgraph.graph import Graph
from inceptgraph.measure._lab import Lab, Outputs
from inceptgraph.setting import Setting
from inceptgraph.weights.recipe_values import Array, Tensors

__all__ = [
    "DRAWS",
    "ROOM",
    "ROOM_OF_ORDER",
    "ROUNDOFF",
    "Verdict",
    "bound",
    "error_of",
    "judge",
    "relative_error",
    "same_form",
]

ROUNDOFF = {"float32": 2**-24, "tf32": 2**-11, "bfloat16": 2**-8, "float16": 2**-11}
"""Half the distance from 1 to the next number; of tf32, the products' factors have it."""

ROOM = 10.0
"""How many times the plain module's own error is still explained by the type of numbers: others
sum in another order, fold weights before they round, or multiply by Winograd's method, whose error
is several times as large (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks,
section 6).

Where a sum cancels, or few numbers are summed, the plain module may be right by luck. As many times
what roundings of each input, weight and result at random make of the exact outputs is explained as
well (Parker, Monte Carlo Arithmetic, 1997)."""

DRAWS = 4
"""How often roundings are drawn, of which the worst counts."""

ROOM_OF_ORDER = 2.0
"""The same of the plain module in another order of summation, which leaves little else to explain.

The order decides the error of long sums: of n numbers one after the other it grows with n, in pairs
with log n (Higham, Accuracy and Stability of Numerical Algorithms, section 4.2). In its default
layout torch sums the statistics of batch normalisation in float64, channels last in float32: that
module errs ten times as much and more, and is as right."""


Maker = Callable[[Graph, Tensors, Setting], Any]


def same_form(found: Outputs, wanted: Outputs) -> bool:
    """True where there are as many outputs, of the same shapes in the same order."""
    return [a.shape for a in found.values()] == [a.shape for a in wanted.values()]


def relative_error(found: Outputs, wanted: Outputs) -> float:
    """The largest difference of an element, relative to the largest element of its output.

    Args:
        found: of the same form as ``wanted``; outputs are paired by name, where the names are the
            same, else by their order.
        wanted: the reference.

    Returns:
        The worst of all outputs; infinite where an element is no number.
    """
    return max(_errors(found, wanted).values(), default=0.0)


def _errors(found: Outputs, wanted: Outputs) -> dict[str, float]:
    """The error of each output, by its name in the reference."""
    names = wanted if found.keys() == wanted.keys() else found
    pairs = zip((found[name] for name in names), wanted.items(), strict=True)
    return {name: _error(one, other) for one, (name, other) in pairs}


def _error(found: Array, wanted: Array) -> float:
    largest = float(np.abs(wanted).max(initial=0.0))
    difference = float(np.abs(found - wanted).max(initial=0.0))
    if not math.isfinite(difference) or not math.isfinite(largest):
        return math.inf
    return difference / largest if largest else math.inf if difference else 0.0


def error_of(
    lab: Lab,
    make: Maker,
    graph: Graph,
    tensors: Tensors,
    setting: Setting,
    wanted: Outputs,
    magnitude: float = 1.0,
) -> float | None:
    """The error of a module of the framework alone in a setting; None where it cannot run in it.

    Args:
        lab: what runs it.
        make: one of its methods: ``plain``, or ``reordered``.
        graph: the network, ``tensors`` its weights.
        setting: how it runs.
        wanted: the reference.
        magnitude: of the inputs, as in :meth:`inceptgraph.measure.Lab.subject`.
    """
    try:
        module = make(graph, tensors, setting)
        if module is None:
            return None
        found = lab.subject(module, graph, setting, magnitude).outputs()
        return relative_error(found, wanted)
    except Exception:  # such as a type that the framework has no kernel for
        return None


def bound(
    dtype: str,
    plain: float | None,
    depth: int,
    reordered: float | None = None,
    rounded: float = 0.0,
) -> float:
    """The error that a type of numbers explains.

    Args:
        dtype: what is computed in.
        plain: the error of the plain module in this type; None where it cannot run in it, infinite
            where it gives what is no number, which excuses nobody else.
        depth: layers with weights on the longest path, each of which rounds, for when it cannot.
        reordered: the error of the plain module that sums in another order; None and infinite as
            before.
        rounded: the error of outputs that are exact but for roundings at random.

    Returns:
        Always finite.
    """
    least = ROUNDOFF[dtype]
    known = plain is not None and math.isfinite(plain)
    explained = ROOM * (max(plain or 0.0, least) if known else least * max(depth, 1))
    if math.isfinite(rounded):
        explained = max(explained, ROOM * rounded)
    if reordered is None or not math.isfinite(reordered):
        return explained
    return max(explained, ROOM_OF_ORDER * reordered)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The verdict on whether a network gave what it should.

    Attributes:
        error: see :func:`relative_error`; None where the outputs are of another form.
        bound: see :func:`bound`; None as before.
        reason: why it is wrong, of "it"; None where it is right.
        output: the one that is furthest off; None where there is but one, or as before.
    """

    error: float | None
    bound: float | None
    reason: str | None
    output: str | None = None


def judge(
    found: Outputs,
    wanted: Outputs,
    dtype: str,
    plain: float | None,
    depth: int,
    reordered: float | None = None,
    rounded: float = 0.0,
) -> Verdict:
    """Compare outputs with a reference.

    Args:
        found: what a network gave.
        wanted: the reference.
        dtype: what the network computes in.
        plain: the error of the plain module in this type, ``depth`` the layers with weights,
            ``reordered`` the error in another order, and ``rounded`` that of roundings at random;
            see :func:`bound`.
    """
    if not same_form(found, wanted):
        shapes = " and ".join(str(value.shape) for value in found.values())
        return Verdict(None, None, f"its outputs are {shapes}")
    errors = _errors(found, wanted)
    explained = bound(dtype, plain, depth, reordered, rounded)
    error = max(errors.values(), default=0.0)
    if error <= explained:
        return Verdict(error, explained, None)
    told = f"its outputs are {error:.1e} off; {dtype} explains {explained:.1e}"
    output = max(errors, key=errors.__getitem__) if len(errors) > 1 else None
    return Verdict(error, explained, told, output)
