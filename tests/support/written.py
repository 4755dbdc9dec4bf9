"""Small specs and values as tests write them: what they mean, or what is found."""

from __future__ import annotations

from typing import Any

from inceptgraph.diagnostics import Code, Source, Span
from inceptgraph.graph import Graph
from inceptgraph.pipeline import analyze
from inceptgraph.report import render
from inceptgraph.source import Scalar
from inceptgraph.spec import evaluate

__all__ = ["HEAD", "built", "found", "value_of"]

HEAD = "name: Net\ninput: {channels: 3, height: 8, width: 8}\n"


def built(text: str, *, set: dict[str, Any] | None = None, head: str = HEAD) -> Graph:
    """The graph of a spec without findings."""
    analysis = analyze(Source("net.yaml", head + text), set=set)
    assert render(analysis.findings, "concise") == ""
    assert analysis.graph is not None
    return analysis.graph.verify()


def found(text: str, *, set: dict[str, Any] | None = None, head: str = HEAD) -> list[Code]:
    """The codes of what is found in a spec."""
    return [f.code for f in analyze(Source("net.yaml", head + text), set=set).findings]


def value_of(expression: str, **environment: Any) -> Any:
    """The value of an expression."""
    span = Span(Source("value.yaml", expression), 0, 0, 0, len(expression))
    return evaluate(Scalar(expression, expression, span), environment)
