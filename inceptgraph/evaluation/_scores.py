"""Scores of probabilities: how often the class is among those that are thought the likeliest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["FEW", "Array", "Details", "Errors", "likeliest"]

Array = np.ndarray[Any, np.dtype[Any]]

FEW = 5
"""The likeliest classes that a network may name."""
_LEAST = np.finfo(np.float64).tiny


@dataclass
class Errors:
    """Samples whose class is not the likeliest, and not among the :data:`FEW` likeliest.

    Attributes:
        samples: counted so far.
        first: of these, those whose class was not the likeliest.
        few: of these, those whose class was not among the few.
    """

    samples: int = 0
    first: int = 0
    few: int = 0

    def add(self, probabilities: Array, labels: Array) -> None:
        """Count samples.

        Args:
            probabilities: of shape (samples, classes).
            labels: the indices of their classes, of shape (samples,).
        """
        ranks = _ranks(probabilities, labels)
        self.samples += len(labels)
        self.first += int((ranks >= 1).sum())
        self.few += int((ranks >= FEW).sum())


@dataclass
class Details:
    """Results of one way of looking, sample by sample and class by class.

    Attributes:
        confusion: how many samples of a class (row) are taken for each (column).
        nats: the sum of the losses, minus the natural logarithm of what the class gets.
        places: of the samples in their data, in the order in which they were added.
        labels: of these samples.
        likeliest: of each sample the likeliest classes, the likeliest first.
        shares: what these get.
    """

    confusion: Array
    nats: float = 0.0
    places: list[Array] = field(default_factory=list)
    labels: list[Array] = field(default_factory=list)
    likeliest: list[Array] = field(default_factory=list)
    shares: list[Array] = field(default_factory=list)

    def add(self, places: Array, probabilities: Array, labels: Array) -> None:
        """Note samples; see :meth:`Errors.add`."""
        best, shares = likeliest(probabilities, FEW)
        own = np.take_along_axis(probabilities, labels[:, None], 1)
        self.nats -= float(np.log(np.maximum(own, _LEAST)).sum())
        np.add.at(self.confusion, (labels, best[:, 0]), 1)
        for kept, new in (
            (self.places, places),
            (self.labels, labels),
            (self.likeliest, best),
            (self.shares, shares),
        ):
            kept.append(new)


def likeliest(probabilities: Array, number: int) -> tuple[Array, Array]:
    """The likeliest classes of each sample and what they get; of equals the first one leads.

    Args:
        probabilities: of shape (samples, classes).
        number: how many, where there are as many.
    """
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :number]
    return order, np.take_along_axis(probabilities, order, 1)


def _ranks(probabilities: Array, labels: Array) -> Array:
    """How many classes stand before that of each sample."""
    own = np.take_along_axis(probabilities, labels[:, None], 1)
    before = np.arange(probabilities.shape[1]) < labels[:, None]
    ranks: Array = ((probabilities > own) | ((probabilities == own) & before)).sum(1)
    return ranks
