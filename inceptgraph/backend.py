"""Backends: their protocols, and how one is found.

A backend turns a graph into something else (a model, a drawing, a file), or something else into a
graph, or both. A package offers one through the entry-point group ``inceptgraph.backends``; the
entry point's name is the backend's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast, runtime_checkable

from inceptgraph import plugins
from inceptgraph.diagnostics import Code, Diagnostic, Label, SpecError, did_you_mean
from inceptgraph.expand import operation
from inceptgraph.graph import Graph
from inceptgraph.ops import Input, Operation
from inceptgraph.types import TensorInfo

__all__ = [
    "ENTRY_POINTS",
    "MODEL",
    "Backend",
    "ExportBackend",
    "Exported",
    "Held",
    "ModelBackend",
    "Progress",
    "ReadingBackend",
    "Trained",
    "WeightsBackend",
    "check_support",
    "find",
    "find_able",
    "find_export",
    "find_model",
    "find_reader",
    "find_rule",
    "find_weights",
    "has_rule_in",
    "names",
    "operation",
]

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

B = TypeVar("B")

ENTRY_POINTS = "inceptgraph.backends"

MODEL = "torch"
"""The backend that makes models, and whose engines and lab are measured with."""

Progress = Callable[[str], None]
"""Is told what is being done, in a few words."""


@runtime_checkable
class Backend(Protocol):
    """Turns graphs into something else."""

    name: str

    def supports(self, operation: type[Operation]) -> bool:
        """True where the backend has a rule for this operation."""

    def lower(self, graph: Graph, **options: Any) -> Any:
        """Turn a verified graph with shapes into what the backend makes.

        Args:
            graph: both phases; take ``graph.phase("eval")`` for what runs at inference.
            options: the backend's own.
        """


@runtime_checkable
class ModelBackend(Backend, Protocol):
    """A backend whose result is a model that can be kept in a directory."""

    def check(self, **options: Any) -> None:
        """Refuse options before any work is done.

        Args:
            options: those of :meth:`write`.

        Raises:
            SpecError: one of them cannot be used.
        """

    def initial(self, graph: Graph, **options: Any) -> Mapping[str, Array]:
        """The weights that a network starts with, float32, by their names in the graph.

        Args:
            graph: with shapes.
            options: ``seed`` makes them reproducible, ``weights`` is a file that was fitted.

        Raises:
            SpecError: the file cannot be read.
        """

    def write(self, graph: Graph, folder: Path, **options: Any) -> None:
        """Write the model's own files into an existing directory."""

    def write_optimized(self, graph: Graph, folder: Path, **options: Any) -> None:
        """Write a network that passes rewrote beside the model that it was rewritten from, with
        weights made of the model's.

        Raises:
            SpecError: the model's weights cannot be read.
        """

    def load(self, graph: Graph, folder: Path, **options: Any) -> Any:
        """The model again, with the weights in the directory.

        Raises:
            SpecError: they cannot be read, or are not those of the graph.
        """

    def tensors(self, graph: Graph, folder: Path) -> Mapping[str, Array]:
        """The weights in the directory, by their names in the graph, and what the model counts
        beside them.

        Raises:
            SpecError: they cannot be read.
        """

    def versions(self) -> Mapping[str, str]:
        """The versions of the packages that a model was made with, by name."""

    def dtype(self, folder: Path) -> str:
        """The type of the weights in the directory, such as ``bfloat16``, which arrays have not.

        Raises:
            SpecError: they cannot be read.
        """


