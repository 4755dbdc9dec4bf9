"""``inceptgraph train`` on folders of images, and what takes its run."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import Run, runner
from PIL import Image

import inceptgraph
from inceptgraph_train.loop import Training

SPEC = """
name: Stripes
input: {channels: 3, height: 16, width: 16, preprocess: {range: [-1, 1]}}
params: {classes: 3}
stages:
  conv: {op: conv2d, out: 8, kernel: 5, bias: false}
  bn: {op: batch_norm}
  relu: {op: relu}
  pool: {op: global_avg_pool}
  flatten: {op: flatten}
  classifier: {op: linear, out: $classes}
"""
RECIPE = """
length: 6 epochs
batch: 12
optimizer: {name: adamw, lr: 0.05}
schedule: {name: cosine}
augment: {crop: {name: area, area: [0.5, 1.0], aspect: [1.0, 1.0]}, color: 0.2}
"""


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


def stripes(folder: Path, count: int, seed: int, form: str = "png") -> Path:
    """Images of stripes, across, upright and crossed, in a folder of three classes."""
    draw = np.random.default_rng(seed)
    rows, columns = np.mgrid[:20, :24]
    for name, lines in {
        "across": rows % 4 < 2,
        "crossed": (rows % 4 < 2) ^ (columns % 4 < 2),
        "upright": columns % 4 < 2,
    }.items():
        (folder / name).mkdir(parents=True)
        for index in range(count):
            light = lines[..., None] * draw.integers(80, 200, 3) + draw.integers(0, 50, (20, 24, 3))
            pixels = Image.fromarray(light.astype(np.uint8))
            pixels.save(folder / name / f"{index:03}.{form}")
    return folder


@pytest.fixture
def begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec, a recipe and data in two parts, in which commands are run."""
    monkeypatch.chdir(tmp_path)
    Path("stripes.yaml").write_text(SPEC)
    Path("recipe.yaml").write_text(RECIPE)
    stripes(Path("images/train"), 16, 0)
    stripes(Path("images/val"), 5, 1)
    return tmp_path


def test_a_run_is_trained_and_taken(begun: Path, run: Run) -> None:
    asked = ("train", "stripes.yaml", "--data", "images", "-o", "run")
    code, out, err = run(*asked, "--recipe", "recipe.yaml")
    assert (code, out) == (0, "")
    assert "epoch 6: in validation loss" in err
    assert "run: run/checkpoints/step-000000024, 100.00% right in validation" in err
    record = json.loads(Path("run/run.json").read_text())
    assert record["data"]["where"] == "images"
    assert record["data"]["samples"] == 48
    assert len(record["data"]["sha256"]) == 64
    assert record["versions"]["torch"] == torch.__version__
    lines = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()]
    assert [each["step"] for each in lines if "validation" in each] == [4, 8, 12, 16, 20, 24]
    svg = Path("run/curves.svg").read_text()
    assert svg.count("<polyline") == 4  # loss and accuracy, of training and of validation
    network = inceptgraph.load("run")
    assert inceptgraph.to_graph("run/spec.yaml").classes == ("across", "crossed", "upright")
    told = json.loads(run("evaluate", "run", "--data", "images/val", "--json").out)
    validated = [each["validation"]["loss"] for each in lines if "validation" in each]
    assert told["top1"] == 1
    assert told["loss"] == pytest.approx(min(validated), abs=1e-6)  # the best of those as right
    assert run("build", "run", "-o", "model")[0] == 0
    built = inceptgraph.load("model")
    for one, other in zip(network.parameters(), built.parameters(), strict=True):
        assert torch.equal(one, other)


