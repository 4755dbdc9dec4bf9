"""A network made to run by the engine that was named, or by the one that ``auto`` comes to."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from inceptgraph import passes
from inceptgraph.diagnostics import Diagnostic, SpecError
from inceptgraph.engine._choice import AUTO, choose
from inceptgraph.engine._each_size import at_each_size
from inceptgraph.engine._make import make
from inceptgraph.engine._protocol import Choice, Engine
from inceptgraph.graph import Graph
from inceptgraph.setting import Setting

if TYPE_CHECKING:
    from inceptgraph.passes import Optimize
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["hold_to_plain", "prepare"]

logger = logging.getLogger("inceptgraph")


def prepare(
    name: str,
    graph: Graph,
    tensors: Callable[[], Tensors],
    setting: Setting,
    optimize: Optimize = True,
    *,
    verify: bool = False,
) -> Any:
    """Choose an engine, rewrite a network for it, and make what runs.

    ``auto`` goes by what engines say of their speed; with ``autotune`` it times them. One that it
    chose and that fails then, such as for want of a compiler that works, makes room for the next.

    Args:
        name: of the engine, or ``auto``.
        graph: with shapes, both phases.
        tensors: gives its weights, which takes longer than to see whether there is an engine.
        setting: how it is to run.
        optimize: see :func:`inceptgraph.engine.make`.
        verify: compare what it made with the plain module first; ``autotune`` always does.

    Returns:
        See :meth:`inceptgraph.engine.Engine.prepare`. Its ``choice`` is the engine, and why. In
        evaluation, a network whose inputs may have any size is run at each: the engine compiles for
        one when it comes.

    Raises:
        SpecError: the engine is missing or cannot run it, or what it made gives wrong numbers; for
            ``auto``, so do all; or passes cannot run as they are listed.
    """
    only = passes.asked(optimize)[1]
    if only is not None:  # a mistake in them is none of an engine's
        passes.chosen(only, train=setting.train)
    choice, weights = choose(name, graph, setting), tensors()
    module, choice = _first(choice, name, graph, weights, setting, optimize, verify)

    def at_another_size(network: Graph) -> Any:
        found = make(choice.engine, network, weights, setting, optimize)
        if verify:
            hold_to_plain(choice.engine, found, network, weights, setting)
        return found

    module = at_each_size(module, graph, setting, at_another_size)
    logger.info("%s", choice)
    module.choice = choice
    return module


def _first(
    choice: Choice,
    name: str,
    graph: Graph,
    weights: Tensors,
    setting: Setting,
    optimize: Optimize,
    verify: bool,
) -> tuple[Any, Choice]:
    """What runs the network at the size of its figures, and the choice that it came to."""
    if name == AUTO and setting.autotune:
        from inceptgraph.engine._autotune import Untimed, fastest  # only who asks for it pays

        try:
            return fastest(graph, weights, setting, optimize)
        except Untimed as reason:
            logger.warning("the engines are not timed, since %s", reason)
    failed: dict[str, Diagnostic] = {}
    while True:
        try:
            module = make(choice.engine, graph, weights, setting, optimize)
            if verify:
                note = hold_to_plain(choice.engine, module, graph, weights, setting)
                choice = replace(choice, why=f"{choice.why}; {note}")
                if setting.train:  # one that was trained while it was compared is not asked for
                    module = make(choice.engine, graph, weights, setting, optimize)
        except SpecError as error:
            if name != AUTO:
                raise
            failed[choice.engine.name] = error.diagnostics[0]
            choice = choose(name, graph, setting, failed)
        else:
            return module, choice


def hold_to_plain(
    engine: Engine, module: Any, graph: Graph, tensors: Tensors, setting: Setting
) -> str:
    """A sentence on how close what an engine made is to the plain module on one random batch, and
    what it took to find out; with a warning where there is nothing to compare.

    In training the module is trained by it.

    Args:
        engine: that made it.
        module: what it made.
        graph: the network before passes rewrote it, ``tensors`` its weights.
        setting: how it runs.

    Raises:
        SpecError: it is further off than the setting's type explains.
    """
    from inceptgraph.engine._verify import Incomparable, verify  # only who asks for it pays

    try:
        return verify(engine, module, graph, tensors, setting)
    except Incomparable as reason:
        logger.warning("the engine `%s` is not verified, since %s", engine.name, reason)
        return f"not verified, since {reason}"
