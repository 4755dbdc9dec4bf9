"""What ``build`` leaves behind, whatever happens to it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
import torch

import inceptgraph
from inceptgraph.builder import _atomic_directory as replace
from inceptgraph.builder import _build as building
from inceptgraph.builder import build
from inceptgraph.builder._lock import LOCK, changed_files, write_lock
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.graph import to_text
from inceptgraph.pipeline import analyze

TINY = """
# a comment that stays
name: Tiny
input: {name: image, channels: 3, height: 16, width: 16}
params: {classes: 10}
blocks:
  unit:
    params: {out: int, stride: 1}
    steps:
      conv: {op: conv2d, out: $out, kernel: 3, stride: $stride, padding: same, bias: false}
      norm: {op: batch_norm}
      relu: {op: relu}
  head:
    steps:
      pool:       {op: global_avg_pool}
      flat:       {op: flatten}
      classifier: {op: linear, out: $classes}
stages:
  a: {op: unit, out: 8, stride: 2}
  b: {op: unit, out: 8}
  c: {op: head}
outputs: {logits: c}
aux_heads:
  aux: {from: a, loss_weight: 0.25, op: head}
expect: {params: 914}
"""
FILES = {"spec.yaml", LOCK, "model.py", "model.safetensors", "model.svg", "README.md"}


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def built(spec: Path, out: Path, **options: object) -> Path:
    overrides = options.pop("overrides", None)
    return build(analyze(spec, set=overrides), out, overrides=overrides, **options)


def is_whole(place: Path) -> bool:
    """Whether every file of a build is there, as its lock says."""
    return {p.name for p in place.iterdir()} >= FILES and not changed_files(place)


def test_files(spec: Path, tmp_path: Path) -> None:
    out = built(spec, tmp_path / "model", seed=1)
    assert {path.name for path in out.iterdir()} == FILES
    assert (out / "spec.yaml").read_text() == TINY
    lock = json.loads((out / LOCK).read_text())
    assert lock["params"] == 914
    assert lock["params_with_aux"] == 1004
    assert lock["outputs"] == {"logits": [10], "aux": [10]}
    assert set(lock["files"]) == FILES - {LOCK}
    assert is_whole(out)
    assert all(path.stat().st_mode & 0o044 == 0o044 for path in out.iterdir())


def test_steps_are_told(spec: Path, tmp_path: Path) -> None:
    told: list[str] = []
    built(spec, tmp_path / "model", progress=told.append)
    assert told[0] == "writing model.py"
    assert "drawing the diagram" in told


def test_model_py_stands_alone(spec: Path, tmp_path: Path) -> None:
    out = built(spec, tmp_path / "model", seed=1)
    text = (out / "model.py").read_text()
    imports = {line.split()[1] for line in text.splitlines() if line.startswith(("import", "from"))}
    assert imports <= {
        *("argparse", "json", "time", "operator", "functools", "collections", "pathlib"),
        *("collections.abc", "typing"),
        *("torch", "torch.nn"),
    }
    guard = (
        "import runpy, sys; sys.modules['inceptgraph'] = None; sys.argv = ['model.py', '--train'];"
    )
    code = f"{guard} runpy.run_path({str(out / 'model.py')!r}, run_name='__main__')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "logits: shape (2, 10)" in done.stdout
    assert "aux: shape (2, 10)" in done.stdout
    assert "1,004 parameters on cpu" in done.stdout


def test_model_py_equals_the_graph_module(spec: Path, tmp_path: Path) -> None:
    out = built(spec, tmp_path / "model", seed=1)
    namespace: dict[str, object] = {"__name__": "model", "__file__": str(out / "model.py")}
    exec((out / "model.py").read_text(), namespace)
    standalone = namespace["load"]()  # type: ignore[operator]
    module = inceptgraph.load(out)
    images, labels = torch.randn(4, 3, 16, 16), torch.tensor([0, 1, 2, 3])
    for training in (True, False):
        ours, theirs = module.train(training)(images), standalone.train(training)(images)
        torch.testing.assert_close(theirs, ours, rtol=0, atol=0)
        total = namespace["loss"](theirs, labels)  # type: ignore[operator]
        torch.testing.assert_close(total, module.loss(ours, labels))


def test_seed(spec: Path, tmp_path: Path) -> None:
    first, second, third = (
        (built(spec, tmp_path / name, seed=seed) / "model.safetensors").read_bytes()
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert first == second != third


def test_overrides_are_written(spec: Path, tmp_path: Path) -> None:
    overrides = {"classes": "7", "stages.b.out": "12", "stages.b.stride": "2"}
    out = built(spec, tmp_path / "model", overrides=overrides)
    text = (out / "spec.yaml").read_text()
    assert "# a comment that stays" in text
    assert "expect" not in text
    assert to_text(inceptgraph.to_graph(out / "spec.yaml")) == to_text(
        inceptgraph.to_graph(spec, set=overrides)
    )
    assert inceptgraph.load(out).eval()(torch.randn(1, 3, 16, 16)).shape == (1, 7)


def test_an_unchanged_build_is_replaced(spec: Path, tmp_path: Path) -> None:
    out = built(spec, tmp_path / "model", seed=1)
    built(spec, out, seed=2)
    assert is_whole(out)
    assert json.loads((out / LOCK).read_text())["options"]["seed"] == "2"


@pytest.mark.parametrize("change", ["edit", "add", "remove"])
def test_a_changed_build_is_kept(spec: Path, tmp_path: Path, change: str) -> None:
    out = built(spec, tmp_path / "model", seed=1)
    if change == "edit":
        (out / "model.safetensors").write_bytes(b"trained for a week")
    elif change == "add":
        (out / "notes.txt").write_text("mine")
    else:
        (out / "model.svg").unlink()
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(SpecError, match="was changed since it was built") as caught:
        built(spec, out)
    assert "--force" in (caught.value.diagnostics[0].help or "")
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before
    built(spec, out, force=True)
    assert is_whole(out)
    assert not (out / "notes.txt").exists()


def test_foreign_places_are_refused(spec: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "thesis.tex").write_text("precious")
    for place, reason in (
        (home, "holds files that no build wrote"),
        (spec, "is not a directory"),
        (spec / "model", "is not a directory"),
    ):
        for force in (False, True):
            with pytest.raises(SpecError, match=reason):
                built(spec, place, force=force)
    assert (home / "thesis.tex").read_text() == "precious"
    empty = tmp_path / "empty"
    empty.mkdir()
    assert is_whole(built(spec, empty))


def test_files_in_folders_are_hashed(spec: Path, tmp_path: Path) -> None:
    """What an export writes below the directory is part of the build."""
    model = built(spec, tmp_path / "model")
    (model / "exports").mkdir()
    (model / "exports" / "model.onnx").write_bytes(b"onnx")
    write_lock(inceptgraph.to_graph(spec), model, {}, {}, {})
    lock = json.loads((model / LOCK).read_text(encoding="utf-8"))
    assert set(lock["files"]) == {*FILES, "exports/model.onnx"} - {LOCK}
    assert changed_files(model) == []
    (model / "exports" / "model.onnx").write_bytes(b"other")
    assert changed_files(model) == ["exports/model.onnx"]


def test_a_failed_build_leaves_nothing(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(building, "_draw", fail)
    with pytest.raises(OSError, match="No space left"):
        built(spec, tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.yaml"]


@pytest.mark.parametrize("atomic", [True, False])
def test_exchange(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, atomic: bool) -> None:
    if not atomic:
        monkeypatch.setattr(replace, "_renameat2_exchange", lambda first, second: False)
    new, old = tmp_path / "new", tmp_path / "old"
    for folder in (new, old):
        folder.mkdir()
        (folder / "name").write_text(folder.name)
    replace._exchange(new, old)
    assert (old / "name").read_text() == "new"


def test_a_killed_build_leaves_the_old_or_the_new(spec: Path, tmp_path: Path) -> None:
    """Builds over an earlier one are killed at random moments from start to finish."""
    out = built(spec, tmp_path / "model", seed=1)
    code = """
