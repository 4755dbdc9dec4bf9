"""What an engine is: what runs a graph, and how one is found and chosen.

A backend turns a graph into something; an engine runs it. A package offers one through the
entry-point group ``inceptgraph.engines``; the entry point's name is the engine's. An engine whose
library is not installed says so, and what installs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeGuard, runtime_checkable

from inceptgraph import passes, plugins
from inceptgraph.errors import Code, Diagnostic, Label, SpecError, did_you_mean
from inceptgraph.graph import Graph, Node
from inceptgraph.passes import Target
from inceptgraph.setting import DTYPES, SHORT, Setting

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from inceptgraph.evaluate import Tensors

__all__ = [
    "AUTO",
    "DTYPES",
    "ENTRY_POINTS",
    "SHORT",
    "Choice",
    "Engine",
    "Setting",
    "choose",
    "find",
    "installed",
    "prepare",
    "ready",
    "refuse",
    "refuse_pickling",
    "refuse_step",
]

ENTRY_POINTS = "inceptgraph.engines"

AUTO = "auto"
"""The word for whichever engine is fastest here: by what they say, or as measured."""


@runtime_checkable
class Engine(Protocol):
    """Runs graphs.

    Attributes:
        name: as ``engine=`` takes it.
        export: the backend whose file it reads, such as ``onnx``; None where there is none.
    """

    name: str
    export: str | None

    def missing(self) -> str | None:
        """The command that installs what it needs; None where all of it is here."""

    def refusal(self, graph: Graph, setting: Setting) -> Diagnostic | None:
        """Why it cannot run a graph in a setting, at the step that it cannot; None where it can.

        Args:
            graph: with shapes, rewritten or not.
            setting: how it is to run.
        """

    def target(self, setting: Setting) -> Target:
        """What passes that pay only somewhere are to know of it."""

    def speed(self, setting: Setting) -> float:
        """About how many times as fast as torch eager it is on networks of the Inception family.

        It is for :func:`choose` to compare; ``inceptgraph bench`` measures a network on a machine.
        """

    def prepare(self, graph: Graph, tensors: Tensors, setting: Setting) -> Any:
        """Make what runs.

        Args:
            graph: as passes left it, with shapes; in training it has both phases.
            tensors: the weights of the network that it was rewritten from, as float32 or float64
                arrays by their names in its graph.
            setting: how it is to run.

        Returns:
            A ``torch.nn.Module`` from tensors of any floating-point type, one an input in their
            order, to one in float32; where the network has several outputs, to a dict by their
            names. In training it is one to be trained, in training mode.

        Raises:
            SpecError: it cannot run the graph; see :meth:`refusal`.
        """


@dataclass(frozen=True)
class Choice:
    """An engine, and why it was picked.

    Attributes:
        engine: what is to run the network.
        why: a sentence without its full stop.
    """

    engine: Engine
    why: str

    def __str__(self) -> str:
        return f"{self.engine.name}: {self.why}"


def installed() -> tuple[Engine, ...]:
    """The engines that packages offer, by name, whether what they need is there or not.

    Raises:
        SpecError: one cannot be loaded.
    """
    return tuple(_loaded(point) for point in plugins.points(ENTRY_POINTS).values())


def find(name: str) -> Engine:
    """The engine of this name, ready to run.

    Raises:
        SpecError: there is none, or it cannot be loaded, or what it needs is not installed.
    """
    offered = plugins.points(ENTRY_POINTS)
    if name not in offered:
        known = [AUTO, *offered]
        hint = did_you_mean(name, known) or f"there are: {', '.join(known)}"
        raise _error(Code.UNKNOWN_ENGINE, f"there is no engine `{name}`", hint)
    engine = _loaded(offered[name])
    if command := engine.missing():
        message = f"the engine `{name}` is not installed"
        raise _error(Code.UNKNOWN_ENGINE, message, f"install it: {command}")
    return engine


def choose(
    name: str, graph: Graph, setting: Setting, failed: Mapping[str, Diagnostic] | None = None
) -> Choice:
    """The engine of a name; for ``auto`` the one expected to be the fastest that can run the graph.

    Args:
        name: of an engine, or ``auto``.
        graph: with shapes.
        setting: how it is to run.
        failed: why engines could not make what runs, by their names: ``auto`` passes over them.

    Raises:
        SpecError: it is not there or cannot run the graph; for ``auto``, none can.
    """
    graph = _as_run(graph, setting)
    if name != AUTO:
        engine = find(name)
        if refusal := engine.refusal(graph, setting):
            raise SpecError([refusal])
        return Choice(engine, "asked for")
    candidates, refusals = ready()
    candidates.sort(key=lambda engine: engine.speed(setting), reverse=True)
    for engine in candidates:
        refusal = (failed or {}).get(engine.name) or engine.refusal(graph, setting)
        if refusal is None:
            others = [e for e in candidates if e is not engine and not e.refusal(graph, setting)]
            return Choice(engine, _reason(engine, others, refusals, setting))
        refusals.append(refusal)
    # a setting that makes no sense is one mistake, which more than one engine may tell
    mistakes = [refusal for refusal in refusals if refusal.code is Code.BAD_OPTION]
    raise SpecError(dict.fromkeys(mistakes or refusals))


def ready() -> tuple[list[Engine], list[Diagnostic]]:
    """The engines that have what they need, and why others could not be loaded."""
    found: list[Engine] = []
    broken: list[Diagnostic] = []
    for point in plugins.points(ENTRY_POINTS).values():
        try:
            engine = _loaded(point)
        except SpecError as error:
            broken += error.diagnostics
        else:
            if engine.missing() is None:
                found.append(engine)
    return found, broken


def _reason(
    engine: Engine, others: Iterable[Engine], refusals: Iterable[Diagnostic], setting: Setting
) -> str:
    """Why an engine, though nothing was measured here, and none of this network."""
    slower = [f"{each.name} {each.speed(setting):.1f} ×" for each in others]
    reason = f"expected to be the fastest here for {setting}: on networks of the Inception family"
    reason += f" about {engine.speed(setting):.1f} × torch eager"
    reason += f" ({', '.join(slower)})" if slower else ""
    return "; ".join([reason, *(refusal.message for refusal in refusals)])


def prepare(
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
        optimize: whether to run the passes, or what they are to know of the engine, which says it
            itself unless given.

    Returns:
        See :meth:`Engine.prepare`.

    Raises:
        SpecError: the engine cannot run it.
    """
    if optimize is False:
        network = _as_run(graph, setting)
    else:
        target = engine.target(setting) if optimize is True else optimize
        network = passes.optimize(graph, target, train=setting.train)
    if refusal := engine.refusal(network, setting):
        raise SpecError([refusal])
    return engine.prepare(network, tensors, setting)


