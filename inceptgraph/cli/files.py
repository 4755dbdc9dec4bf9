"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from inceptgraph.cli.failures import Refused

__all__ = ["write"]


def write(path: str, content: str | bytes) -> None:
    """Write a file: beside its place first, then moved there.

    Raises:
        Refused: its folder does not exist, or it is one.
    """
    target = Path(path)
    if target.is_dir():
        raise Refused(f"`{path}` is a folder: name the file to write")
    if not target.parent.is_dir():
        raise Refused(f"there is no folder `{target.parent}`")
    data = content.encode() if isinstance(content, str) else content
    descriptor, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(beside, _mode(target))
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _mode(target: Path) -> int:
    """The permissions that the file has, or that a new one gets."""
    with contextlib.suppress(OSError):
        return target.stat().st_mode & 0o777
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
