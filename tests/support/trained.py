"""What tests of training train: small data, small networks, small recipes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import TensorDataset

from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import analyze
from inceptgraph.training import Job, Outcome, Recipe, parse_recipe
from inceptgraph_train import TorchTrainer

__all__ = ["SMALL", "job", "noise", "recipe", "told", "train"]

SMALL = """
name: Small
input: {channels: 2, height: 6, width: 6}
stages:
  conv: {op: conv2d, out: 4, kernel: 3}
  relu: {op: relu}
  pool: {op: max_pool, kernel: 2, stride: 2}
  flatten: {op: flatten}
  classifier: {op: linear, out: 3}
outputs: {logits: classifier}
aux_heads:
  aux:
    from: conv
    loss_weight: 0.3
    steps:
      flatten: {op: flatten}
      fc: {op: linear, out: 3}
"""
"""A network without batch norm, with one head."""


def noise(samples: int = 24, seed: int = 0) -> TensorDataset:
    """Random images of :data:`SMALL`'s size with random labels."""
    generator = torch.Generator().manual_seed(seed)
    images = torch.randn(samples, 2, 6, 6, generator=generator, dtype=torch.float64)
    return TensorDataset(images, torch.randint(3, (samples,), generator=generator))


def recipe(text: str = "") -> Recipe:
    """A recipe in float64 that says little; ``text`` says more, or something else."""
    said = {line.partition(":")[0] for line in text.splitlines()}
    rest = {
        "length": "6 steps",
        "batch": "8",
        "optimizer": "{name: sgd, lr: 0.1, momentum: 0.9, weight_decay: 0.01}",
        "precision": "float64",
    }
    lines = [f"{key}: {value}" for key, value in rest.items() if key not in said]
    return parse_recipe(Source("recipe.yaml", "\n".join([*lines, text])))


def job(out: Path, text: str = "", spec: str = SMALL, **more: Any) -> Job:
    """A training of a small network on noise."""
    analysis = analyze(Source("small.yaml", spec))
    given: dict[str, Any] = {"data": noise(), "log_every": 1, "engine": None} | more
    given.setdefault("recipe", recipe(text))
    return Job(graph=analysis.require_graph(), spec=analysis.text(), out=out, **given)


def train(out: Path, text: str = "", **more: Any) -> Outcome:
    """Train a small network."""
    return TorchTrainer().train(job(out, text, **more))


def told(place: Path) -> list[dict[str, Any]]:
    """What a run recorded, but for its speed."""
    lines = (place / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    return [{k: v for k, v in each.items() if k != "images_per_second"} for each in records]
