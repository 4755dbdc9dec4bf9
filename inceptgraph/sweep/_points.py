"""Sweeps: one spec with every combination of some values, and what each amounts to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from inceptgraph.analysis import largest_field, peak, total
from inceptgraph.diagnostics import Diagnostic, Findings, Severity, Source, SpecError
from inceptgraph.graph import Graph
from inceptgraph.pipeline import analyze
from inceptgraph.source import read

__all__ = ["Figures", "Point", "combinations", "measure", "sweep"]


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of a network, without its auxiliary heads and for one sample.

    Attributes:
        params: trainable parameters.
        macs: multiply-adds of convolutions, linear layers and products, without biases.
        depth: layers with weights on the longest path.
        activations: elements of the outputs of all steps: what training keeps.
        peak: elements that are alive at once in inference, at most.
        receptive_field: extents of the largest local field of a feature map, such as height and
            width, in pixels of the input; None where there is no feature map.
    """

    params: int
    macs: int
    depth: int
    activations: int
    peak: int
    receptive_field: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class Point:
    """One combination of values.

    Attributes:
        values: by path, as they were given.
        figures: None where the spec does not compile with them.
        findings: warnings included.
    """

    values: Mapping[str, str]
    figures: Figures | None
    findings: tuple[Diagnostic, ...]

    @property
    def errors(self) -> tuple[Diagnostic, ...]:
        """The findings that leave it without figures."""
        return tuple(d for d in self.findings if d.severity is Severity.ERROR)


def measure(graph: Graph) -> Figures:
    """The figures of a graph.

    Args:
        graph: with shapes, heads included or not.
    """
    network = graph.phase("eval")
    cost = total(network)
    return Figures(
        params=cost.params,
        macs=cost.macs,
        depth=cost.depth,
        activations=cost.activations,
        peak=peak(network).elements,
        receptive_field=largest_field(network),
    )


def combinations(options: Mapping[str, Sequence[str]]) -> Iterator[dict[str, str]]:
    """Every combination of values, the last option fastest.

    >>> [tuple(point.values()) for point in combinations({"a": "12", "b": "xy"})]
    [('1', 'x'), ('1', 'y'), ('2', 'x'), ('2', 'y')]
    """
    for values in product(*options.values()):
        yield dict(zip(options, values, strict=True))


def sweep(spec: str | Path | Source, options: Mapping[str, Sequence[str]]) -> Iterator[Point]:
    """Compile a spec with every combination of values, as far as the graph.

    Args:
        spec: a path, ``-``, a shipped spec's name, or a text as :class:`Source`.
        options: values to try, by path.

    Raises:
        SpecError: standard input cannot be read.

    >>> points = sweep("googlenet_wide", {"width": ["0.5", "1"]})
    >>> [(point.values["width"], point.figures.params) for point in points]
    [('0.5', 2019016), ('1', 6998552)]
    """
    spec = _stdin() if spec == "-" else spec
    for values in combinations(options):
        try:
            analysis = analyze(spec, set=values)
            figures, findings = measure(analysis.require_graph()), analysis.findings
        except SpecError as error:
            figures, findings = None, error.diagnostics
        yield Point(values, figures, findings)


def _stdin() -> Source:
    """Standard input, which can be read but once."""
    findings = Findings()
    source = read("-", findings)
    if source is None:
        raise SpecError(findings)
    return source
