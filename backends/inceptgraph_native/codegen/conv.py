"""Convolutions: which of three ways computes one, and the border of zeros that it needs."""

from __future__ import annotations

import numpy as np

from inceptgraph.graph import Graph
from inceptgraph.ops.conv import Conv2d, DepthwiseConv2d
from inceptgraph_native.codegen.conv_window import Window, weights_of
from inceptgraph_native.codegen.direct import direct
from inceptgraph_native.codegen.emit import Emitter
from inceptgraph_native.codegen.fusion import Unit
from inceptgraph_native.codegen.layout import plane
from inceptgraph_native.codegen.winograd import filtered, plan

__all__ = ["border", "convolution"]


def border(emit: Emitter, unit: Unit) -> None:
    """Have zeros around the map that a convolution reads, where it does not see to them itself."""
    if isinstance(unit.node.op, Conv2d | DepthwiseConv2d) and plan(unit, emit) is None:
        source = unit.node.inputs[0]
        given, made = (plane(emit.graph.shape(name)) for name in (source, unit.end))
        window = Window.of(emit.graph, unit)
        emit.place(source).buffer.surround(window.border(given, made))


def convolution(unit: Unit, emit: Emitter) -> None:
    """A convolution or a linear layer, in the way that is fastest."""
    if _is_depthwise(emit.graph, unit):
        _depthwise(unit, emit)
    elif found := plan(unit, emit):
        filtered(unit, emit, found)
    else:
        direct(unit, emit)


def _is_depthwise(graph: Graph, unit: Unit) -> bool:
    """Whether every output channel reads the input channel in its place, and no other."""
    if not isinstance(unit.node.op, Conv2d | DepthwiseConv2d) or unit.residual:
        return False
    channels = graph.shape(unit.node.inputs[0])[0]
    whole = unit.cuts[0].name == unit.end
    return whole and unit.node.op.channels(channels) == (channels, channels) and channels > 1


def _depthwise(unit: Unit, emit: Emitter) -> None:
    weight, bias = weights_of(unit, emit)
    window = Window.of(emit.graph, unit)
    source, target = emit.place(unit.node.inputs[0]), emit.place(unit.end)
    shift = -window.before[0] * source.buffer.row - window.before[1] * source.buffer.pixel
    room = -len(weight) % emit.processor.lanes
    taps = np.pad(weight.reshape(len(weight), -1).T, ((0, 0), (0, room)))
    emit.call(
        unit.end,
        f"depthwise<{window.kernel[0]}, {window.kernel[1]}>",
        emit.map(source, shift),
        f"r.weight({emit.blob.add(taps.astype(np.float32))})",
        emit.vector(bias),
        *map(str, (*window.stride, *window.dilation)),
        emit.bounds(unit),
        emit.map(target),
        reads=[source],
        writes=[target],
        macs=emit.macs(unit),
    )