import os, sys
import torch, inceptgraph_torch
from inceptgraph.builder import build
from inceptgraph.pipeline import analyze
analysis = analyze(sys.argv[1])
for _ in sys.stdin:
    if child := os.fork():  # each build is a process of its own, and torch is imported once
        print(child, flush=True)
        print(os.waitpid(child, 0)[1], flush=True)
    else:
        build(analysis, sys.argv[2], seed=2)
        os._exit(0)
"""
    moments = random.Random(0)
    ends = set()
    with subprocess.Popen(
        [sys.executable, "-c", code, str(spec), str(out)],
        stdout=subprocess.PIPE,
        stdin=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for limit in (0.0, *(moments.uniform(0.0, 0.5) for _ in range(6)), None):
            print(file=process.stdin, flush=True)
            child = int(process.stdout.readline())
            with ThreadPoolExecutor(1) as waiting:
                ended = waiting.submit(process.stdout.readline)
                with suppress(TimeoutError):
                    ended.result(limit)
                with suppress(ProcessLookupError):
                    os.kill(child, signal.SIGKILL)
                ends.add(int(ended.result()))
            assert is_whole(out)
    assert ends == {0, signal.SIGKILL}  # the first at once; the last has all the time it wants
    built(spec, out, seed=3)
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.yaml", "model"}


def test_parents_are_made(spec: Path, tmp_path: Path) -> None:
    assert is_whole(built(spec, tmp_path / "a" / "b c" / "model"))


def test_what_killed_builds_left_is_undone(spec: Path, tmp_path: Path) -> None:
    out = built(spec, tmp_path / "model", seed=1)
    left = tmp_path / ".model.building-0123abcd"
    left.mkdir()
    out.rename(tmp_path / ".model.aside")  # killed between the two steps of an exchange
    with replace.replacing(tmp_path / "other"):
        assert left.exists()  # another build's
    with replace._locked(left), replace.replacing(out) as folder:
        assert is_whole(out)  # put back
        assert left.exists()  # its process lives
        (folder / LOCK).write_text("{}")
    built(spec, out, force=True)
    assert {path.name for path in tmp_path.iterdir()} == {"tiny.yaml", "model", "other"}


def test_load_errors(spec: Path, tmp_path: Path) -> None:
    with pytest.raises(
        SpecError, match="is not a directory that `inceptgraph build` or `train` wrote"
    ):
        inceptgraph.load(tmp_path)
    out = built(spec, tmp_path / "model")
    edited = TINY.replace("out: 8, stride: 2", "out: 9, stride: 2")
    (out / "spec.yaml").write_text(edited.partition("expect")[0])
    with pytest.raises(SpecError, match=r"are not those of its spec\.yaml"):
        inceptgraph.load(out)
    (out / "model.safetensors").write_bytes(b"\xff" * 64)
    with pytest.raises(SpecError, match="cannot be read"):
        inceptgraph.load(out)


def test_a_spec_from_text(tmp_path: Path) -> None:
    out = build(analyze(Source("<text>", TINY)), tmp_path / "model")
    assert is_whole(out)
