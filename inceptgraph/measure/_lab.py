"""The part of a backend that compares and times networks: everything that touches tensors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

from inceptgraph import backend as backends
from inceptgraph.backend import Backend
from inceptgraph.graph import Graph
from inceptgraph.setting import Setting
from inceptgraph.weights.recipe_values import Array, Tensors

__all__ = ["Lab", "MeasuringBackend", "Outputs", "Subject", "find_lab"]

Outputs = Mapping[str, Array]
"""What a network gave, by name, in float64."""


class Subject(Protocol):
    """A module with its inputs, ready to be called over and over."""

    def outputs(self) -> Outputs:
        """The outputs; in training, also those after one step."""

    def call(self) -> None:
        """One forward pass; in training one step: forward, loss, backward, update."""

    def wait(self) -> None:
        """Return when all calls are done."""


class Lab(Protocol):
    """Makes what is compared and timed.

    Modules are as :meth:`inceptgraph.engine.Engine.prepare` returns them.
    """

    def plain(self, graph: Graph, tensors: Tensors, setting: Setting) -> Any:
        """The network as its spec has it, run by the framework alone, in its default layout."""

    def reordered(self, graph: Graph, tensors: Tensors, setting: Setting) -> Any:
        """The network as :meth:`plain` makes it, but so that the framework sums in another order;
        None where it has one order alone."""

    def subject(
        self, module: Any, graph: Graph, setting: Setting, magnitude: float = 1.0
    ) -> Subject:
        """A module with the inputs of a setting, which are the same for all modules.

        Args:
            module: what an engine prepared, or :meth:`plain` or :meth:`peer` made.
            graph: the network, whose inputs it takes.
            setting: how it runs.
            magnitude: what the inputs, which are about 1, are multiplied by.
        """

    def reference(
        self, graph: Graph, tensors: Tensors, setting: Setting, magnitude: float = 1.0
    ) -> Outputs:
        """The outputs for the inputs of a setting, by the plain module in float64."""

    def rounded(
        self,
        graph: Graph,
        tensors: Tensors,
        setting: Setting,
        magnitude: float,
        roundoff: float,
        seed: int,
    ) -> Outputs:
        """The same outputs where each input, weight and result is a rounding off, at random.

        Args:
            graph: the network, ``tensors`` its weights.
            setting: how it runs.
            magnitude: of the inputs, as in :meth:`subject`.
            roundoff: of a number, relative to itself.
            seed: what the roundings follow from.
        """


@runtime_checkable
class MeasuringBackend(Backend, Protocol):
    """A backend that can compare and time what engines make."""

    def lab(self) -> Lab:
        """The lab."""


def find_lab(name: str = backends.MODEL) -> Lab:
    """The lab of a backend, which compares and times.

    Raises:
        SpecError: there is no such backend, or it measures nothing.
    """
    return backends.find_able(name, MeasuringBackend, "measure").lab()
