"""What an engine made, held to plain torch before it is handed out."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph.measure import Lab, NoReference, Reference, find_lab
from inceptgraph.setting import Setting

if TYPE_CHECKING:
    from inceptgraph.engine._protocol import Engine
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["Incomparable", "reference_of", "verify"]


class Incomparable(Exception):
    """The network itself fails on random inputs, or gives what cannot be compared; why, after
    "since"."""


def reference_of(lab: Lab, graph: Graph, tensors: Tensors, setting: Setting) -> Reference:
    """What a network gives for random inputs, which others are held to.

    Raises:
        Incomparable: there is nothing to hold others to.
    """
    try:
        found = Reference(lab, graph, tensors, setting)
    except NoReference as error:
        raise Incomparable(str(error)) from error
    if not all(np.isfinite(each).all() for each in found.outputs.values()):
        raise Incomparable("what it gives for random inputs is not finite and cannot be compared")
    return found


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
    """Run what an engine made on one random batch, and compare.

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
        SpecError: it gives something else; the finding names the engine, the output, and how far
            it is off.
        Incomparable: see :func:`reference_of`.
    """
    lab, began = lab or find_lab(), clock()
    reference = reference_of(lab, graph, tensors, setting)
    verdict = reference.judge(lab.subject(module, graph, setting).outputs(), setting)
    if verdict.reason is not None:
        where = "" if verdict.output is None else f" at the output `{verdict.output}`"
        message = f"the engine `{engine.name}` gives wrong numbers{where}: {verdict.reason}"
        hint = "use another engine, such as `eager`, and please report the spec"
        raise SpecError([Diagnostic(Code.ENGINE_REFUSES, message, help=hint)])
    return (
        f"verified on {setting.batch} random sample{'s' if setting.batch > 1 else ''}: "
        f"{verdict.error:.1e} off the plain module in float64, of {verdict.bound:.1e} that "
        f"{setting.dtype} explains, in {clock() - began:.2g} s"
    )
