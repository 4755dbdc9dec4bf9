"""What an engine made, held to plain torch before it is handed out."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph.measure import Lab, NoReference, Reference, Verdict, find_lab, in_a_line
from inceptgraph.setting import Setting

if TYPE_CHECKING:
    from inceptgraph.engine._protocol import Engine
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["Incomparable", "compare", "references_of", "verify"]

MAGNITUDES = (1.0, 4.0)
"""Standard deviations of the random inputs. Around zero a bent activation is nearly straight:
behind small numbers an engine that takes it for monotonic is as close as rounding."""

INSTEAD = "use another engine, such as `eager`, and please report the spec"


class Incomparable(Exception):
    """The network itself fails on random inputs, or gives what cannot be compared; why, after
    "since"."""


def references_of(lab: Lab, graph: Graph, tensors: Tensors, setting: Setting) -> list[Reference]:
    """What a network gives for random inputs of each magnitude, which others are held to.

    In training it is the first magnitude alone, since a module is trained by a comparison; larger
    ones are left out where the network, or the plain module in the setting's type, is not finite.

    Raises:
        Incomparable: there is nothing to hold others to.
    """
    found = [_reference(lab, graph, tensors, setting, MAGNITUDES[0])]
    for magnitude in () if setting.train else MAGNITUDES[1:]:
        with suppress(Incomparable):
            larger = _reference(lab, graph, tensors, setting, magnitude)
            if larger.is_finite_in(setting):
                found.append(larger)
    return found


def _reference(
    lab: Lab, graph: Graph, tensors: Tensors, setting: Setting, magnitude: float
) -> Reference:
    try:
        found = Reference(lab, graph, tensors, setting, magnitude)
    except NoReference as error:
        raise Incomparable(str(error)) from error
    if not all(np.isfinite(each).all() for each in found.outputs.values()):
        raise Incomparable("what it gives for random inputs is not finite and cannot be compared")
    return found


def compare(references: Sequence[Reference], module: Any, setting: Setting) -> Verdict:
    """The verdict on what an engine made: the first that finds it wrong, else the one that is
    nearest to its bound. Whatever the module raises passes through."""
    found = []
    for reference in references:
        found.append(reference.compare(module, setting))
        if found[-1].reason is not None:
            return found[-1]
    return max(found, key=lambda each: (each.error or 0.0) / (each.bound or 1.0))


def verify(
    engine: Engine,
    module: Any,
    graph: Graph,
    tensors: Tensors,
    setting: Setting,
    *,
    lab: Lab | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> str:
    """Run what an engine made on one random batch of each magnitude, and compare.

    It is held to the plain module in float64, up to what the plain module is off in the setting's
    type. In training that is the outputs, and those after one step, for which the module is
    trained: it is not to be handed out.

    Args:
        engine: that made it.
        module: what it made.
        graph: the network before passes rewrote it, with shapes, both phases.
        tensors: its weights.
        setting: how it runs.
        lab: what compares (default: torch's).
        clock: seconds.

    Returns:
        How close it is and what that took, in words.

    Raises:
        SpecError: it gives something else, or fails; the finding names the engine, the output, and
            how far it is off.
        Incomparable: see :func:`references_of`.
    """
    lab, began = lab or find_lab(), clock()
    references = references_of(lab, graph, tensors, setting)
    try:
        verdict = compare(references, module, setting)
    except SpecError:
        raise
    except Exception as error:  # an engine may fail in any way
        message = f"the engine `{engine.name}` fails on random inputs: {in_a_line(error)}"
        raise SpecError([Diagnostic(Code.ENGINE_REFUSES, message, help=INSTEAD)]) from error
    if verdict.reason is not None:
        where = "" if verdict.output is None else f" at the output `{verdict.output}`"
        message = f"the engine `{engine.name}` gives wrong numbers{where}: {verdict.reason}"
        raise SpecError([Diagnostic(Code.ENGINE_REFUSES, message, help=INSTEAD)])
    return (
        f"verified on {setting.batch} random sample{'s' if setting.batch > 1 else ''}: "
        f"{verdict.error:.1e} off the plain module in float64, of {verdict.bound:.1e} that "
        f"{setting.dtype} explains, in {clock() - began:.2g} s"
    )
