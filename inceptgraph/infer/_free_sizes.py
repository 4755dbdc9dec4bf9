"""Networks whose input may have any extents: from which on, in which steps, and why not in others.

An extent behind a window is ``(n + a) // s`` of the one before it. So what a network does repeats
itself: at extents that are a multiple of all its strides apart, the same steps fit one another or
do not. All extents within two such periods are tried, one axis after the other, and then some small
ones of all axes at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import lcm

from inceptgraph.diagnostics import Code, Findings, Label
from inceptgraph.graph import Graph, Node
from inceptgraph.infer._probe import Misfit, Probe
from inceptgraph.ops import FAR, Input
from inceptgraph.types import extent_noun

__all__ = ["assume_sizes", "check_free_sizes"]

MOST = 4096
"""The longest period whose extents are all tried, and the largest extent that is assumed."""

WORK = 100_000
"""Shapes that are worked out at most for an axis, half a second: of a network of thousands of steps
fewer extents are tried, of which 64 are as many as common networks have in a period."""

TOGETHER = 4
"""Extents of an axis that are tried beside as many of each other."""

FACTORS = range(2, 17)
"""What may make small extents of several axes fit as their multiple."""

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
    axes = _free_axes(graph)
    least = {axis.name: _check_axis(Probe(graph, written), axis, findings) for axis in axes}
    if len(axes) > 1 and not findings.errors:
        _check_together(Probe(graph.phase("eval"), written), axes, least, findings)
    return _with_inputs(
        graph, lambda op: op.model_copy(update={"least": tuple(least[axis] for axis in op.free)})
    )


@dataclass(frozen=True)
class _Axis:
    """A free axis, of all inputs that have it.

    Attributes:
        name: as in a spec.
        source: the input that says the most of it.
        extent: for which the figures are.
        multiple: what its extents are multiples of.
        stated: the least extent that is stated; 0 where none is.
    """

    name: str
    source: Node
    extent: int
    multiple: int
    stated: int

    @property
    def noun(self) -> str:
        return extent_noun(self.name)


def _free_axes(graph: Graph) -> list[_Axis]:
    """Each once: what several inputs say of one holds for it together."""
    known: dict[str, _Axis] = {}
    for node in graph.inputs:
        op = node.op
        assert isinstance(op, Input)
        stated = dict(zip(op.free, op.least, strict=False))
        for name in op.free:
            axis = _Axis(name, node, op.extent(name), op.multiple, stated.get(name, 0))
            same = known.get(name, axis)
            most = max(same, axis, key=lambda each: each.stated)
            known[name] = replace(most, multiple=lcm(same.multiple, axis.multiple))
    return [*known.values()]


def _check_axis(probe: Probe, axis: _Axis, findings: Findings) -> int:
    """The least extent of an axis; reports what does not fit at larger ones."""
    name, extent, step = axis.name, axis.extent, axis.multiple
    if extent % step or extent < axis.stated:
        told = f"is no multiple of {step}"
        if not extent % step:
            told = f"is less than the least, {axis.stated}"
        place = axis.source.origin.argument(name) if axis.source.origin else None
        findings.add(Code.BAD_ARGUMENT, f"the {axis.noun} {extent} {told}", place)
        return extent
    try:
        period = lcm(probe.period(name, extent), step)
    except Misfit as far:
        near = range(extent + step, extent + 64 * step, step)
        misfit = next(filter(None, (probe.misfit({name: size}, alike=True) for size in near)), far)
        _report(misfit, [axis], f"at another {axis.noun}", "", findings)
        return extent
    most = max(64, min(MOST, WORK // (2 * len(probe.graph.nodes)))) * step
    span = min(period, most)
    # one period up, what grows has 2 pixels at least: an extent of 1 is spread by joins
    for start in (extent + span, extent):
        tried = range(start, start + span, step)
        misfits = {size: found for size in tried if (found := probe.misfit({name: size}))}
        if misfits:
            fits = _multiple_that_fits(period, step, misfits) if period <= most else None
            sizes = _sizes(name, [*misfits], tried, fits)
            hint = f"state `multiple: {fits}` beside it" if fits else ""
            _report(misfits[min(misfits)], [axis], sizes, hint, findings)
            return extent
    return _least(Probe(probe.graph.phase("eval"), probe.written), axis, findings)


def _least(probe: Probe, axis: _Axis, findings: Findings) -> int:
    """The least extent at which all steps fit, below one at which they do; heads, which exist in
    training alone, may want more."""
    name, step, stated, source = axis.name, axis.multiple, axis.stated, axis.source
    sizes = range(step, axis.extent + 1, step)
    index = bisect_left(sizes, True, key=lambda size: probe.misfit({name: size}) is None)
    least = sizes[index]
    misfit = probe.misfit({name: stated}) if stated else None
    if misfit is not None and source.origin:
        message = f"the least {axis.noun} is {least}: at {stated} {misfit.error}"
        origin = misfit.node.origin
        labels = (Label(origin.argument(misfit.error.argument), "here"),) if origin else ()
        findings.add(misfit.error.code, message, source.origin.argument("least"), "", *labels)
    return max(least, -(-stated // step) * step)


def _check_together(
    probe: Probe, axes: Sequence[_Axis], least: Mapping[str, int], findings: Findings
) -> None:
    """Report what fits at all extents of each axis beside the figures of the others, but not where
    several change: a reshape goes by the product of them, and a transpose puts one beside another.
    """

    def misfit(least_stated: int = 1, factor: int = 1) -> tuple[dict[str, int], Misfit] | None:
        tried = {}
        for axis in axes:
            step = axis.multiple * factor
            first = -(-max(least[axis.name], least_stated) // step) * step
            tried[axis.name] = range(first, first + TOGETHER * step, step)
        every = (dict(zip(tried, sizes, strict=True)) for sizes in product(*tried.values()))
        return next(((each, found) for each in every if (found := probe.misfit(each))), None)

    found = misfit()
    if found is None:
        return
    sizes, first = found
    stated = range(1, min(axis.extent for axis in axes) + 1)
    enough = bisect_left(stated, True, key=lambda size: misfit(least_stated=size) is None)
    factor = next((n for n in FACTORS if misfit(factor=n) is None), None)
    hint = ""
    if enough < len(stated):
        hint = f"state `least: {stated[enough]}` beside it"
    elif factor is not None:
        hint = f"state `multiple: {factor * lcm(*(axis.multiple for axis in axes))}` beside it"
    told = " and ".join(f"{axis.noun} {sizes[axis.name]}" for axis in axes)
    _report(first, axes, f"at {told}", hint, findings)


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
    misfit: Misfit, axes: Sequence[_Axis], sizes: str, hint: str, findings: Findings
) -> None:
    origin, error = misfit.node.origin, misfit.error
    free = [
        Label(axis.source.origin.argument(axis.name), f"this {axis.noun} is free")
        for axis in axes
        if axis.source.origin
    ]
    labels = (*free, *(origin.uses() if origin else ()))
    path = f"`{misfit.node.name}`" if "." in misfit.node.name else ""
    span = origin.argument(error.argument) if origin else None
    findings.add(error.code, f"{sizes} {error}", span, path, *labels, help=hint or error.help)


def _at(graph: Graph, sizes: Mapping[str, int]) -> Graph:
    return _with_inputs(graph, lambda op: op.at(sizes))


def _with_inputs(graph: Graph, change: Callable[[Input], Input]) -> Graph:
    """The graph with its inputs that have free axes changed."""
    nodes = dict(graph.nodes)
    for node in graph.inputs:
        if isinstance(node.op, Input) and node.op.free:
            nodes[node.name] = replace(node, op=change(node.op))
    return graph.with_nodes(nodes)
