"""LeNet-5 on scikit-learn's digits: 1,797 of 8×8, of which every fifth is kept to validate with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import interpolate
from torch.utils.data import Dataset

import inceptgraph
from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import analyze
from inceptgraph.training import Job, parse_recipe
from inceptgraph_train import TorchTrainer

RECIPE = """
length: 24 epochs
batch: 32
optimizer: {name: adamw, lr: 0.004, weight_decay: 0.05}
schedule: {name: cosine}
loss: {label_smoothing: 0.1}
average: {name: ema, decay: 0.99}
checkpoints: {every: 6 epochs}
"""


class Digits(Dataset[Any]):
    """Digits as LeNet-5 takes them: 32×32, background -0.1, foreground 1.175.

    Args:
        validation: every fifth, or the others.
        shift: the most that they are moved by at random, each way.
    """

    def __init__(self, validation: bool, shift: int = 0) -> None:
        from sklearn.datasets import load_digits

        found = load_digits()
        images = torch.tensor(found.images, dtype=torch.float32)[:, None] / 16 * 1.275 - 0.1
        kept = (torch.arange(len(images)) % 5 == 0) == validation
        self.images = interpolate(images, size=(32, 32), mode="bilinear")[kept]
        self.labels, self.shift = torch.tensor(found.target)[kept], shift

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        down, right = torch.randint(-self.shift, self.shift + 1, (2,)).tolist()
        return self.images[place].roll((down, right), (1, 2)), self.labels[place]


@pytest.mark.slow
def test_it_learns_digits(tmp_path: Path) -> None:
    analysis = analyze("lenet5")
    validation = Digits(validation=True)
    job = Job(
        graph=analysis.require_graph(),
        spec=analysis.text(),
        recipe=parse_recipe(Source("recipe.yaml", RECIPE)),
        data=Digits(validation=False, shift=3),
        validation=validation,
        out=tmp_path / "run",
    )
    TorchTrainer().train(job)
    network = inceptgraph.load(tmp_path / "run").eval()
    with torch.no_grad():
        right = network(validation.images).argmax(1) == validation.labels
    assert right.double().mean() >= 0.98
