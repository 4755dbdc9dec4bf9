"""What must hold of any text at all: an answer in words, and a whole graph where there are none."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from mutations import Case

from inceptgraph.analysis import outline, to_text
from inceptgraph.diagnostics import Diagnostic, Severity, Source
from inceptgraph.pipeline import Analysis, analyze
from inceptgraph.report import FORMATS, render

__all__ = ["check", "check_case", "check_finding"]


def check(text: str, name: str = "spec.yaml", formats: Iterable[str] = FORMATS) -> Analysis:
    """Check a text as far as it goes, and its summary where it is good.

    Args:
        text: of the spec.
        name: its path, from which what it extends is read.
        formats: in which findings are printed.
    """
    analysis = analyze(Source(name, text))
    for format in formats:
        rendered = render(analysis.findings, format)
        if format in ("json", "sarif"):
            json.loads(rendered)
    for finding in analysis.findings:
        check_finding(finding)
    has_errors = any(finding.severity is Severity.ERROR for finding in analysis.findings)
    if not has_errors and analysis.library is None:
        assert analysis.graph is not None
        assert analysis.graph.outputs
        assert all(node.shape is not None for node in analysis.graph.nodes.values())
        analysis.graph.verify()
        analysis.graph.phase("eval").verify()
        assert to_text(outline(analysis.graph))
    return analysis


def check_case(case: Case, folder: Path) -> Analysis:
    """Check a text beside the one that it may extend or include."""
    (folder / "base.yaml").write_text(case.base, encoding="utf-8", errors="replace")
    return check(case.text, str(folder / "spec.yaml"), ("full", "json"))


def check_finding(finding: Diagnostic) -> None:
    """Check that a finding can be printed: its words, and places that are in its text."""
    assert finding.message
    assert finding.span is not None
    assert finding.message == finding.message.strip()
    assert len(finding.message) + len(finding.help or "") < 1300
    assert "Traceback" not in finding.message
    for label in finding.labels:
        span, lines = label.span, label.span.source.lines
        assert 0 <= span.line <= span.end_line
        assert span.column >= 0
        assert (span.line, span.column) <= (span.end_line, span.end_column)
        if lines:
            assert span.end_line <= len(lines)
            assert span.line < len(lines)
            assert span.column <= len(lines[span.line])
            if span.end_line < len(lines):
                assert span.end_column <= len(lines[span.end_line])
