"""Runs that are killed, told to stop, or that fail: what they go on from, and what they say."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from killed_training import Noisy
from trained import SMALL, job, told, train

from inceptgraph.diagnostics import SpecError
from inceptgraph_train import TorchTrainer

Run = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def run(fork: Callable[..., tuple[list[int], str]]) -> Run:
    """A training in a process of its own: how it ended, and what it said."""

    def call(place: Path, when: str = "never", count: int = 0, *more: str) -> tuple[int, str]:
        (code,), said = fork("killed", place, when, count, *more)
        return code, said

    return call


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A run that nothing disturbed."""
    place = tmp_path_factory.mktemp("whole") / "run"
    assert run(place)[0] == 0
    return place


def assert_as_whole(place: Path, whole: Path) -> None:
    """To the last bit: every loss, the weights, and which checkpoints are kept."""
    assert told(place) == told(whole)
    weights = "model.safetensors"
    assert (place / weights).read_bytes() == (whole / weights).read_bytes()
    kept = [sorted(os.listdir(each / "checkpoints")) for each in (place, whole)]
    assert kept[0] == kept[1]


MOMENTS = [
    ("sample", 3),  # before any checkpoint
    ("sample", 47),  # in the middle of a step
    ("sync", 3),  # while the second checkpoint is written
    ("sync", 8),
    ("rename", 4),
    ("rename", 9),
]


@pytest.mark.parametrize(("when", "count"), MOMENTS[1:3])
def test_a_killed_run_goes_on_as_one_that_was_not(
    tmp_path: Path, run: Run, whole: Path, when: str, count: int
) -> None:
    place = tmp_path / "run"
    assert run(place, when, count)[0] == -signal.SIGKILL
    assert run(place, "never", 0, "--resume")[0] == 0
    assert_as_whole(place, whole)


@pytest.mark.slow
@pytest.mark.parametrize(("when", "count"), [*MOMENTS, *(("rename", n) for n in range(1, 9))])
def test_a_killed_run_at_more_moments(
    tmp_path: Path, run: Run, whole: Path, when: str, count: int
) -> None:
    place = tmp_path / "run"
    assert run(place, when, count)[0] == -signal.SIGKILL
    again = ["--resume"] if (place / "run.json").exists() else []
    assert run(place, when, count + 11, *again)[0] in (-signal.SIGKILL, 0)  # and once more
    assert run(place, "never", 0, "--resume")[0] == 0
    assert_as_whole(place, whole)


def test_a_run_that_is_told_to_stop_keeps_its_last_step(
    tmp_path: Path, run: Run, whole: Path
) -> None:
    place = tmp_path / "run"
    assert run(place, "term", 50)[0] == 75
    assert told(place)[-1]["step"] == 7
    assert (place / "checkpoints" / "step-000000007").is_dir()
    code, said = run(place, "never", 0, "--resume")
    assert (code, said) == (0, "going on from step 7")
    assert told(place) == told(whole)


def test_a_full_disk_is_told_with_the_checkpoint_that_is_good(
    tmp_path: Path, run: Run, whole: Path
) -> None:
    place = tmp_path / "run"
    largest = max(path.stat().st_size for path in whole.rglob("*.distcp"))
    code, said = run(place, "full", largest - 1)
    assert code == 1
    assert "cannot write" in said
    assert "File too large" in said
    assert "there is no checkpoint yet" in said
    assert run(place, "never", 0, "--resume")[0] == 0
    assert_as_whole(place, whole)


def test_a_loss_that_is_no_number_ends_the_training(tmp_path: Path) -> None:
    """What is kept is from before."""
    place = tmp_path / "run"
    text = "optimizer: {name: sgd, lr: 1.0e+30}\ncheckpoints: {every: 1 steps}\nlength: 50 steps"
    with pytest.raises(SpecError) as error:
        train(place, text)
    (found,) = error.value.diagnostics
    assert "the training diverged" in found.message
    newest = sorted((place / "checkpoints").iterdir())[-1]
    assert found.notes == (f"the newest good checkpoint is `{newest}`",)
    assert found.help is not None
    assert "--resume --with optimizer.lr" in found.help


def test_a_lower_rate_goes_on_from_there(tmp_path: Path) -> None:
    place = tmp_path / "run"
    train(place, "length: 4 steps\ncheckpoints: {every: 2 steps}")
    said: list[str] = []
    again = job(place, "length: 8 steps\noptimizer: {name: sgd, lr: 0.01, momentum: 0.9}")
    again = type(again)(**{**vars(again), "resume": True})
    TorchTrainer().train(again, lambda report: said.append(report.message))
    assert [each for each in said if each] == [
        "`length` is not what the run began with",
        "`optimizer` is not what the run began with",
        "`checkpoints` is not what the run began with",
        "going on from step 4",
    ]
    assert [each["lr"] for each in told(place)] == [0.1] * 4 + [0.01] * 4


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_lower_precision_goes_on_as_well(tmp_path: Path, precision: str) -> None:
    """With the scale of its loss. It computes about what float32 does."""
    text = f"precision: {precision}\ncheckpoints: {{every: 3 steps}}\nlength: "
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, text + "6 steps")
    train(parts, text + "3 steps")
    train(parts, text + "6 steps", resume=True)
    assert told(parts) == told(whole)
    train(tmp_path / "single", "precision: float32")
    for one, other in zip(told(whole), told(tmp_path / "single"), strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=2e-2)
    assert told(whole) != told(tmp_path / "single")


