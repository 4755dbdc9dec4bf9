"""What came of showing data to networks: figures, and what was said of each image."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from inceptgraph.evaluation._model import Model
from inceptgraph.evaluation._scores import FEW, Array, Details, Errors

__all__ = ["Class", "Found", "Report", "Row"]


class Found(NamedTuple):
    """The likeliest classes of a picture.

    Attributes:
        name: of the picture.
        classes: their indices and probabilities, the likeliest first.
    """

    name: str
    classes: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Row:
    """A way of looking, as a row of the paper's table 3.

    Attributes:
        models: how many networks answered together.
        crops: views of each image.
        errors: what they got wrong.
    """

    models: int
    crops: int
    errors: Errors

    @property
    def cost(self) -> int:
        """How often an image went through a network."""
        return self.models * self.crops

    @property
    def top1(self) -> float:
        """The share of images whose class was not the likeliest."""
        return self.errors.first / self.errors.samples

    @property
    def top5(self) -> float:
        """The share of images whose class was not among the five likeliest."""
        return self.errors.few / self.errors.samples


@dataclass(frozen=True)
class Class:
    """A class, with what was said of its images.

    Attributes:
        index: of the class.
        label: what it is called.
        images: of it.
        right: of these, those that were taken for it.
        taken: images, of any class, that were taken for it.
        mistaken: the other class that its images were taken for most often, and how many of them;
            None where none was.
    """

    index: int
    label: str
    images: int
    right: int
    taken: int
    mistaken: tuple[str, int] | None

    @property
    def recall(self) -> float | None:
        """The share of its images that were taken for it; None where it has none."""
        return self.right / self.images if self.images else None

    @property
    def precision(self) -> float | None:
        """The share of images taken for it that are of it; None where none was."""
        return self.right / self.taken if self.taken else None


@dataclass(frozen=True)
class Report:
    """The results of showing data to networks.

    Attributes:
        models: the networks.
        data: where the images are.
        names: gives the name of an image by its place.
        labels: what the classes are called, in their order.
        broken: images that were left out.
        rows: ways of looking, from the cheapest; the last is the one that was asked for.
        single: the network of the rows of one, which has the lowest top-1 error of all at one view.
        details: of the last row.
    """

    models: Sequence[Model]
    data: str
    names: Callable[[int], str]
    labels: Sequence[str]
    broken: int
    rows: Sequence[Row]
    single: str
    details: Details

    @property
    def images(self) -> int:
        return self.rows[-1].errors.samples

    @property
    def loss(self) -> float:
        """The mean of minus the natural logarithm of what the class of an image gets."""
        return self.details.nats / self.images

    @property
    def has_top5(self) -> bool:
        """Whether there are more classes than five, among which any is."""
        return len(self.details.confusion) > FEW

    def classes(self) -> list[Class]:
        """The classes, in their order."""
        confusion = self.details.confusion
        return [
            Class(
                index,
                self.labels[index],
                int(row.sum()),
                int(row[index]),
                int(taken),
                self._mistaken(index, row),
            )
            for index, (row, taken) in enumerate(zip(confusion, confusion.sum(0), strict=True))
        ]

    def _mistaken(self, index: int, row: Array) -> tuple[str, int] | None:
        others = row.copy()
        others[index] = 0
        most = int(np.argmax(others))
        return (self.labels[most], int(others[most])) if others[most] else None

    def as_dict(self) -> dict[str, Any]:
        """For JSON; shares are from 0 to 1."""
        last = self.rows[-1]
        return {
            "models": [model.name for model in self.models],
            "data": self.data,
            "images": self.images,
            "broken": self.broken,
            "crops": last.crops,
            "top1": 1 - last.top1,
            "top5": 1 - last.top5 if self.has_top5 else None,
            "loss": self.loss,
            "ways": [
                {
                    "models": row.models,
                    "crops": row.crops,
                    "cost": row.cost,
                    "top1_error": row.top1,
                    "top5_error": row.top5 if self.has_top5 else None,
                }
                for row in self.rows
            ],
            "single_model": self.single,
            "classes": [
                {
                    "index": each.index,
                    "label": each.label,
                    "images": each.images,
                    "recall": each.recall,
                    "precision": each.precision,
                }
                for each in self.classes()
            ],
            "confusion": self.details.confusion.tolist(),
        }

    def predictions(self) -> str:
        """What was said of each image, as CSV in the order of the data: its class, and the
        likeliest with their probabilities."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        shown = range(1, min(FEW, len(self.details.confusion)) + 1)
        pairs = [word for i in shown for word in (f"class_{i}", f"probability_{i}")]
        writer.writerow(["image", "label", *pairs])
        writer.writerows(self._lines())
        return file.getvalue()

    def _lines(self) -> Iterator[list[str]]:
        found = self.details
        for batch in zip(found.places, found.labels, found.likeliest, found.shares, strict=True):
            for place, own, best, shares in zip(*(each.tolist() for each in batch), strict=True):
                pairs = zip(best, shares, strict=True)
                cells = [word for i, share in pairs for word in (self.labels[i], f"{share:.6g}")]
                yield [self.names(place), self.labels[own], *cells]
