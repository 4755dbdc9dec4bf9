"""Pixels to the numbers that a network takes.

A built ``model.py`` carries the source of these functions, so that its ``preprocess`` is this one:
they stand on builtins, torch, and what :mod:`inceptgraph_torch.codegen.sources` says it imports.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptgraph.graph import Graph

__all__ = ["prepared", "settings"]


def settings(graph: Graph) -> dict[str, dict[str, Any]]:
    """The arguments of :func:`prepared` by the names of inputs, of those that the spec says."""
    return {
        name: each.model_dump() | ({"frames": True} if len(graph.shape(name)) == _VIDEO else {})
        for name, each in graph.preprocessing.items()
    }


_VIDEO = 4
"""Axes of a video: channels, frames, height and width."""


def prepared(
    image: Any,
    *,
    range: tuple[float, float],
    order: str,
    mean: tuple[float, ...],
    std: tuple[float, ...],
    resize: int | None,
    crop: tuple[int, int],
    interpolation: str,
    frames: bool = False,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """An image, or several of one size, as a batch that a network takes.

    Args:
        image: pixels of 0 to 255 in ``uint8``: an array of shape (…, height, width, channels), or
            a tensor of shape (…, channels, height, width); colours are red, green, blue.
        range: what 0 and 255 become.
        order: of the colours in the result, ``rgb`` or ``bgr``.
        mean: subtracted from each channel, in that order and in units of the range.
        std: what each channel is divided by then.
        resize: pixels of the shorter side; None for the least that cover the crop.
        crop: height and width of the middle, which is cut out.
        interpolation: ``nearest``, ``bilinear`` or ``bicubic``.
        frames: whether they are the frames of videos, the last axis before those of an image.
        dtype: of the result.

    Returns:
        A tensor of shape (batch, channels, height, width), of videos with the frames behind the
        channels.

    Raises:
        TypeError: the pixels are not ``uint8``.
        ValueError: it has another shape.
    """
    is_tensor = isinstance(image, Tensor)
    pixels = image if is_tensor else torch.tensor(image).movedim(-1, -3)
    if pixels.dtype != torch.uint8:
        raise TypeError(f"pixels are 0 to 255 in uint8, not {pixels.dtype}")
    *many, channels, height, width = pixels.shape
    if channels != len(mean) or len(many) < frames:
        layout = "channels, height, width" if is_tensor else "height, width, channels"
        layout = f"(…, {'frames, ' if frames else ''}{layout})"
        raise ValueError(f"{tuple(image.shape)} is not {layout} with {len(mean)} channels")
    images = pixels.reshape(-1, channels, height, width)
    images = cut_out(images, resize, crop, interpolation).to(dtype)
    images = images.flip(1) if order == "bgr" else images
    low, high = range
    factor = [(high - low) / 255 / each for each in std]
    offset = [(low - m) / s for m, s in zip(mean, std, strict=True)]
    images = images * images.new_tensor(factor).view(-1, 1, 1)
    images = images + images.new_tensor(offset).view(-1, 1, 1)
    images = images.reshape(*many, *images.shape[1:])
    images = images.transpose(-4, -3) if frames else images
    return images if images.dim() > 3 + frames else images[None]


def cut_out(
    images: Tensor, resize: int | None, crop: tuple[int, int], interpolation: str
) -> Tensor:
    """The middle of images of shape (batch, channels, height, width) in ``uint8``, once they are
    resized."""
    height, width = images.shape[-2:]
    rows, columns = (max(resize or 0, extent) for extent in crop)
    if height * columns <= width * rows:
        size = rows, rows * width // height
    else:
        size = columns * height // width, columns
    if size == (height, width):
        pass
    elif interpolation == "nearest":
        images = F.interpolate(images, size, mode="nearest-exact")
    else:
        images = F.interpolate(images, size, mode=interpolation, antialias=True)  # as Pillow's
    top, left = round((size[0] - crop[0]) / 2), round((size[1] - crop[1]) / 2)
    return images[..., top : top + crop[0], left : left + crop[1]]
