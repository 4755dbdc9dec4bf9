"""Every code has a page, and every page teaches in the same way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from inceptgraph.diagnostics import Code, Findings, Source, codes
from inceptgraph.source import Mapping, parse

PAGES = Path(codes.__file__).parent / "explanations"
WITHOUT_A_TREE = {"IG004", "IG005", "IG006", "IG008", "IG009", "IG010", "IG011"}
"""Codes of texts that are no tree of values, so that the wrong example has no keys to look at."""


def test_every_code_has_a_page_and_every_page_a_code() -> None:
    assert {page.stem for page in PAGES.iterdir()} == set(codes.every_code()) == set(Code)
    assert list(codes.every_code()) == sorted(Code)


def test_titles_are_short_and_tell_codes_apart() -> None:
    titles = [codes.title(code) for code in Code]
    assert len(set(titles)) == len(titles)
    assert all(0 < len(title) <= 50 and "IG" not in title for title in titles)


@pytest.mark.parametrize("word", ["IG404", "ig404", "fraction", " Fraction "])
def test_a_code_is_found_by_number_or_name_in_any_case(word: str) -> None:
    assert codes.find(word) is Code.FRACTION


def test_what_is_no_code_is_not_found() -> None:
    assert codes.find("IG999") is codes.find("") is None


@pytest.mark.parametrize("code", Code)
def test_a_page_says_what_shows_wrong_and_mended_and_says_why(code: Code) -> None:
    page = codes.explain(code)
    assert re.findall("^#+ .*", re.sub("(?ms)^```.*?^```", "", page), re.M) == [
        f"# {code}: {codes.title(code)}",
        "## Wrong",
        "## Mended",
        "## Why",
    ]
    assert codes.summary(code).endswith(".")
    wrong, mended = re.findall("(?ms)^```(yaml|console)\n(.*?)^```$", page)
    assert wrong[0] == mended[0]
    assert wrong[1] != mended[1]
    prose = re.sub("(?ms)^```.*?^```", "", page)
    assert all(len(line) <= 100 for line in prose.splitlines())


@pytest.mark.parametrize("code", Code)
def test_examples_are_complete_specs_or_command_lines(code: Code) -> None:
    for index, (language, text) in enumerate(
        re.findall("(?ms)^```(yaml|console)\n(.*?)^```$", codes.explain(code))
    ):
        if language == "console":
            assert text.startswith("$ ")
            continue
        findings = Findings()
        root = parse(Source("spec.yaml", text), findings)
        found = {finding.code.value for finding in findings}
        if index == 0 and code in WITHOUT_A_TREE:
            assert found == {code.value}
            continue
        assert found == ({code.value} if code is Code.DUPLICATE_KEY and index == 0 else set())
        assert isinstance(root, Mapping)
        if "extends" in root.items:
            continue
        assert {"name", "stages"} <= root.items.keys()
        assert code is Code.MISSING_KEY or {"input", "inputs"} & root.items.keys()
