"""A network rewritten for an engine, and made to run."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inceptgraph import passes
from inceptgraph.diagnostics import SpecError
from inceptgraph.engine._protocol import Engine
from inceptgraph.graph import Graph
from inceptgraph.passes import Optimize, Step
from inceptgraph.setting import Setting

if TYPE_CHECKING:
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["as_run", "make", "rewritten"]


def make(
    engine: Engine,
    graph: Graph,
    tensors: Tensors,
    setting: Setting,
    optimize: Optimize = True,
) -> Any:
    """Rewrite a network for an engine, and make what runs.

    Args:
        engine: that is to run it.
        graph: with shapes, both phases.
        tensors: its weights, as :meth:`Engine.prepare` takes them.
        setting: how it is to run.
        optimize: whether to run the passes, or the names of those to run, or what they are to know
            of the engine (default: what it says itself).

    Returns:
        See :meth:`Engine.prepare`.

    Raises:
        SpecError: the engine cannot run it, or the passes cannot run.
    """
    network = rewritten(engine, graph, setting, optimize)
    if refusal := engine.refusal(network, setting):
        raise SpecError([refusal])
    return engine.prepare(network, tensors, setting)


def rewritten(
    engine: Engine,
    graph: Graph,
    setting: Setting,
    optimize: Optimize = True,
    observe: Callable[[Step], None] = lambda step: None,
) -> Graph:
    """A network as passes leave it for an engine; see :func:`make`.

    Args:
        engine: that is to run it.
        graph: with shapes, both phases.
        setting: how it is to run.
        optimize: as :func:`make` takes it.
        observe: told of each pass.

    Raises:
        SpecError: there is no pass of a name, or it cannot run there; see
            :func:`inceptgraph.passes.optimize`.
    """
    if optimize is False:
        return as_run(graph, setting)
    target, only = passes.asked(optimize)
    network = graph if only is None else as_run(graph, setting)
    on = target or engine.target(setting)
    return passes.optimize(network, on, observe, train=setting.train, only=only)


def as_run(graph: Graph, setting: Setting) -> Graph:
    """The graph of the phase that a setting asks for."""
    return graph if setting.train else graph.phase("eval")
