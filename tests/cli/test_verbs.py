"""The command line: what each verb prints, where it prints it, and its exit code."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import click
import pytest
from click.shell_completion import ShellComplete
from command_line import Result, Run
from places import DATA, SPECS

from inceptgraph.analysis import outline
from inceptgraph.cli import SECTIONS, program
from inceptgraph.cli import run as run_command
from inceptgraph.cli.console import from_environment
from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import to_graph

GOLDEN = DATA / "cli"
VERBS = [name for section in SECTIONS.values() for name in section]

BROKEN = """\
name: broken
input: {channels: 3, height: 8, width: 8}
stages:
  one: {op: conv2d, out: 4, kernal: 3}
  two: {op: max_pol, kernel: 2}
"""
UNUSED = """\
name: unused
input: {channels: 3, height: 8, width: 8}
params: {spare: 1}
stages: {one: {op: relu}}
"""
CLEAN = "name: clean\ninput: {channels: 3, height: 8, width: 8}\nstages: {one: {op: relu}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        path = tmp_path / f"{text.partition(chr(10))[0].removeprefix('name: ')}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write


def process(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inceptgraph", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, **more)


# -- the program -----------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
def test_help(arguments: tuple[str, ...], run: Run) -> None:
    result = run(*arguments)
    assert result.code == 0
    assert all(re.search(rf"^  {verb} ", result.out, re.M) for verb in VERBS)
    assert not result.err


@pytest.mark.parametrize("verb", VERBS)
def test_help_of_a_verb(verb: str, run: Run) -> None:
    result = run(verb, "-h")
    assert result.code == 0
    assert "Examples:\n  " in result.out
    command = program.get_command(program.make_context("inceptgraph", []), verb)
    assert command is not None
    first_line = (command.help or "").partition("\n")[0]
    entry = next(s[verb] for s in SECTIONS.values() if verb in s)
    assert first_line == entry.summary, "the two helps say the same"
    assert all(p.help for p in command.params if p.param_type_name == "option")


def test_version(run: Run) -> None:
    assert re.fullmatch(r"inceptgraph \d+\.\d+\S*\n", run("--version").out)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("chek", "googlenet"), "there is no verb `chek`: did you mean `check`"),
        (("googlenet",), "use `inceptgraph summary googlenet`"),
        (("check",), "Missing argument 'SPEC...'"),
        (("check", "--jsn", "googlenet"), "No such option"),
        (("check", "googlenet", "--set", "foo"), "`foo` is not PATH=VALUE"),
        (("check", "googlenet", "--set", "=1"), "`=1` is not PATH=VALUE"),
        (("check", "googlenet", "--format", "xml"), "'xml' is not one of"),
        (("summary", "googlenet", "--depth", "0"), "0 is not in the range"),
        (("summary", "googlenet", "--depth", "2", "--by", "step"), "give one of them"),
        (("render", "googlenet", "-o", "x.jpg"), "`.jpg` is no format of diagrams"),
        (("render", "googlenet", "-o", "-"), "say which format: --format svg"),
        (("render", "googlenet", "-o", "x.svg", "--fold", "0"), "not `auto`, `none` or a number"),
        (("diff", "lenet5", "lenet5", "--json", "--format", "md"), "`--format md` are two formats"),
        (("sweep", "googlenet", "--set", "classes=9", "--json", "--format", "csv"), "two formats"),
        (("graph", "lenet5", "--optimize", "--phase", "train"), "leave `--phase train` out"),
        (("explain", "IG999"), "there is no code `IG999`"),
        (("explain", "ig50"), "did you mean `IG50"),
        (("init", "two words"), "`two words` is not a name"),
        (("list", "things"), "'things' is not one of"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], says: str, run: Run) -> None:
    result = run(*arguments)
    assert result.code == 2
    assert not result.out
    assert result.err.startswith("error: ")
    assert says in result.err
    assert "--help` " in result.err or "--help`." in result.err


@pytest.mark.parametrize("verb", ["summary", "graph", "diff", "render", "build"])
def test_findings_anywhere(
    verb: str, run: Run, file: Callable[[str], Path], tmp_path: Path
) -> None:
    more = {"diff": ["googlenet"], "render": ["-o", "x.svg"], "build": ["-o", str(tmp_path / "x")]}
    result = run(verb, file(BROKEN), *more.get(verb, []))
    assert result.code == 1
    assert not result.out
    assert "broken.yaml:4:29" in result.err
    assert "2 errors" in result.err


def test_a_spec_that_is_not_there(run: Run) -> None:
    result = run("summary", "googlenot")
    assert result.code == 1
    assert "there is no file and no shipped spec `googlenot`" in result.err
    assert "did you mean `googlenet`" in result.err


def test_a_defect_is_told_in_short(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("of all things")

    run("check", "naive_inception")
    check: ModuleType = sys.modules["inceptgraph.cli.check"]
    monkeypatch.setattr(check, "examine", fail)
    result = run("check", "googlenet")
    assert result.code == 2
    assert "RuntimeError: of all things" in result.err
    assert "report it" in result.err
    assert "Traceback" not in result.err
    monkeypatch.setenv("INCEPTGRAPH_DEBUG", "1")
    with pytest.raises(RuntimeError):
        run_command(["check", "googlenet"])


def test_an_interrupt(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    run("check", "naive_inception")
    monkeypatch.setattr(sys.modules["inceptgraph.cli.check"], "examine", stop)
    assert run("check", "googlenet").code == 130


# -- colours ---------------------------------------------------------------------------------


def test_colours(run: Run, file: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    broken = file(BROKEN)
    assert "\x1b[" not in run("check", broken).out
    assert "\x1b[" in run("check", broken, "--color", "always").out
    assert "\x1b[" in run("--color", "always", "summary", "naive_inception").out
    assert "\x1b[" not in run("check", broken, "--color", "always", "--format", "json").out
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in run("check", broken).out
    assert "\x1b[" not in run("check", broken, "--color", "never").out
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in run("check", broken).out
    assert "\x1b[" in run("check", broken, "--color", "always").out


def test_colours_from_the_environment() -> None:
    assert from_environment({}) is None
    assert from_environment({"NO_COLOR": ""}) is None, "an empty value does not count"
    assert from_environment({"NO_COLOR": "1", "FORCE_COLOR": "1"}) is False
    assert from_environment({"TERM": "dumb"}) is False


# -- check -----------------------------------------------------------------------------------


def test_check_a_clean_spec(run: Run) -> None:
    result = run("check", "googlenet")
    assert result == Result(
        0,
        "",
        "googlenet: 142 operations, 6,998,552 parameters, 1.58 G multiply-adds: no findings\n",
    )
    assert run("check", "googlenet", "-q") == Result(0, "", "")


def test_check_reports_everything(run: Run, file: Callable[[str], Path]) -> None:
    result = run("check", file(BROKEN), file(UNUSED), file(CLEAN))
    assert result.code == 1
    assert [code for code in ("IG202", "IG201", "IG702") if code not in result.out] == []
    assert "2 errors and 1 warning in 2 of 3 specs" in result.err
    assert "clean.yaml: 1 operation, 0 parameters" in result.err


def test_check_counts_warnings(run: Run, file: Callable[[str], Path]) -> None:
    result = run("check", file(UNUSED))
    assert result.code == 1
    assert "1 warning; `inceptgraph explain IG702` says more" in result.err


def test_check_formats(run: Run, file: Callable[[str], Path]) -> None:
    broken = file(BROKEN)
    assert len(json.loads(run("check", broken, "--format", "json").out)) == 2
    assert json.loads(run("check", "googlenet", "--format", "json").out) == []
    assert json.loads(run("check", "googlenet", "--format", "sarif").out)["version"] == "2.1.0"
    assert len(run("check", broken, "--format", "concise").out.splitlines()) == 2
    assert run("check", broken, "--format", "github").out.startswith("::error ")


def test_check_reads_stdin(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def stdin(text: str) -> io.TextIOWrapper:
        return io.TextIOWrapper(io.BytesIO(text.encode()))

    monkeypatch.setattr(sys, "stdin", stdin(CLEAN))
    assert run("check", "-").err.startswith("<stdin>: 1 operation")
    monkeypatch.setattr(sys, "stdin", stdin(BROKEN))
    assert "<stdin>:4:29" in run("check", "-").out


def test_set(run: Run) -> None:
    result = run("check", "googlenet", "--set", "classes=10")
    assert result.code == 0, "what a spec expects of itself is not held against a variant"
    assert "5,983,802 parameters" in result.err
    result = run("check", "googlenet", "--set", "clases=10")
    assert result.code == 1
    assert "did you mean `classes`" in result.out


# -- summary ---------------------------------------------------------------------------------


def test_summary_is_the_papers_table(run: Run, request: pytest.FixtureRequest) -> None:
    result = run("summary", "googlenet")
    assert (result.code, result.err) == (0, "")
    golden = GOLDEN / "summary_googlenet.txt"
    assert result.out == golden.read_text(encoding="utf-8")
    assert max(map(len, result.out.splitlines())) <= 120


@pytest.mark.parametrize("columns", [40, 80, 100, 120, 200])
def test_summary_fits(columns: int, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    lines = run("summary", "googlenet").out.splitlines()
    table = [line for line in lines if not line.endswith(".")]
    assert max(map(len, table)) <= max(columns, 51)
    assert any("6,998,552" in line and "1,582,671,872" in line for line in table)


def test_summary_levels(run: Run) -> None:
    stages, steps = run("summary", "googlenet").out, run("summary", "googlenet", "--depth", "2").out
    assert "\n  3x3  " in steps
    assert "\n  3x3  " not in stages
    assert "\n    reduce  " in run("summary", "googlenet", "--depth", "3").out
    everything = run("summary", "googlenet", "--by", "step").out
    assert "\n      relu  " in everything
    assert run("summary", "googlenet", "--by", "stage").out == stages
    assert "118 M" in run("summary", "googlenet", "--human").out


def test_summary_as_json(run: Run) -> None:
    data = json.loads(run("summary", "googlenet", "--json").out)
    assert data["totals"] == {
        "params": 6_998_552,
        "params_with_aux": 13_378_280,
        "macs": 1_582_671_872,
        "macs_with_aux": 1_591_044_096,
        "depth": 22,
        "buffers": 0,
        "buffers_with_aux": 0,
        "activations": data["totals"]["activations"],
        "activations_with_aux": data["totals"]["activations_with_aux"],
        "peak_activations": 2 * 64 * 112 * 112,
        "receptive_field": [715, 715],
    }
    assert data["inputs"] == [{"name": "image", "shape": [3, 224, 224]}]
    loss = {"loss": "cross_entropy", "loss_weight": 1}
    assert data["outputs"] == [{"name": "logits", "shape": [1000], **loss}]
    stage = next(stage for stage in data["stages"] if stage["name"] == "inception_3a")
    assert (stage["op"], stage["out"], stage["depth"]) == ("inception", [256, 28, 28], 2)
    assert (stage["params"], stage["macs"]) == (163_696, 128_049_152)
    assert stage["receptive_field"] == [59, 59]
    assert [step["name"] for step in stage["steps"]][:2] == ["inception_3a.1x1", "inception_3a.3x3"]
    assert stage["steps"][1]["steps"][0]["steps"][0]["name"] == "inception_3a.3x3.reduce.conv"
    head = data["aux_heads"][1]
    assert (head["name"], head["tap"], head["loss_weight"]) == ("aux2", "inception_4d", 0.3)
    assert (head["params"], head["out"]) == (3_190_888, [1000])


def test_summary_of_copies(run: Run) -> None:
    out = run("summary", "resnet18").out
    assert re.search(r"^conv2 +basic ×2 +56×56×64 +4 +147,968 +462,422,016$", out, re.M)


def test_summary_shows_what_an_edit_does(run: Run, file: Callable[[str], Path]) -> None:
    """An expectation that is no longer met must not hide the table from who edits the spec."""
    result = run("summary", file(CLEAN + "expect: {params: 7}\n"))
    assert result.code == 0
    assert "IG601" in result.err
    assert "network" in result.out


# -- diff ------------------------------------------------------------------------------------


def test_diff_of_equals(run: Run) -> None:
    result = run("diff", "googlenet", "googlenet")
    assert (result.code, result.out) == (0, "")
    assert "no differences" in result.err


def test_diff(run: Run) -> None:
    result = run("diff", "googlenet", "googlenet", "--set", "stages.inception_3a.3x3=192")
    assert result.code == 1
    assert result.out == (
        "GoogLeNet\n\n"
        "~ inception_3a  3x3: 128 → 192\n"
        "                28×28×256 → 28×28×320, params +55,360 (+33.8%),"
        " MACs +43,352,064 (+33.9%)\n"
        "  1 other stage follows in size (inception_3b); --all lists them\n\n"
        "  params             6,998,552 → 7,076,440  +77,888 (+1.1%)\n"
        "  MACs               1,582,671,872 → 1,643,685,888  +61,014,016 (+3.9%)\n"
        "  params with heads  13,378,280 → 13,456,168  +77,888 (+0.6%)\n"
        "  MACs with heads    1,591,044,096 → 1,652,058,112  +61,014,016 (+3.8%)\n"
    )
    everything = run("diff", "googlenet", "googlenet", "--set-a", "input.height=256", "--all")
    assert "input         image: 256×224×3 → 224×224×3" in everything.out
    assert re.search(
        r"^  conv1 +128×112×64 → 112×112×64, MACs -16,859,136 \(-12.5%\)$", everything.out, re.M
    )


def test_diff_as_json(run: Run) -> None:
    data = json.loads(run("diff", "googlenet", "googlenet", "--set", "classes=10", "--json").out)
    assert data["equal"] is False
    assert data["params"] == {"classes": {"before": 1000, "after": 10}}
    assert data["totals"]["params"] == {"before": 6_998_552, "after": 5_983_802}
    assert [stage["name"] for stage in data["stages"]] == ["classifier"]
    assert json.loads(run("diff", "resnet18", "googlenet", "--json").out)["stages"]


def test_diff_puts_alike_together(run: Run, file: Callable[[str], Path]) -> None:
    text = (SPECS / "googlenet.yaml").read_text(encoding="utf-8")
    normed = text.replace(
        "      relu: {op: relu}\n", "      bn: {op: batch_norm}\n      relu: {op: relu}\n"
    )
    normed = "\n".join(line for line in normed.splitlines() if not line.startswith("expect"))
    out = run("diff", "googlenet", file(normed)).out
    assert "~ block conv  in every use (×59)\n              + bn: batch norm\n" in out


def test_diff_formats(run: Run, tmp_path: Path) -> None:
    verb = ("diff", "googlenet", "googlenet", "--set", "classes=10")
    told = run(*verb, "--format", "md", "--color", "always").out
    assert told.startswith("### `GoogLeNet`\n\n- params: `classes: 1000 → 10`\n")
    assert "| params | 6,998,552 | 5,983,802 | -1,014,750 (-14.5%) |" in told
    assert "\x1b" not in told
    assert json.loads(run(*verb, "--format", "json").out) == json.loads(run(*verb, "--json").out)
    file = tmp_path / "changes.md"
    result = run(*verb, "-o", str(file))
    assert (result.code, result.out, result.err) == (1, "", f"{file}\n")
    assert file.read_text(encoding="utf-8") == told
    assert run(*verb, "-o", "changes.xyz").code == 2


@pytest.mark.parametrize("suffix", ["svg", "dot", "mmd"])
def test_diff_draws(suffix: str, run: Run, tmp_path: Path) -> None:
    file = tmp_path / f"changes.{suffix}"
    values = ("--set", "classes=10")
    assert run("diff", "googlenet", "googlenet", *values, "-o", str(file)).code == 1
    drawn = file.read_text(encoding="utf-8")
    assert "~ classifier" in drawn or "~ linear, 10" in drawn
    assert run("diff", "googlenet", "googlenet", "-o", str(file)).code == 0
    assert "~ " not in file.read_text(encoding="utf-8")


# -- the others ------------------------------------------------------------------------------


def test_graph(run: Run) -> None:
    assert run("graph", "googlenet").out.startswith("graph GoogLeNet\n  %image = input(")
    assert "aux1" not in run("graph", "googlenet", "--phase", "eval").out
    data = json.loads(run("graph", "naive_inception", "--json").out)
    assert {"nodes", "edges", "graph"} <= set(data)


@pytest.mark.parametrize("suffix", ["svg", "dot", "mmd"])
def test_render(suffix: str, run: Run, tmp_path: Path) -> None:
    path = tmp_path / f"x.{suffix}"
    result = run("render", "naive_inception", "-o", path, "--heat", "none")
    assert result == Result(0, "", f"{path}\n")
    assert path.stat().st_size > 50
    assert [p.name for p in tmp_path.iterdir()] == [path.name], "nothing is left beside it"
    assert path.stat().st_mode & 0o777 == 0o666 & ~_umask()


def test_render_to_stdout(run: Run) -> None:
    assert "graph" in run("render", "naive_inception", "-o", "-", "--format", "dot").out


def test_render_into_nowhere(run: Run, tmp_path: Path) -> None:
    result = run("render", "naive_inception", "-o", tmp_path / "a" / "x.dot")
    assert result.code == 2
    assert "there is no folder" in result.err


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_list(run: Run) -> None:
    out = run("list").out
    assert re.search(r"^googlenet +6,998,552 +1,582,671,872  GoogLeNet as printed", out, re.M)
    assert re.search(
        r"^conv2d +convolution  out\*  kernel=1  ", run("list", "operations").out, re.M
    )
    assert "graphviz" in run("list", "backends").out
    assert "IG501" in run("list", "codes").out
    for what in ("specs", "blocks", "operations", "backends", "codes"):
        assert json.loads(run("list", what, "--json").out)
    specs = {spec["name"]: spec for spec in json.loads(run("list", "--json").out)}
    assert specs["googlenet"]["params"] == 6_998_552


def test_schema(run: Run, tmp_path: Path) -> None:
    schema = json.loads(run("schema").out)
    assert schema["$schema"].endswith("2020-12/schema")
    path = tmp_path / "s.json"
    assert run("schema", "-o", path) == Result(0, "", f"{path}\n")
    assert json.loads(path.read_text(encoding="utf-8")) == schema


def test_explain(run: Run) -> None:
    by_code = run("explain", "ig501")
    assert by_code.out.startswith("IG501: ")
    assert run("explain", "Spatial-Mismatch") == by_code


def test_init(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", "tiny").code == 0
    assert run("check", "tiny.yaml").code == 0
    (tmp_path / "tiny.yaml").write_text("mine", encoding="utf-8")
    result = run("init", "tiny")
    assert result.code == 2
    assert "`tiny.yaml` exists: --force replaces it" in result.err
    assert (tmp_path / "tiny.yaml").read_text(encoding="utf-8") == "mine"
    assert run("init", "tiny", "--force").code == 0
    assert "name: tiny\n" in run("init", "tiny", "-o", "-").out


def test_init_from_a_shipped_spec(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init", "mine.yaml", "--from", "googlenet").code == 0
    assert run("diff", "googlenet", "mine.yaml").code == 0
    result = run("init", "other", "--from", "googlenett")
    assert result.code == 1
    assert "did you mean `googlenet`?" in result.err
    assert [path.name for path in tmp_path.iterdir()] == ["mine.yaml"]


# -- verbs of other packages -----------------------------------------------------------------


def offer(monkeypatch: pytest.MonkeyPatch, **verbs: Any) -> None:
    """Have a package offer verbs, or what raises where one is loaded."""

    def installed(group: str, places: object) -> list[SimpleNamespace]:
        assert group == "inceptgraph.verbs"
        acme = SimpleNamespace(name="acme", version="1.0")
        return [
            SimpleNamespace(name=name, value="acme:verb", dist=acme, load=load)
            for name, load in verbs.items()
        ]

    monkeypatch.setattr("inceptgraph.plugins._installed", installed)


def crash() -> None:
    raise ZeroDivisionError("of acme")


def returning(value: int) -> Callable[[], click.Command]:
    return lambda: click.Command("verb", callback=lambda: value, help="Of acme.")


def test_a_package_offers_a_verb(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, conjure=returning(3), abide=crash)
    assert run("conjure").code == 3
    assert "Of acme." in run("conjure", "-h").out
    result = run("conjur")
    assert "there is no verb `conjur`: did you mean `conjure`?" in result.err and result.code == 2
    # none of them is loaded to be listed
    lines = run().out.partition("From other packages:\n")[2].splitlines()
    assert [line.split() for line in lines[:2]] == [["abide", "acme"], ["conjure", "acme"]]


@pytest.mark.parametrize(
    ("load", "says"),
    [
        (crash, "the verb `conjure` cannot be loaded: ZeroDivisionError: of acme"),
        (lambda: 3, "`acme:verb` is offered as the verb `conjure`"),
    ],
)
def test_a_verb_that_is_broken_says_so(
    load: Callable[[], Any], says: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, conjure=load)
    result = run("conjure")
    assert result.code == 1 and says in result.err
    assert run("check", "googlenet").code == 0


def test_completion_passes_over_a_verb_that_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, conjure=crash, conspire=returning(0))
    completion = ShellComplete(program, {}, "inceptgraph", "_INCEPTGRAPH_COMPLETE")
    assert [each.value for each in completion.get_completions([], "con")] == ["conspire"]


def test_a_verb_that_crashes_is_a_defect_of_its_package(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    offer(monkeypatch, conjure=lambda: click.Command("verb", callback=crash))
    result = run("conjure")
    assert result.code == 2 and "acme failed: ZeroDivisionError: of acme" in result.err
    assert "This is a defect of acme, not of your spec" in result.err


def test_no_package_replaces_a_verb(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    offer(monkeypatch, explain=crash)
    assert run("explain", "IG501").code == 0
    section = " ".join(run("--help").out.partition("From other packages:\n")[2].split())
    told = "explain acme: refused, since InceptGraph has a verb of this name"
    assert section.startswith(told)


# -- whole processes -------------------------------------------------------------------------

_LOADED = (
    "import sys\nfrom inceptgraph.cli import run\nrun({})\nprint(*sys.modules, file=sys.stderr)"
)


@pytest.mark.parametrize(
    "arguments",
    [
        ["check", "googlenet"],
        ["summary", "googlenet"],
        ["graph", "googlenet"],
        ["sweep", "googlenet", "--set", "classes=1,2"],
        ["diff", "googlenet", "googlenet"],
        ["list"],
        ["list", "operations"],
        ["list", "backends"],
        ["schema"],
        ["explain", "IG501"],
        ["init", "x", "-o", "-"],
        ["render", "googlenet", "-o", "-", "--format", "dot"],
    ],
)
def test_never_imports_torch(arguments: list[str]) -> None:
    code = _LOADED.format(arguments)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stderr.splitlines()[-1].split())
    assert "inceptgraph.cli" in modules
    assert not {"torch", "numpy"} & modules


@pytest.mark.parametrize(
    ("arguments", "status", "told"),
    [
        (["check", "lenet5"], 0, "no findings"),
        (["summary", "lenet5"], 0, "61,750"),
        (["diff", "lenet5", "lenet5"], 0, "no differences"),
        (["build", "lenet5", "-o", "never"], 1, "install what it needs (`pip install torch`)"),
    ],
)
def test_where_torch_is_not_installed(
    arguments: list[str], status: int, told: str, tmp_path: Path
) -> None:
    code = "import sys\nsys.modules['torch'] = None\nfrom inceptgraph.cli import run\n"
    code += f"sys.exit(run({arguments}))"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == status
    assert told in done.stdout + done.stderr
    assert not any(tmp_path.iterdir())


def test_help_loads_no_more_than_click() -> None:
    code = _LOADED.format([])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    modules = set(done.stderr.splitlines()[-1].split())
    assert (
        not {"pydantic", "yaml", "networkx", "inceptgraph.diagnostics", "inceptgraph.graph"}
        & modules
    )


def test_a_process() -> None:
    done = process("check", "googlenet", "--format", "json")
    assert (done.returncode, json.loads(done.stdout)) == (0, [])
    assert process("check", "-", input=BROKEN).returncode == 1
    assert process("chek").returncode == 2


def test_a_reader_that_leaves() -> None:
    command = [sys.executable, "-m", "inceptgraph", "summary", "naive_inception"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        child.stdout.close()
        assert child.stderr.read() == b""
        assert child.wait() == 141


def test_a_terminal_without_the_characters() -> None:
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = process("summary", "naive_inception", env=environment, encoding="latin-1")
    assert done.returncode == 0
    assert "28×28×416" in done.stdout
    assert "??????" in done.stdout, "for the line above the totals"


def test_a_head_taps_what_it_reads_first() -> None:
    stages = "stages: {a: {op: relu}, b: {op: tanh}}"
    steps = "{x: {op: relu}, y: {op: add, from: [x, b]}, z: {op: add, from: [y, b]}}"
    head = f"aux_heads: {{aux: {{from: a, loss_weight: 1, steps: {steps}}}}}"
    text = f"name: Net\ninput: {{channels: 3, height: 8, width: 8}}\n{stages}\n{head}\n"
    (found,) = outline(to_graph(Source("net.yaml", text))).heads
    assert (found.tap, found.loss_weight) == ("a", 1)


@pytest.mark.parametrize("base", ["googlenet", "googlenet_bn"])
def test_init_with_other_values(base: str, run: Run) -> None:
    result = run("init", "-o", "-", "--from", base, "--set", "classes=10")
    assert result.code == 0
    graph = to_graph(Source("ten.yaml", result.out))
    assert graph.shape("classifier") == (10,)
    assert "expect:" not in result.out
    refused = run("init", "-o", "-", "--from", base, "--set", "clases=10")
    assert (refused.code, refused.out) == (1, "")
    assert "did you mean `classes`?" in refused.err
    assert "goes with `--from`" in run("init", "-o", "-", "--set", "classes=10").err
