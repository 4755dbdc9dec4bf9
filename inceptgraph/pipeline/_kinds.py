"""What the arguments of the flow take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike

from inceptgraph.arguments import FLAG, FUNCTION, NAME, NUMBER, PATH, TEXTS, Kind
from inceptgraph.diagnostics import Source

__all__ = ["KINDS"]

KINDS = {
    "spec": Kind("a path, a shipped spec's name or a Source", (str, PathLike, Source)),
    "source": PATH,
    "folder": PATH,
    "set": Kind(
        "a mapping from paths to values, such as {'classes': 10}", (Mapping,), optional=True
    ),
    "key of set": replace(NAME, told="a path, such as 'classes' or 'stages.conv1.out'"),
    "depth": replace(NUMBER, told="a number of levels", optional=True),
    "passes": replace(TEXTS, told="a list of functions from graph to graph"),
    "pass": replace(FUNCTION, told="a function from graph to graph"),
    "optimize": replace(
        FLAG,
        told="True, False, a Target or a list of passes' names",
        types=(bool, Sequence),
        but=(str, bytes),
        named=("inceptgraph.passes._base.Target",),
        optional=True,
    ),
    "backend": replace(NAME, told="a backend's name, such as `torch`"),
    "engine": replace(NAME, told="an engine's name, such as `auto`", optional=True),
    "verify": FLAG,
    "weights": replace(
        PATH,
        told="the path of a file, or a WeightsFile",
        named=("inceptgraph.weights._contents.WeightsFile",),
        optional=True,
    ),
    "remap": replace(PATH, told="a shipped table's name, or a path", optional=True),
    "allow": replace(TEXTS, told="a list of strings, such as ['missing:aux1']"),
}
"""Types of the arguments of the functions here, by name."""
