"""Any text at all: good specs compile and survive a round trip, nothing makes the front end fail.

``pytest tests/language/test_fuzz.py`` runs a bounded number of examples. ``INCEPTGRAPH_FUZZ=long``
runs many more, as many for each test as ``INCEPTGRAPH_FUZZ_EXAMPLES`` says.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from damage import NUMBERS, PIECES, WORDS, damage
from front_end import check, check_case, check_finding
from hypothesis import assume, given
from hypothesis import strategies as st
from mutations import LONGEST, case
from places import MISTAKES as _MISTAKES
from places import SPECS as _SPECS
from specs_strategy import specs
from work import growth, lines_run

from inceptgraph.diagnostics import Code, Findings, Severity, Source
from inceptgraph.graph import from_json, to_json, to_text
from inceptgraph.pipeline import analyze
from inceptgraph.report import render
from inceptgraph.source import parse
from inceptgraph.spec import evaluate

SPECS = sorted(_SPECS.glob("*.yaml"))
MISTAKES = sorted(_MISTAKES.glob("*.yaml"))
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in [*SPECS, *MISTAKES]}


# -- good specs -----------------------------------------------------------------------------------


@given(specs(videos=True))
def test_good_specs_compile(text: str) -> None:
    analysis = check(text)
    assume(all(f.code is not Code.TOO_LARGE for f in analysis.findings))  # doubled too often
    assert [f for f in analysis.findings if f.severity is Severity.ERROR] == []
    graph = analysis.graph
    assert graph is not None
    again = analyze(Source("other name.yaml", text)).graph
    assert again == graph
    assert to_text(again) == to_text(graph)
    data = json.loads(json.dumps(to_json(graph)))
    assert from_json(data) == graph
    assert to_text(from_json(data)) == to_text(graph)
    evaluation = graph.phase("eval").verify()
    assert [o.name for o in evaluation.outputs] == [
        o.name for o in graph.outputs if not o.training_only
    ]


# -- good specs and known mistakes, damaged -------------------------------------------------------


@given(st.sampled_from(sorted(TEXTS)), st.integers(0, 2**48), st.integers(1, 6))
def test_damaged_specs_are_reported(name: str, seed: int, slips: int) -> None:
    check(damage(TEXTS[name], random.Random(seed), slips))


@given(specs(videos=True), st.integers(0, 2**48), st.integers(1, 3))
def test_damaged_random_specs_are_reported(text: str, seed: int, slips: int) -> None:
    check(damage(text, random.Random(seed), slips))


@pytest.mark.parametrize(
    "first",
    [
        *(pytest.param(first, marks=pytest.mark.heavy) for first in range(0, 100, 20)),
        *(pytest.param(first, marks=pytest.mark.slow) for first in range(100, 200, 20)),
    ],
)
def test_hostile_changes_are_reported(tmp_path: Path, first: int) -> None:
    """The first cases of ``.ci/fuzz-language``, which tries as many as it is told."""
    for number in range(first, first + 20):
        found = case(0, number)
        assert found == case(0, number)
        assert max(map(len, found)) <= LONGEST
        check_case(found, tmp_path)


# -- anything at all ------------------------------------------------------------------------------

YAMLISH = st.lists(st.sampled_from([*PIECES, *NUMBERS, "a", "b", "name", "stages", " ", "\n  "]))
KEYS = ("name", "input", "params", "blocks", "stages", "outputs", "aux_heads", "sections", "expect")


@given(st.text() | YAMLISH.map("".join))
def test_any_text_is_read(text: str) -> None:
    check(text)


@given(st.binary(max_size=400) | YAMLISH.map(lambda parts: "".join(parts).encode()))
def test_any_file_is_read(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "any.yaml"
    path.write_bytes(data)
    for finding in analyze(path).findings:
        check_finding(finding)


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(
        ["conv2d", "relu", "concat", "$x", "$x * 2", "a", "a.b", "input", "int = 3", ""]
    ),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from([*WORDS, "a", "b", "op", "out", "channels", "features", "x.0"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=30,
)


@given(
    st.dictionaries(
        st.sampled_from(
            [*KEYS, "inputs", "inflate", "defaults", "description", "extends", "include", "edit"]
        ),
        JSON,
    )
)
def test_any_tree_is_read(tree: dict[str, object]) -> None:
    check(json.dumps({"name": "x", **tree}))


PATHS = st.sampled_from(
    [
        "conv1",
        "norm*",
        "*",
        "blocks.conv.*",
        "blocks.inception.5x5.5x5",
        "aux*",
        "aux1",
        "a.b",
        "**",
    ]
)
STEPS = st.dictionaries(st.sampled_from(["n", "n_*", "conv1", "relu", "1x1"]), JSON, max_size=3)
EDITS = st.just("remove") | st.dictionaries(
    st.sampled_from(["set", "replace", "before", "after", "op"]), STEPS | JSON, max_size=3
)


@given(st.dictionaries(PATHS, EDITS | JSON, max_size=4))
def test_any_edit_is_read(edits: dict[str, object]) -> None:
    check(json.dumps({"name": "x", "extends": "googlenet", "edit": edits}))


@given(
    st.sampled_from(["classes", "stages.conv1.out", "params", "a.b.c", ".", "", "input.channels"]),
    JSON | st.text(max_size=20),
)
def test_any_override_is_read(path: str, value: object) -> None:
    analysis = analyze("googlenet", set={path: value})
    for finding in analysis.findings:
        check_finding(finding)
    render(analysis.findings, "full")


# -- what was found before ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "\x1e",  # a character that ends a line to Python and is refused by YAML
        "{",  # the end of the text is where the value is missing
        "\ufeffname: x",
        "\ud800",
    ],
)
def test_regressions(text: str) -> None:
    check(text)


# -- large texts ----------------------------------------------------------------------------------

HEAD = "name: x\ninput: {channels: 3, height: 8, width: 8}\n"


def _lines(text: str, count: int) -> str:
    """A line again and again, with its number for ``#`` and the next one for ``@``."""
    return "".join(text.replace("#", f"{i}").replace("@", f"{i + 1}") + "\n" for i in range(count))


