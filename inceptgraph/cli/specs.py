"""A spec as a verb needs it: compiled as far as it goes, with its findings told or raised."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from inceptgraph import report
from inceptgraph.cli import console
from inceptgraph.diagnostics import SpecError
from inceptgraph.graph import Graph
from inceptgraph.pipeline import Analysis, analyze

__all__ = ["Loaded", "examine", "load", "shown_name"]


class Loaded(NamedTuple):
    """A spec that can be worked with."""

    analysis: Analysis
    graph: Graph


def examine(spec: str, values: Mapping[str, str]) -> Analysis:
    """Everything that is known of a spec, findings included."""
    try:
        return analyze(spec, set=values)
    except SpecError as error:  # a plug-in that cannot be loaded
        return Analysis(error.diagnostics)


def load(spec: str, values: Mapping[str, str]) -> Loaded:
    """A spec whose graph is complete; warnings are told, in a line each.

    Raises:
        SpecError: the spec has errors.
    """
    analysis = examine(spec, values)
    graph = analysis.require_graph()
    if analysis.findings:
        color = console.colored("stderr")
        console.message(report.render(analysis.findings, "concise", color=color))
    return Loaded(analysis, graph)


def shown_name(spec: str) -> str:
    """A spec as messages call it."""
    return "<stdin>" if spec == "-" else spec
