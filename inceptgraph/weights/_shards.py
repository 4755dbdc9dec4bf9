"""Models whose weights stand in several files, with an index that says in which."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

from inceptgraph.weights._file_formats import refuse

__all__ = ["files_of", "find_index"]

_SUFFIX = ".index.json"
_INDICES = tuple(f"{name}{_SUFFIX}" for name in ("model.safetensors", "pytorch_model.bin"))
_MOST_BYTES = 64 * 2**20
"""Of an index: one of a million tensors has less."""


def find_index(path: Path) -> Path | None:
    """The index that a path means: itself, or the one in a directory; None where it means none."""
    if os.path.isdir(path):
        return next((path / name for name in _INDICES if os.path.isfile(path / name)), None)
    return path if path.name.endswith(_SUFFIX) and os.path.isfile(path) else None


def files_of(index: Path) -> Mapping[str, Path]:
    """The file that holds each tensor, by name. All stand beside the index.

    Raises:
        SpecError: the index is broken, or names a file that is not there or elsewhere.
    """
    try:
        if index.stat().st_size > _MOST_BYTES:
            refuse(index, "is too large for an index of weights")
        placed = json.loads(index.read_bytes()).get("weight_map")
    except (OSError, ValueError, AttributeError, RecursionError) as error:
        refuse(index, f"is an index of weights that is broken: {error}", "download it again")
    if not isinstance(placed, dict) or not all(isinstance(v, str) for v in placed.values()):
        refuse(index, "is an index without `weight_map`", "download it again")
    for name in dict.fromkeys(placed.values()):
        if name != Path(name).name or name in (".", "..") or "\\" in name or "\0" in name:
            refuse(index, f"names a file outside its directory, `{name[:60]}`: refused")
        if not os.path.isfile(index.parent / name):
            refuse(
                index, f"names `{name[:60]}`, which is not beside it", "download all of its files"
            )
    return {tensor: index.parent / name for tensor, name in placed.items()}
