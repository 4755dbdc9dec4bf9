"""What shows images to networks: a package that is found by its entry point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from inceptgraph import backend as backends
from inceptgraph import plugins
from inceptgraph.backend import Progress
from inceptgraph.evaluation._model import Model
from inceptgraph.evaluation._scores import Array

__all__ = ["Answers", "Data", "Evaluator", "Plan", "find_evaluator"]

ENTRY_POINTS = "inceptgraph.evaluators"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The way in which images are shown.

    Attributes:
        crops: views of each, one of :data:`WAYS`.
        batch: views that a network is given at a time.
        workers: processes that read images; 0 reads them in this one.
        skip_broken: leave out images that cannot be read; else the first ends the work.
    """

    crops: int = 1
    batch: int = 32
    workers: int = 0
    skip_broken: bool = False


class Data(Protocol):
    """Images with labels, by their places.

    Attributes:
        classes: the names that labels count; None where labels are numbers from the start.
    """

    @property
    def classes(self) -> tuple[str, ...] | None: ...

    def __len__(self) -> int: ...

    def name(self, index: int) -> str:
        """What messages and tables call an image."""

    def labels(self) -> int | None:
        """How many labels there are; of numbers, one more than the largest; None where nobody
        knows."""


@dataclass(frozen=True)
class Answers:
    """The answers of networks about some images.

    Attributes:
        places: of the images in the data, of shape (images,).
        labels: those of the data, of shape (images,).
        probabilities: of shape (images, classes), for each network and each way of looking in it:
            the mean over the views. In float64.
    """

    places: Array
    labels: Array
    probabilities: Sequence[Sequence[Array]]


@runtime_checkable
class Evaluator(Protocol):
    """A package that reads images and shows them to networks."""

    def open(self, where: str, channels: int) -> Data:
        """The images and labels at a place.

        Args:
            where: a folder of classes, a table, tar shards, or ``package:callable``.
            channels: of the images: 3 for colours, 1 for grey.

        Raises:
            SpecError: there is nothing, or nothing that can be used.
        """

    def pictures(self, paths: Sequence[str], channels: int) -> Data:
        """Images by themselves, each with the label 0.

        Raises:
            SpecError: a path leads nowhere.
        """

    def show(
        self,
        data: Data,
        models: Sequence[Model],
        ways: Sequence[int],
        plan: Plan,
        tell: Progress,
    ) -> Iterator[Answers]:
        """Show all images to all networks, some images at a time, in their order.

        Args:
            data: of :meth:`open` or :meth:`pictures`.
            models: which tell the same number of classes apart.
            ways: of :data:`WAYS`.
            plan: how.
            tell: is told what takes long, and of each image that is left out.

        Raises:
            SpecError: a network cannot run, or an image is broken, and not to be skipped.
        """


def find_evaluator(name: str = backends.MODEL) -> Evaluator:
    """The evaluator of a name, which shows images to networks.

    Raises:
        SpecError: no installed package does, or it cannot be loaded.
    """
    return plugins.named(ENTRY_POINTS, name, Evaluator, "evaluator")
