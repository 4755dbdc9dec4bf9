"""The full format, picture by picture, and what holds for any finding in any format."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inceptgraph.diagnostics import Code, Diagnostic, Label, Severity, Source, Span
from inceptgraph.report import FORMATS, render
from inceptgraph.report._text import visible, width

SPEC = Source(
    "my.yaml",
    """\
name: Mine
stages:
  conv: {op: conv2, out: 64}
  a: {op: max_pool, kernel: 3, stride: 2}
  b: {op: relu, from: conv}

  join: {op: concat, from: [a, b]}
""",
)
BASE = Source("base.yaml", "blocks:\n  relu:\n    steps: {}\n")


def at(source: Source, word: str, text: str = "", *, skip: int = 0) -> Label:
    """A label on the first occurrence of a word after ``skip`` characters of the text."""
    start = source.text.index(word, skip)
    line = source.text.count("\n", 0, start)
    column = start - (source.text.rfind("\n", 0, start) + 1)
    return Label(Span(source, line, column, line, column + len(word)), text)


def finding(*labels: Label, message: str = "wrong", help: str | None = None) -> Diagnostic:
    return Diagnostic(Code.UNKNOWN_OPERATION, message, labels, help=help)


def full(*labels: Label) -> str:
    """The part of the full format below the header line."""
    return render([finding(*labels)], "full").partition("\n")[2]


UNKNOWN = finding(
    at(SPEC, "conv2"), message="there is no operation `conv2`", help="did you mean `conv2d`?"
)


# -- full ------------------------------------------------------------------------------------


def test_full_shows_the_line_with_a_caret_and_a_blank_line_between_findings() -> None:
    expected = """\
error[IG201]: there is no operation `conv2`
 --> my.yaml:3:14
  |
3 |   conv: {op: conv2, out: 64}
  |              ^^^^^
  |
  = help: did you mean `conv2d`?"""
    assert render([UNKNOWN], "full") == expected
    assert render([UNKNOWN, UNKNOWN], "full") == f"{expected}\n\n{expected}"


def test_full_shows_every_place_in_the_order_of_the_text() -> None:
    join = len(SPEC.text) - len("[a, b]}\n")
    mismatch = Diagnostic(
        Code.SPATIAL_MISMATCH,
        "`concat` joins height 112 and 224",
        (
            at(SPEC, "concat", "joins them here"),
            at(SPEC, "a", "112×112×64", skip=join),
            at(SPEC, "b", "224×224×64", skip=join),
            at(SPEC, "stride: 2", "halves the height"),
            at(SPEC, "b", "keeps it", skip=SPEC.text.index("b: {op")),
        ),
        notes=("`a` is 112×112×64\n`b` is 224×224×64",),
        severity=Severity.WARNING,
    )
    expected = """\
warning[IG501]: `concat` joins height 112 and 224
 --> my.yaml:7:14
  |
4 |   a: {op: max_pool, kernel: 3, stride: 2}
  |                                --------- halves the height
5 |   b: {op: relu, from: conv}
  |   - keeps it
6 |
7 |   join: {op: concat, from: [a, b]}
  |              ^^^^^^         -  - 224×224×64
  |              |              |
  |              |              112×112×64
  |              joins them here
  |
  = note: `a` is 112×112×64
          `b` is 224×224×64"""
    assert render([mismatch], "full") == expected


def test_full_leaves_distant_lines_out() -> None:
    expected = """\
 --> my.yaml:7:3
  |
1 | name: Mine
  |       ---- there
...
7 |   join: {op: concat, from: [a, b]}
  |   ^^^^ here"""
    assert full(at(SPEC, "join", "here"), at(SPEC, "Mine", "there")) == expected


def test_full_gives_another_source_a_section_of_its_own() -> None:
    expected = """\
 --> my.yaml:5:11
  |
5 |   b: {op: relu, from: conv}
  |           ^^^^ a block?
  |
 ::: base.yaml:2:3
  |
2 |   relu:
  |   ---- defined here"""
    assert full(at(SPEC, "relu", "a block?"), at(BASE, "relu", "defined here")) == expected


def test_full_names_a_file_without_text_and_draws_nothing() -> None:
    missing = Span(Source("no.yaml", ""), 0, 0, 0, 0)
    found = Diagnostic(Code.FILE_NOT_FOUND, "there is no file `no.yaml`", (Label(missing),))
    assert render([found], "full") == "error[IG001]: there is no file `no.yaml`\n --> no.yaml"


def test_full_without_a_place() -> None:
    expected = "error[IG201]: wrong\n  = help: a\n          b"
    assert render([finding(help="a\nb")], "full") == expected


def test_gutter_is_as_wide_as_the_largest_number() -> None:
    source = Source("long.yaml", "first\n" + "\n" * 97 + "ninety-nine\nhundred\n")
    expected = """\
   --> long.yaml:100:1
    |
  1 | first
    | -----
...
 99 | ninety-nine
    | -----------
