"""What a backend is, and how one is found.

A backend turns a graph into something else: a model, a drawing, a file. A package offers one
through the entry-point group ``inceptgraph.backends``; the entry point's name is the backend's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeGuard, runtime_checkable

from inceptgraph import plugins
from inceptgraph.diagnostics import Code, Diagnostic, Label, SpecError, did_you_mean
from inceptgraph.graph import Graph
from inceptgraph.ops import Input, Operation
from inceptgraph.types import TensorInfo

__all__ = [
    "ENTRY_POINTS",
    "MODEL",
    "Backend",
    "ExportBackend",
    "Exported",
    "ModelBackend",
    "Progress",
    "Trained",
    "WeightsBackend",
    "check_support",
    "find",
    "find_export",
    "find_model",
    "find_weights",
    "has_rule_in",
    "names",
]

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

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
        """Whether the backend has a rule for this operation."""

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


@runtime_checkable
class WeightsBackend(ModelBackend, Protocol):
    """A backend that reads weights from files of other programs.

    Its ``lower`` and ``write`` take ``weights``, an :class:`inceptgraph.weights.Fitted`.
    """

    def look(self, path: Path, format: str) -> Mapping[str, TensorInfo]:
        """The tensors in a file, by name, in its order.

        Args:
            path: an existing file.
            format: one of :class:`inceptgraph.weights.Format`, as its first bytes say.

        Raises:
            SpecError: it is broken, or holds more than tensors.
        """

    def not_finite(self, path: Path, format: str, names: Iterable[str]) -> Mapping[str, str]:
        """Which of some floating-point tensors in a file hold ``NaN`` or ``infinity``.

        Raises:
            SpecError: the file is broken, or holds more than tensors.
        """


def names() -> tuple[str, ...]:
    """The installed backends."""
    return tuple(plugins.points(ENTRY_POINTS))


def find(name: str) -> Backend:
    """The backend of this name.

    Raises:
        SpecError: no installed package offers it, or the one that does cannot be loaded.
    """
    offered = plugins.points(ENTRY_POINTS)
    if name in offered:
        need = "`name`, `supports` or `lower`"
        return plugins.loaded(offered[name], _is_backend, "backend", need)
    hint = did_you_mean(name, offered) or f"installed: {', '.join(offered) or 'none'}"
    message = f"there is no backend `{name}`"
    raise SpecError([Diagnostic(Code.UNKNOWN_BACKEND, message, help=hint)])


def _is_backend(offered: object) -> TypeGuard[Backend]:
    return isinstance(offered, Backend)


def find_model(name: str) -> ModelBackend:
    """The backend of this name, which keeps models in directories.

    Raises:
        SpecError: there is none, or it does not.
    """
    backend = find(name)
    if not isinstance(backend, ModelBackend):
        raise _unfit(
            name, "keeps no models in directories: it lacks some of what one that does has"
        )
    return backend


def find_export(name: str) -> ExportBackend:
    """The backend of this name, which exports to files of other programs.

    Raises:
        SpecError: there is none, or it does not, or what it needs is not installed.
    """
    backend = find(name)
    if not isinstance(backend, ExportBackend):
        raise _unfit(name, "exports to no file: it lacks `export`")
    return backend


def find_weights(name: str) -> WeightsBackend:
    """The backend of this name, which reads files of weights.

    Raises:
        SpecError: there is none, or it does not.
    """
    backend = find(name)
    if not isinstance(backend, WeightsBackend):
        raise _unfit(name, "reads no files of weights: it lacks `look` or `not_finite`")
    return backend


def has_rule_in(rules: Any, kind: type[Operation], group: str) -> bool:
    """Whether a backend has a rule for an operation, of its own or from an installed package.

    Args:
        rules: a ``functools.singledispatch`` over operations; a package's rule is registered in it.
        kind: the operation.
        group: of the entry points, named after operations, through which packages offer rules.

    Raises:
        SpecError: a package's cannot be loaded, or is none.
    """
    if rules.dispatch(kind) is not rules.dispatch(object):
        return True
    point = plugins.points(group).get(kind.op)
    if point is None:
        return False
    rules.register(kind, plugins.loaded(point, _is_rule, "rule", "`__call__`"))
    return True


def _is_rule(offered: object) -> TypeGuard[Callable[..., Any]]:
    return callable(offered)


def _unfit(name: str, what: str) -> SpecError:
    return SpecError([Diagnostic(Code.UNKNOWN_BACKEND, f"the backend `{name}` {what}")])


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