def _as_run(graph: Graph, setting: Setting) -> Graph:
    return graph if setting.train else graph.phase("eval")


def refuse(
    engine: Engine, reason: str, help: str = "use another engine, such as `eager`"
) -> Diagnostic:
    """The finding that an engine cannot run a network in a setting.

    Args:
        engine: that refuses.
        reason: what it does or has not, after its name.
        help: what to do.
    """
    return Diagnostic(Code.ENGINE_REFUSES, f"the engine `{engine.name}` {reason}", help=help)


def refuse_pickling() -> NoReturn:
    """Say what to do in place of pickling a network that is compiled for this process.

    Raises:
        TypeError: always.
    """
    told = "a compiled network cannot be pickled: compile the spec there, with `weights=FILE`"
    raise TypeError(told)


def refuse_step(
    engine: Engine,
    node: Node,
    reason: str,
    help: str = "use another engine, such as `eager`, which runs every network",
) -> Diagnostic:
    """The finding that an engine cannot run a step.

    Args:
        engine: that refuses.
        node: the step.
        reason: what about it, after "because".
        help: what to do.
    """
    message = f"the engine `{engine.name}` cannot run `{node.name}` ({node.op.op}): {reason}"
    labels = (Label(node.origin.span, "this step"),) if node.origin else ()
    return Diagnostic(Code.ENGINE_REFUSES, message, labels, help=help)


def _loaded(point: EntryPoint) -> Engine:
    return plugins.loaded(point, _is_engine, "engine", "some of what one has")


def _is_engine(offered: object) -> TypeGuard[Engine]:
    return isinstance(offered, Engine)


def _error(code: Code, message: str, help: str) -> SpecError:
    return SpecError([Diagnostic(code, message, help=help)])
