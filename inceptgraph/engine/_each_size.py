"""Networks whose inputs may have any size, on engines that compile for one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, runtime_checkable

from inceptgraph import backend as backends
from inceptgraph.backend import Backend
from inceptgraph.engine._inputs import input_shapes
from inceptgraph.graph import Graph
from inceptgraph.infer.sizes import at_shapes
from inceptgraph.setting import Setting
from inceptgraph.types import Shape

__all__ = ["SizingBackend", "at_each_size"]

Make = Callable[[tuple[Shape, ...]], Any]
"""What an engine makes for inputs of these shapes of one sample; a ValueError where the network
cannot have them."""


@runtime_checkable
class SizingBackend(Backend, Protocol):
    """A backend whose modules can stand in front of one for each size."""

    def at_each_size(
        self, first: Any, shapes: Mapping[str, Shape], make: Make, setting: Setting
    ) -> Any:
        """A module that runs what was made for the size of its inputs, once it was made.

        Args:
            first: what an engine made for ``shapes``.
            shapes: of one sample, by the names of the inputs, in order.
            make: what makes it for others.
            setting: how they run.
        """


def at_each_size(first: Any, graph: Graph, setting: Setting, make: Callable[[Graph], Any]) -> Any:
    """What runs a network at any size that it may have; ``first`` where that is one.

    In training it is one as well: weights are of the module that is trained.

    Args:
        first: what an engine made for the size of the figures.
        graph: the network, with shapes, not rewritten.
        setting: how it runs.
        make: what the engine makes of it at another size.
    """
    if setting.train or not graph.has_free_axes:
        return first
    network = graph.phase("eval")
    backend = backends.find_able(backends.MODEL, SizingBackend, "run networks of any size")
    return backend.at_each_size(
        first, input_shapes(graph), lambda shapes: make(at_shapes(network, shapes)), setting
    )
