"""What ends a training, or must not count in it: interrupts, losses that are none, what cannot be
read or written."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel
from torch.utils.data import Dataset
from trained import job, noise, recipe, train

import inceptgraph
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.pipeline import to_graph
from inceptgraph_train import TorchTrainer
from inceptgraph_train.checkpoints import Checkpoints, Learned, Saved
from inceptgraph_train.drawing import Drawing, Drawn
from inceptgraph_train.loading import Broken
from inceptgraph_train.loop import Training
from inceptgraph_train.optimizers import make_optimizer
from inceptgraph_train.processes import Processes
from inceptgraph_train.run_directory import RunDirectory

ALONE = Processes(torch.device("cpu"))


class Failing(Dataset[Any]):
    """Samples, each given back by what is called with its place."""

    def __init__(self, give: Callable[[int], Any], samples: int = 24) -> None:
        self.give, self.samples = give, samples

    def __len__(self) -> int:
        return self.samples

    def __getitem__(self, place: int) -> Any:
        return self.give(place)


def refused(place: Path, text: str = "", **more: Any) -> Any:
    with pytest.raises(SpecError) as caught:
        train(place, text, **more)
    (found,) = caught.value.diagnostics
    return found


# -- an interrupt --------------------------------------------------------------------------------


@pytest.mark.parametrize(("at", "told"), [(1, "there is no checkpoint yet"), (5, "step-000000004")])
def test_an_interrupted_training_names_the_newest_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int, told: str
) -> None:
    step = Training._step

    def interrupted(self: Training, number: int, *batch: Any) -> None:
        if number == at:
            raise KeyboardInterrupt
        step(self, number, *batch)

    monkeypatch.setattr(Training, "_step", interrupted)
    said: list[str] = []
    asked = job(tmp_path / "run", "checkpoints: {every: 2 steps}")
    with pytest.raises(KeyboardInterrupt):
        TorchTrainer().train(asked, lambda report: said.append(report.message))
    assert told in said[-1]


# -- losses and weights that are no numbers ------------------------------------------------------


def test_a_loss_in_validation_that_is_no_number_is_never_the_best(tmp_path: Path) -> None:
    folder = tmp_path / "checkpoints"
    checkpoints = Checkpoints(folder, 3, ALONE)
    # a NaN is neither more nor less than anything, so that the first would stay the largest
    for step, loss in enumerate((math.nan, 0.5, 0.25, math.inf), 1):
        place = folder / f"step-{step:09d}"
        place.mkdir(parents=True)
        saved = Saved(step, 1, loss, 0.5)
        (place / "state.json").write_text(json.dumps(vars(saved)))
    best = checkpoints.best()
    assert best is not None
    assert best.name == "step-000000003"


def test_a_loss_in_validation_that_is_no_number_is_told(tmp_path: Path) -> None:
    images, labels = noise(9, 1).tensors
    wrong = torch.utils.data.TensorDataset(images.clone().fill_(math.nan), labels)
    said: list[str] = []
    asked = job(tmp_path / "run", "length: 2 steps", validation=wrong)
    outcome = TorchTrainer().train(asked, lambda report: said.append(report.message))
    assert "in validation the loss is nan: this step is not taken for the best" in said
    assert outcome.best is None


def test_a_validation_that_reads_no_sample_ends_the_training(tmp_path: Path) -> None:
    """Its loss would be 0, and the best."""

    def lost(place: int) -> Any:
        raise PermissionError(13, "Permission denied", "there.png")

    found = refused(tmp_path / "run", "broken_images: skip", validation=Failing(lost))
    assert found.message == "none of the samples to validate with can be read"


def learned(average: bool = False) -> Learned:
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    mean = AveragedModel(model, use_buffers=True) if average else None
    return Learned(model, optimizer, torch.amp.GradScaler("cpu", enabled=False), mean)


def test_statistics_and_averages_are_to_be_numbers_as_well() -> None:
    assert learned().not_finite(ALONE) == []
    assert learned(average=True).not_finite(ALONE) == []
    found = learned()
    found.model[1].running_var[0] = math.inf
    assert found.not_finite(ALONE) == ["1.running_var"]
    found = learned(average=True)
    assert found.average is not None
    found.average.module[0].weight.data.fill_(math.nan)
    assert found.not_finite(ALONE) == ["average of 0.weight"]


# -- what cannot be read, and what cannot be written ---------------------------------------------


@pytest.mark.parametrize("workers", [0, 1])
def test_data_that_cannot_be_read_is_no_full_disk(tmp_path: Path, workers: int) -> None:
    samples = noise()

    def give(place: int) -> Any:
        if place == 3:
            raise PermissionError(13, "Permission denied", "there.png")
        return samples[place]

    found = refused(tmp_path / "run", data=Failing(give), workers=workers)
    assert found.message == "the image `Failing[3]` cannot be read: Permission denied"
    train(tmp_path / "skipped", "broken_images: skip", data=Failing(give), workers=workers)


def test_a_folder_that_cannot_be_read_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = tmp_path / "images" / "cat"
    shut.mkdir(parents=True)
    scan = os.scandir

    def scandir(path: Any = ".") -> Any:
        if Path(path) == shut:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    net = "name: N\ninput: {channels: 3, height: 8, width: 8}\n"
    net += "stages: {flat: {op: flatten}, fc: {op: linear, out: 3}}\n"
    found = refused(tmp_path / "run", spec=net, data=str(tmp_path / "images"))
    assert found.message == f"cannot read `{shut}`: Permission denied"
    assert found.code == "IG816"


def test_what_cannot_be_written_is_told_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: RunDirectory, record: Any) -> None:
        raise OSError(28, "No space left on device", str(self.place / "metrics.jsonl"))

    monkeypatch.setattr(RunDirectory, "add", full)
    found = refused(tmp_path / "run")
    named = tmp_path / "run" / "metrics.jsonl"
    assert found.message == f"cannot write `{named}`: No space left on device"
    assert found.help is not None
    assert found.help.startswith("make room")


def test_what_is_drawn_of_a_sample_does_not_depend_on_broken_ones_before() -> None:
    def give(place: int) -> Any:
        if place == 1:
            torch.rand(7)
            raise FileNotFoundError(2, "No such file or directory", "1.png")
        return torch.rand(()).item(), place

    drawing = Drawing(Failing(give, 3), seed=5)
    (instead,), (itself,) = (drawing.__getitems__([Drawn(0, place)]) for place in (1, 2))
    assert instead[:2] == itself[:2]
    assert instead[2] == (Broken("Failing[1]", "No such file or directory"),)


# -- rules ---------------------------------------------------------------------------------------

SEVERAL = """
name: Several
input: {channels: 2, height: 6, width: 6}
stages:
  conv: {op: conv2d, out: 4, kernel: 3}
  slopes: {op: prelu}
  norm: {op: layer_norm, over: [channels, space]}
  flatten: {op: flatten}
  classifier: {op: linear, out: 3}
"""


def test_vectors_are_biases_and_what_normalisations_learn_of_any_axes() -> None:
    graph = to_graph(Source("several.yaml", SEVERAL))
    model = inceptgraph.compile(graph)
    shapes = {name: each.dim() for name, each in model.named_parameters()}
    assert shapes["norm.weight"] == 3
    asked = recipe("rules: [{kind: vectors, decay: 0}]")
    rated = make_optimizer(model, replace(asked, precision="float32"), graph)
    names = {id(each): name for name, each in model.named_parameters()}
    still = {
        names[id(each)]
        for group in rated.optimizer.param_groups
        if group["weight_decay"] == 0
        for each in group["params"]
    }
    assert still == set(shapes) - {"conv.weight", "classifier.weight"}