BROKEN = HEAD + "blocks: {b: {branches: {a: {op: max_pool, kernel: 2}, c: {}}, merge: add}}\n"
GROWING: dict[str, Callable[[int], str]] = {
    "many unknown names": lambda n: (
        # 200 findings are looked into; each has its hint, out of all names
        HEAD + "stages:\n" + _lines("  s#: {op: relu, from: nothing_like_s@}", 4 * n)
    ),
    "many unknown operations": lambda n: (
        HEAD + "stages:\n" + _lines("  s#: {op: nothing_like_s#}", n)
    ),
    "a broken block used often": lambda n: (
        BROKEN + "stages:\n" + _lines("  s#: {op: b, from: input}", n)
    ),
    "an edit of many": lambda n: (
        "extends: googlenet\nedit:\n  pool1:\n    after:\n"
        + _lines("      s#: {op: relu}", n)
        + "  s*: {after: {t*: {op: relu}}}\n  t*: remove\n  t9: remove\n"
    ),
    "a join of many": lambda n: (
        HEAD
        + "stages:\n"
        + _lines("  s#: {op: relu, from: input}", n)
        + f"  wide: {{op: max_pool, kernel: 9, from: [{', '.join(f's{i}' for i in range(n))}]}}\n"
    ),
    "many keys twice": lambda n: HEAD + _lines("stages: {}", n),
    "many anchors": lambda n: HEAD + _lines("k#: &a# 1", n),
}
"""Texts of any size, of so many parts."""


@pytest.mark.heavy
@pytest.mark.parametrize("name", GROWING)
def test_work_grows_as_the_text_does(name: str) -> None:
    def checking(size: int) -> Callable[[], object]:
        text = GROWING[name](size)
        return lambda: check(text)

    assert check(GROWING[name](50)).findings
    assert growth(checking, 50) < 2.2


@pytest.mark.slow
@pytest.mark.parametrize("name", GROWING)
def test_texts_of_thousands_of_parts_are_read(name: str) -> None:
    assert check(GROWING[name](5_000)).findings


LONG = {
    "a parameter doubles until it is too large": HEAD
    + f"params: {{p0: [1, 1], {', '.join(f'p{i}: [$p{i - 1}, $p{i - 1}]' for i in range(1, 12))}}}"
    + "\n"
    + "stages: {a: {op: relu}}",
    "a join of many": HEAD
    + "stages:\n"
    + "".join(f"  s{i}: {{op: max_pool, kernel: {i % 7 + 1}, from: input}}\n" for i in range(900))
    + f"  join: {{op: concat, from: [{', '.join(f's{i}' for i in range(900))}]}}\n",
    "a long word": HEAD + "stages: {a: {op: " + "a" * 10**6 + "}}",
    "a long word before a slip": HEAD + "stages: {a: {op: " + "a" * 10**6 + " b: c}}",
    "a long declaration": HEAD + f"params: {{a: 'int = {' ' * 10**6}x'}}\nstages: {{}}",
    "a long section": HEAD + f"stages: {{}}\nsections: {{a: '{'.' * 10**6} x'}}",
    "a long sum": HEAD + f"params: {{a: 1}}\nstages: {{a: {{op: conv2d, out: $a{'+1' * 100}}}}}",
    "a long text": HEAD + f"stages: {{a: {{op: conv2d, out: '{'1 ' * 10**6}'}}}}",
    "many quotes": HEAD + 'stages: {"a' * 10**5,
    "many brackets": HEAD + "stages: [" + "{" * 60 + "a: [[[",
    "long indentation": HEAD + "stages:\n" + " " * 10**6 + "a: b: c\n",
}
"""What scans these is C, whose work is not counted; to scan one in square time would take hours."""


