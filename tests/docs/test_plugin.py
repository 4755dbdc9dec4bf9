"""The plug-in in tests/plugin: installed as a user would, found without a change to the core."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import PLUGIN, ROOT

SPEC = """
name: Shuffled
input: {channels: 3, height: 8, width: 8}
stages:
  conv:    {op: conv2d, out: 8}
  shuffle: {op: group_shuffle, groups: 4}
"""


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the plug-in is installed."""
    target = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", str(target)]
    subprocess.run([*command, str(PLUGIN)], check=True)
    return {**os.environ, "PYTHONPATH": str(target)}


def run(code: str, environment: dict[str, str], cwd: Path) -> str:
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_operation_and_backend(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    code = 'import inceptgraph; print(inceptgraph.compile("net.yaml", backend="markdown"))'
    table = run(code, environment, tmp_path)
    assert "| shuffle | group shuffle | 8×8×8 | 0 |" in table


def test_rule(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    code = """
import inceptgraph, torch
net = inceptgraph.compile("net.yaml", seed=0)
x = torch.randn(2, 3, 8, 8)
assert torch.equal(net(x), torch.nn.functional.channel_shuffle(net.conv(x), 4))
"""
    run(code, environment, tmp_path)


def test_engine(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    code = """
import inceptgraph, torch
net = inceptgraph.compile("net.yaml", engine="careful", seed=0)
plain = inceptgraph.compile("net.yaml", seed=0).eval()
x = torch.randn(2, 3, 8, 8)
torch.testing.assert_close(net(x), plain(x))
try:
    net(x / 0)
except FloatingPointError as error:
    print(error)
print(inceptgraph.compile("net.yaml", engine="auto").choice)
"""
    told = run(code, environment, tmp_path)
    assert "an output is not finite" in told
    assert "careful" in told.splitlines()[-1]  # which torch's own engine can run as well


@pytest.mark.slow
def test_the_engine_keeps_the_law_of_ours(environment: dict[str, str]) -> None:
    suite = ["tests/engines/test_all_engines.py", "-k", "careful and not shipped and not any_spec"]
    command = [sys.executable, "-m", "pytest", "-q", "-n", "0", *suite]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "passed" in done.stdout, done.stdout


def test_arguments_are_checked(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC.replace("groups: 4", "groups: 3"))
    code = """
import inceptgraph
(finding,) = inceptgraph.analyze("net.yaml").findings
print(finding.code, finding.span, finding.message)
"""
    assert run(code, environment, tmp_path) == (
        "IG506 net.yaml:6:40 8 channels cannot be split into 3 equal groups\n"
    )


def test_built_model_needs_no_plugin(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    command = [sys.executable, "-m", "inceptgraph", "build", "net.yaml", "-o", "model"]
    subprocess.run(command, env=environment, cwd=tmp_path, check=True)
    bare = {key: value for key, value in environment.items() if key != "PYTHONPATH"}
    command = [sys.executable, "-P", "model/model.py"]
    done = subprocess.run(command, env=bare, cwd=tmp_path, capture_output=True, text=True)
    assert "output: shape (2, 8, 8, 8)" in done.stdout, done.stderr


def test_without_the_plugin_the_name_is_unknown(tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    code = """
import inceptgraph
(finding,) = inceptgraph.analyze("net.yaml").findings
print(finding.code)
"""
    assert run(code, dict(os.environ), tmp_path) == "IG201\n"


def test_an_operation_that_fails_is_a_finding(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    code = """
import inceptgraph
from inceptgraph_shuffle.operation import GroupShuffle
GroupShuffle.infer = lambda self, *inputs: inputs[7]
(finding,) = inceptgraph.analyze("net.yaml").findings
print(finding.code, finding.span, finding.message)
"""
    assert run(code, environment, tmp_path) == (
        "IG807 net.yaml:6:3 the plug-in's `group_shuffle` cannot infer its shape:"
        " IndexError: tuple index out of range\n"
    )


def verb(*words: str, environment: dict[str, str], cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "inceptgraph", *words]
    return subprocess.run(command, env=environment, cwd=cwd, capture_output=True, text=True)


def test_verb(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    done = verb("shuffles", "net.yaml", environment=environment, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "net.yaml: 1\n", "")
    done = verb("shuffles", "none.yaml", environment=environment, cwd=tmp_path)
    assert done.returncode == 1 and "error[IG" in done.stderr
    done = verb("--help", environment=environment, cwd=tmp_path)
    *_, section = done.stdout.partition("From other packages:\n")
    assert section.split()[:2] == ["shuffles", "inceptgraph-shuffle"]


def test_pass(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC.replace("groups: 4", "groups: 1"))
    code = """
import inceptgraph
net = inceptgraph.compile("net.yaml", backend="markdown", optimize=True)
assert "shuffle" not in net.partition("conv")[2]
"""
    run(code, environment, tmp_path)


def test_a_pass_runs_where_it_says(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inceptgraph", "list", "passes", "--json"]
    done = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    names = [each["name"] for each in json.loads(done.stdout)]
    assert names[names.index("fold-constants") + 1] == "merge-shuffles"


def test_native_rule(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.yaml").write_text(SPEC)
    code = """
import inceptgraph, torch
net = inceptgraph.compile("net.yaml", engine="native", seed=0)
plain = inceptgraph.compile("net.yaml", seed=0).eval()
x = torch.randn(3, 3, 8, 8)
torch.testing.assert_close(net(x), plain(x).detach())
"""
    run(code, environment, tmp_path)


def test_dynamo_rule(environment: dict[str, str], tmp_path: Path) -> None:
    code = """
import torch
from torch import nn
model = nn.Sequential(nn.Conv2d(3, 8, 1), nn.ChannelShuffle(4), nn.ReLU()).eval()
reports, x = [], torch.randn(2, 3, 8, 8)
options = {"engine": "eager", "report": reports.append}
fast = torch.compile(model, backend="inceptgraph", options=options)
with torch.inference_mode():
    torch.testing.assert_close(fast(x), model(x))
(taken,) = reports[0].taken
print([node.op.op for node in taken.graph.nodes.values()], reports[0].left)
"""
    told = run(code, environment, tmp_path)
    assert told == "['input', 'conv2d', 'group_shuffle', 'relu'] ()\n"


INPUT = "input shape=[3,8,8]\n"


def test_reader(environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "net.txt").write_text(f"{INPUT}conv2d out=8\n\ngroup_shuffle groups=4\n")
    code = """
import inceptgraph
graph = inceptgraph.read("net.txt", backend="layers")
print(graph.name, [(node.op.op, node.shape) for node in graph.nodes.values()])
print(inceptgraph.compile(graph, backend="markdown").splitlines()[-1])
"""
    assert run(code, environment, tmp_path) == (
        "net [('input', (3, 8, 8)), ('conv2d', (8, 8, 8)), ('group_shuffle', (8, 8, 8))]\n"
        "| group_shuffle3 | group shuffle | 8×8×8 | 0 |\n"
    )


def test_what_a_reader_finds_wrong(environment: dict[str, str], tmp_path: Path) -> None:
    wrong = {
        "": "1:1: error[IG204]: one `input` stands before all else",
        "relu": "1:1: error[IG204]: one `input` stands before all else",
        "input shape=[3,0]": "1:1: error[IG204]: `shape` of `input` must be",
        f"{INPUT}convolve out=8": "2:1: error[IG201]: there is no operation `convolve`",
        f"{INPUT}conv2d out=8 kernl=3": "2:1: error[IG202]: `conv2d` has no argument `kernl`",
        f"{INPUT}conv2d": "2:1: error[IG203]: `conv2d` needs `out`",
        f"{INPUT}conv2d out": "2:1: error[IG204]: the value in `out` is no JSON",
        f"{INPUT}group_shuffle groups=4": "2:1: error[IG506]: 3 channels cannot be split into 4",
    }
    for number, text in enumerate(wrong):
        (tmp_path / f"{number}.txt").write_text(text)
    code = f"""
import inceptgraph
for number in range({len(wrong) + 1}):
    try:
        inceptgraph.read(f"{{number}}.txt", backend="layers")
    except inceptgraph.SpecError as error:
        print(error)
"""
    *told, absent = run(code, environment, tmp_path).splitlines()
    for number, (line, wanted) in enumerate(zip(told, wrong.values(), strict=True)):
        assert line.startswith(f"{number}.txt:{wanted}")
    name = f"{len(wrong)}.txt"
    assert absent.startswith(f"inceptgraph: error[IG001]: `{name}` cannot be read: No such file")


def test_what_a_backend_cannot_do(environment: dict[str, str], tmp_path: Path) -> None:
    code = """
import inceptgraph
from inceptgraph import backend
for find, name in ((backend.find_reader, "markdown"), (backend.find, "layers")):
    try:
        find(name)
    except inceptgraph.SpecError as error:
        print(error.diagnostics[0].message)
"""
    assert run(code, environment, tmp_path) == (
        "the backend `markdown` cannot read networks: it does not implement `read`\n"
        "the backend `layers` reads networks, and makes nothing of them\n"
    )
