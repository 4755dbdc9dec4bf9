"""A network rewritten for an engine, and made to run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inceptgraph import passes
from inceptgraph.diagnostics import SpecError
from inceptgraph.engine._protocol import Engine
from inceptgraph.graph import Graph
from inceptgraph.passes import Target
from inceptgraph.setting import Setting

if TYPE_CHECKING:
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["as_run", "make"]


def make(
    engine: Engine,
    graph: Graph,
    tensors: Tensors,
    setting: Setting,
    optimize: bool | Target = True,
) -> Any:
    """Rewrite a network for an engine, and make what runs.

    Args:
        engine: that is to run it.
        graph: with shapes, both phases.
        tensors: its weights, as :meth:`Engine.prepare` takes them.
        setting: how it is to run.
        optimize: whether to run the passes, or what they are to know of the engine (default: what
            it says itself).

    Returns:
        See :meth:`Engine.prepare`.

    Raises:
        SpecError: the engine cannot run it.
    """
    if optimize is False:
        network = as_run(graph, setting)
    else:
        target = engine.target(setting) if optimize is True else optimize
        network = passes.optimize(graph, target, train=setting.train)
    if refusal := engine.refusal(network, setting):
        raise SpecError([refusal])
    return engine.prepare(network, tensors, setting)


def as_run(graph: Graph, setting: Setting) -> Graph:
    """The graph of the phase that a setting asks for."""
    return graph if setting.train else graph.phase("eval")
