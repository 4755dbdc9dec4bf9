"""Trainings of several processes, which are to be one."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from places import ROOT
from safetensors.torch import load_file
from trained import noise, train

SCRIPT = ROOT / "tests" / "support" / "many_processes.py"
BOUND = {"rtol": 1e-9, "atol": 1e-9}
EVERY = "checkpoints: {every: 3 steps}"


Fork = Callable[..., tuple[list[int], str]]


def told(place: Path) -> list[dict[str, Any]]:
    lines = (place / "metrics.jsonl").read_text().splitlines()
    return [json.loads(line) for line in lines]


def assert_same_run(one: Path, other: Path) -> None:
    """The same losses, accuracies and weights, but for the order of sums."""
    records = [told(place) for place in (one, other)]
    assert len(records[0]) == len(records[1])
    for mine, theirs in zip(*records, strict=True):
        for found, wanted in ((mine, theirs), (mine.get("validation"), theirs.get("validation"))):
            if found and "loss" in found:
                assert found["loss"] == pytest.approx(wanted["loss"], abs=1e-9)
                assert found["losses"] == pytest.approx(wanted["losses"], abs=1e-9)
                assert found["top1"] == wanted["top1"]
    weights = [load_file(place / "model.safetensors") for place in (one, other)]
    for name, tensor in weights[0].items():
        torch.testing.assert_close(tensor, weights[1][name], **BOUND)


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one process, with validation."""
    place = tmp_path_factory.mktemp("alone") / "run"
    train(place, EVERY, validation=noise(9, 1))
    return place


def test_two_processes_are_one_with_the_double_batch(
    tmp_path: Path, alone: Path, fork: Fork
) -> None:
    """Gradients are averaged over both, each with its half of every step; one of them writes."""
    place = tmp_path / "run"
    assert fork("many", place, EVERY, processes=2) == ([0, 0], "")
    assert_same_run(place, alone)


def test_two_processes_go_on_with_the_run_of_one(tmp_path: Path, alone: Path, fork: Fork) -> None:
    place = tmp_path / "run"
    train(place, f"{EVERY}\nlength: 3 steps", validation=noise(9, 1))
    codes, said = fork("many", place, EVERY, "--resume", processes=2)
    assert codes == [0, 0]
    assert "going on from step 3 with 2 processes; it was made by 1" in said
    assert_same_run(place, alone)


def test_a_lost_process_is_told_with_the_checkpoint_that_is_good(
    tmp_path: Path, fork: Fork
) -> None:
    place = tmp_path / "run"
    codes, said = fork("many", place, "checkpoints: {every: 1 steps}", "lose", processes=2)
    assert codes == [1, -signal.SIGKILL]
    assert "a process of the 2 was lost" in said
    newest = place / "checkpoints" / "step-000000002"
    assert f"the newest good checkpoint is `{newest}`" in said


@pytest.mark.slow
def test_torchrun_starts_them(tmp_path: Path, alone: Path) -> None:
    """The same by the command of docs/training.md."""
    place = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*torchrun, "--nproc-per-node", "2", str(SCRIPT), str(place), EVERY]
    subprocess.run(command, check=True, timeout=300)
    assert_same_run(place, alone)
