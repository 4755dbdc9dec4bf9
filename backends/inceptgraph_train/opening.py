"""Data by what a user names: a folder of classes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inceptgraph_train.data import Images
from inceptgraph_train.errors import refused
from inceptgraph_train.folders import list_folder

__all__ = ["open_data"]


def open_data(where: str | Path, **options: Any) -> Images:
    """The images and labels at a place, as a map-style dataset.

    Args:
        where: a folder of classes.
        options: those of :class:`~inceptgraph_train.data.Images`.

    Raises:
        SpecError: there is nothing, or nothing that can be used.
    """
    path = Path(where)
    if not path.is_dir():
        raise refused(f"there is no data at `{where}`", "name a folder of classes")
    return Images(list_folder(path), **options)
