"""Convolution as a product of matrices, whose left one is the map as it lies."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from inceptgraph_native.codegen.conv_window import Window, part, residual_of, weights_of
from inceptgraph_native.codegen.emit import Emitter, braces
from inceptgraph_native.codegen.fusion import Unit
from inceptgraph_native.codegen.layout import Buffer
from inceptgraph_native.codegen.packing import panels

__all__ = ["Tile", "direct", "tile"]

ITEM = 600_000
"""Multiply-adds of a piece of work that is worth handing out: some ten microseconds."""


@dataclass(frozen=True, slots=True)
class Tile:
    """What is kept in registers: rows and columns of pixels, times vectors of channels."""

    height: int
    width: int
    vectors: int


def tile(height: int, width: int, outputs: int, registers: int, lanes: int) -> Tile:
    """The tile for maps of ``height`` × ``width``, which fills the registers.

    Two vectors of channels: each pixel that is loaded serves two products. From fourteen sums on,
    the products take all of the time, whatever the form, so that no other forms need be made.

    Args:
        height: rows of output pixels.
        width: pixels of a row.
        outputs: channels.
        registers: vectors that the processor holds.
        lanes: numbers of a vector.
    """
    vectors = min(4 if height * width < 4 else 2, ceil(outputs / lanes))
    most = (registers - 4) // max(vectors, 2)
    if width <= most:
        return Tile(min(most // width, height), width, vectors)
    return Tile(1, ceil(width / ceil(width / most)), vectors)


@dataclass(frozen=True, slots=True)
class _Taps:
    """What an output pixel reads: rows of runs of neighbouring numbers."""

    rows: int
    row_step: int
    runs: int
    run_step: int
    run: int

    @classmethod
    def of(cls, window: Window, source: Buffer, depth: int) -> _Taps:
        """``depth``: input channels of a group."""
        rows, columns = window.kernel
        row_step = window.dilation[0] * source.row
        # neighbouring taps whose channels follow one another are one run
        if window.dilation[1] == 1 and window.groups == 1 and source.pixel == depth:
            return cls(rows, row_step, 1, 0, columns * depth)
        return cls(rows, row_step, columns, window.dilation[1] * source.pixel, depth)

    def text(self, at_once: int) -> str:
        run = ceil(self.run / at_once)
        return braces(self.rows, self.row_step, self.runs, self.run_step, run)


def direct(unit: Unit, emit: Emitter) -> None:
    """A dense or grouped convolution, and a linear layer."""
    window = Window.of(emit.graph, unit)
    source, residual = emit.place(unit.node.inputs[0]), residual_of(unit, emit)
    buffer = source.buffer
    height, width = emit.extents(unit.end)
    if window.is_pixel and buffer.dense:
        height, width = 1, height * width  # rows follow one another without a gap
    depth = source.channels // window.groups
    taps = _Taps.of(window, buffer, depth)
    largest = max(1, max(cut.stop - cut.start for cut in unit.cuts) // window.groups)
    lanes = emit.processor.lanes
    form = tile(height, width, largest, emit.processor.registers, lanes)
    tiles = ceil(width / form.width) * ceil(height / form.height)
    chunk = round(_item(emit, unit) / (emit.macs(unit) / tiles * form.vectors * lanes / largest))
    shift = -window.before[0] * buffer.row - window.before[1] * buffer.pixel
    steps = window.stride[1] * buffer.pixel, window.stride[0] * buffer.row
    odd = ", true" if emit.bfloat16 and taps.run % 2 else ""
    emit.call(
        unit.end,
        f"convolve<{form.height}, {form.width}, {form.vectors}, {steps[0]}, {steps[1]}{odd}>",
        braces(
            emit.map(source, shift),
            taps.text(2 if emit.bfloat16 else 1),
            *(height, width, min(max(chunk, 1), tiles)),
            emit.bounds(unit),
        ),
        braces(*_parts(unit, emit, window.groups, taps.run, form.vectors * lanes)),
        reads=[source, *residual],
        writes=[emit.place(cut.name) for cut in unit.cuts],
        macs=emit.macs(unit),
    )


def _item(emit: Emitter, unit: Unit) -> float:
    """Multiply-adds of an item: enough to be worth it, few enough for all threads."""
    return max(ITEM, emit.macs(unit) * emit.group / (16 * emit.threads))


def _parts(unit: Unit, emit: Emitter, groups: int, run: int, wide: int) -> list[str]:
    """A ``Part`` for each cut of the result and each group within it.

    Args:
        unit: the convolution.
        emit: where weights are put.
        groups: of the convolution.
        run: numbers that are read in a run.
        wide: output channels of a panel.
    """
    weight, bias = weights_of(unit, emit)
    residual = residual_of(unit, emit)
    outputs, depth = len(weight) // groups, weight.shape[1]
    found = []
    for cut in unit.cuts:
        for group in range(groups):
            start, stop = max(cut.start, group * outputs), min(cut.stop, (group + 1) * outputs)
            if start >= stop:
                continue
            matrix = weight[start:stop].transpose(2, 3, 1, 0).reshape(-1, run, stop - start)
            packed = panels(matrix, wide, emit.processor.lanes, pairs=emit.bfloat16)
            target = emit.place(cut.name).part(start - cut.start, stop - cut.start)
            like = [each.part(start, stop) for each in residual]
            found.append(part(emit, packed, bias[start:stop], group * depth, target, like))
    return found