@dataclass(frozen=True)
class Trained:
    """A network with its weights, to be exported.

    Attributes:
        graph: with shapes, both phases.
        evaluation: as it is to run in evaluation: that phase of ``graph``, or what passes made of
            it; it is made of the same weights.
        tensors: the weights of ``graph``, by their names in it; more may be there.
        dtype: what the weights are, as torch names it. ``bfloat16`` comes as float32 arrays.
        device: where what is compiled for one is to run, as torch names it.
        batch: samples at a time that it is to be fastest for; others run, too.
    """

    graph: Graph
    evaluation: Graph
    tensors: Mapping[str, Array]
    dtype: str = "float32"
    device: str = "cpu"
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Exported:
    """A file that an export wrote.

    Attributes:
        name: in its directory.
        what: it is, in a few words.
        usage: lines of Python that load it and run it, where ``$path`` stands for the file and
            ``$folder`` for its directory; empty where nobody loads it by itself.
    """

    name: str
    what: str
    usage: str = ""


@runtime_checkable
class ExportBackend(Backend, Protocol):
    """A backend that writes a network and its weights to files for other programs."""

    def export(
        self, network: Trained, folder: Path, progress: Progress = lambda step: None
    ) -> tuple[Exported, ...]:
        """Write the files.

        Args:
            network: what is exported.
            folder: an empty directory of its own; what a failed export leaves there is removed.
            progress: told of what takes more than a second.

        Returns:
            What was written. All exports end in one directory: no two may give one name.

        Raises:
            SpecError: the format cannot hold the network, at the step that it cannot.
        """


@dataclass(frozen=True)
class Held:
    """The content of a file of weights.

    Attributes:
        entries: its tensors by name, in the order of the file.
        key: where in the file they stand; empty for its top.
        stubs: the classes of objects beside them that were left unread.
    """

    entries: Mapping[str, TensorInfo]
    key: str = ""
    stubs: tuple[str, ...] = ()


@runtime_checkable
class WeightsBackend(ModelBackend, Protocol):
    """A backend that reads weights from files of other programs.

    Its ``lower`` and ``write`` take ``weights``, an :class:`inceptgraph.weights.Fitted`.
    """

    def look(self, path: Path, format: str, key: str | None) -> Held:
        """The tensors in a file.

        Args:
            path: an existing file.
            format: one of :class:`inceptgraph.weights.Format`, as its first bytes say.
            key: where they stand in it, where the format has such places; None for the one mapping
                of tensors that there is.

        Raises:
            SpecError: it is broken, holds code, or has several mappings of tensors, or none.
        """

    def not_finite(
        self, path: Path, format: str, names: Iterable[str], key: str | None
    ) -> Mapping[str, str]:
        """The tensors of those named, floating-point ones, that hold ``NaN`` or ``infinity``.

        Args:
            path: a file, ``format`` its kind and ``key`` the place in it, as for :meth:`look`.
            names: of tensors in it.

        Raises:
            SpecError: the file is broken, or holds code.
        """


@runtime_checkable
class ReadingBackend(Protocol):
    """A backend that makes a graph of what another program wrote.

    It need not lower graphs; where it does, what it writes and what it reads go by one name.
    """

    name: str

    def read(self, source: str | Path, **options: Any) -> Graph:
        """The network in a file or a directory.

        Args:
            source: its path.
            options: the backend's own.

        Returns:
            A graph, with or without shapes; :func:`inceptgraph.read` verifies it, and infers them.
            Of a text, nodes have an ``origin``, which is where findings about shapes point.

        Raises:
            SpecError: it is broken, or holds what no operation is for; the finding says where, and
                :func:`operation` makes it.
            OSError: it cannot be opened.
        """


def names() -> tuple[str, ...]:
    """The installed backends."""
    return tuple(plugins.points(ENTRY_POINTS))


def find(name: str) -> Backend:
    """The backend of this name.

    Raises:
        SpecError: no installed package offers it, or several do, or the one that does cannot be
            loaded.
    """
    point = _offered(name)
    found = plugins.load(point, "backend")
    if plugins.missing_members(found, Backend) and isinstance(found, ReadingBackend):
        message = f"the backend `{name}` reads networks, and makes nothing of them"
        hint = f'use `inceptgraph.read(…, backend="{name}")`'
        raise SpecError([Diagnostic(Code.UNKNOWN_BACKEND, message, help=hint)])
    return plugins.checked(found, point, Backend, "backend")


