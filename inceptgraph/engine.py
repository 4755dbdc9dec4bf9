"""What an engine is: what runs a graph, and how one is found and chosen.

A backend turns a graph into something; an engine runs it. A package offers one through the
entry-point group ``inceptgraph.engines``; the entry point's name is the engine's. An engine whose
library is not installed says so, and what installs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, runtime_checkable

from inceptgraph import passes, plugins
from inceptgraph.errors import Code, Diagnostic, Label, SpecError, did_you_mean
from inceptgraph.graph import Graph, Node
from inceptgraph.passes import Target

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
    "refuse_step",
]

ENTRY_POINTS = "inceptgraph.engines"

AUTO = "auto"
"""The word for whichever engine is fastest here."""

DTYPES = ("float32", "tf32", "bfloat16", "float16")
"""What an engine may compute in; ``tf32`` is float32 whose products a GPU may round to 10 bits."""


SHORT = {
    "f32": "float32",
    "fp32": "float32",
    "bf16": "bfloat16",
    "f16": "float16",
    "fp16": "float16",
}
"""What people write for some of :data:`DTYPES`."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a network is to run.

    Attributes:
        device: as torch names it: ``cpu``, ``cuda``, ``cuda:1``.
        dtype: what it computes in, one of :data:`DTYPES`.
        batch: samples at a time that it is made for; others run, too, unless ``fixed``.
        train: it is to be trained: passes that change weights are left out.
        fixed: no other batch ever comes, so that memory can be planned and CUDA graphs captured.
        autotune: take minutes to try kernels, where the engine can.
        keep_memory: let the process keep memory that is freed, about 100 MB more; it saves engines
            that take it anew for each result a good part of their time at larger batches.
    """

    device: str = "cpu"
    dtype: str = "float32"
    batch: int = 1
    train: bool = False
    fixed: bool = False
    autotune: bool = False
    keep_memory: bool = False

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            hint = did_you_mean(self.dtype, DTYPES) or f"use {', '.join(DTYPES)}"
            raise _error(Code.BAD_OPTION, f"no engine computes in `{self.dtype}`", hint)
        if self.batch < 1:
            raise _error(
                Code.BAD_OPTION, f"a batch of {self.batch} holds no sample", "use 1 or more"
            )

    @classmethod
    def of(cls, *, device: Any = None, dtype: Any = None, **more: Any) -> Setting:
        """A setting from what a user gives.

        Args:
            device: a word, or ``torch.device``; the CPU unless given.
            dtype: a word, or ``torch.dtype``; float32 unless given.
            more: the rest.

        Raises:
            SpecError: a value cannot be used.
            TypeError: there is no such setting.
        """
        known = [each.name for each in fields(cls)]
        for name in more:
            if name not in known:
                raise TypeError(f"an engine has no option `{name}`: it has {', '.join(known)}")
        word = "float32" if dtype is None else str(dtype).removeprefix("torch.")
        # torch numbers the one CPU, too
        place = "cpu" if device is None or str(device) == "cpu:0" else str(device)
        return cls(device=place, dtype=SHORT.get(word, word), **more)

    def check_batch(self, batch: int) -> None:
        """Refuse samples that what was made for a fixed batch does not take.

        Raises:
            ValueError: the batch is fixed, and another one.
        """
        if self.fixed and batch != self.batch:
            message = f"compiled for {self.batch} samples at a time, got {batch}"
            raise ValueError(f"{message}: compile it without `fixed` for any number")

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")

    def __str__(self) -> str:
        doing = "training" if self.train else "inference"
        return f"{doing} on {self.device} in {self.dtype}, {self.batch} at a time"


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
    """The engine of a name; for ``auto`` the fastest that is installed and can run the graph.

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
