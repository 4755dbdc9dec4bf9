"""Trainings of several processes, which are to be one."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
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


@pytest.mark.parametrize(
    "again", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 20))]
)
def test_a_lost_process_is_told_with_the_checkpoint_that_is_good(
    tmp_path: Path, fork: Fork, again: int
) -> None:
    """Each time: one in five waited for ever once (:mod:`inceptgraph_train.processes`)."""
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


@pytest.fixture
def hosts() -> Iterator[list[list[str]]]:
    """Two hosts with an address each and a wire between them, as what runs a command there."""
    own = f"ig{os.getpid()}"  # other tests may have hosts, too
    names, wires = [f"{own}-a", f"{own}-b"], [f"{own}-u", f"{own}-v"]
    if not shutil.which("ip"):
        pytest.skip("no `ip`, which makes hosts of network namespaces")
    made = subprocess.run(["ip", "netns", "add", names[0]], capture_output=True, check=False)
    if made.returncode:
        pytest.skip("network namespaces are not for this user")

    def ip(*words: str) -> None:
        subprocess.run(["ip", *words], check=True)

    try:
        ip("netns", "add", names[1])
        ip("link", "add", wires[0], "type", "veth", "peer", "name", wires[1])
        for number, (name, wire) in enumerate(zip(names, wires, strict=True), 1):
            ip("link", "set", wire, "netns", name)
            ip("-n", name, "addr", "add", f"10.83.0.{number}/24", "dev", wire)
            ip("-n", name, "link", "set", wire, "up")
            ip("-n", name, "link", "set", "lo", "up")
        pairs = zip(names, wires, strict=True)
        yield [
            ["ip", "netns", "exec", name, "env", f"GLOO_SOCKET_IFNAME={wire}"]
            for name, wire in pairs
        ]
    finally:
        for name in names:  # and with it its end of the wire
            subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


@pytest.mark.slow
def test_two_hosts_are_one(tmp_path: Path, alone: Path, hosts: list[list[str]]) -> None:
    """By the commands of docs/training.md, with a directory that both see."""
    place = tmp_path / "run"
    running = []
    for number, host in enumerate(hosts):
        torchrun = [sys.executable, "-m", "torch.distributed.run", "--nnodes", "2"]
        where = ["--node-rank", str(number), "--master-addr", "10.83.0.1", "--master-port", "29500"]
        each = ["--nproc-per-node", "1", str(SCRIPT), str(place), EVERY]
        running.append(subprocess.Popen([*host, *torchrun, *where, *each]))
    try:
        assert [each.wait(300) for each in running] == [0, 0]
    finally:
        for each in running:
            each.kill()
    assert_same_run(place, alone)
