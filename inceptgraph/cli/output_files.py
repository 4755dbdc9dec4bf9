"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from inceptgraph.cli.failures import Refused
from inceptgraph.diagnostics import Source

__all__ = ["check_target", "write", "writing"]


@contextlib.contextmanager
def writing(name: str) -> Iterator[None]:
    """Work that writes what a user calls ``name``.

    Raises:
        Refused: the system cannot write it: no space is left, or no permission given.
    """
    try:
        yield
    except BrokenPipeError:
        raise  # who reads it has enough
    except OSError as error:
        raise Refused(f"cannot write `{name}`: {error.strerror or error}") from error


def write(path: str, content: str | bytes, made_from: Iterable[Source] = ()) -> None:
    """Write a file: beside its place first, then moved there.

    A link stays, and what it leads to is replaced. What is no regular file, such as a pipe or a
    device, is written to.

    Args:
        path: where to.
        content: all of it; text becomes UTF-8.
        made_from: the files that the content was made from, which it must not replace.

    Raises:
        Refused: its folder does not exist, or it is one, or one of ``made_from``, or the system
            cannot write it.
    """
    check_target(path, made_from)
    data = content.encode() if isinstance(content, str) else content
    with writing(path):
        mode = _mode(path)
        if mode is None or stat.S_ISREG(mode):
            _replace(Path(os.path.realpath(path)), data, mode)
        else:
            with open(path, "wb") as file:
                file.write(data)


def check_target(path: str, made_from: Iterable[Source]) -> None:
    """Refuse a place that cannot be written to; see :func:`write`.

    Raises:
        Refused: it cannot.
    """
    folder = Path(os.path.realpath(path) if os.path.islink(path) else path).parent
    if os.path.isdir(path):
        raise Refused(f"`{path}` is a folder: name the file to write")
    if not os.path.exists(path) and not folder.is_dir():
        raise Refused(f"there is no folder `{folder}` for `{path}`: make it first")
    read = (source.name for source in made_from if os.path.exists(source.name))
    if os.path.exists(path) and any(os.path.samefile(path, name) for name in read):
        raise Refused(f"`{path}` is read by this command: write to another file")


def _replace(target: Path, data: bytes, mode: int | None) -> None:
    descriptor, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(beside, _new_mode() if mode is None else mode & 0o777)
        os.replace(beside, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(beside)
        raise


def _mode(path: str) -> int | None:
    """Kind and permissions of what is there, behind links; None where there is nothing."""
    try:
        return os.stat(path).st_mode
    except FileNotFoundError:
        return None


def _new_mode() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask
