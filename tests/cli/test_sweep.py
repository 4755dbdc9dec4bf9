"""``sweep``: the grid, its figures, bounds and order, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from command_line import Run, runner
from hypothesis import given
from hypothesis import strategies as st

from inceptgraph.analysis import peak, total
from inceptgraph.cli import console
from inceptgraph.cli import run as run_command
from inceptgraph.cli.sweep_grid import value_list
from inceptgraph.pipeline import to_graph
from inceptgraph.sweep import combinations, sweep

WIDE = """\
name: Wide
input: {channels: 3, height: 32, width: 32}
params: {width: 1.0, classes: 10}
stages:
  conv1: {op: conv2d, out: 10 * $width, kernel: 3, padding: same}
  pool: {op: max_pool, kernel: 2, stride: 2}
  conv2: {op: conv2d, out: 20 * $width, kernel: 5, padding: same}
  gap: {op: global_avg_pool}
  flat: {op: flatten}
  fc: {op: linear, out: $classes}
aux_heads:
  aux: {from: pool, loss_weight: 1, op: global_max_pool}
"""
TABLE = """\
wide.yaml

                                          activations     peak  receptive
width  classes  params       MACs  depth      (bytes)  (bytes)      field
  0.5       10   1,510    458,340      3       35,960   32,768      12×12
  0.5      100   2,500    459,240      3       36,320   32,768      12×12
    1       10   5,510  1,556,680      3       71,880   53,248      12×12
    1      100   7,400  1,558,480      3       72,240   53,248      12×12
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs ``sweep wide.yaml`` with options, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    Path("wide.yaml").write_text(WIDE, encoding="utf-8")
    call = runner(capsys)
    return lambda *arguments, spec="wide.yaml": call("sweep", spec, *arguments)


# -- the grid --------------------------------------------------------------------------------


def test_every_combination_the_last_option_fastest(run: Run) -> None:
    result = run("--set", "width=0.5,2", "--set", "classes=1,7,100", "--format", "csv")
    assert (result.code, result.err) == (0, "")
    pairs = [(row["width"], row["classes"]) for row in result.rows]
    assert pairs == [(w, c) for w in ("0.5", "2") for c in ("1", "7", "100")]


def test_figures_are_those_of_the_network_without_heads(run: Run) -> None:
    result = run("--set", "width=0.5,2", "--set", "classes=1,7", "--json")
    for row in json.loads(result.out)["rows"]:
        graph = to_graph("wide.yaml", set=row["values"]).phase("eval")
        cost = total(graph)
        assert row == {
            "values": row["values"],
            "params": cost.params,
            "macs": cost.macs,
            "depth": 3,
            "activation_bytes": 4 * cost.activations,
            "peak_bytes": 4 * peak(graph).elements,
            "receptive_field_height_px": 3 + 1 + 4 * 2,
            "receptive_field_width_px": 3 + 1 + 4 * 2,
            "findings": [],
        }


def test_by_hand(run: Run) -> None:
    """3·3·3·10+10 + 5·5·10·20+20 + 20·4+4 weights; 10·32² + 10·16² + 20·16² + 20 + 20 + 4
    activations, of which conv1 and its pool, or the image and conv1, are alive at once."""
    (row,) = run("--set", "classes=4", "--format", "csv").rows
    assert int(row["params"]) == 280 + 5020 + 84
    assert int(row["macs"]) == 270 * 32 * 32 + 5000 * 16 * 16 + 80
    assert int(row["activation_bytes"]) == 4 * (10_240 + 2_560 + 5_120 + 20 + 20 + 4)
    assert int(row["peak_bytes"]) == 4 * (3 * 1_024 + 10_240)


def test_a_value_may_hold_commas(run: Run) -> None:
    result = run("--set", "stages.conv1.kernel=[1,7],3", "--json")
    rows = json.loads(result.out)["rows"]
    assert [row["values"]["stages.conv1.kernel"] for row in rows] == [[1, 7], 3]
    assert [row["receptive_field_height_px"] for row in rows] == [10, 12]
    assert [row["receptive_field_width_px"] for row in rows] == [16, 12]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1, 2 ,3", ["1", "2", "3"]),
        ("{op: relu, x: [1, 2]}, {op: tanh}", ["{op: relu, x: [1, 2]}", "{op: tanh}"]),
        ("\"a,b\", 'c,''d'", ['"a,b"', "'c,''d'"]),
        ("[']', 1], 2", ["[']', 1]", "2"]),
        ("can't,won't", ["can't", "won't"]),
        ("($w + 1) // 2, 3", ["($w + 1) // 2", "3"]),
        ("5, 10..30:10, 7", ["5", "10", "20", "30", "7"]),
        ("-1..1", ["-1", "0", "1"]),
        ("1..8:3", ["1", "4", "7"]),
        ("conv1 .. pool1", ["conv1 .. pool1"]),
        ("[1, 2", ["[1, 2"]),
    ],
)
def test_lists(text: str, values: list[str]) -> None:
    assert value_list("p", text) == values


