"""Every mistake that we know of, with the exact text that a person gets to read.

A mistake is a spec in ``mistakes/``, beside what ``inceptgraph check`` says of it. What cannot be a
file in git is made here. ``pytest tests/language/test_mistakes.py --update-golden`` writes the
texts anew; read each as somebody who has never seen InceptGraph.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from places import MISTAKES

from inceptgraph.diagnostics import Code, Diagnostic, Severity
from inceptgraph.pipeline import analyze
from inceptgraph.report import FORMATS, render
from inceptgraph.spec import shipped

FOLDER = MISTAKES
SHIPPED = str(shipped()["googlenet"].parent)
FILES = sorted(path.stem for path in FOLDER.glob("*.yaml"))

HEAD = "name: Small\ninput: {channels: 3, height: 32, width: 32}\n"
CONV = "stages:\n  conv: {op: conv2d, out: 16}\n"


def _chain_of_blocks(path: Path) -> None:
    blocks = ["blocks:\n  b0: {steps: {conv: {op: conv2d, out: 3}}}\n"]
    blocks += [f"  b{i}: {{steps: {{inner: {{op: b{i - 1}}}}}}}\n" for i in range(1, 65)]
    path.write_text(HEAD + "".join(blocks) + "stages:\n  all: {op: b64}\n")


def _aliases_in_aliases(path: Path) -> None:
    lines = ["  - &a0 [x]\n", *(f"  - &a{i} [*a{i - 1}]\n" for i in range(1, 63))]
    path.write_text(HEAD + "description:\n" + "".join(lines) + CONV)


def _many_values(path: Path) -> None:
    """Just past the bound of 2,000,000, most of them through an alias, for speed."""
    thousand = f"&a [{'1, ' * 998}1]"  # with the list itself
    written = ", ".join([thousand, *["*a"] * 1998, *["1"] * 1000])
    path.write_text(HEAD + f"description: [{written}]\n" + CONV)


def _beside_a_good_spec(path: Path) -> None:
    (path.parent / "googlenet.yaml").write_text(HEAD + CONV)


MADE: dict[str, tuple[str, Callable[[Path], object]]] = {
    "a_directory": ("specs", lambda path: path.mkdir()),
    "missing_file": ("missing.yaml", lambda path: None),
    "missing_file_misspelt": ("googlnet.yaml", _beside_a_good_spec),
    "missing_name": ("googlnet", lambda path: None),
    "binary_file": ("model.yaml", lambda path: path.write_bytes(b"PK\x03\x04\x14\x00\x08\x00")),
    "not_utf8": ("latin.yaml", lambda path: path.write_bytes(b"name: Small\n# caf\xe9\n")),
    "empty_file": ("empty.yaml", lambda path: path.write_text("")),
    "larger_than_64_mib": ("huge.yaml", lambda path: path.write_bytes(b"#" * (2**26 + 1))),
    "nesting_of_65_blocks": ("blocks.yaml", _chain_of_blocks),
    "nesting_through_aliases": ("aliases.yaml", _aliases_in_aliases),
    "too_many_values": ("values.yaml", _many_values),
}
"""Golden file, name of the spec, and what makes it."""

ELSEWHERE = {
    Code.BAD_OVERRIDE: "--set, see test_meaning.py",
    Code.UNSUPPORTED_OPERATION: "backends",
    Code.UNKNOWN_BACKEND: "backends",
    Code.RENDERER: "drawing",
    Code.OUTPUT: "writing",
    Code.BROKEN_PLUGIN: "installed packages",
    Code.BAD_OPTION: "backends",
    Code.UNREADABLE_WEIGHTS: "files of weights, see test_weights_files.py",
    Code.WEIGHTS_MISMATCH: "files of weights, see test_weights.py",
    Code.BAD_REMAP: "remap tables, see test_weights_tables.py",
    Code.UNKNOWN_ENGINE: "engines, see test_engine_torch.py",
    Code.ENGINE_REFUSES: "engines, see test_engines.py",
    Code.CLASHING_PLUGINS: "installed packages, see test_plugins.py",
    Code.BAD_PASSES: "lists of passes, see test_pipeline.py",
    Code.BAD_DATA: "images and labels, see tests/train",
    Code.UNKNOWN_RECIPE: "training recipes, see tests/train",
    Code.TRAINING: "trainings, see tests/train",
}
"""Codes that no spec by itself can trigger."""


def compare(name: str, findings: tuple[Diagnostic, ...], update: bool) -> None:
    golden = FOLDER / f"{name}.txt"
    # where the shipped specs are installed is not part of the message
    text = (render(findings, "full") + "\n").replace(SHIPPED, "SHIPPED")
    if update:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", FILES)
def test_file(name: str, update_golden: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mistake is an error; in a sound network, what is unused or unexpected is a warning."""
    monkeypatch.chdir(FOLDER)
    findings = analyze(f"{name}.yaml").findings
    compare(name, findings, update_golden)
    assert findings
    assert all(render(findings, format) for format in FORMATS)
    warnings = [f for f in findings if f.severity is Severity.WARNING]
    sound = name.startswith(("unused_", "expect_", "variant_parameter_misspelt"))
    assert len(warnings) < len(findings) or sound
    assert not warnings or sound or name == "several_mistakes"
    for finding in findings:
        carets_are_on_something(finding)