SHARED = """
name: Twice
input: {channels: 2, height: 6, width: 6}
stages:
  1x1: {op: conv2d, out: 2, kernel: 3, padding: same}
  again: {share: 1x1}
  flatten: {op: flatten}
  classifier: {op: linear, out: 3}
"""

OTHERS = {
    "rmsprop": "optimizer: {name: rmsprop, lr: 0.01, momentum: 0.5}",
    "adamw": "optimizer: {name: adamw, lr: 0.01}\naverage: {name: polyak, start: 2 steps}",
    "nesterov": "optimizer: {name: sgd, lr: 0.1, momentum: 0.5, nesterov: true}\naccumulate: 2",
    "frozen": "frozen: [classifier]",
}


@pytest.mark.parametrize("spec", [SMALL, SHARED], ids=["small", "shared"])
@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_every_optimiser_goes_on(tmp_path: Path, text: str, spec: str) -> None:
    text += "\ncheckpoints: {every: 3 steps}\nlength: "
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    train(whole, text + "6 steps", spec=spec)
    train(parts, text + "3 steps", spec=spec)
    train(parts, text + "6 steps", spec=spec, resume=True)
    assert told(parts) == told(whole)
    weights = [place / "model.safetensors" for place in (parts, whole)]
    assert weights[0].read_bytes() == weights[1].read_bytes()


def test_processes_that_load_make_no_difference(tmp_path: Path) -> None:
    alone, loaded = tmp_path / "alone", tmp_path / "loaded"
    train(alone, data=Noisy(lambda: None))
    train(loaded, data=Noisy(lambda: None), workers=2)
    assert told(alone) == told(loaded)


def test_what_cannot_be_gone_on_from_is_told(tmp_path: Path) -> None:
    place = tmp_path / "run"
    text = "checkpoints: {every: 3 steps}"
    train(place, text)
    other = SMALL.replace("out: 4", "out: 5")
    with pytest.raises(SpecError, match="is a run of another network than `Small`"):
        train(place, text, spec=other, resume=True)
    longer = "length: 9 steps\ncheckpoints: {every: 3 steps}"
    with pytest.raises(SpecError, match="is the optimiser the one it was made with"):
        train(place, longer + "\noptimizer: {name: adamw, lr: 0.1}", resume=True)
    newest = place / "checkpoints" / "step-000000006"
    (part,) = newest.glob("*.distcp")
    part.write_bytes(part.read_bytes()[:-2000])
    with pytest.raises(SpecError, match="step-000000006` cannot be gone on from"):
        train(place, longer, resume=True)
    (newest / "state.json").write_text("{")
    with pytest.raises(SpecError, match="step-000000006` cannot be gone on from: JSONDecodeError"):
        train(place, longer, resume=True)
    shutil.rmtree(newest)
    train(place, longer, resume=True)
    assert [each["step"] for each in told(place)] == [*range(1, 10)]


def test_tensorboard_is_written_on_request(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    train(tmp_path / "run", tensorboard=True)
    found = events.EventAccumulator(str(tmp_path / "run" / "tensorboard"))
    found.Reload()
    losses = [each.value for each in found.Scalars("train/losses/aux")]
    wanted = [each["losses"]["aux"] for each in told(tmp_path / "run")]
    assert losses == pytest.approx(wanted)


def test_what_is_in_the_way_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "run"
    train(place, "length: 1 steps")
    with pytest.raises(SpecError, match="holds a run already"):
        train(place)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").write_text("dear")
    with pytest.raises(SpecError, match="holds files that are no run's"):
        train(tmp_path / "other")
    with pytest.raises(SpecError, match="does not divide into 3 parts"):
        train(tmp_path / "odd", "accumulate: 3")
    (place / "run.json").write_text("{")
    with pytest.raises(SpecError, match=r"run\.json` is broken: "):
        train(place, resume=True)
    numbers = SMALL.replace(
        "outputs: {logits: classifier}", "outputs: {logits: {from: classifier, loss: mse}}"
    )
    with pytest.raises(SpecError, match="mix the classes of samples"):
        train(tmp_path / "mixed", "augment: {mixup: 0.2}", spec=numbers)
    with pytest.raises(SpecError, match="a batch is 400 samples, and the data has 24"):
        train(tmp_path / "large", "batch: 400")
