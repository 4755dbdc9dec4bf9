"""Images changed at random, as a recipe says, and made into what a network takes.

All is drawn from torch's generator of the CPU, which :mod:`inceptgraph_train.drawing` begins anew
for each sample.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from inceptgraph.ops import Preprocessing
from inceptgraph.training import Area, Augment, Window
from inceptgraph_train.preparing import normalised, resized

__all__ = ["Augmented", "recolored"]

TRIES = 10
"""Windows that are drawn; where none lies in the image, the largest in its middle is taken."""
GREY = (0.299, 0.587, 0.114)
"""The parts of red, green and blue in the brightness of a pixel (ITU-R BT.601)."""


@dataclass(frozen=True)
class Augmented:
    """From an image to what a network learns from.

    Attributes:
        how: the preprocessing of the network's input, whose crop is known.
        augment: of the recipe.
    """

    how: Preprocessing
    augment: Augment

    def __call__(self, image: Tensor) -> Tensor:
        """From (channels, height, width) in ``uint8`` to (channels, *crop) in ``float32``; an image
        of floating-point numbers is finished."""
        if image.is_floating_point():
            return image
        image = self._cropped(image)
        if self.augment.mirror and torch.rand(()) < 0.5:
            image = image.flip(-1)
        if self.augment.color:
            image = recolored(image, self.augment.color)
        return normalised(image, self.how)

    def _cropped(self, image: Tensor) -> Tensor:
        crop, how = self.augment.crop, self.how
        assert how.crop is not None
        if isinstance(crop, Area):
            top, left, height, width = _window(image.shape[1], image.shape[2], crop)
            part = image[:, top : top + height, left : left + width]
            kinds = crop.interpolation or (how.interpolation,)
            return resized(part, *how.crop, kinds[_below(len(kinds))])
        image = resized(image, *how.resized(*image.shape[1:]), how.interpolation)
        top, left, height, width = how.window(*image.shape[1:])
        if isinstance(crop, Window):
            top = _below(image.shape[1] - height + 1)
            left = _below(image.shape[2] - width + 1)
        return image[:, top : top + height, left : left + width]


def _below(count: int) -> int:
    """Any whole number from 0 up to one less than ``count``, each as often."""
    return int(torch.randint(count, ()))


def _window(height: int, width: int, crop: Area) -> tuple[int, int, int, int]:
    """Top, left, height and width of a window: its area even, its aspect even in the logarithm."""
    least, most = (math.log(each) for each in crop.aspect)
    for _ in range(TRIES):
        first, second = torch.rand(2, dtype=torch.float64).tolist()
        area = height * width * (crop.area[0] + first * (crop.area[1] - crop.area[0]))
        aspect = math.exp(least + second * (most - least))
        rows, columns = round(math.sqrt(area / aspect)), round(math.sqrt(area * aspect))
        if 0 < rows <= height and 0 < columns <= width:
            return _below(height - rows + 1), _below(width - columns + 1), rows, columns
    columns = min(width, max(1, round(height * crop.aspect[1])))
    rows = min(height, max(1, round(width / crop.aspect[0])))
    return (height - rows) // 2, (width - columns) // 2, rows, columns


def recolored(image: Tensor, most: float) -> Tensor:
    """An image whose brightness, contrast and saturation are changed, in any order.

    Args:
        image: of shape (channels, height, width), in ``uint8``; a grey one has no saturation.
        most: each is multiplied by a number from 1 - ``most`` to 1 + ``most``.
    """
    pixels = image.float()
    for which in torch.randperm(3).tolist():
        factor = 1 + most * (2 * float(torch.rand(())) - 1)
        mean = _brightness(pixels)
        middle = (torch.zeros(()), mean.mean(), mean)[which]
        pixels = (middle + factor * (pixels - middle)).clamp(0, 255)
    return pixels.round().to(torch.uint8)


def _brightness(pixels: Tensor) -> Tensor:
    """Of each pixel, of shape (1, height, width)."""
    if len(pixels) != 3:
        return pixels.mean(0, keepdim=True)
    return (pixels * torch.tensor(GREY)[:, None, None]).sum(0, keepdim=True)