def carets_are_on_something(finding: Diagnostic) -> None:
    assert finding.span is not None
    for span in (label.span for label in finding.labels):
        if finding.code is not Code.EMPTY_FILE:
            assert span.column < len(span.source.lines[span.line])
            assert span.end_column > span.column or span.end_line > span.line


@pytest.mark.parametrize("name", MADE)
def test_made(
    name: str, update_golden: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    spec, make = MADE[name]
    make(tmp_path / spec)
    findings = analyze(spec).findings
    assert len(findings) == 1
    compare(name, findings, update_golden)


# what follows reads the golden files, to which the findings are held above


def golden(name: str) -> str:
    return (FOLDER / f"{name}.txt").read_text(encoding="utf-8")


def codes_in(name: str) -> list[Code]:
    return [Code(code) for code in re.findall(r"^(?:error|warning)\[(\w+)\]", golden(name), re.M)]


def test_every_golden_file_has_its_mistake() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {*FILES, *MADE}


def test_every_code_of_a_spec_occurs() -> None:
    found = {code for name in [*FILES, *MADE] for code in codes_in(name)}
    assert set(Code) - found == set(ELSEWHERE)


def test_no_two_files_say_the_same() -> None:
    seen: dict[str, list[str]] = {}
    for name in FILES:
        words = re.sub(r"^ *(-->|\d* \|).*\n", "", golden(name), flags=re.M)
        seen.setdefault(words, []).append(name)
    assert [names for names in seen.values() if len(names) > 1] == []


def test_one_slip_is_one_finding() -> None:
    """Names that promise one mistake keep it."""
    several = {
        "misspelt_operation": 2,
        "argument_out_of_range": 2,
        "arguments_of_other_frameworks": 3,
        "bad_names": 2,
        "edit_removes_what_is_read": 2,
        "edit_unknown_change": 2,
        "expectation_is_a_word": 2,
        "expect_shapes": 2,
        "features_of_linear": 2,
        "fraction_as_block_argument": 2,
        "inflate_misspelt_frames": 2,
        "input_zero": 3,
        "keys_of_other_frameworks": 3,
        "parameter_of_wrong_type": 3,
        "parameter_type_unknown": 3,
        "section_form": 2,
        "several_in_and_around_a_block": 5,
        "several_mistakes": 10,
        "several_shape_mistakes": 3,
        "unused_block_with_mistakes": 2,
    }
    counts = {name: len(codes_in(name)) for name in FILES}
    assert {name: count for name, count in counts.items() if count != 1} == several
