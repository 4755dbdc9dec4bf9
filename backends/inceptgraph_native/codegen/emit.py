"""Calls of kernels as C++ text, and what they read and write."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf, isnan

from inceptgraph.graph import Graph
from inceptgraph.weights.recipe_values import Array
from inceptgraph_native.codegen.fusion import Unit
from inceptgraph_native.codegen.layout import Buffer, Layout, Place, plane
from inceptgraph_native.codegen.packing import Blob
from inceptgraph_native.processor import Processor

__all__ = ["Emitter", "Step", "braces", "number"]


@dataclass(frozen=True, slots=True)
class Step:
    """A call.

    Attributes:
        name: of the node whose value it computes.
        kernel: its name in C++.
        text: the statement.
        macs: multiply-adds for one image.
    """

    name: str
    kernel: str
    text: str
    macs: int = 0


@dataclass
class Emitter:
    """Writes calls in order.

    Attributes:
        graph: with shapes.
        layout: where its values lie.
        arrays: its weights, by the node and their name in it; those that nodes share by each.
        processor: what the program is for.
        group: images at a time.
        threads: that the work should be enough for.
        bfloat16: whether activations and weights are bfloat16, not float32.
    """

    graph: Graph
    layout: Layout
    arrays: Mapping[str, Array]
    processor: Processor
    group: int
    threads: int
    bfloat16: bool = False
    blob: Blob = field(default_factory=Blob)
    steps: list[Step] = field(default_factory=list)
    definitions: list[str] = field(default_factory=list)
    scratch: int = 0

    def call(
        self,
        name: str,
        kernel: str,
        *arguments: str,
        reads: Iterable[Place] = (),
        writes: Iterable[Place] = (),
        macs: int = 0,
    ) -> None:
        """Write a call: ``kernel(r, arguments);``."""
        written = [place.buffer for place in writes]
        for buffer in written:
            if buffer.used is None and any(buffer.border):
                self._surround(name, buffer)
        for buffer in (*written, *(place.buffer for place in reads)):
            buffer.use(len(self.steps))
        self.steps.append(Step(name, kernel, f"{kernel}(r, {', '.join(arguments)});", macs))

    def _surround(self, name: str, buffer: Buffer) -> None:
        whole = Place(buffer, 0, buffer.channels)
        buffer.use(len(self.steps))
        borders = ", ".join(map(str, buffer.border))
        text = f"surround(r, {self.map(whole)}, {borders});"
        self.steps.append(Step(name, "surround", text))

    def define(self, text: str) -> None:
        """Have C++ stand before the calls, once, such as a kernel that no header holds.

        Args:
            text: in which ``steps.hpp`` is included and its names are in scope. What it defines
                is ``static`` or a template, since several files may hold it.
        """
        if text not in self.definitions:
            self.definitions.append(text)

    def need_scratch(self, size: int) -> None:
        """Have at least so many bytes for each thread."""
        self.scratch = max(self.scratch, size)

    def place(self, name: str) -> Place:
        return self.layout.places[name]

    def map(self, place: Place, shift: int = 0) -> str:
        """A ``Map`` of a place.

        Args:
            place: where a value lies.
            shift: numbers from its first pixel to where the map is to begin.
        """
        buffer = place.buffer
        start = buffer.start + place.channel + shift
        extents = (buffer.height, buffer.width, place.channels, buffer.pixel, buffer.row)
        return "Map" + braces(f"r.at(b{buffer.index}) + {start}", *extents, buffer.image)

    def value(self, name: str) -> str:
        """The ``Map`` of a node's value."""
        return self.map(self.place(name))

    def bounds(self, unit: Unit) -> str:
        return "Bounds" + braces(number(unit.low), number(unit.high))

    def vector(self, values: Array) -> str:
        """A pointer to one number a channel."""
        return f"r.weight({self.blob.vector(values, self.processor.lanes)})"

    def affine(self, scale: Array | None, shift: Array | None) -> str:
        """An ``Affine`` of per-channel factors and offsets."""
        both = ("nullptr" if each is None else self.vector(each) for each in (scale, shift))
        return "Affine" + braces(*both)

    def extents(self, name: str) -> tuple[int, int]:
        """Height and width of a value."""
        return plane(self.graph.shape(name))

    def macs(self, unit: Unit) -> int:
        return unit.node.op.macs(*self.graph.operands(unit.node))


def braces(*parts: object) -> str:
    """Values as C++ initialises a structure with."""
    return f"{{{', '.join(map(str, parts))}}}"


def number(value: float) -> str:
    """A float32 as C++ writes it."""
    if isnan(value):
        return "NAN"
    if abs(value) == inf:
        return "-INFINITY" if value < 0 else "INFINITY"
    return f"{value!r}f" if value != int(value) or abs(value) > 1e9 else f"{int(value)}.f"
