"""A graph and its weights to a program: C++ text, packed weights, and a plan of memory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from inceptgraph.graph import Graph
from inceptgraph.ops import Input
from inceptgraph.ops.merge import Concat
from inceptgraph.weights.recipe_values import Tensors, arrays
from inceptgraph_native.codegen.arena import Extent, plan
from inceptgraph_native.codegen.conv import border
from inceptgraph_native.codegen.emit import Emitter, Step
from inceptgraph_native.codegen.fusion import units
from inceptgraph_native.codegen.layout import Buffer, lay_out
from inceptgraph_native.codegen.rules import can_fuse, rule
from inceptgraph_native.codegen.sequences import on_images
from inceptgraph_native.processor import Processor

__all__ = ["Program", "lower"]

SLACK = 4096
"""Bytes past the last buffer, and before the first, that a vector may reach into."""


@dataclass(frozen=True)
class Program:
    """What is compiled and run.

    Attributes:
        name: of the network.
        sources: translation units in C++.
        steps: its calls, in order.
        weights: bytes.
        arena: bytes that a run needs for activations.
        scratch: bytes that each thread needs.
        group: images that pass through it together at the most.
        inputs: names and shapes, without the batch.
        outputs: names and shapes, without the batch.
    """

    name: str
    sources: tuple[str, ...]
    steps: tuple[Step, ...]
    weights: np.ndarray[Any, np.dtype[np.uint8]]
    arena: int
    scratch: int
    group: int
    inputs: dict[str, tuple[int, ...]]
    outputs: dict[str, tuple[int, ...]]


def lower(
    graph: Graph,
    tensors: Tensors,
    processor: Processor,
    *,
    group: int,
    threads: int,
    bfloat16: bool = False,
) -> Program:
    """Make the program of a graph in evaluation.

    Args:
        graph: with shapes, without auxiliary heads.
        tensors: the weights of the network that it was rewritten from.
        processor: what it is for.
        group: images at a time.
        threads: that are to have work.
        bfloat16: keep activations and weights in bfloat16, not float32.
    """
    shapes, graph = graph.shape, on_images(graph)
    calls = units(graph, can_fuse)
    layout = lay_out(graph, calls)
    held = dict(arrays(graph, tensors, np.dtype(np.float32)))
    values = {
        f"{node.name}.{name}": held[f"{graph.owner(node.name)}.{name}"]
        for node in graph.nodes.values()
        for name in graph.weights(node)
    }
    emit = Emitter(graph, layout, values, processor, group, threads, bfloat16)
    for unit in calls:
        border(emit, unit)
    by_end = {unit.end: unit for unit in calls}
    inputs: dict[str, tuple[int, ...]] = {}
    for name, node in graph.nodes.items():
        if isinstance(node.op, Input):
            emit.call(
                name, "receive", str(len(inputs)), emit.value(name), writes=[emit.place(name)]
            )
            inputs[name] = shapes(name)
        elif isinstance(node.op, Concat):
            for operand, place in layout.copies.get(name, []):
                maps = (emit.value(operand), "Affine{}", "Bounds{-INFINITY, INFINITY}")
                reads = [emit.place(operand)]
                emit.call(name, "affine", *maps, emit.map(place), reads=reads, writes=[place])
        elif name in by_end:
            rule(by_end[name].node.op, by_end[name], emit)
    outputs: dict[str, tuple[int, ...]] = {}
    for output in graph.outputs:
        place = emit.place(output.node)
        emit.call(output.name, "deliver", emit.map(place), str(len(outputs)), reads=[place])
        outputs[output.name] = shapes(output.node)
    size, constants = _memory(layout.buffers, group, 2 if bfloat16 else 4)
    sources = _sources(emit, constants)
    weights = emit.blob.bytes()
    return Program(
        graph.name, sources, tuple(emit.steps), weights, size, emit.scratch, group, inputs, outputs
    )


def _memory(buffers: Iterable[Buffer], group: int, width: int) -> tuple[int, list[str]]:
    """Bytes of the arena, and where each buffer begins in it, as C++."""
    used = [buffer for buffer in buffers if buffer.used]
    extents = [Extent(width * group * each.image, *(each.used or (0, 0))) for each in used]
    found = plan(extents)
    constants = [
        f"constexpr long b{each.index} = {SLACK + offset};"
        f"  // {each.height}×{each.width}×{each.channels}"
        for each, offset in zip(used, found.offsets, strict=True)
    ]
    return found.size + 2 * SLACK, constants


def _sources(emit: Emitter, constants: list[str]) -> tuple[str, ...]:
    """The translation units: about as many calls in each, so that they compile side by side."""
    steps = emit.steps
    parts = max(1, min(emit.threads, len(steps) // 12))
    each = -(-len(steps) // parts)
    define = f"#define INCEPTGRAPH_BFLOAT16 {int(emit.bfloat16)}"
    head = ["using namespace inceptgraph;", "", *emit.definitions, *constants, ""]
    texts = []
    for index in range(parts):
        lines = [f"void part{index}(Run& r) {{"]
        for step in steps[index * each : (index + 1) * each]:
            lines += [f"    // {_comment(step.name)}", f"    {step.text}"]
        lines += ["}", ""]
        if index == 0:
            others = [f"void part{i}(Run& r);" for i in range(1, parts)]
            calls = " ".join(f"part{i}(r);" for i in range(parts))
            lines += [*others, "", 'extern "C" void inceptgraph_run(const Request* request) {']
            lines += [f"    perform(*request, {emit.group}, [](Run& r) {{ {calls} }});", "}", ""]
        header = "program.hpp" if index == 0 else "steps.hpp"
        texts.append("\n".join([define, f'#include "inference/{header}"', *head, *lines]))
    return tuple(texts)


def _comment(name: str) -> str:
    """A name without what could end a comment's line or go on after it."""
    return "".join(char if char.isalnum() or char in "._-+ " else "_" for char in name)
