"""Where verbs write: to links and pipes, never over what they read, and on a full disk."""

from __future__ import annotations

import json
import os
import re
import resource
import socket
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command_line import Result, Run

from inceptgraph.cli.output_files import write
from inceptgraph.pipeline import to_graph

BASE = "name: base\ninput: {channels: 3, height: 8, width: 8}\nstages: {one: {op: relu}}\n"
VARIANT = "name: variant\nextends: ../base.yaml\nedit: {one: {replace: {op: sigmoid}}}\n"
LIBRARY = "blocks:\n  unit: {steps: {act: {op: relu}}}\n"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec, and in another folder a variant of it, from the folder of the former."""
    (tmp_path / "base.yaml").write_text(BASE)
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "variant.yaml").write_text(VARIANT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def contents(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): p.read_text() for p in folder.rglob("*") if p.is_file()}


# -- links, pipes and sockets ----------------------------------------------------------------

WRITERS = [
    ("render", "base.yaml", "--format", "dot"),
    ("diff", "base.yaml", "base.yaml", "--format", "text"),
    ("schema",),
    ("init", "x", "--force"),
]


@pytest.mark.parametrize("arguments", WRITERS)
def test_a_link_stays(arguments: tuple[str, ...], run: Run, here: Path) -> None:
    target = here / "sub" / "target"
    target.write_text("{}")
    target.chmod(0o640)
    (here / "link").symlink_to("sub/target")
    assert run(*arguments, "-o", "link").code == 0
    assert os.readlink("link") == "sub/target"
    assert len(target.read_text()) > 10
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_a_link_to_nothing_makes_it(run: Run, here: Path) -> None:
    (here / "link").symlink_to("sub/new.dot")
    assert run("render", "base.yaml", "-o", "link", "--format", "dot").code == 0
    assert (here / "link").is_symlink()
    assert (here / "sub" / "new.dot").read_text().startswith("digraph")
    (here / "lost").symlink_to("nowhere/new.dot")
    assert "there is no folder" in run("schema", "-o", "lost").err
    (here / "loop").symlink_to("loop")
    result = run("schema", "-o", "loop")
    assert result.code == 2
    assert "cannot write `loop`: Too many levels of symbolic links" in result.err
    assert (here / "loop").is_symlink()


@pytest.mark.parametrize("arguments", WRITERS)
def test_a_pipe_is_written_to(arguments: tuple[str, ...], run: Run, here: Path) -> None:
    os.mkfifo("pipe")
    got: list[str] = []
    reader = threading.Thread(target=lambda: got.append((here / "pipe").read_text()), daemon=True)
    reader.start()
    assert run(*arguments, "-o", "pipe").code == 0
    reader.join(10)
    assert len(got[0]) > 10
    assert stat.S_ISFIFO(os.stat("pipe").st_mode)


def test_a_socket_stays(run: Run, here: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket")
        result = run("schema", "-o", "socket")
        assert result.code == 2
        assert "cannot write `socket`: " in result.err
        assert stat.S_ISSOCK(os.stat("socket").st_mode)


def test_a_folder_is_refused(run: Run, here: Path) -> None:
    (here / "link").symlink_to("sub")
    for place in ("sub", "link"):
        result = run("schema", "-o", place)
        assert result.code == 2
        assert f"`{place}` is a folder" in result.err


def test_a_missing_folder_is_named(run: Run, here: Path) -> None:
    for arguments in WRITERS:
        result = run(*arguments, "-o", "a/b/x")
        assert result.code == 2
        assert "there is no folder `a/b` for `a/b/x`" in result.err
    assert not (here / "a").exists()


# -- what a command reads ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("render", "base.yaml", "--format", "svg", "-o", "base.yaml"),
        ("render", "sub/variant.yaml", "--format", "dot", "-o", "base.yaml"),
        ("render", "base.yaml", "--format", "dot", "-o", "sub/../base.yaml"),
        ("render", "base.yaml", "--format", "dot", "-o", "link"),
        ("render", "link", "--format", "dot", "-o", "base.yaml"),
        ("diff", "base.yaml", "sub/variant.yaml", "--format", "text", "-o", "sub/variant.yaml"),
        ("diff", "googlenet", "sub/variant.yaml", "--format", "dot", "-o", "base.yaml"),
        ("init", "-o", "base.yaml", "--from", "base.yaml", "--force"),
        ("init", "-o", "base.yaml", "--from", "sub/variant.yaml", "--flat", "--force"),
        ("init", "-o", "base.yaml", "--from", "near.yaml", "--force"),
    ],
)
def test_what_is_read_is_not_replaced(arguments: tuple[str, ...], run: Run, here: Path) -> None:
    (here / "link").symlink_to("base.yaml")
    (here / "near.yaml").write_text(VARIANT.replace("../", ""))
    before = contents(here)
    result = run(*arguments)
    assert result.code == 2
    assert "is read by this command: write to another file" in result.err
    assert contents(here) == before


def test_a_schema_replaces_schemas_alone(run: Run, here: Path) -> None:
    result = run("schema", "-o", "base.yaml")
    assert result.code == 2
    assert "`base.yaml` exists and is not JSON: name another file, or remove it" in result.err
    assert (here / "base.yaml").read_text() == BASE
    for before in ("", "{}"):
        (here / "s.json").write_text(before)
        assert run("schema", "-o", "s.json").code == 0
        assert "$schema" in json.loads((here / "s.json").read_text())


# -- a spec from one's own ----------------------------------------------------------------------


def test_a_copy_finds_what_it_names(run: Run, here: Path) -> None:
    (here / "other").mkdir()
    assert run("init", "-o", "other/copy.yaml", "--from", "sub/variant.yaml").code == 0
    assert run("diff", "sub/variant.yaml", "other/copy.yaml").code == 0
    before = contents(here)
    for place in ("copy.yaml", "-"):
        result = run("init", "copy", "--from", "sub/variant.yaml", "-o", place)
        assert (result.code, result.out) == (2, "")
        assert "names `../base.yaml`" in result.err
        assert "--flat makes it one file, or write beside it: -o sub/NAME.yaml" in result.err
    assert contents(here) == before
    assert run("init", "copy", "--from", "sub/variant.yaml", "--flat").code == 0
    assert run("diff", "sub/variant.yaml", "copy.yaml").code == 0
    assert "extends" not in (here / "copy.yaml").read_text()


def test_a_copy_finds_its_libraries(run: Run, here: Path) -> None:
    (here / "lib.yaml").write_text(LIBRARY)
    text = BASE.replace("relu", "unit") + "include: [conv_bn, lib.yaml]\n"
    (here / "user.yaml").write_text(text)
    assert "names `lib.yaml`" in run("init", "-o", "sub/u.yaml", "--from", "user.yaml").err
    assert run("init", "copy", "--from", "user.yaml").code == 0
    assert run("check", "copy.yaml").code == 0


def test_a_copy_of_a_library(run: Run, here: Path) -> None:
    (here / "lib.yaml").write_text(LIBRARY)
    result = run("init", "mine", "--from", "lib.yaml")
    assert result.code == 0
    suggested = re.search(r"`inceptgraph (\w+) (\S+)`", result.err)
    assert suggested is not None
    assert suggested.groups() == ("check", "mine.yaml")
    assert run(*suggested.groups()).code == 0


# -- a full disk ---------------------------------------------------------------------------------


def limited(*arguments: str, size: int) -> tuple[int, str]:
    """A process that can write no file longer than ``size`` bytes, and no bytecode."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    command = [sys.executable, "-B", "-m", "inceptgraph", *arguments]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with open("stdout", "wb") as out:
        done = subprocess.run(
            command,
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            preexec_fn=limit,
            env=environment,
        )
    os.unlink("stdout")
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    "arguments", [("--help",), ("render", "--help"), ("graph", "googlenet"), ("schema",)]
)
def test_stdout_is_full(arguments: tuple[str, ...], here: Path) -> None:
    expected = (2, "error: cannot write the output: File too large\n")
    assert limited(*arguments, size=512) == expected


