"""Any text at all: good specs compile and survive a round trip, nothing makes the front end fail.

``pytest tests/language/test_fuzz.py`` runs a bounded number of examples. ``INCEPTGRAPH_FUZZ=long``
runs many more, as many for each test as ``INCEPTGRAPH_FUZZ_EXAMPLES`` says.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from places import MISTAKES as _MISTAKES
from places import SPECS as _SPECS
from specs_strategy import specs
from work import growth

from inceptgraph.diagnostics import Code, Diagnostic, Severity, Source
from inceptgraph.graph import from_json, to_json, to_text
from inceptgraph.pipeline import Analysis, analyze
from inceptgraph.report import FORMATS, render

SPECS = sorted(_SPECS.glob("*.yaml"))
MISTAKES = sorted(_MISTAKES.glob("*.yaml"))
TEXTS = {path.stem: path.read_text(encoding="utf-8") for path in [*SPECS, *MISTAKES]}


def check(text: str) -> Analysis:
    """What must hold of any text."""
    analysis = analyze(Source("spec.yaml", text))
    for format in FORMATS:
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
    return analysis


def check_finding(finding: Diagnostic) -> None:
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


# -- good specs -----------------------------------------------------------------------------------


@given(specs())
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

TOKENS = re.compile(r"\w+|\s+|[^\w\s]")
NUMBERS = ["0", "-1", "-7", "1.5", "1e9", "1e-9", "99999999999999999999", "0x10", ".inf", ".nan"]
NUMBERS += [
    "2147483648",
    "9007199254740993",
    "1_000",
    "010",
    "1e400",
    "$x",
    "yes",
    "~",
    '"3"',
    "[]",
]
WORDS = ["op", "from", "repeat", "steps", "branches", "merge", "input", "inputs", "params"]
PIECES: list[str] = [
    *"{}[]:,\t#|>'\"$%@`\\\r\u00a0\u2028é",
    ": ",
    ", ",
    "- ",
    "\n",
    "  ",
    "&a ",
    "*a",
    "!t ",
]
PIECES += ["${", "<<: ", "? ", "---\n", *WORDS]


def damage(text: str, rng: random.Random, slips: int) -> str:
    """A few slips of the hand; half of the time of a kind that mostly leaves a text YAML."""
    kinds: list[Callable[[str, random.Random], str]] = [_key, _value, _value, _number, _line]
    if rng.random() < 0.5:
        kinds += [_byte, _token, _token, _cut, _insert, _insert]
    for _ in range(slips):
        text = rng.choice(kinds)(text, rng)
    return text


def _byte(text: str, rng: random.Random) -> str:
    data = bytearray(text.encode())
    for _ in range(rng.randint(1, 3) if data else 0):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    return data.decode("utf-8", "replace")


def _token(text: str, rng: random.Random) -> str:
    tokens = TOKENS.findall(text)
    if len(tokens) < 2:
        return text
    i, j = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    action = rng.randrange(4)
    if action == 0:
        del tokens[i]
    elif action == 1:
        tokens[i], tokens[j] = tokens[j], tokens[i]
    elif action == 2:
        tokens.insert(i, tokens[j])
    else:
        tokens[i] = tokens[j]
    return "".join(tokens)


def _line(text: str, rng: random.Random) -> str:
    lines = text.splitlines(keepends=True)
    if not lines:
        return text
    line = lines.pop(rng.randrange(len(lines)))
    action = rng.randrange(4)
    if action:
        lines.insert(rng.randint(0, len(lines)), line)
    if action == 2:
        lines.insert(rng.randint(0, len(lines)), line)
    if action == 3:
        at = rng.randrange(len(lines))
        lines[at] = " " * rng.randint(0, 4) + lines[at].lstrip(" ")
    return "".join(lines)


def _replace(pattern: str, text: str, rng: random.Random, new: str) -> str:
    matches = list(re.finditer(pattern, text))
    if not matches:
        return text
    start, end = rng.choice(matches).span()
    return text[:start] + new + text[end:]


def _key(text: str, rng: random.Random) -> str:
    words = re.findall(r"[\w.-]+", text) or ["x"]
    new = rng.choice([rng.choice(words), rng.choice(PIECES), rng.choice(words)[:-1], ""])
    return _replace(r"[\w.-]+(?=:)", text, rng, new)


def _value(text: str, rng: random.Random) -> str:
    words = re.findall(r"[$\w.-]+", text) or ["x"]
    new = rng.choice([rng.choice(words), f"${rng.choice(words)}", f"[{rng.choice(words)}]", "{}"])
    new = rng.choice([new, f"{rng.choice(words)} {rng.choice('+-*/%')} {new}", f'"{new}"'])
    return _replace(r"(?<=: )[^\s,{}\[\]]+", text, rng, new)


def _number(text: str, rng: random.Random) -> str:
    return _replace(r"(?<![\w.])\d+(\.\d+)?", text, rng, rng.choice(NUMBERS))


def _cut(text: str, rng: random.Random) -> str:
    at, width = rng.randint(0, len(text)), rng.randint(0, 80)
    return text[:at] if rng.random() < 0.3 else text[:at] + text[at + width :]


def _insert(text: str, rng: random.Random) -> str:
    at = rng.randint(0, len(text))
    count: int = rng.choice((1, 1, 1, 2, 70))
    return text[:at] + rng.choice(PIECES) * count + text[at:]


@given(st.sampled_from(sorted(TEXTS)), st.integers(0, 2**48), st.integers(1, 6))
def test_damaged_specs_are_reported(name: str, seed: int, slips: int) -> None:
    check(damage(TEXTS[name], random.Random(seed), slips))


@given(specs(), st.integers(0, 2**48), st.integers(1, 3))
def test_damaged_random_specs_are_reported(text: str, seed: int, slips: int) -> None:
    check(damage(text, random.Random(seed), slips))


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
        st.sampled_from([*KEYS, "inputs", "defaults", "description", "extends", "include", "edit"]),
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
    + f"params: {{p0: [1, 1], {', '.join(f'p{i}: [$p{i - 1}, $p{i - 1}]' for i in range(1, 7))}}}\n"
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


PAST_THE_BUDGET = {
    "a thousand parameters": HEAD
    + f"blocks: {{b: {{params: {{{', '.join(f'p{i}: {i}' for i in range(1000))}}}, "
    + "steps: {a: {op: relu}}}}\nstages: {a: {op: b, repeat: 1600}}",
    "a join of many, often": HEAD
    + f"blocks: {{b: {{steps: {{j: {{op: concat, from: [{'input, ' * 9000}input]}}}}}}}}\n"
    + "stages: {a: {op: b, repeat: 180}}",
    "repeats in repeats": HEAD
    + "stages: {a: {repeat: 450, steps: {b: {repeat: 450, steps: {c: {op: relu}}}}}}",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", PAST_THE_BUDGET)
def test_what_is_written_small_and_grows_too_large_ends(name: str) -> None:
    assert Code.TOO_LARGE in {finding.code for finding in check(PAST_THE_BUDGET[name]).findings}