def test_after_an_interrupt_it_says_how_to_go_on(
    begun: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(self: Training, step: int, *batch: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Training, "_step", interrupted)
    words = ("train", "stripes.yaml", "--data", "images", "-o", "a run", "--recipe", "recipe.yaml")
    monkeypatch.setattr(sys, "argv", ["inceptgraph", *words])
    code, _, err = run(*words)
    assert code == 130
    assert err.endswith(
        "there is no checkpoint yet\ninterrupted; go on with\n"
        "  inceptgraph train stripes.yaml --data images -o 'a run' --recipe recipe.yaml --resume\n"
    )


def test_it_goes_on_only_with_the_same_data(begun: Path, run: Run) -> None:
    asked = ("train", "stripes.yaml", "--data", "images", "-o", "run")
    assert run(*asked, "--recipe", "recipe.yaml", "--with", "length=1 epochs")[0] == 0
    code, _, err = run(*asked, "--recipe", "recipe.yaml")
    assert code == 1
    assert "`run` holds a run already" in err
    code, _, err = run(*asked, "--resume", "--with", "length=2 epochs")
    assert (code, "going on from step 4" in err) == (0, True)
    Path("images/train/across/000.png").unlink()
    code, _, err = run(*asked, "--resume", "--with", "length=3 epochs")
    assert code == 1
    assert "the run began with other data: 48 samples of `images`" in err


def test_a_broken_image_is_named(begun: Path, run: Run) -> None:
    Path("images/train/across/003.png").write_bytes(b"nothing")
    asked = ("train", "stripes.yaml", "--data", "images", "--recipe", "recipe.yaml")
    code, _, err = run(*asked, "-o", "strict")
    assert code == 1
    assert "the image `across/003.png` cannot be read: it is no JPEG or PNG" in err
    assert "--with broken_images=skip" in err
    lenient = ("--with", "broken_images=skip", "--with", "length=2 epochs")
    code, _, err = run(*asked, "-o", "lenient", *lenient)
    assert code == 0
    assert "skipped, as number 1: the image `across/003.png` cannot be read" in err


@pytest.mark.parametrize("workers", ["0", "1"])
def test_where_no_image_can_be_read_it_ends(begun: Path, run: Run, workers: str) -> None:
    for each in Path("images/train").glob("*/*"):
        each.write_bytes(b"nothing")
    asked = ("train", "stripes.yaml", "--data", "images", "--recipe", "recipe.yaml")
    code, _, err = run(*asked, "-o", "strict", "--workers", workers)
    assert (code, "cannot be read: it is no JPEG or PNG" in err) == (1, True)
    skip = ("--with", "broken_images=skip", "--workers", workers)
    code, _, err = run(*asked, "-o", "lenient", *skip)
    assert (code, "too many images one after another cannot be read" in err) == (1, True)


def test_classes_of_validation_are_those_that_are_learnt(begun: Path, run: Run) -> None:
    asked = ("train", "stripes.yaml", "--data", "images", "--recipe", "recipe.yaml")
    shutil.rmtree("images/val/across")
    code, _, err = run(*asked, "-o", "run")
    assert (code, "100.00% right in validation" in err) == (0, True)
    Path("images/val/upright").rename("images/val/uprigth")
    code, _, err = run(*asked, "-o", "other")
    assert code == 1
    assert "`uprigth`, a class of the data for validation, is none of that to train on" in err
    assert "did you mean `upright`?" in err
    assert not Path("other").exists()


def test_mistakes_are_told_before_anything_is_read(begun: Path, run: Run) -> None:
    asked = ("train", "stripes.yaml", "--data", "images", "-o", "run")
    code, _, err = run(*asked)
    assert (code, "a new run needs a `--recipe`" in err) == (2, True)
    code, _, err = run(*asked, "--resume")
    assert (code, "`run` holds no run to go on with, and a new run needs" in err) == (2, True)
    code, _, err = run(*asked, "--recipe", "recipe.yaml", "--with", "batch")
    assert (code, "not PATH=VALUE, such as batch=64 or optimizer.lr=0.1" in err) == (2, True)
    code, _, err = run(
        "train", "stripes.yaml", "--data", "imagse", *asked[4:], "--recipe", "modern"
    )
    assert (code, "did you mean `images`?" in err) == (1, True)
    code, _, err = run(*asked, "--recipe", "recipe.yaml", "--with", "optimizer.lr=fast")
    assert code == 1
    assert "`lr` must be a number, more than 0, but is the word `fast`" in err
    code, _, err = run(*asked, "--recipe", "recipe.yaml", "--set", "classes=4")
    assert code == 1
    assert "the data has 3 classes, and `Stripes` tells 4 apart" in err
    assert not Path("run").exists()