100 | hundred
    | ^^^^^^^"""
    assert full(at(source, "hundred"), at(source, "ninety-nine"), at(source, "first")) == expected


def test_wide_combining_and_tab_characters_keep_the_caret_in_place() -> None:
    source = Source("s.yaml", "\t卷积: cafe\u0301 x # end")
    assert full(at(source, "积", "wide"), at(source, "x", "narrow")).splitlines()[2:] == [
        "1 |     卷积: cafe\u0301 x # end",
        "  |       ^^       - narrow",
        "  |       |",
        "  |       wide",
    ]


@pytest.mark.parametrize(
    ("span", "drawn"),
    [
        ((0, 2, 2, 1), ["1 | ab: [c,", "  |   ^^^^^"]),  # several lines: the first of them
        ((0, 50, 0, 60), ["1 | ab: [c,", "  |          ^"]),  # past the end of its line
        ((9, 5, 9, 6), ["10 |", "   | ^"]),  # past the end of the text
        ((0, 3, 0, 3), ["1 | ab: [c,", "  |    ^"]),  # empty
        ((0, 4, 0, 2), ["1 | ab: [c,", "  |     ^"]),  # backwards
        ((-1, -1, -1, -1), ["1 | ab: [c,", "  | ^"]),
    ],
)
def test_spans_that_fit_no_line_are_drawn_where_they_can_be(
    span: tuple[int, int, int, int], drawn: list[str]
) -> None:
    source = Source("s.yaml", "ab: [c,  \n  d,\n]\n")
    assert full(Label(Span(source, *span))).splitlines()[2:] == drawn


def test_a_long_line_is_cut_around_each_group_of_labels() -> None:
    source = Source("s.json", "{" + ", ".join(f'"key{i}": {i}' for i in range(500)) + "}")
    shown = full(at(source, '"key450"', "here again"), at(source, '"key7"', "first written here"))
    rows = shown.splitlines()[2:]
    assert [row[:3] for row in rows] == ["1 |", "  |"] * 2
    for line, marks in zip(rows[::2], rows[1::2], strict=True):
        assert "…" in line
        assert width(line) <= 120
        word = line[len(marks) - len(marks.lstrip(" |")) :]
        assert word.startswith('"key450"' if "again" in marks else '"key7"')
        assert marks.count("^" if "again" in marks else "-") == len(word.split(":")[0])


def test_a_label_that_encloses_another_hangs_its_text() -> None:
    assert full(at(SPEC, "op: relu", "whole"), at(SPEC, "relu", "part")).splitlines()[2:] == [
        "5 |   b: {op: relu, from: conv}",
        "  |       ^^^^----",
        "  |       |   |",
        "  |       |   part",
        "  |       whole",
    ]


def test_nothing_in_a_text_hides_or_reaches_the_terminal() -> None:
    source = Source("\x1b[2J.yaml", "op:\u00a0relu \x1b[31m \u202e")
    found = finding(at(source, "relu"), message="no `\x07`", help="\x1b]0;title\x07")
    expected = """\
error[IG201]: no `<U+0007>`
 --> <U+001B>[2J.yaml:1:5
  |
1 | op:<U+00A0>relu <U+001B>[31m <U+202E>
  |            ^^^^
  |
  = help: <U+001B>]0;title<U+0007>"""
    assert render([found], "full") == expected


def test_color_adds_codes_and_nothing_else() -> None:
    found = [UNKNOWN, finding(at(SPEC, "a", "x"), at(BASE, "relu", "y"))]
    for format in ("full", "concise"):
        colored = render(found, format, color=True)
        assert "\x1b[1;31merror[IG201]\x1b[0m" in colored
        assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == render(found, format)


# -- any finding, any number of them ---------------------------------------------------------

NASTY = st.sampled_from("\t\n\r\x00\x1b\x7f\x85\u00a0\u200b\u2028\u202e\u0301\ud800\udce9卷×🐍ab: ")
TEXTS = st.text(NASTY | st.characters(exclude_categories=()), max_size=300)
NUMBERS = st.integers(-2, 12) | st.integers(-(2**40), 2**40)


@st.composite
def diagnostics(draw: st.DrawFn) -> Diagnostic:
    sources = draw(st.lists(st.builds(Source, TEXTS, TEXTS), min_size=1, max_size=2))
    spans = st.builds(Span, st.sampled_from(sources), NUMBERS, NUMBERS, NUMBERS, NUMBERS)
    labels = draw(st.lists(st.builds(Label, spans, TEXTS), max_size=5))
    notes = draw(st.lists(TEXTS, max_size=2))
    help, severity = draw(st.none() | TEXTS), draw(st.sampled_from(Severity))
    code = draw(st.sampled_from(Code))
    return Diagnostic(code, draw(TEXTS), tuple(labels), tuple(notes), help, severity)


@settings(deadline=None)
@given(st.lists(diagnostics(), max_size=2), st.sampled_from(FORMATS))
def test_any_finding_is_rendered_in_characters_that_can_be_seen(
    found: list[Diagnostic], format: str
) -> None:
    text = render(found, format)
    assert text.replace("\n", "").isprintable()
    text.encode()
    if format in ("json", "sarif"):
        json.loads(text)
    elif format in ("concise", "github"):
        assert len(text.splitlines()) == len(found)


@given(TEXTS)
def test_visible_text_is_printable_and_stays_so(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(visible(text)) == visible(text)


@settings(deadline=None)
@given(TEXTS.map(lambda text: text * 40), st.integers(0, 9000), st.integers(0, 60))
def test_a_source_line_never_takes_more_than_the_screen(text: str, start: int, size: int) -> None:
    source = Source("s.yaml", "".join(text.splitlines()) or "x")
    shown = full(Label(Span(source, 0, start, 0, start + size), "here"))
    assert all(width(row) <= 120 for row in shown.splitlines())
