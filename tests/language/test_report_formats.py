"""Findings in the formats for programs, for logs and for a last line."""

from __future__ import annotations

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

import inceptgraph
from inceptgraph.diagnostics import Code, Diagnostic, Label, Severity, Source, Span, codes
from inceptgraph.report import FORMATS, render, summary_line

SPEC = Source("my.yaml", "name: Mine\nstages:\n  conv: {op: conv2, out: 64}\n  end: {op: relu}\n")
BASE = Source("base.yaml", "blocks:\n  relu:\n    steps: {}\n")


def at(source: Source, word: str, text: str = "") -> Label:
    """A label on a word."""
    line, column = next((n, t.index(word)) for n, t in enumerate(source.lines) if word in t)
    return Label(Span(source, line, column, line, column + len(word)), text)


def finding(*labels: Label, message: str = "wrong", help: str | None = None) -> Diagnostic:
    return Diagnostic(Code.UNKNOWN_OPERATION, message, labels, help=help)


UNKNOWN = finding(
    at(SPEC, "conv2"), message="there is no operation `conv2`", help="did you mean `conv2d`?"
)


def test_concise() -> None:
    assert render([UNKNOWN, finding(message="two\nlines")], "concise") == (
        "my.yaml:3:14: error[IG201] there is no operation `conv2` (did you mean `conv2d`?)\n"
        "error[IG201] two lines"
    )


def test_json() -> None:
    place = {"file": "my.yaml", "line": 3, "column": 14, "end_line": 3, "end_column": 19}
    assert json.loads(render([UNKNOWN], "json")) == [
        {
            "code": "IG201",
            "name": "unknown-operation",
            "severity": "error",
            "message": "there is no operation `conv2`",
            **place,
            "labels": [{**place, "text": ""}],
            "notes": [],
            "help": "did you mean `conv2d`?",
        }
    ]


def test_json_has_no_nulls() -> None:
    missing = finding(Label(Span(Source("no.yaml", ""), 0, 0, 0, 0)))
    found = json.loads(render([missing, finding()], "json"))
    assert [item.get("file") for item in found] == ["no.yaml", None]
    assert all("line" not in item and None not in item.values() for item in found)


def test_github_escapes_what_its_syntax_uses() -> None:
    source = Source("a,b:c%.yaml", "x\ny\n")
    found = Diagnostic(
        Code.UNMET_EXPECTATION, "50% off, see: here", (at(source, "y", "this"),), ("n",), "h"
    )
    assert render([found], "github") == (
        "::error file=a%2Cb%3Ac%25.yaml,line=2,col=1,endLine=2,endColumn=2,title=IG601"
        "::50%25 off, see: here (this)%0Anote: n%0Ahelp: h"
    )


def test_github_gives_no_columns_for_several_lines_and_no_place_without_one() -> None:
    several = finding(Label(Span(SPEC, 0, 0, 3, 2)))
    assert render([several, finding()], "github") == (
        "::error file=my.yaml,line=1,endLine=4,title=IG201::wrong\n::error title=IG201::wrong"
    )


def test_sarif() -> None:
    clash = Diagnostic(
        Code.NAME_CLASH,
        "twice",
        (at(SPEC, "relu"), at(BASE, "relu", "first")),
        severity=Severity.WARNING,
    )
    log = json.loads(render([UNKNOWN, clash, finding()], "sarif"))
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "InceptGraph"
    assert [rule["id"] for rule in rules] == ["IG105", "IG201"]
    assert all(r["shortDescription"]["text"] and r["help"]["markdown"] for r in rules)
    assert rules[1]["fullDescription"]["text"] == codes.summary(Code.UNKNOWN_OPERATION)
    first, second, third = run["results"]
    assert all(rules[r["ruleIndex"]]["id"] == r["ruleId"] for r in run["results"])
    region = {"startLine": 3, "startColumn": 14, "endLine": 3, "endColumn": 19}
    assert first["locations"] == [
        {"physicalLocation": {"artifactLocation": {"uri": "my.yaml"}, "region": region}}
    ]
    assert second["level"] == "warning"
    (related,) = second["relatedLocations"]
    assert related["message"]["text"] == "first"
    assert related["physicalLocation"]["artifactLocation"]["uri"] == "base.yaml"
    assert third["locations"] == []


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("./nets/my net#1.yaml", "nets/my%20net%231.yaml"),
        ("<stdin>", "%3Cstdin%3E"),
        ("c:é.yaml", "c%3A%C3%A9.yaml"),
        ("caf\udce9.yaml", "caf%E9.yaml"),
        pytest.param(
            "/srv/a b.yaml",
            "file:///srv/a%20b.yaml",
            marks=pytest.mark.skipif(sys.platform == "win32", reason="not absolute there"),
        ),
    ],
)
def test_sarif_encodes_file_names(name: str, uri: str) -> None:
    found = finding(Label(Span(Source(name, ""), 0, 0, 0, 0)))
    (result,) = json.loads(render([found], "sarif"))["runs"][0]["results"]
    assert result["locations"] == [{"physicalLocation": {"artifactLocation": {"uri": uri}}}]


@pytest.mark.parametrize(
    ("format", "text"), [("full", ""), ("concise", ""), ("json", "[]"), ("github", "")]
)
def test_no_findings(format: str, text: str) -> None:
    assert render([], format) == text
    assert json.loads(render([], "sarif"))["runs"][0]["results"] == []


def test_unknown_format() -> None:
    with pytest.raises(ValueError, match="there is no format `xml`: use one of full, concise"):
        render([], "xml")


@pytest.mark.parametrize(
    ("errors", "warnings", "line"),
    [
        (0, 0, "no findings"),
        (1, 0, "1 error"),
        (2, 1, "2 errors and 1 warning"),
        (0, 3, "3 warnings"),
    ],
)
def test_summary_line(errors: int, warnings: int, line: str) -> None:
    warning = Diagnostic(Code.UNUSED_STEP, "unused", severity=Severity.WARNING)
    assert summary_line([finding()] * errors + [warning] * warnings) == line


# -- any of them ------------------------------------------------------------------------------


class CountingSource(Source):
    """Counts how often it is split into lines."""

    splits = 0

    @property
    def lines(self) -> list[str]:
        type(self).splits += 1
        return super().lines


@pytest.mark.parametrize("format", FORMATS)
def test_a_source_is_split_once_however_many_findings_it_has(format: str) -> None:
    CountingSource.splits = 0
    source = CountingSource("big.yaml", "key: value\n" * 1000)
    spans = [Span(source, line, 0, line + line % 3, 3) for line in range(1000)]
    render([finding(Label(a), Label(b)) for a, b in pairwise(spans)], format)
    assert CountingSource.splits <= 1


def test_formats_for_people_import_nothing_that_only_programs_need() -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from inceptgraph.diagnostics import Code, Diagnostic\n"
        "from inceptgraph.report import render\n"
        "for format in ('full', 'concise', 'github'): render([Diagnostic(Code.TAB, 'x')], format)\n"
        "print(sorted({'json', 'importlib.resources', 'importlib.metadata'} & set(sys.modules)))\n"
    )
    root = str(Path(inceptgraph.__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, root], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
