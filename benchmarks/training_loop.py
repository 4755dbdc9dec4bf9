"""Whole trainings, ours beside torchvision's reference loop written plainly.

    python benchmarks/training_loop.py [--steps 24] [--workers 2] [--rounds 5] [--dtype f32,bf16]

From JPEGs of 500×375 to updated weights: `googlenet_torchvision` with both heads, batches of 16, a
random area of each image, mirrored, SGD with momentum. The reference is torchvision's GoogLeNet in
eager and its default layout, ImageFolder and transforms v2 on Pillow, torch's DataLoader with as
many processes. Each training is a process of its own, since the allocator's settings are; rounds
are interleaved, figures are medians of a round's images a second behind its first third.

``bare`` makes our steps on one batch in memory, and ``held`` our whole loop on images in memory:
what it takes more is what the loop costs. Needs torchvision.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import torch
from reading_images import draw_photos
from torch.utils.data import DataLoader, TensorDataset

from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import analyze
from inceptgraph.setting import SHORT
from inceptgraph.training import Job, parse_recipe
from inceptgraph_train import TorchTrainer
from inceptgraph_train.losses import Losses
from inceptgraph_train.networks import trained_network
from inceptgraph_train.optimizers import make_optimizer
from inceptgraph_train.processes import Processes

SPEC, BATCH = "googlenet_torchvision", 16
RECIPE = """
length: {steps} steps
batch: 16
optimizer: {{name: sgd, lr: 0.01, momentum: 0.9}}
augment: {{crop: {{name: area}}, mirror: true}}
precision: {dtype}
checkpoints: {{every: {steps} steps}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--dtype", default="f32,bf16", help="with commas between")
    chosen = parser.parse_args()
    dtypes = [SHORT.get(each, each) for each in chosen.dtype.split(",")]
    parties = [(theirs, "float32")]
    for dtype in dtypes:
        parties += [(each, dtype) for each in (theirs, ours, held, bare)]
    parties = list(dict.fromkeys(parties))
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {chosen.workers} workers")
    with tempfile.TemporaryDirectory() as folder:
        draw_photos(Path(folder), 16 * BATCH)
        rounds = [
            [_alone(who, folder, dtype, chosen) for who, dtype in parties]
            for _ in range(chosen.rounds)
        ]
    for (who, dtype), *rates in zip(parties, *rounds, strict=True):
        ratios = [rate / each[0] for rate, each in zip(rates, rounds, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        name, rate = who.__name__, statistics.median(rates)
        print(f"{name:7} {dtype:9} {rate:6.2f} images/s  {middle:.2f} × ({low:.2f}–{high:.2f})")
    for dtype in dtypes:
        one, other = (parties.index((who, dtype)) for who in (bare, held))
        more = statistics.median(each[one] / each[other] - 1 for each in rounds)
        print(f"the loop takes {more:.1%} more than its steps in {dtype}")


def _alone(who: Any, folder: str, dtype: str, chosen: argparse.Namespace) -> float:
    """Images a second of one training in a process of its own."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        asked = pool.submit(who, Path(folder), dtype, chosen.steps, chosen.workers)
        rate = float(asked.result())
    print(f"{who.__name__:7} {dtype:9} {rate:6.2f} images/s", file=sys.stderr, flush=True)
    return rate


def theirs(folder: Path, dtype: str, steps: int, workers: int) -> float:
    """torchvision's reference loop."""
    from torchvision import datasets, models
    from torchvision.transforms import v2

    torch.manual_seed(0)
    transform = [v2.RandomResizedCrop(224), v2.RandomHorizontalFlip(), v2.PILToTensor()]
    transform += [v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.5] * 3)]
    data = datasets.ImageFolder(folder, v2.Compose(transform))
    batches = DataLoader(data, BATCH, shuffle=True, num_workers=workers)
    network = models.googlenet(aux_logits=True, num_classes=2, init_weights=False).train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9)
    criterion, ends, made = torch.nn.CrossEntropyLoss(), [time.perf_counter()], 0
    while made < steps:
        for images, labels in batches:
            with torch.autocast("cpu", torch.bfloat16, enabled=dtype == "bfloat16"):
                logits, aux2, aux1 = network(images)
                heads = criterion(aux1, labels) + criterion(aux2, labels)
                loss = criterion(logits, labels) + 0.3 * heads
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            loss.item()
            made += 1
            ends.append(time.perf_counter())
            if made == steps:
                break
    return _rate(ends)


def ours(folder: Path, dtype: str, steps: int, workers: int) -> float:
    """``inceptgraph train``."""
    return _trained(str(folder), dtype, steps, workers)


def held(folder: Path, dtype: str, steps: int, workers: int) -> float:
    """The loop on images that are in memory."""
    data = TensorDataset(torch.randn(4 * BATCH, 3, 224, 224), torch.arange(4 * BATCH) % 2)
    return _trained(data, dtype, steps, 0)


def _trained(data: Any, dtype: str, steps: int, workers: int) -> float:
    with tempfile.TemporaryDirectory() as out:
        job = _job(data, Path(out) / "run", dtype, steps, workers)
        TorchTrainer().train(job)
        lines = (job.out / "metrics.jsonl").read_text().splitlines()
    rates = [json.loads(line)["images_per_second"] for line in lines]
    kept = rates[len(rates) // 3 :]
    return len(kept) / sum(1 / rate for rate in kept)


def bare(folder: Path, dtype: str, steps: int, workers: int) -> float:
    """Our steps on one batch in memory."""
    job = _job(None, folder / "none", dtype, steps, 0)
    assert job.recipe is not None
    processes = Processes(torch.device("cpu"))
    network = trained_network(job, job.recipe, processes, lambda report: None)
    optimizer = make_optimizer(network, job.recipe, job.graph).optimizer
    losses = Losses(job.graph, job.recipe.loss)
    images, labels = torch.randn(BATCH, 3, 224, 224), torch.arange(BATCH) % 2
    ends = [time.perf_counter()]
    for _ in range(steps):
        loss, _ = losses(network(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        ends.append(time.perf_counter())
    return _rate(ends)


def _job(data: Any, out: Path, dtype: str, steps: int, workers: int) -> Job:
    analysis = analyze(SPEC, set={"classes": 2})
    return Job(
        graph=analysis.require_graph(),
        spec=analysis.text({"classes": "2"}),
        recipe=parse_recipe(Source("recipe.yaml", RECIPE.format(steps=steps, dtype=dtype))),
        data=data,
        out=out,
        workers=workers,
        log_every=4,
    )


def _rate(ends: list[float]) -> float:
    """Images a second behind the first third."""
    kept = ends[len(ends) // 3 :]
    return BATCH * (len(kept) - 1) / (kept[-1] - kept[0])


if __name__ == "__main__":
    main()