def test_a_file_that_does_not_fit(here: Path) -> None:
    before = contents(here)
    expected = (2, "error: cannot write `sub/x`: File too large\n")
    assert limited("schema", "-o", "sub/x", size=512) == expected
    assert limited("init", "-o", "sub/x", size=512) == expected
    assert contents(here) == before


@pytest.mark.parametrize("size", [pytest.param(512, marks=pytest.mark.slow), 100_000])
def test_a_build_that_does_not_fit(size: int, here: Path) -> None:
    """The smaller size stops the spec's text, the larger one the weights."""
    before = contents(here)
    code, err = limited("build", "naive_inception", "-o", "model/", size=size)
    assert code == 2
    assert err.splitlines()[-1] == "error: cannot write `model/`: File too large"
    assert ("writing the weights" in err) == (size > 512)
    assert contents(here) == before
    assert sorted(p.name for p in here.iterdir()) == ["base.yaml", "sub"]


def test_the_reason_is_told(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    (tmp_path / "s.json").write_text("{}")
    monkeypatch.setattr(os, "chmod", fail)
    path = tmp_path / "s.json"
    expected = f"error: cannot write `{path}`: No space left on device\n"
    assert run("schema", "-o", path) == Result(2, "", expected)
    assert contents(tmp_path) == {"s.json": "{}"}


def test_a_reader_of_a_pipe_that_leaves(here: Path) -> None:
    """As where stdout is a pipe."""
    os.mkfifo("pipe")
    thread = threading.Thread(target=lambda: open("pipe", "rb").close(), daemon=True)
    thread.start()
    with pytest.raises(BrokenPipeError):
        write("pipe", "x" * 2**20)


# -- the directory of a build ----------------------------------------------------------------------


def test_the_root_is_refused(run: Run) -> None:
    for arguments in ((), ("--force",)):
        result = run("build", "naive_inception", "-o", "/", *arguments)
        assert result.code == 1
        assert re.search(r"`/` (holds files that no build wrote|cannot be written to)", result.err)


def test_a_link_to_a_directory_is_called_one(run: Run, here: Path) -> None:
    (here / "link").symlink_to("sub")
    err = run("build", "naive_inception", "-o", "link").err
    assert f"`{here / 'link'}` is a link" in err
    assert f"build into what it leads to: {here / 'sub'}" in err


@pytest.mark.parametrize(
    ("option", "reason"),
    [
        ("--device=gpu", "the device `gpu` cannot be used: torch knows none of this name"),
        ("--dtype=int8", "weights cannot be of the dtype `int8`"),
    ],
)
def test_options_are_checked_first(option: str, reason: str, run: Run, here: Path) -> None:
    result = run("build", "naive_inception", "-o", "a/model", option)
    assert result.code == 1
    assert result.err.startswith(f"error[IG808]: {reason}\n")
    assert "here there is cpu" in result.err or "use float32" in result.err
    assert not (here / "a").exists()


def test_small_outputs_keep_their_digits(run: Run, here: Path) -> None:
    """Three significant digits, and no zeros for a network whose outputs are tiny."""
    spec = "name: small\ninput: {channels: 1, height: 2, width: 2}\nstages:\n"
    spec += "  one: {op: conv2d, out: 1, kernel: 1, weight_init: {scheme: normal, std: 1.0e-9}}\n"
    (here / "small.yaml").write_text(spec)
    assert run("build", "small.yaml", "-o", "model", "--seed", "0").code == 0
    command = [sys.executable, "model/model.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"mean (\S+), std (\S+)", done.stdout)
    assert found is not None
    assert 0 < float(found[2]) < 1e-6


def test_mermaid_counts_copies() -> None:
    from inceptgraph_graphviz import backend

    text = str(backend.lower(to_graph("inception_resnet_v2"), format="mermaid"))
    titles = re.findall(r'\["(resnet [^<]*)<br>', text)
    assert titles == ["resnet a × 10", "resnet b × 20", "resnet c × 9"]
