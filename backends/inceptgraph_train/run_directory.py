"""The directory of a run: what it was made of, what it learned, and how that went."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from torch import nn

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.training import Recipe, choose, to_yaml
from inceptgraph_torch.model_directory import save_weights
from inceptgraph_train.curves import draw
from inceptgraph_train.tensorboard import Events, require_tensorboard

__all__ = ["CHECKPOINTS", "RunDirectory", "open_run"]

CHECKPOINTS, METRICS, RECIPE, RECORD = "checkpoints", "metrics.jsonl", "recipe.yaml", "run.json"
SPEC, WEIGHTS = "spec.yaml", "model.safetensors"


class RunDirectory:
    """A run's directory, which ``build``, ``evaluate`` and ``load`` take.

    Args:
        place: the directory.
        name: the network's.
        tensorboard: whether what is recorded is also written for TensorBoard.
    """

    def __init__(self, place: Path, name: str, tensorboard: bool = False) -> None:
        self.place, self.name = place, name
        self.events = Events(place / "tensorboard") if tensorboard else None
        self.checkpoints = place / CHECKPOINTS

    def begin(self, spec: str, recipe: Recipe, about: Mapping[str, Any]) -> None:
        """Write what the run is made of: the spec, the recipe, versions, and more by name. A new
        run's directory is there with all of them, or not at all."""
        versions = {name: version(name) for name in ("inceptgraph", "torch")}
        record = {
            "format": "inceptgraph-run/1",
            "name": self.name,
            "versions": {**versions, "python": platform.python_version()},
            **about,
        }
        texts = {SPEC: spec, RECIPE: to_yaml(recipe), RECORD: json.dumps(record, indent=2) + "\n"}
        if self.record():
            for name, text in texts.items():
                _replace(self.place / name, text)
            return
        place = Path(os.path.abspath(self.place))
        beside = place.with_name(f".{place.name}.beginning")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(parents=True)
        for name, text in texts.items():
            (beside / name).write_text(text, encoding="utf-8")
        beside.rename(place)  # which may be an empty directory

    def record(self) -> dict[str, Any]:
        """What the run is made of; empty where nothing was begun here.

        Raises:
            SpecError: it cannot be read.
        """
        path = self.place / RECORD
        try:
            found: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
        except ValueError as error:
            raise _refused(f"`{path}` is broken: {error}", "begin another run") from error
        return found

    def recipe(self) -> Recipe:
        """The recipe that the run was begun with."""
        return choose(self.place / RECIPE)

    def metrics(self) -> list[dict[str, Any]]:
        """What was recorded so far; a line that was cut off with its process is none."""
        path = self.place / METRICS
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines if line.endswith("}")]

    def add(self, record: Mapping[str, Any]) -> None:
        """Record something more."""
        with (self.place / METRICS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        if self.events is not None:
            self.events.add(record)

    def forget_after(self, step: int) -> None:
        """Leave out what was recorded of steps that will be made again."""
        kept = [json.dumps(each) + "\n" for each in self.metrics() if each["step"] <= step]
        _replace(self.place / METRICS, "".join(kept))

    def draw(self) -> None:
        """Draw the curves."""
        _replace(self.place / "curves.svg", draw(self.metrics(), self.name))

    def write_weights(self, model: nn.Module) -> None:
        """Make a network's weights those that are loaded from here."""
        beside = self.place / f".{WEIGHTS}"
        save_weights(model, beside, like=self.place / SPEC)
        os.replace(beside, self.place / WEIGHTS)


def open_run(place: Path, name: str, resume: bool, tensorboard: bool = False) -> RunDirectory:
    """The directory of a new run, or of one to be taken up.

    Raises:
        SpecError: it holds something else, or a run where a new one is to be.
    """
    if tensorboard:
        require_tensorboard()
    run = RunDirectory(place, name, tensorboard)
    if place.exists() and not place.is_dir():
        raise _refused(f"`{place}` exists and is not a directory", "name another place")
    begun = bool(run.record())
    if begun and not resume:
        hint = "go on with it, --resume, or name another place"
        raise _refused(f"`{place}` holds a run already", hint)
    if not begun and place.is_dir() and any(place.iterdir()):
        raise _refused(f"`{place}` holds files that are no run's", "name another place")
    return run


def _refused(message: str, help: str) -> SpecError:
    return SpecError([Diagnostic(Code.OUTPUT, message, help=help)])


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(f".{path.name}")
    beside.write_text(text, encoding="utf-8")
    os.replace(beside, path)
