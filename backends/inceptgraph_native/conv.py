"""Convolutions and linear layers: tiles, panels of weights, and the calls."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inceptgraph.evaluate import Array
from inceptgraph.graph import Graph
from inceptgraph.ops.conv import Conv2d, DepthwiseConv2d
from inceptgraph.ops.linear import Linear
from inceptgraph.ops.window import sides
from inceptgraph_native import winograd
from inceptgraph_native.emit import Emitter
from inceptgraph_native.layout import Place, plane
from inceptgraph_native.units import Unit
from inceptgraph_native.weights import panels

__all__ = ["Window", "border", "convolution", "depthwise", "is_depthwise", "linear"]

ITEM = 600_000
"""Multiply-adds of a piece of work that is worth handing out: some ten microseconds."""


@dataclass(frozen=True, slots=True)
class Window:
    """What a convolution slides over its input."""

    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    dilation: tuple[int, int] = (1, 1)
    before: tuple[int, int] = (0, 0)
    groups: int = 1

    @classmethod
    def of(cls, graph: Graph, unit: Unit) -> Window:
        op = unit.node.op
        if isinstance(op, Linear):
            return cls()
        assert isinstance(op, Conv2d | DepthwiseConv2d)
        channels, *extents = graph.shape(unit.node.inputs[0])
        size = (extents[0], extents[1])
        top, _, left, _ = sides(op.padding, size, op.kernel, op.stride, op.dilation)
        groups = op.channels(channels)[1]
        return cls(op.kernel, op.stride, op.dilation, (top, left), groups)

    def border(self, given: tuple[int, int], made: tuple[int, int]) -> tuple[int, int, int, int]:
        """Pixels that are read outside a map, on each side.

        Args:
            given: height and width of the map.
            made: height and width of the result.
        """
        after = (
            (made[i] - 1) * self.stride[i]
            + (self.kernel[i] - 1) * self.dilation[i]
            - self.before[i]
            - (given[i] - 1)
            for i in (0, 1)
        )
        bottom, right = (max(each, 0) for each in after)
        return self.before[0], bottom, self.before[1], right


def border(emit: Emitter, unit: Unit) -> None:
    """Have zeros around the map that a convolution reads."""
    graph, layout = emit.graph, emit.layout
    if isinstance(unit.node.op, Conv2d | DepthwiseConv2d) and winograd.plan(unit, emit) is None:
        source = unit.node.inputs[0]
        window = Window.of(graph, unit)
        given, made = plane(graph.shape(source)), plane(graph.shape(unit.end))
        layout.places[source].buffer.surround(window.border(given, made))


def is_depthwise(graph: Graph, unit: Unit) -> bool:
    """Whether every output channel reads the input channel in its place, and no other."""
    if not isinstance(unit.node.op, Conv2d | DepthwiseConv2d) or unit.residual:
        return False
    channels = graph.shape(unit.node.inputs[0])[0]
    whole = len(unit.cuts) == 1 and unit.cuts[0].name == unit.end
    return whole and unit.node.op.channels(channels) == (channels, channels) and channels > 1


@dataclass(frozen=True, slots=True)
class Tile:
    """What is kept in registers: rows and columns of pixels, times vectors of channels."""

    height: int
    width: int
    vectors: int


def tile(height: int, width: int, outputs: int, registers: int, lanes: int) -> Tile:
    """The tile for maps of ``height`` × ``width``, which fills the registers.

    Two vectors of channels: each pixel that is loaded serves two products. With eight sums and more
    the products take all of the time, whatever the form, so that others need not be made.

    Args:
        height: rows of output pixels.
        width: pixels of a row.
        outputs: channels.
        registers: vectors that the processor holds.
        lanes: numbers of a vector.
    """
    vectors = min(4 if height * width < 4 else 2, -(-outputs // lanes))
    most = (registers - 4) // max(vectors, 2)
    if width <= most:
        return Tile(min(max(most // width, 1), height), width, vectors)
    return Tile(1, -(-width // -(-width // most)), vectors)


def convolution(unit: Unit, emit: Emitter) -> None:
    """A dense or grouped convolution, and a linear layer."""
    if plan := winograd.plan(unit, emit):
        return _by_winograd(unit, emit, plan)
    weight, bias = _weights(unit, emit)
    source = emit.place(unit.node.inputs[0])
    window = Window.of(emit.graph, unit)
    height, width = emit.extents(unit.end)
    buffer = source.buffer
    tops, lefts = window.before
    shift = -tops * buffer.row - lefts * buffer.pixel
    residual = emit.place(unit.residual) if unit.residual else None
    targets = [emit.place(cut.name) for cut in unit.cuts]
    if (
        (window.kernel, window.stride) == ((1, 1), (1, 1))
        and (height, width)
        == (
            buffer.height,
            buffer.width,
        )
        and buffer.dense
    ):
        height, width = 1, height * width  # rows follow one another without a gap
    step_x = window.stride[1] * buffer.pixel
    step_y = window.stride[0] * buffer.row
    lanes, registers = emit.processor.lanes, emit.processor.registers
    largest = max(cut.stop - cut.start for cut in unit.cuts) // window.groups or 1
    form = tile(height, width, largest, registers, lanes)
    rows, columns = window.kernel
    depth = weight.shape[1]
    # neighbouring taps whose channels follow one another are one run
    joined = window.dilation[1] == 1 and buffer.pixel == depth and window.groups == 1
    runs, step, run = columns, window.dilation[1] * buffer.pixel, depth
    if joined:
        runs, step, run = 1, 0, columns * depth
    at_once = 2 if emit.bfloat16 else 1
    taps = (rows, window.dilation[0] * buffer.row, runs, step, -(-run // at_once))
    parts = _parts(unit, emit, weight, bias, (window.groups, run, form.vectors * lanes), residual)
    each = form.height * form.width * form.vectors * lanes * rows * columns * depth
    tiles = -(-width // form.width) * -(-height // form.height)
    chunk = max(1, min(tiles, round(_item(emit, unit) / each)))
    taps_text = f"{{{', '.join(map(str, taps))}}}"
    settings = (emit.map(source, shift), taps_text, height, width, chunk, emit.bounds(unit))
    emit.call(
        unit.end,
        f"convolve<{form.height}, {form.width}, {form.vectors}, {step_x}, {step_y}>",
        f"{{{', '.join(map(str, settings))}}}",
        f"{{{', '.join(parts)}}}",
        reads=[source, *([residual] if residual else [])],
        writes=targets,
        macs=emit.macs(unit),
    )


def _by_winograd(unit: Unit, emit: Emitter, plan: winograd.Plan) -> None:
    weight, bias = _weights(unit, emit)
    source, target = emit.place(unit.node.inputs[0]), emit.place(unit.end)
    residual = emit.place(unit.residual) if unit.residual else None
    lanes = emit.processor.lanes
    vectors = min(2, -(-target.channels // lanes))
    wide = vectors * lanes
    packed = panels(winograd.transformed(weight), wide, lanes)  # in float32, whatever the maps are
    numbers = 36 * (plan.block * (plan.pitch + wide) + 2 * lanes)
    emit.scratch = max(emit.scratch, 4 * numbers)
    chunk = -(-(-(-target.channels // wide)) // plan.splits)
    before = Window.of(emit.graph, unit).before
    sizes = (*before, *emit.extents(unit.end), plan.block, chunk)
    emit.call(
        unit.end,
        f"winograd<{plan.outputs}, {plan.rows}, {vectors}, {plan.pitch}>",
        f"{{{emit.map(source)}, {', '.join(map(str, sizes))}, {emit.bounds(unit)}}}",
        _part(emit, packed, bias, 0, target, residual),
        reads=[source, *([residual] if residual else [])],
        writes=[target],
        macs=emit.macs(unit),
    )


def _part(
    emit: Emitter, packed: Array, bias: Array, start: int, target: Place, residual: Place | None
) -> str:
    """A ``Part``: what goes to one place, from input channel ``start`` on."""
    pieces = [f"r.weight({emit.blob.add(packed)})", emit.vector(bias), str(start), emit.map(target)]
    added = ["nullptr", "{}"]
    if residual:
        added = [f"{(like := emit.map(residual))}.data", like]
    return f"Part{{{', '.join([*pieces, *added])}}}"


def _item(emit: Emitter, unit: Unit) -> float:
    """Multiply-adds of an item: enough to be worth it, few enough for all threads."""
    return max(ITEM, emit.macs(unit) * emit.group / (16 * emit.threads))


def _weights(unit: Unit, emit: Emitter) -> tuple[Array, Array]:
    """Weights of shape (outputs, inputs of a group, rows, columns), and a bias."""
    weight = emit.arrays[f"{unit.node.name}.weight"]
    weight = weight.reshape(*weight.shape, 1, 1) if weight.ndim == 2 else weight
    bias = emit.arrays.get(f"{unit.node.name}.bias")
    return weight, np.zeros(len(weight), np.float32) if bias is None else bias


def _parts(
    unit: Unit,
    emit: Emitter,
    weight: Array,
    bias: Array,
    form: tuple[int, int, int],
    residual: Place | None,
) -> list[str]:
    """A ``Part`` for each cut of the result and each group within it; ``form`` is the number of
    groups, the inputs of a run, and the outputs of a panel."""
    groups, run, wide = form
    outputs, depth = len(weight) // groups, weight.shape[1]
    parts = []
    for cut in unit.cuts:
        target = emit.place(cut.name)
        for group in range(groups):
            start, stop = max(cut.start, group * outputs), min(cut.stop, (group + 1) * outputs)
            if start >= stop:
                continue
            matrix = weight[start:stop].transpose(2, 3, 1, 0).reshape(-1, run, stop - start)
            packed = panels(matrix, wide, emit.processor.lanes, pairs=emit.bfloat16)
            out = target.part(start - cut.start, stop - cut.start)
            like = residual.part(start, stop) if residual else None
            parts.append(_part(emit, packed, bias[start:stop], group * depth, out, like))
    return parts


def depthwise(unit: Unit, emit: Emitter) -> None:
    """A convolution whose every channel has a kernel of its own."""
    weight, bias = _weights(unit, emit)
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
