"""Data by what a user names."""

from __future__ import annotations

import re
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

from inceptgraph.diagnostics import did_you_mean
from inceptgraph.source import names_in
from inceptgraph_train.data import Images, Others
from inceptgraph_train.errors import reading, refused
from inceptgraph_train.folders import list_folder
from inceptgraph_train.shards import find_shards, list_shards
from inceptgraph_train.tables import SUFFIXES, list_table

__all__ = ["open_data"]

_CALLABLE = re.compile(r"(?!\d)\w+(\.\w+)*:(?!\d)\w+(\.\w+)*")
_FORMS = (
    "name a folder of classes, a table (.csv, .parquet), tar shards such as 'train-{000..099}.tar',"
    " or package:callable"
)


def open_data(where: str | Path, channels: int = 3) -> Images | Others:
    """The images and labels at a place, as a map-style dataset.

    Args:
        where: a folder of classes, a table, tar shards, or ``package:callable``, which is called
            and gives a map-style dataset.
        channels: of the images: 3 for colours, 1 for grey.

    Raises:
        SpecError: there is nothing, or nothing that can be used.
    """
    with reading(where):
        return _opened(where, channels)


def _opened(where: str | Path, channels: int) -> Images | Others:
    path = Path(where)
    if path.suffix.lower() in SUFFIXES and path.is_file():
        return Images(list_table(path), channels=channels)
    if shards := find_shards(str(where)):
        return Images(list_shards(shards), channels=channels)
    if path.is_dir():
        return Images(list_folder(path), channels=channels)
    if _CALLABLE.fullmatch(str(where)):
        return Others(_called(str(where)), str(where), channels=channels)
    hint = did_you_mean(path.name, names_in(path.parent))
    raise refused(f"there is no data at `{where}`", hint or _FORMS)


def _called(where: str) -> Any:
    """What a callable of a package gives. Imports the package, which runs its code."""
    package, _, name = where.partition(":")
    try:
        home = import_module(package)
    except Exception as error:  # a package may fail in any way
        message = f"`{package}` cannot be imported: {type(error).__name__}: {error}"
        raise refused(message, "install it, or name a module that Python finds") from error
    try:
        function = reduce(getattr, name.split("."), home)
    except AttributeError as error:
        known = [each for each in vars(home) if callable(getattr(home, each))]
        raise refused(f"`{package}` has no `{name}`", did_you_mean(name, known)) from error
    if not callable(function):
        raise refused(f"`{where}` cannot be called", "name a function or a class")
    try:
        return function()
    except Exception as error:
        message = f"`{where}()` fails: {type(error).__name__}: {error}"
        raise refused(message, "it is called without arguments, and gives a dataset") from error
