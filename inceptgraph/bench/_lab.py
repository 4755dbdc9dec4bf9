"""What a backend does for a bench beside comparing and timing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from inceptgraph import backend as backends
from inceptgraph.backend import Backend
from inceptgraph.graph import Graph
from inceptgraph.measure import Lab, Outputs
from inceptgraph.setting import Setting
from inceptgraph.weights.recipe_values import Tensors

if TYPE_CHECKING:
    from inceptgraph.weights import Fitted

__all__ = ["BenchBackend", "BenchLab", "find_bench_lab"]


class BenchLab(Lab, Protocol):
    """Draws weights, makes peers, and measures what only the framework can."""

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
    """A backend that a bench can be run with."""

    def bench_lab(self) -> BenchLab:
        """What measures."""


def find_bench_lab(name: str = backends.MODEL) -> BenchLab:
    """The lab of a backend, which a bench measures with.

    Raises:
        SpecError: there is no such backend, or no bench can be run with it.
    """
    return backends.find_able(name, BenchBackend, "run a bench").bench_lab()
