"""What the ways to compute a convolution share: its window, its weights and where results go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inceptgraph.graph import Graph
from inceptgraph.ops import sides
from inceptgraph.ops.conv import Conv2d, DepthwiseConv2d
from inceptgraph.ops.linear import Linear
from inceptgraph.weights.recipe_values import Array
from inceptgraph_native.codegen.emit import Emitter
from inceptgraph_native.codegen.fusion import Unit
from inceptgraph_native.codegen.layout import Place

__all__ = ["Window", "part", "residual_of", "weights_of"]


@dataclass(frozen=True, slots=True)
class Window:
    """What a convolution slides over its input.

    Attributes:
        kernel: height and width; those of all other attributes are in this order, too.
        stride: of the window.
        dilation: between its taps.
        before: padding above and to the left.
        groups: that channels are split into.
    """

    kernel: tuple[int, ...] = (1, 1)
    stride: tuple[int, ...] = (1, 1)
    dilation: tuple[int, ...] = (1, 1)
    before: tuple[int, ...] = (0, 0)
    groups: int = 1

    @classmethod
    def of(cls, graph: Graph, unit: Unit) -> Window:
        """The window of a convolution, or of a linear layer, which has one pixel."""
        op = unit.node.op
        if isinstance(op, Linear):
            return cls()
        assert isinstance(op, Conv2d | DepthwiseConv2d)
        channels, height, width = graph.shape(unit.node.inputs[0])
        top, _, left, _ = sides(op.padding, (height, width), op.kernel, op.stride, op.dilation)
        groups = op.channels(channels)[1]
        return cls(op.kernel, op.stride, op.dilation, (top, left), groups)

    @property
    def is_pixel(self) -> bool:
        """Whether every output pixel reads the pixel in its place."""
        return (self.kernel, self.stride, self.before) == ((1, 1), (1, 1), (0, 0))

    def border(self, given: tuple[int, int], made: tuple[int, int]) -> tuple[int, int, int, int]:
        """Pixels that are read outside a map: top, bottom, left, right.

        Args:
            given: height and width of the map.
            made: height and width of the result.
        """
        bottom, right = (
            (outputs - 1) * stride + (taps - 1) * dilation - before - (extent - 1)
            for outputs, stride, taps, dilation, before, extent in zip(
                made, self.stride, self.kernel, self.dilation, self.before, given, strict=True
            )
        )
        return self.before[0], max(bottom, 0), self.before[1], max(right, 0)


def weights_of(unit: Unit, emit: Emitter) -> tuple[Array, Array]:
    """Weights of shape (outputs, inputs of a group, rows, columns), and a bias."""
    weight = emit.arrays[f"{unit.node.name}.weight"]
    weight = weight.reshape(*weight.shape, 1, 1) if weight.ndim == 2 else weight
    bias = emit.arrays.get(f"{unit.node.name}.bias")
    return weight, np.zeros(len(weight), np.float32) if bias is None else bias


def residual_of(unit: Unit, emit: Emitter) -> list[Place]:
    """Where the value lies that is added to the result, if there is one."""
    return [emit.place(unit.residual)] if unit.residual else []


def part(
    emit: Emitter, packed: Array, bias: Array, first: int, target: Place, residual: list[Place]
) -> str:
    """A ``Part``: output channels that go to one place.

    Args:
        emit: where weights are put.
        packed: panels of weights.
        bias: one number an output channel.
        first: the input channel that they begin to read at.
        target: where they go.
        residual: what is added to them, if anything.
    """
    added = ["nullptr", "{}"]
    for each in residual:
        added = [f"{emit.map(each)}.data", emit.map(each)]
    weights = f"r.weight({emit.blob.add(packed)})"
    pieces = [weights, emit.vector(bias), str(first), emit.map(target), *added]
    return f"Part{{{', '.join(pieces)}}}"