def find_model(name: str) -> ModelBackend:
    """The backend of this name, which keeps models in directories.

    Raises:
        SpecError: there is none, or it does not.
    """
    return find_able(name, ModelBackend, "save models")


def find_export(name: str) -> ExportBackend:
    """The backend of this name, which exports to files of other programs.

    Raises:
        SpecError: there is none, or it does not, or what it needs is not installed.
    """
    return find_able(name, ExportBackend, "export files")


def find_weights(name: str) -> WeightsBackend:
    """The backend of this name, which reads files of weights.

    Raises:
        SpecError: there is none, or it does not.
    """
    return find_able(name, WeightsBackend, "read files of weights")


def find_reader(name: str) -> ReadingBackend:
    """The backend of this name, which reads networks.

    Raises:
        SpecError: there is none, or it does not, or what it needs is not installed.
    """
    return find_able(name, ReadingBackend, "read networks")


def find_able(name: str, kind: Callable[..., B], ability: str) -> B:
    """The backend of this name, which can do more, or something else, than lower a graph.

    Args:
        name: of the backend.
        kind: the protocol of what can do it.
        ability: what it can do, after "cannot".

    Raises:
        SpecError: there is none, or it cannot; the finding names what it does not implement.
    """
    found = plugins.load(_offered(name), "backend")
    if missing := plugins.missing_members(found, kind):
        message = f"the backend `{name}` cannot {ability}: it does not implement {missing}"
        raise SpecError([Diagnostic(Code.UNKNOWN_BACKEND, message)])
    return cast("B", found)


def _offered(name: str) -> EntryPoint | plugins.Clash:
    offered = plugins.points(ENTRY_POINTS)
    if name in offered:
        return offered[name]
    hint = did_you_mean(name, offered) or f"installed: {', '.join(offered) or 'none'}"
    message = f"there is no backend `{name}`"
    raise SpecError([Diagnostic(Code.UNKNOWN_BACKEND, message, help=hint)])


def has_rule_in(rules: Any, kind: type[Operation], group: str) -> bool:
    """True where a backend has a rule for an operation, its own or an installed package's.

    Args:
        rules: a ``functools.singledispatch`` over operations; a package's rule is registered in it.
        kind: the operation.
        group: of the entry points, named after operations, through which packages offer rules.

    Raises:
        SpecError: a package's cannot be loaded, or is none, or several offer it.
    """
    if rules.dispatch(kind) is not rules.dispatch(object):
        return True
    rule = find_rule(kind.op, group)
    if rule is not None:
        rules.register(kind, rule)
    return rule is not None


def find_rule(name: str, group: str) -> Callable[..., Any] | None:
    """The rule that an installed package offers, if one does.

    Args:
        name: what it is for: an operation, or an operator that a front end reads.
        group: of the entry points.

    Raises:
        SpecError: it cannot be loaded, or cannot be called, or several packages offer it.
    """
    point = plugins.points(group).get(name)
    return None if point is None else plugins.loaded(point, _Rule, "rule")


class _Rule(Protocol):
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


def check_support(backend: Backend, graph: Graph) -> None:
    """Refuse a graph that holds an operation for which the backend has no rule.

    Raises:
        SpecError: one finding an operation, at the first step that uses it.
    """
    missing: dict[type[Operation], Diagnostic] = {}
    for node in graph.nodes.values():
        kind = type(node.op)
        # inputs are where data enters, not work to be done: no backend needs a rule for them
        if kind is Input or kind in missing or backend.supports(kind):
            continue
        message = f"the backend `{backend.name}` has no rule for `{kind.op}`"
        labels = (Label(node.origin.span, f"`{node.name}` uses it"),) if node.origin else ()
        hint = "use another operation, or install a package that adds the rule"
        missing[kind] = Diagnostic(Code.UNSUPPORTED_OPERATION, message, labels, help=hint)
    if missing:
        raise SpecError(missing.values())
