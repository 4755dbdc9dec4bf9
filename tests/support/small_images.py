"""Small pictures, and folders of them, made on the fly."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from PIL import Image

__all__ = ["COLOURS", "folder_of_classes", "jpeg", "picture", "ramp"]

COLOURS = {"blue": (20, 30, 200), "green": (20, 180, 40), "red": (210, 30, 20)}


def picture(colour: tuple[int, int, int], size: tuple[int, int] = (24, 20)) -> Image.Image:
    """A picture of one colour, ``size`` pixels wide and high."""
    return Image.new("RGB", size, colour)


def ramp(width: int, height: int) -> Image.Image:
    """A picture whose red tells the column of a pixel, and whose green its row."""
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width) % 256
    pixels[..., 1] = (np.arange(height) % 256)[:, None]
    pixels[..., 2] = (np.arange(width) // 256 * 16)[None] + (np.arange(height) // 256)[:, None]
    return Image.fromarray(pixels)


def jpeg(image: Image.Image, **options: object) -> bytes:
    """The bytes of a JPEG."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=95, **options)
    return file.getvalue()


def folder_of_classes(
    folder: Path, images: int = 2, classes: Mapping[str, tuple[int, int, int]] = COLOURS
) -> Path:
    """A folder of classes, each of images of its colour, JPEG and PNG by turns."""
    for name, colour in classes.items():
        (folder / name).mkdir(parents=True)
        for number in range(images):
            suffix = "png" if number % 2 else "jpg"
            picture(colour).save(folder / name / f"{number}.{suffix}")
    return folder
