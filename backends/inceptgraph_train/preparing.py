"""Images prepared for a network, as its preprocessing says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from inceptgraph.evaluation import View
from inceptgraph.ops import Preprocessing
from inceptgraph_train.images import BrokenImage

__all__ = ["Prepared", "Shown", "cut", "for_evaluation", "normalised", "resized"]


@dataclass(frozen=True)
class Prepared:
    """From an image to what a network takes in evaluation: resized, cropped and normalised.

    Attributes:
        how: the preprocessing of a network's input, whose crop is known.
    """

    how: Preprocessing

    def __call__(self, image: Tensor) -> Tensor:
        """From (channels, height, width) in ``uint8`` to (channels, *crop) in ``float32``; an image
        of floating-point numbers is finished."""
        if image.is_floating_point():
            return image
        return normalised(for_evaluation(image, self.how), self.how)


@dataclass(frozen=True)
class Shown:
    """From an image to views of it for each of some networks, not yet normalised.

    Attributes:
        hows: the preprocessing of each network's input, whose crop is known.
        views: of each network's, in the order in which they are shown.
    """

    hows: Sequence[Preprocessing]
    views: Sequence[Sequence[View]]

    def __call__(self, image: Tensor) -> tuple[Tensor, ...]:
        """From (channels, height, width) in ``uint8`` to (views, channels, *crop) for each.

        Raises:
            BrokenImage: it is of floating-point numbers, hence finished, and to be seen twice.
        """
        if image.is_floating_point():
            if any(len(views) > 1 for views in self.views):
                raise BrokenImage("it is of finished numbers, of which there is but one view")
            return (image[None],) * len(self.hows)
        each = zip(self.hows, self.views, strict=True)
        return tuple(_shown(image, how, views) for how, views in each)


def for_evaluation(image: Tensor, how: Preprocessing) -> Tensor:
    """What a network is shown of an image in evaluation: the middle of it, resized."""
    image = resized(image, *how.resized(*image.shape[1:]), how.interpolation)
    return cut(image, *how.window(*image.shape[1:]))


def cut(image: Tensor, top: int, left: int, height: int, width: int) -> Tensor:
    """A rectangle of an image."""
    return image[:, top : top + height, left : left + width]


def resized(image: Tensor, height: int, width: int, interpolation: str = "bilinear") -> Tensor:
    """An image of another size, smoothed where it becomes smaller, as Pillow does it.

    Args:
        image: of shape (channels, height, width), in ``uint8``.
        height: that it is to have, ``width`` alike.
        interpolation: ``nearest``, ``bilinear``, ``bicubic``, or ``area``, the mean of all that
            becomes one pixel.
    """
    size = (height, width)
    if tuple(image.shape[1:]) == size:
        return image
    # a pixel's channels side by side: torch takes a third of the time
    batch = image.permute(1, 2, 0).contiguous()[None].permute(0, 3, 1, 2)
    if interpolation == "area":
        return interpolate(batch.float(), size, mode="area")[0].round().byte()
    if interpolation == "nearest":  # torch's own of this name looks at a pixel's corner
        return interpolate(batch, size, mode="nearest-exact")[0]
    return interpolate(batch, size, mode=interpolation, antialias=True)[0]


def normalised(images: Tensor, how: Preprocessing) -> Tensor:
    """The numbers that a network takes, of images of 8 bits.

    Args:
        images: of shape (…, channels, height, width), in red, green and blue, or grey; of
            floating-point numbers they are finished.
        how: with a factor and an offset for each channel.

    Returns:
        A tensor of the same shape in ``float32``, in the order of colours of ``how``.
    """
    if images.is_floating_point():
        return images.float()
    if how.order == "bgr":
        images = images.flip(-3)
    factors, offsets = (each.to(images.device) for each in _line(how))
    return images.contiguous().float().mul_(factors).add_(offsets)


@cache
def _line(how: Preprocessing) -> tuple[Tensor, Tensor]:
    """The factors and offsets of channels, of shape (channels, 1, 1); exact fractions take time."""
    return (
        torch.tensor(how.factors)[:, None, None],
        torch.tensor(how.offsets)[:, None, None],
    )


def _shown(image: Tensor, how: Preprocessing, views: Sequence[View]) -> Tensor:
    assert how.crop is not None
    scaled: dict[int | None, Tensor] = {}
    found = []
    for view in views:
        if view.shorter not in scaled:
            at = how if view.shorter is None else how.model_copy(update={"resize": view.shorter})
            size = at.resized(*image.shape[1:])
            scaled[view.shorter] = resized(image, *size, how.interpolation)
        whole = scaled[view.shorter]
        _, height, width = whole.shape
        part = cut(whole, *view.box(height, width, how.crop))
        part = resized(part, *how.crop, how.interpolation)
        found.append(part.flip(-1) if view.mirrored else part)
    return torch.stack(found)