@pytest.mark.parametrize("name", LONG)
def test_long_texts_are_read(name: str) -> None:
    assert check(LONG[name]).findings


def _doubling(levels: int, params: str, given: str, bottom: str) -> str:
    """Blocks that each use the one below twice."""
    blocks = [f"  b0: {{{params}steps: {{x: {bottom}}}}}\n"]
    for i in range(1, levels + 1):
        first, second = (f"{{op: b{i - 1}{more}}}" for more in given.split("|"))
        blocks.append(f"  b{i}: {{{params}steps: {{x: {first}, y: {second}}}}}\n")
    value = ", n: 1" if params else ""
    return f"{HEAD}blocks:\n{''.join(blocks)}stages: {{a: {{op: b{levels}{value}}}}}\n"


PAST_THE_BUDGET = {
    "a thousand parameters": HEAD
    + f"blocks: {{b: {{params: {{{', '.join(f'p{i}: {i}' for i in range(1000))}}}, "
    + "steps: {a: {op: relu}}}}\nstages: {a: {op: b, repeat: 1600}}",
    "a join of many, often": HEAD
    + f"blocks: {{b: {{steps: {{j: {{op: concat, from: [{'input, ' * 9000}input]}}}}}}}}\n"
    + "stages: {a: {op: b, repeat: 180}}",
    "repeats in repeats": HEAD
    + "stages: {a: {repeat: 450, steps: {b: {repeat: 450, steps: {c: {op: relu}}}}}}",
    "blocks that double": _doubling(25, "", "|", "{op: relu}"),
    "blocks that double and fail": _doubling(60, "", "|", "{op: conv2d, out: 0}"),
    "blocks that double, each with arguments of its own": _doubling(
        25, "params: {n: int}, ", ", n: $n * 2|, n: $n * 2 + 1", "{op: conv2d, out: $n}"
    ),
    "a use whose arguments fail, before one like it that is good": HEAD
    + "blocks: {a: {params: {n: int}, steps: {x: {op: relu, repeat: $n + 500}}}, "
    + "b: {params: {n: int}, steps: {y: {op: a, n: $n / 0}, z: {op: a, n: $n, repeat: 500}}}}\n"
    + "stages: {c: {op: b, n: 0}}",
    "a block that chooses itself, twice": HEAD
    + "blocks: {b: {params: {n: any}, steps: {x: {op: $n, n: $n}, y: {op: $n, n: $n}}}}\n"
    + "stages: {a: {op: b, n: b}}",
    "numbers of copies that no two uses share": _doubling(
        25, "params: {n: int}, ", ", n: $n * 2|, n: $n * 2 + 1", "{op: relu, repeat: $n % 2}"
    ),
}


@pytest.mark.heavy
@pytest.mark.parametrize("name", PAST_THE_BUDGET)
def test_what_is_written_small_and_grows_too_large_is_refused_before_it_is_made(name: str) -> None:
    analysis = check(PAST_THE_BUDGET[name])
    assert [f.code for f in analysis.findings if f.severity is Severity.ERROR] == [Code.TOO_LARGE]
    assert analysis.graph is not None
    assert [*analysis.graph.nodes] == ["input"]


def test_a_block_that_fails_is_tried_once() -> None:
    """As many steps as a network may have, none of which can be made."""
    text = _doubling(15, "", "|", "{op: conv2d, out: 0}")
    assert {f.code for f in check(text).findings} == {Code.BAD_ARGUMENT}
    more = _doubling(16, "", "|", "{op: conv2d, out: 0}")
    assert lines_run(lambda: analyze(Source("x", more))) < 1.5 * lines_run(
        lambda: analyze(Source("x", text))
    )


def test_what_a_list_says_many_times_is_computed_once() -> None:
    def lines(*texts: str) -> int:
        written = parse(Source("x", f"[{', '.join(texts)}]"), Findings())
        assert written is not None
        return lines_run(lambda: evaluate(written, {"n": 2}))

    apart = lines(*(f"$n * {i}" for i in range(1000)))
    assert lines(*["$n * 1"] * 1000) < apart / 10


def test_all_that_decides_how_much_there_is_is_counted() -> None:
    """Through a default, a block in a block, a chosen block, and a copy's own number."""
    text = """blocks:
  inner: {params: {n: int, m: int = $n * $n * 5}, steps: {x: {op: relu, repeat: $m}}}
  outer: {params: {k: int, use: string}, steps: {x: {op: $use, n: $k * 20, repeat: $k}}}
stages: {a: {op: outer, k: %d, use: inner}}
"""
    assert Code.TOO_LARGE not in {f.code for f in analyze(Source("x", HEAD + text % 1)).findings}
    assert Code.TOO_LARGE in {f.code for f in check(HEAD + text % 5).findings}
