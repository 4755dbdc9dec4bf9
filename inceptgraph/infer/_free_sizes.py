"""Networks whose input may have any extents: from which on, in which steps, and why not in others.

An extent behind a window is ``(n + a) // s`` of the one before it. So what a network does repeats
itself: at extents that are a multiple of all its strides apart, the same steps fit one another or
do not. All extents within two such periods are tried, one axis after the other.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import lcm

from inceptgraph.diagnostics import Code, Findings, Label
from inceptgraph.graph import Graph, Node
from inceptgraph.infer._probe import FAR, Misfit, Probe
from inceptgraph.ops import Input

__all__ = ["assume_sizes", "check_free_sizes"]

MOST = 4096
"""The longest period whose extents are all tried, and the largest extent that is assumed."""

WORK = 100_000
"""Shapes that are worked out at most for an axis, half a second: of a network of thousands of steps
fewer extents are tried, of which 64 are as many as common networks have in a period."""

_PLURAL = {"frames": "numbers of frames"}


def assume_sizes(graph: Graph) -> Graph:
    """The graph with an extent for each free axis that has none yet: what another input states, or
    the least power of two, times what it is a multiple of, at which all steps fit, and far away as
    well: at an extent of 1 a join may fit that no other does."""
    free = [node.op for node in graph.inputs if isinstance(node.op, Input) and node.op.free]
    assumed = {axis for op in free for axis in op.assumed}
    if not assumed:
        return graph
    stated = {axis: op.extent(axis) for op in free for axis in op.free if axis not in op.assumed}
    probe, multiple = Probe(graph, graph.nodes), lcm(*(op.multiple for op in free))
    least = max((least for op in free for least in op.least), default=1)
    extents = [-(-least // multiple) * multiple]
    while extents[-1] < MOST:
        extents.append(2 * extents[-1])

    def at(extent: int) -> dict[str, int]:
        return dict.fromkeys(assumed, extent) | stated

    fit = [extent for extent in extents if probe.misfit(at(extent)) is None]
    far = (extent for extent in fit if probe.misfit(at(extent + FAR)) is None)
    return _at(graph, at(next(far, fit[0] if fit else extents[-1])))


def check_free_sizes(graph: Graph, written: Mapping[str, Node], findings: Findings) -> Graph:
    """The graph with the least extents that its free axes may have.

    Args:
        graph: with shapes, and nothing wrong with it.
        written: its nodes before their operations were settled for the size of the figures.
        findings: receives steps that do not fit at some extents, and at which.
    """
    least: dict[str, int] = {}
    for node in graph.inputs:
        assert isinstance(node.op, Input)
        for axis in node.op.free:
            if axis not in least:
                least[axis] = _check_axis(Probe(graph, written), node, axis, findings)
    return _with_least(graph, least)


def _check_axis(probe: Probe, source: Node, axis: str, findings: Findings) -> int:
    """The least extent of an axis; reports what does not fit at larger ones."""
    op = source.op
    assert isinstance(op, Input)
    extent = op.extent(axis)
    stated = dict(zip(op.free, op.least, strict=False)).get(axis, 1)
    if extent % op.multiple or extent < stated:
        told = f"is no multiple of {op.multiple}"
        if not extent % op.multiple:
            told = f"is less than the least, {stated}"
        place = source.origin.argument(axis) if source.origin else None
        findings.add(Code.BAD_ARGUMENT, f"the {_named(axis)} {extent} {told}", place)
        return extent
    try:
        period = lcm(probe.period(axis, extent), op.multiple)
    except Misfit as far:
        near = range(extent + op.multiple, extent + 64 * op.multiple, op.multiple)
        misfit = next(filter(None, (probe.misfit({axis: size}, alike=True) for size in near)), far)
        _report(misfit, source, axis, f"at another {_named(axis)}", None, findings)
        return extent
    most = max(64, min(MOST, WORK // (2 * len(probe.graph.nodes)))) * op.multiple
    span = min(period, most)
    # one period up, what grows has 2 pixels at least: an extent of 1 is spread by joins
    for start in (extent + span, extent):
        tried = range(start, start + span, op.multiple)
        misfits = {size: found for size in tried if (found := probe.misfit({axis: size}))}
        if misfits:
            fits = _multiple_that_fits(period, op.multiple, misfits) if period <= most else None
            sizes = _sizes(axis, [*misfits], tried, fits)
            _report(misfits[min(misfits)], source, axis, sizes, fits, findings)
            return extent
    return _least(Probe(probe.graph.phase("eval"), probe.written), source, axis, stated, findings)


def _least(probe: Probe, source: Node, axis: str, stated: int, findings: Findings) -> int:
    """The least extent at which all steps fit, below one at which they do; heads, which exist in
    training alone, may want more."""
    op = source.op
    assert isinstance(op, Input)
    sizes = range(op.multiple, op.extent(axis) + 1, op.multiple)
    index = bisect_left(sizes, True, key=lambda size: probe.misfit({axis: size}) is None)
    least = sizes[index]
    misfit = probe.misfit({axis: stated}) if op.least else None
    if misfit is not None and source.origin:
        message = f"the least {_named(axis)} is {least}: at {stated} {misfit.error}"
        origin = misfit.node.origin
        labels = (Label(origin.argument(misfit.error.argument), "here"),) if origin else ()
        findings.add(misfit.error.code, message, source.origin.argument("least"), "", *labels)
    return max(least, -(-stated // op.multiple) * op.multiple)


def _named(axis: str) -> str:
    """An extent, by the name of its axis."""
    return "number of frames" if axis == "frames" else axis


def _multiple_that_fits(period: int, step: int, misfits: Mapping[int, object]) -> int | None:
    """The least number of whose multiples all fit."""
    found = (n for n in range(step, period + 1, step) if period % n == 0)
    return next((n for n in found if not any(size % n == 0 for size in misfits)), None)


def _sizes(axis: str, misfits: Sequence[int], tried: range, multiple: int | None) -> str:
    """The extents at which something does not fit, in words."""
    plural = _PLURAL.get(axis, f"{axis}s")
    for word, parity in (("odd", 1), ("even", 0)):
        if [size for size in tried if size % 2 == parity] == list(misfits):
            return f"at {word} {plural}"
    if multiple and [size for size in tried if size % multiple] == list(misfits):
        return f"at {plural} that are no multiples of {multiple}"
    few = ", ".join(map(str, misfits[:3]))
    return f"at {plural} such as {few}"


def _report(
    misfit: Misfit,
    source: Node,
    axis: str,
    sizes: str,
    multiple: int | None,
    findings: Findings,
) -> None:
    origin, error = misfit.node.origin, misfit.error
    labels = origin.uses() if origin else ()
    if source.origin:
        labels = (Label(source.origin.argument(axis), f"this {_named(axis)} is free"), *labels)
    path = f"`{misfit.node.name}`" if "." in misfit.node.name else ""
    hint = f"state `multiple: {multiple}` beside it" if multiple else error.help
    span = origin.argument(error.argument) if origin else None
    findings.add(error.code, f"{sizes} {error}", span, path, *labels, help=hint)


def _at(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    return _with_inputs(graph, lambda op: op.at(sizes))


def _with_least(graph: Graph, least: Mapping[str, int]) -> Graph:
    return _with_inputs(
        graph, lambda op: op.model_copy(update={"least": tuple(least[axis] for axis in op.free)})
    )


def _with_inputs(graph: Graph, change: Callable[[Input], Input]) -> Graph:
    """The graph with its inputs that have free axes changed."""
    nodes = dict(graph.nodes)
    for node in graph.inputs:
        if isinstance(node.op, Input) and node.op.free:
            nodes[node.name] = replace(node, op=change(node.op))
    return graph.with_nodes(nodes)
