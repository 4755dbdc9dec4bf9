"""Folders of classes: in the folder of each class its images."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

from inceptgraph_train.data import Listing, Sample
from inceptgraph_train.errors import refused
from inceptgraph_train.images import SUFFIXES

__all__ = ["PARTS", "list_folder", "part_of"]

PARTS = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation", "test", "testing"),
}
"""What people call the folders of the parts of a data set."""


def list_folder(folder: Path) -> Listing:
    """The images in a folder of classes, which are in the order of their names.

    Folders inside that of a class are looked into, and what begins with a dot is left out.

    Raises:
        SpecError: there is no folder of a class in it, or no image in those.
    """
    classes = sorted(entry.name for entry in os.scandir(folder) if _is_class(entry))
    parts = [name for names in PARTS.values() for name in names if name in classes]
    if parts and len(parts) == len(classes):
        hint = f"name one of them: --data {folder / parts[-1]}"
        raise refused(f"`{folder}` holds the parts {', '.join(classes)}, and no classes", hint)
    samples = [
        Sample(os.path.relpath(path, folder), label, path)
        for label, name in enumerate(classes)
        for path in _images(os.path.join(folder, name))
    ]
    if not classes:
        wrong = "no folder of a class" if any(_images(str(folder))) else "no images"
        hint = "put the images of each class, JPEG or PNG, into a folder of its name"
        raise refused(f"`{folder}` holds {wrong}", hint)
    if not samples:
        hint = f"an image is a file whose name ends in {', '.join(SUFFIXES)}"
        raise refused(f"the folders of classes in `{folder}` hold no images", hint)
    return Listing(samples, tuple(classes))


def part_of(folder: Path, part: str) -> Path | None:
    """The folder of a part of a data set, ``train`` or ``val``; None where there is none."""
    found = (folder / name for name in PARTS[part])
    return next((each for each in found if each.is_dir()), None)


def _is_class(entry: os.DirEntry[str]) -> bool:
    return entry.is_dir() and not entry.name.startswith(".")


def _images(folder: str) -> Iterator[str]:
    """The paths of the images in a folder and below, in the order of their names."""
    for here, below, files in os.walk(folder, onerror=_raised):
        below[:] = sorted(name for name in below if not name.startswith("."))
        for name in sorted(files):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield os.path.join(here, name)


def _raised(error: OSError) -> NoReturn:
    """Else a folder that may not be read would count as empty."""
    raise error