@given(st.lists(st.recursive(
    st.integers(0, 99) | st.text("ab,]} ", max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xy", min_size=1), inner),
    max_leaves=6,
), min_size=1, max_size=4))  # fmt: skip
def test_lists_of_any_values(values: list[object]) -> None:
    texts = [json.dumps(value) for value in values]
    assert value_list("p", ",".join(texts)) == texts


@given(
    st.dictionaries(st.text(min_size=1), st.lists(st.text(), min_size=1, max_size=4), max_size=4)
)
def test_the_grid_is_counted_like_a_number(options: dict[str, list[str]]) -> None:
    """Each combination is a number whose digits are the choices."""
    found = list(combinations(options))
    for number, point in enumerate(found):
        for path, values in reversed(options.items()):
            number, digit = divmod(number, len(values))
            assert point[path] == values[digit]
        assert number == 0


def test_one_value_is_no_column(run: Run) -> None:
    result = run("--set", "width=2", "--set", "classes=5,6")
    title, _, *lines = result.out.splitlines()
    assert title == "wide.yaml, width=2"
    assert "classes" in "".join(lines) and "width" not in "".join(lines)
    data = json.loads(run("--set", "width=2", "--set", "classes=5,6", "--json").out)
    assert data["fixed"] == {"width": 2}
    assert [row["values"] for row in data["rows"]] == [{"classes": 5}, {"classes": 6}]


# -- how it looks ----------------------------------------------------------------------------


def test_table(run: Run) -> None:
    result = run("--set", "width=0.5,1", "--set", "classes=10,100")
    assert (result.code, result.out, result.err) == (0, TABLE, "")


def test_markdown(run: Run) -> None:
    head, rule, *rows = run("--set", "width=0.5,1", "--format", "md").out.splitlines()
    assert head.startswith("| width | params | MACs | depth | activations (bytes) | peak (bytes) |")
    assert set(rule) == set("|- :")
    assert rows[1] == "| 1 | 5,510 | 1,556,680 | 3 | 71,880 | 53,248 | 12×12 |"


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
def test_a_narrow_terminal(columns: int, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    for values in ("width=1,2", "width=0.31,1,2"):
        lines = run("--set", values).out.splitlines()
        assert max(map(len, lines)) <= max(columns, 49)
        assert "5,510  1,556,680" in "".join(lines)


def test_rounded_and_in_another_type(run: Run) -> None:
    assert "1.56 M" in run("--set", "width=0.5,1", "--human").out
    single, half = (
        run("--set", "width=1", "--format", "csv", "--dtype", dtype).rows[0]
        for dtype in ("float32", "float16")
    )
    for key in ("activation_bytes", "peak_bytes"):
        assert int(single[key]) == 2 * int(half[key])
    assert single["params"] == half["params"]


# -- bounds and order ------------------------------------------------------------------------


def test_bounds(run: Run) -> None:
    """Parameters are 1,510, 5,510 and 21,010; the multiply-adds 0.46, 1.56 and 5.67 million."""
    grid = ("--set", "width=0.5,1,2", "--format", "csv")
    result = run(*grid, "--max-params", "20K", "--min-macs", ".5M")
    assert [row["width"] for row in result.rows] == ["1"]
    assert result.err == (
        "2 of 3 combinations left out: 1 by --min-macs .5M, 1 by --max-params 20K\n"
    )
    assert result.code == 0
    result = run(*grid, "--max-params", "5510", "--min-params", "5.51k")
    assert [row["width"] for row in result.rows] == ["1"], "bounds belong to what stays"
    assert "1 by --min-params 5.51k, 1 by --max-params 5510" in result.err


@pytest.mark.parametrize(
    ("bound", "kept"),
    [
        (("--max-activations", "71.88KB"), 2),
        (("--max-activations", "71879"), 1),
        (("--max-peak", "53248"), 2),
        (("--min-depth", "4"), 0),
        (("--max-depth", "3"), 3),
        (("--min-receptive-field", "12"), 3),
        (("--min-receptive-field", "13"), 0),
        (("--max-macs", "1.55668e6"), 2),
        (("--max-macs", "1T"), 3),
    ],
)
def test_every_bound(bound: tuple[str, str], kept: int, run: Run) -> None:
    result = run("--set", "width=0.5,1,2", "--format", "csv", *bound)
    assert len(result.rows) == kept
    assert (f"{3 - kept} of 3 combinations left out" in result.err) == (kept < 3)


def test_order(run: Run) -> None:
    grid = ("--set", "width=1,0.31,2,0.5", "--format", "csv")
    for order, widths in (
        ("macs", ["0.5", "1", "2", "0.31"]),
        ("-params", ["2", "1", "0.5", "0.31"]),
    ):
        assert [row["width"] for row in run(*grid, "--sort", order).rows] == widths
    same = run(*grid, "--sort", "-depth")
    assert [row["width"] for row in same.rows] == ["1", "2", "0.5", "0.31"], "equals keep the order"


def test_a_network_without_maps(run: Run) -> None:
    text = "name: V\ninput: {features: 3}\nstages: {a: {op: linear, out: 4}}\n"
    Path("v.yaml").write_text(text, encoding="utf-8")
    grid = ("--set", "stages.a.out=1,2", "--format", "csv")
    result = run(*grid, "--max-receptive-field", "9", "--sort", "receptive-field", spec="v.yaml")
    assert [row["receptive_field_width_px"] for row in result.rows] == ["", ""]
    assert not run(*grid, "--min-receptive-field", "1", spec="v.yaml").rows


# -- what does not compile -------------------------------------------------------------------


def test_a_bad_combination_does_not_stop_the_others(run: Run) -> None:
    result = run("--set", "width=0.31,0.5", "--set", "classes=5,6")
    assert result.code == 1
    lines = result.out.splitlines()[4:]
    assert len(lines) == 4
    assert all("IG404: " in line for line in lines[:2])
    assert all("12×12" in line for line in lines[2:])
    assert "2 of 4 combinations do not compile" in result.err
    command = re.search(r"`inceptgraph (.*?)` says more", result.err)
    assert command is not None
    assert command[1] == "check wide.yaml --set width=0.31 --set classes=5"
    assert run_command(command[1].split()) == 1


def test_a_bad_combination_for_programs(run: Run) -> None:
    result = run("--set", "width=0.31,0.5", "--format", "csv", "--max-params", "1")
    assert result.code == 1
    (row,) = result.rows
    assert (row["width"], row["params"], row["code"]) == ("0.31", "", "IG404")
    assert "whole" in row["message"]
    bad, good = json.loads(run("--set", "width=0.31,0.5", "--json").out)["rows"]
    assert {finding["code"] for finding in bad["findings"]} == {"IG404"}
    assert bad["params"] is bad["receptive_field_width_px"] is None
    assert good["findings"] == []


@pytest.mark.parametrize("format", ["table", "md"])
def test_what_fails_alike_is_told_once(format: str, run: Run) -> None:
    result = run("--set", "widht=1,2,3", "--format", format)
    assert (result.code, result.out) == (1, "")
    assert result.err.count("IG802") == 1
    assert "all 3 combinations fail alike" in result.err
    assert "did you mean `width`?" in result.err
    alone = run("--set", "width=0.31", "--format", format)
    assert (alone.code, alone.out) == (1, "")
    assert "combinations" not in alone.err and "IG404" in alone.err


def test_what_fails_alike_has_rows_for_programs(run: Run) -> None:
    result = run("--set", "widht=1,2,3", "--json")
    assert result.code == 1
    assert [row["findings"][0]["code"] for row in json.loads(result.out)["rows"]] == ["IG802"] * 3
    assert result.err.count("IG802") == 1
    assert len(run("--set", "widht=1,2,3", "--format", "csv").rows) == 3


def test_a_warning_is_told_once(run: Run) -> None:
    path = Path("wide.yaml")
    path.write_text(WIDE.replace("classes: 10}", "classes: 10, spare: 1}"), encoding="utf-8")
    result = run("--set", "width=1,2")
    assert result.code == 0
    assert result.err.count("IG702") == 1


# -- wrong usage -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "nothing to try: give values, such as classes=10,100"),
        (("--set", "width"), "`width` is not PATH=VALUES, such as"),
        (("--set", "=1"), "`=1` is not PATH=VALUES"),
        (("--set", "width="), "`width=` gives no value"),
        (("--set", "width=1,,2"), "`width=1,,2` has an empty value: is a comma too many?"),
        (("--set", "width=1,2,"), "has an empty value"),
        (("--set", "width=1", "--set", "width=2"), "`width` is given twice"),
        (("--set", "classes=100..10"), "`classes=100..10` is an empty range: write FIRST..LAST"),
        (("--set", "classes=1..9:0"), "is an empty range"),
        (
            ("--set", "width=1..2:0.5"),
            "`width=1..2:0.5` is no range: ranges hold whole numbers only",
        ),
        (("--set", "width=.5..2"), "ranges hold whole numbers only"),
        (("--set", "width=1,1.5..2.5"), "`width=1.5..2.5` is no range"),
        (("--set", "classes=9..1:-1"), "ranges hold whole numbers only"),
        (("--set", "classes=1..999999999999"), "make 999,999,999,999 combinations"),
        (
            ("--set", "width=1..101", "--set", "classes=1..100"),
            "101 of width × 100 of classes make 10,100 combinations, and a sweep takes 10,000",
        ),
        (("--set", "width=1", "--max-macs", "lots"), "`lots` is not a number, such as 1.5G"),
        (("--set", "width=1", "--max-macs", "5MB"), "`5MB` is not a number, such as"),
        (("--set", "width=1", "--max-peak", "2MiB"), "is not a number of bytes, such as 20MB"),
        (("--set", "width=1", "--max-macs", "-5"), "`-5` is not a number"),
        (("--set", "width=1", "--sort", "mac"), "no figure `mac`: did you mean `macs`?"),
        (("--set", "width=1", "--sort", "-speed"), "no figure `speed`: there are params, macs"),
        (("--set", "width=1", "--format", "xml"), "'xml' is not one of"),
        (("--set", "width=1", "--max-mac", "1"), "No such option '--max-mac'"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], says: str, run: Run) -> None:
    result = run(*arguments)
    assert (result.code, result.out) == (2, "")
    assert says in result.err
    assert "inceptgraph sweep --help" in result.err


def test_nothing_runs_before_the_grid_is_known_to_be_small_enough(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError

    run("--set", "width=1")
    monkeypatch.setattr(sys.modules["inceptgraph.cli.sweep"], "points_of", never)
    assert run("--set", "classes=1..10001").code == 2


# -- the program around it -------------------------------------------------------------------


def test_standard_input_is_read_once() -> None:
    command = [sys.executable, "-m", "inceptgraph", "sweep", "-", "--set", "classes=1,2,3"]
    done = subprocess.run(command, input=WIDE, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("<stdin>\n")
    assert len(done.stdout.splitlines()) == 4 + 3


def test_lazily() -> None:
    points = sweep("googlenet", {"classes": ["10", "none"]})
    assert isinstance(points, Iterator)
    first, second = points
    assert first.figures is not None and first.figures.params == 5_983_802
    assert second.figures is None and second.errors


def test_a_count_is_shown_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = iter(range(0, 100, 2))
    monkeypatch.setattr(console.time, "monotonic", lambda: next(now))
    assert list(console.counted_off("abc", 3, "letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert list(console.counted_off("abc", 3, "letters")) == ["a", "b", "c"]
    shown = capsys.readouterr().err.split("\r")
    assert shown[1] == "1 of 3 letters" and "3 of 3 letters" in shown
    assert shown[-2].strip() == shown[-1] == "", "it is wiped out"


def test_a_quick_sweep_shows_no_count(
    run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run("--set", "width=1,2")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(console.time, "monotonic", lambda: 0.0)
    assert list(console.counted_off("abc", 3, "letters")) == ["a", "b", "c"]
    assert capsys.readouterr().err == ""


def test_torch_is_never_imported() -> None:
    code = (
        "import sys; from inceptgraph.cli import run;"
        "assert run(['sweep', 'googlenet', '--set', 'classes=1,2']) == 0;"
        "assert not {'torch', 'numpy'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=True)
