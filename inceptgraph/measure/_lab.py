"""What a backend does for a bench: everything that touches tensors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from inceptgraph import backend as backends
from inceptgraph.backend import Backend
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.graph import Graph
from inceptgraph.setting import Setting
from inceptgraph.weights.recipe_values import Array, Tensors

if TYPE_CHECKING:
    from inceptgraph.weights import Fitted

__all__ = ["BenchBackend", "Lab", "Outputs", "Subject", "find_lab"]

Outputs = Mapping[str, Array]
"""What a network gave, by name, in float64."""


class Subject(Protocol):
    """A module with its inputs, ready to be called over and over."""

    def outputs(self) -> Outputs:
        """What it gives; in training, also what it gives after one step."""

    def call(self) -> None:
        """One forward pass; in training one step: forward, loss, backward, update."""

    def wait(self) -> None:
        """Return when all calls are done."""


class Lab(Protocol):
    """Makes what is measured, and measures what only the framework can.

    Modules are as :meth:`inceptgraph.engine.Engine.prepare` returns them.
    """

    def check(self, setting: Setting) -> None:
        """Refuse a setting that nothing can run in.

        Raises:
            SpecError: there is no such device, or it does not compute in the type.
        """

    def facts(self, setting: Setting) -> Mapping[str, str]:
        """What figures depend on: versions, threads, the device; by words for people."""

    def keep_memory(self) -> bool:
        """Let the allocator of this process keep its memory; whether it can."""

    def weights(self, graph: Graph, fitted: Fitted | None, seed: int) -> Tensors:
        """Weights to measure with: those of a file, else random ones under which the activations
        of every layer are of order 1.

        Args:
            graph: with shapes, both phases.
            fitted: a file; taken as it is.
            seed: of the random ones.
        """

    def remarks(self, graph: Graph, tensors: Tensors) -> list[str]:
        """What would falsify timings or comparisons: activations that are zero, denormal or not
        finite; a sentence each without its full stop."""

    def warm_up(self, graph: Graph, tensors: Tensors, setting: Setting) -> None:
        """Run the network once on the device of a setting: what the framework loads late is to be
        no engine's figure."""

    def plain(self, graph: Graph, tensors: Tensors, setting: Setting) -> Any:
        """The network as its spec has it, run by the framework alone, in its default layout."""

    def reordered(self, graph: Graph, tensors: Tensors, setting: Setting) -> Any:
        """The network as :meth:`plain` makes it, but so that the framework sums in another order;
        None where it has one order alone."""

    def draw_peer(self, factory: Callable[[], Any], graph: Graph) -> Any:
        """A module that a user brings, in float32, with weights as those of :meth:`weights`.

        Args:
            factory: makes it.
            graph: whose inputs it takes.

        Raises:
            SpecError: it is not a module.
        """

    def peer(self, drawn: Any, setting: Setting, *, compiled: bool) -> Any:
        """A module that a user brings, ready to run in its default layout.

        Args:
            drawn: of :meth:`draw_peer`; it is changed.
            setting: how it is to run.
            compiled: by the framework's compiler with frozen weights, the plain way.
        """

    def subject(self, module: Any, graph: Graph, setting: Setting) -> Subject:
        """A module with the inputs of a setting, which are the same for all modules.

        Args:
            module: what an engine prepared, or :meth:`plain` or :meth:`peer` made.
            graph: the network, whose inputs it takes.
            setting: how it runs.
        """

    def reference(self, graph: Graph, tensors: Tensors, setting: Setting) -> Outputs:
        """What the network gives for the inputs of a setting, by the plain module in float64."""

    def peer_reference(self, module: Any, graph: Graph, setting: Setting) -> Outputs | None:
        """What the network gives with the weights of a peer; None where they do not fit it."""

    def peak(self, setting: Setting) -> float | None:
        """FLOP/s that the machine reaches in a dtype now; None where it cannot compute in it."""

    def watch_memory(self, setting: Setting) -> Callable[[], int | None]:
        """Begin to watch; what it returns gives the most bytes taken since, beyond those before."""

    def forget(self) -> None:
        """Give back what earlier modules left behind."""


@runtime_checkable
class BenchBackend(Backend, Protocol):
    """A backend that can measure."""

    def lab(self) -> Lab:
        """What measures."""


def find_lab(name: str = backends.MODEL) -> Lab:
    """What measures with a backend.

    Raises:
        SpecError: there is no such backend, or it measures nothing.
    """
    backend = backends.find(name)
    if not isinstance(backend, BenchBackend):
        message = f"the backend `{name}` measures nothing: it lacks `lab`"
        raise SpecError([Diagnostic(Code.UNKNOWN_BACKEND, message)])
    return backend.lab()
