"""Reading images, ours beside torchvision's reference way: ImageFolder and transforms v2 on Pillow.

    python benchmarks/reading_images.py [--images 128] [--workers 0] [--rounds 7]

From JPEGs of 500×375 to normalised batches of 224×224, in evaluation and in training (a random
area, mirrored), by torch's DataLoader with as many processes. Batches of evaluation are compared
before anything is timed; rounds are interleaved, figures are medians with quartiles. Needs
torchvision.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageFilter
from torch.utils.data import DataLoader

from inceptgraph.ops import Preprocessing
from inceptgraph.training import Area, Augment
from inceptgraph_train import images
from inceptgraph_train.augmenting import Augmented
from inceptgraph_train.loading import loader
from inceptgraph_train.opening import open_data
from inceptgraph_train.preparing import Prepared

HOW = Preprocessing(
    range=(0.0, 1.0), mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), resize=256, crop=224
)
BATCH = 16


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=128)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    torch.set_num_threads(1)  # as in a DataLoader's processes
    with tempfile.TemporaryDirectory() as folder:
        draw_photos(Path(folder), chosen.images)
        show(Path(folder), chosen.workers, chosen.rounds)


def draw_photos(folder: Path, number: int) -> None:
    """Noise of large and of small patches, so that files are as large as photos: about 60 KB."""
    random = np.random.default_rng(0)
    for index in range(number):
        place = folder / f"class{index % 2}"
        place.mkdir(exist_ok=True)
        low = Image.fromarray(random.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        large = np.array(low.resize((500, 375), Image.Resampling.BICUBIC)).astype(int)
        pixels = np.clip(large + random.normal(0, 12, large.shape), 0, 255).astype(np.uint8)
        photo = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(0.7))
        photo.save(place / f"{index:04}.jpg", quality=90)


def show(folder: Path, workers: int, rounds: int) -> None:
    from torchvision import datasets
    from torchvision.transforms import v2

    tensor = [
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize(HOW.mean, HOW.std),
    ]
    theirs = {
        "evaluation": v2.Compose([v2.Resize(256), v2.CenterCrop(224), *tensor]),
        "training": v2.Compose([v2.RandomResizedCrop(224), v2.RandomHorizontalFlip(), *tensor]),
    }
    ours = {
        "evaluation": Prepared(HOW),
        "training": Augmented(HOW, Augment(crop=Area(), mirror=True)),
    }

    def loaders(name: str) -> tuple[Iterable[Any], Iterable[Any]]:
        data = open_data(folder)
        data.transform = ours[name]
        reference = datasets.ImageFolder(folder, theirs[name])
        options: dict[str, Any] = {"batch_size": BATCH, "num_workers": workers}
        return DataLoader(reference, **options), loader(data, **options)

    reference, own = (next(iter(each)) for each in loaders("evaluation"))
    apart = float((reference[0] - own.images).abs().max()) * min(HOW.std) * 255
    print(f"torch {torch.__version__}, {workers} workers, decoded by {_decoder()}")
    print(f"in evaluation {apart:.2f} of 255 levels apart at most\n")
    for name in ours:
        taken = [[_per_image(each) for each in loaders(name)] for _ in range(rounds)]
        before, after = (statistics.median(each) for each in zip(*taken, strict=True))
        low, middle, high = statistics.quantiles([a / b for a, b in taken], n=4)
        print(
            f"{name:10}  {before:5.2f} ms → {after:5.2f} ms  {middle:.2f} × ({low:.2f}–{high:.2f})"
        )


def _decoder() -> str:
    return "Pillow" if images._decoder() is images._by_pillow else "torchcodec"


def _per_image(batches: Iterable[Any]) -> float:
    """Milliseconds."""
    started, count = time.perf_counter(), 0
    for batch in batches:
        count += len(batch[0])
    return 1e3 * (time.perf_counter() - started) / count


if __name__ == "__main__":
    main()
