"""The losses that an output of a network may name: what training compares it with, and how.

A loss is no step: the network does without it. What computes it is a backend's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["DEFAULT_LOSS", "LOSSES", "Loss", "Target"]


class Target(StrEnum):
    """The values that a loss compares an output with."""

    CLASSES = "the index of its class for each sample, or for each place of a map"
    SHARES = "numbers from 0 to 1, in the output's shape"
    NUMBERS = "numbers in the output's shape"


@dataclass(frozen=True, slots=True)
class Loss:
    """A loss by its name.

    Attributes:
        about: what it is, in a sentence.
        target: what it compares an output with.
        images: whether it takes images alone.
    """

    about: str
    target: Target
    images: bool = False


DEFAULT_LOSS = "cross_entropy"

LOSSES = {
    "cross_entropy": Loss(
        "Softmax over the channels or features, and minus the logarithm of what the class gets.",
        Target.CLASSES,
    ),
    "cross_entropy_2d": Loss(
        "The same for each pixel of an image; refused for what is none.",
        Target.CLASSES,
        images=True,
    ),
    "binary_cross_entropy": Loss(
        "A sigmoid of each number, and the cross-entropy of that with the share of a yes.",
        Target.SHARES,
    ),
    "mse": Loss("The mean of the squared differences.", Target.NUMBERS),
    "l1": Loss("The mean of the absolute differences.", Target.NUMBERS),
    "smooth_l1": Loss(
        "Half the square of a difference below 1, else its absolute value less ½ (Girshick, Fast"
        " R-CNN, 2015, equation 3); the mean.",
        Target.NUMBERS,
    ),
}
"""Every loss, the mean over the samples and places of a batch, by the word that specs use."""
