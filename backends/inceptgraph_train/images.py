"""Images: from the bytes of a file to a tensor of 8 bits a channel, by torchcodec or Pillow."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inceptgraph_train.errors import refused

__all__ = ["SUFFIXES", "BrokenImage", "decode", "from_pillow", "require_decoder"]

SUFFIXES = (".jpg", ".jpeg", ".png")
"""How files of images end, in any case."""

_MODES = {1: "L", 3: "RGB"}
"""What Pillow calls images of one and of three channels."""
_READ = {b"\xff\xd8\xff": "JPEG", b"\x89PNG\r\n": "PNG"}
"""What is read, by how it begins. Others are left alone: Pillow would start programs for some."""
_PLACE = re.compile(r"^\w+, \S+:\d+, ")
"""Where in its source torchcodec raised an error."""


class BrokenImage(Exception):
    """An image that cannot be read; its text says why, in a few words."""


def decode(content: bytes, channels: int = 3) -> Tensor:
    """The pixels of a JPEG or PNG, turned upright as its camera says.

    Transparency is dropped, and colours become grey for one channel.

    Args:
        content: of the file.
        channels: 3 for red, green and blue, 1 for grey.

    Returns:
        A tensor of shape (channels, height, width) in ``uint8``.

    Raises:
        BrokenImage: it is none of them, or broken, or too large to be true.
    """
    if not content.startswith(tuple(_READ)):
        raise BrokenImage("it is no JPEG or PNG")
    try:
        return _decoder()(content, channels)
    except Exception as error:  # what strangers wrote may fail in any way
        raise BrokenImage(_told(error)) from error


def from_pillow(image: Any, channels: int = 3) -> Tensor:
    """The pixels of an image of Pillow's; see :func:`decode`."""
    if image.mode.startswith("I;16"):  # which Pillow would clip, not scale
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return torch.from_numpy(grey)[None].repeat(channels, 1, 1)
    mode = _MODES[channels]
    pixels = np.array(image if image.mode == mode else image.convert(mode))
    return torch.from_numpy(pixels.reshape(*pixels.shape[:2], channels)).permute(2, 0, 1)


def require_decoder() -> None:
    """Refuse to read images where nothing decodes them.

    Raises:
        SpecError: neither torchcodec nor Pillow is installed.
    """
    if _decoder() is _by_pillow and find_spec("PIL") is None:
        hint = 'pip install "inceptgraph[train]"'
        raise refused("images are decoded by Pillow or torchcodec, and neither is installed", hint)


@cache
def _decoder() -> Callable[[bytes, int], Tensor]:
    """What decodes here: torchcodec where it is installed and works, and else Pillow."""
    try:
        decoders = import_module("torchcodec.decoders")
        return lambda content, channels: _by_torchcodec(decoders, content, channels)
    except (AttributeError, ImportError, OSError, RuntimeError):  # one of another torch's
        return _by_pillow


def _by_pillow(content: bytes, channels: int) -> Tensor:
    from PIL import Image, ImageOps

    with Image.open(io.BytesIO(content), formats=[*_READ.values()]) as image:
        ImageOps.exif_transpose(image, in_place=True)  # else it is copied
        return from_pillow(image, channels)


def _by_torchcodec(decoders: Any, content: bytes, channels: int) -> Tensor:
    mode = {1: "GRAY", 3: "RGB"}[channels]
    found: Tensor = decoders.decode_image(content, mode=mode)
    return found


def _told(error: Exception) -> str:
    """An error in a line, without its place in others' sources and the addresses of objects."""
    if type(error).__name__ == "UnidentifiedImageError":
        return "it begins as a JPEG or PNG, and is none"
    lines = _PLACE.sub("", str(error)).splitlines()
    return lines[0] if lines else type(error).__name__
