"""What runs a network: made by the engine that was named, or by the one that ``auto`` comes to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from inceptgraph import engine as engines
from inceptgraph.errors import Diagnostic, SpecError
from inceptgraph.fastest import Untimed, fastest
from inceptgraph.graph import Graph
from inceptgraph.setting import Setting

if TYPE_CHECKING:
    from inceptgraph.evaluate import Tensors
    from inceptgraph.passes import Target

__all__ = ["prepared"]

logger = logging.getLogger("inceptgraph")


def prepared(
    name: str,
    graph: Graph,
    tensors: Callable[[], Tensors],
    setting: Setting,
    optimize: bool | Target = True,
) -> Any:
    """Choose an engine, rewrite a network for it, and make what runs.

    ``auto`` goes by what engines say of their speed; with ``autotune`` it times them. One that it
    chose and that fails then, such as for want of a compiler that works, makes room for the next.

    Args:
        name: of the engine, or ``auto``.
        graph: with shapes, both phases.
        tensors: gives its weights, which takes longer than to see whether there is an engine.
        setting: how it is to run.
        optimize: see :func:`inceptgraph.engine.prepare`.

    Returns:
        See :meth:`inceptgraph.engine.Engine.prepare`. Its ``choice`` is the engine, and why.

    Raises:
        SpecError: the engine is missing or cannot run it; for ``auto``, none can.
    """
    choice, weights = engines.choose(name, graph, setting), tensors()
    if name == engines.AUTO and setting.autotune:
        try:
            return _with(*fastest(graph, weights, setting, optimize))
        except Untimed as reason:
            logger.warning("the engines are not timed, since %s", reason)
    failed: dict[str, Diagnostic] = {}
    while True:
        try:
            module = engines.prepare(choice.engine, graph, weights, setting, optimize)
        except SpecError as error:
            if name != engines.AUTO:
                raise
            failed[choice.engine.name] = error.diagnostics[0]
            choice = engines.choose(name, graph, setting, failed)
        else:
            return _with(module, choice)


def _with(module: Any, choice: engines.Choice) -> Any:
    logger.info("%s", choice)
    module.choice = choice
    return module
