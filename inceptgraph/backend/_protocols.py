"""What backends can do, a protocol for each."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from inceptgraph.graph import Graph
from inceptgraph.ops import Operation
from inceptgraph.types import TensorInfo

__all__ = [
    "Backend",
    "ExportBackend",
    "Exported",
    "Held",
    "ModelBackend",
    "Progress",
    "ReadingBackend",
    "Trained",
    "WeightsBackend",
]

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

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
