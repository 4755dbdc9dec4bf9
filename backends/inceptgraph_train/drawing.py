"""Everything that is drawn: which samples a step has, and how they are changed.

A draw follows from the recipe's seed and from where in the training it is, and from nothing that
was drawn before. So a run that is taken up at a step goes on as one that was never stopped, with
any number of loading processes, and the order of samples is the same on any number of machines.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from inceptgraph.training import Augment
from inceptgraph_train.loading import Broken, read_sample

__all__ = ["Batches", "Drawing", "Drawn", "begin_step", "collated", "mixed", "seed_for"]

PATIENCE = 100
"""Broken images one after another, of which no more are tried."""


def seed_for(*parts: int | str) -> int:
    """A seed that follows from whole numbers and words."""
    digest = hashlib.sha256(":".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def begin_step(seed: int, step: int, rank: int) -> None:
    """Begin torch's generators anew for one step of one process: dropout draws from them."""
    torch.manual_seed(seed_for(seed, "step", step, rank))


class Drawn(NamedTuple):
    """A sample of a step: in which epoch, and its place in the data."""

    epoch: int
    place: int


class Drawing(Dataset[Any]):
    """A dataset whose random changes follow from the seed, the epoch and the sample alone.

    They draw from torch's generator of the CPU, or from Python's. A broken image is given back as
    :class:`~inceptgraph_train.loading.Broken`, with the next that is sound in its place, or None
    where none of the next is.
    """

    def __init__(self, dataset: Any, seed: int) -> None:
        self.dataset, self.seed = dataset, seed

    def __getitems__(self, drawn: Sequence[Drawn]) -> list[tuple[Any, Any, tuple[Broken, ...]]]:
        """The samples of a batch, which leave the generators as they were."""
        generator = torch.default_generator
        before = generator.get_state(), random.getstate()
        try:
            return [self._sound(each) for each in drawn]
        finally:
            generator.set_state(before[0])
            random.setstate(before[1])

    def _sound(self, drawn: Drawn) -> tuple[Any, Any, tuple[Broken, ...]]:
        broken: list[Broken] = []
        for step in range(min(len(self.dataset), PATIENCE)):
            place = (drawn.place + step) % len(self.dataset)
            own = seed_for(self.seed, "sample", drawn.epoch, place)
            torch.default_generator.manual_seed(own)
            random.seed(own)
            found = read_sample(self.dataset, place)
            if not isinstance(found, Broken):
                return *found, tuple(broken)
            broken.append(found)
        return None, None, tuple(broken)


def collated(
    items: Sequence[tuple[Any, Any, tuple[Broken, ...]]],
) -> tuple[Any, Any, list[Broken]]:
    """A batch of what :class:`Drawing` gives: inputs, targets, and what was broken; inputs are None
    where one has no sound image in its place."""
    broken = [each for item in items for each in item[2]]
    if any(item[0] is None for item in items):
        return None, None, broken
    values, labels = default_collate([item[:2] for item in items])
    return values, labels, broken


class Batches:
    """The samples of each step that are one process's, from a step on to the last.

    An epoch is all samples in an order of its own, as far as they fill steps. Each process has its
    part of every step.

    Args:
        samples: how many there are.
        batch: samples of a step, over all processes.
        seed: of the orders.
        start: the first step.
        stop: the step behind the last.
        rank: of this process.
        world: how many processes there are; ``batch`` divides by it.
    """

    def __init__(
        self, samples: int, batch: int, seed: int, start: int, stop: int, rank: int, world: int
    ) -> None:
        self.samples, self.batch, self.seed = samples, batch, seed
        self.start, self.stop = start, stop
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[list[Drawn]]:
        in_epoch, own = self.samples // self.batch, self.batch // self.world
        order, epoch = torch.empty(0), -1
        for step in range(self.start, self.stop):
            if step // in_epoch != epoch:
                epoch = step // in_epoch
                generator = torch.Generator().manual_seed(seed_for(self.seed, "order", epoch))
                order = torch.randperm(self.samples, generator=generator)
            begin = step % in_epoch * self.batch + self.rank * own
            yield [Drawn(epoch, index) for index in order[begin : begin + own].tolist()]


def mixed(images: Tensor, labels: Tensor, classes: int, augment: Augment) -> tuple[Tensor, Tensor]:
    """A batch mixed with itself in another order, by mixup or cutmix, whichever is drawn.

    Args:
        images: of shape (batch, channels, …).
        labels: of shape (batch,), whole numbers.
        classes: how many there are.
        augment: of the recipe, with one or both.

    Returns:
        Images, and shares of classes of shape (batch, classes).
    """
    shares = torch.nn.functional.one_hot(labels, classes).to(images.dtype)
    cut = augment.cutmix and (not augment.mixup or bool(torch.rand(()) < 0.5))
    alpha = torch.tensor(float(augment.cutmix if cut else augment.mixup))
    kept = float(torch.distributions.Beta(alpha, alpha).sample())
    order = torch.randperm(len(images)).to(images.device)
    if cut:
        images = images.clone()
        window, kept = _rectangle(images.shape[2:], kept)
        inside = (slice(None), slice(None), *window)
        images[inside] = images[order][inside]
    else:
        images = kept * images + (1 - kept) * images[order]
    return images, kept * shares + (1 - kept) * shares[order]


def _rectangle(extents: tuple[int, ...], kept: float) -> tuple[tuple[slice, ...], float]:
    """A window of a part of an image around any pixel, and what is left beside it."""
    side = (1 - kept) ** (1 / len(extents))
    window, area = [], 1.0
    for extent in extents:
        centre, half = int(torch.randint(extent, ())), int(extent * side / 2)
        window.append(slice(max(centre - half, 0), min(centre + half, extent)))
        area *= (window[-1].stop - window[-1].start) / extent
    return tuple(window), 1 - area
