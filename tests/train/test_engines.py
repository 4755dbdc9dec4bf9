"""Trainings by engines: the run of torch's own layers, but for rounding."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from killed_training import DRAWING
from safetensors.torch import load_file
from trained import job, noise, told, train

from inceptgraph.diagnostics import SpecError
from inceptgraph_train import TorchTrainer

SINGLE = "precision: float32\ncheckpoints: {every: 3 steps}\nlength: "
EVERY = [
    "augment: {mixup: 0.3}\naccumulate: 2",
    "average: {name: ema, decay: 0.5}\nclip_norm: 0.5",
    "frozen: [conv, bn]\nloss: {label_smoothing: 0.1}",
]


def weights(place: Path) -> dict[str, torch.Tensor]:
    return load_file(place / "model.safetensors")


def assert_about_the_same(one: Path, other: Path, bound: float = 1e-5) -> None:
    for mine, theirs in zip(told(one), told(other), strict=True):
        if "validation" in mine:
            mine, theirs = mine["validation"], theirs["validation"]
        assert mine["loss"] == pytest.approx(theirs["loss"], rel=bound)
        assert mine["losses"] == pytest.approx(theirs["losses"], rel=bound)
    mine, theirs = weights(one), weights(other)
    assert mine.keys() == theirs.keys()
    for name, tensor in mine.items():
        torch.testing.assert_close(tensor, theirs[name], rtol=10 * bound, atol=bound)


@pytest.mark.parametrize("engine", ["eager", "native"])
@pytest.mark.parametrize("text", EVERY, ids=["mixed", "averaged", "frozen"])
def test_an_engine_trains_as_the_layers_of_torch(tmp_path: Path, text: str, engine: str) -> None:
    plain, fast = tmp_path / "plain", tmp_path / "fast"
    train(plain, f"{SINGLE}6 steps\n{text}", spec=DRAWING)
    train(fast, f"{SINGLE}6 steps\n{text}", spec=DRAWING, engine=engine)
    assert_about_the_same(fast, plain)
    assert json.loads((fast / "run.json").read_text())["engine"] == f"{engine}: asked for"


@pytest.mark.parametrize(
    ("first", "then"), [("native", "native"), ("native", None), (None, "auto")]
)
def test_a_run_goes_on_by_another_engine(
    tmp_path: Path, first: str | None, then: str | None
) -> None:
    """By the same one to the last bit."""
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, SINGLE + "6 steps", spec=DRAWING, engine=then)
    train(parts, SINGLE + "3 steps", spec=DRAWING, engine=first)
    train(parts, SINGLE + "6 steps", spec=DRAWING, engine=then, resume=True)
    assert_about_the_same(parts, whole)
    if first == then:
        assert told(parts) == told(whole)
        assert weights(parts).keys() == weights(whole).keys()
        assert all(each.equal(weights(whole)[name]) for name, each in weights(parts).items())


def test_lower_precision_is_the_engines(tmp_path: Path) -> None:
    single, lower = tmp_path / "single", tmp_path / "lower"
    train(single, SINGLE + "4 steps", spec=DRAWING)
    text = SINGLE.replace("float32", "bfloat16") + "4 steps"
    train(lower, text, spec=DRAWING, engine="native")
    assert_about_the_same(lower, single, 3e-2)
    assert told(lower) != told(single)
    assert {each.dtype for each in weights(lower).values()} == {torch.float32, torch.int64}


def test_float64_is_of_the_layers_of_torch(tmp_path: Path) -> None:
    said: list[str] = []
    asked = job(tmp_path / "run", "length: 1 steps", engine="auto")
    TorchTrainer().train(asked, lambda report: said.append(report.message))
    assert not any(said)
    record = json.loads((tmp_path / "run" / "run.json").read_text())
    assert record["engine"] == "the layers of torch"


@pytest.mark.parametrize(
    ("engine", "told"), [("natve", "did you mean `native`"), ("openvino", "has no training")]
)
def test_an_engine_that_cannot_is_refused(tmp_path: Path, engine: str, told: str) -> None:
    """Before anything is written."""
    with pytest.raises(SpecError) as error:
        train(tmp_path / "run", SINGLE + "1 steps", engine=engine)
    (found,) = error.value.diagnostics
    assert told in f"{found.message} {found.help}"
    assert not (tmp_path / "run").exists()


def test_two_processes_are_one(tmp_path: Path, fork: Callable[..., tuple[list[int], str]]) -> None:
    alone, place = tmp_path / "alone", tmp_path / "run"
    text = "precision: float32"
    train(alone, text, engine="native", validation=noise(9, 1))
    assert fork("many", place, text, "--native", processes=2)[0] == [0, 0]
    assert_about_the_same(place, alone)
