"""Directories replaced whole: whenever a process dies, there is the old one or the new one."""

from __future__ import annotations

import os
import platform
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

__all__ = ["replacing"]


@contextmanager
def replacing(place: Path) -> Iterator[Path]:
    """A new directory beside ``place``, which takes its place when the block ends well.

    Raises:
        OSError: the directory around ``place`` cannot be written to.
    """
    _clean_up(place)
    folder = place.parent / f".{place.name}.building-{secrets.token_hex(4)}"
    folder.mkdir()
    try:
        with ExitStack() as held:
            with suppress(OSError):
                held.enter_context(_locked(folder))
            yield folder
        if place.exists():
            _exchange(folder, place)
        else:
            folder.rename(place)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clean_up(place: Path) -> None:
    """Undo what processes that were killed left beside ``place``."""
    aside = _aside(place)
    if aside.exists():
        if place.exists():
            shutil.rmtree(aside, ignore_errors=True)
        else:
            aside.rename(place)
    for folder in place.parent.glob(f".{place.name}.building-*"):
        # its process holds the lock for as long as it lives
        with suppress(OSError), _locked(folder):
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold a directory's lock, which the system releases when the process ends, however it does.

    Raises:
        OSError: another process holds it, or the system has no such locks.
    """
    try:
        import fcntl
    except ImportError:  # Windows: what a killed build left stays there
        raise OSError("no locks on directories") from None
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _aside(place: Path) -> Path:
    return place.with_name(f".{place.name}.aside")


def _exchange(new: Path, old: Path) -> None:
    """Put ``new`` in the place of ``old``: in one step where the system can, else in two."""
    if platform.system() == "Linux" and _renameat2_exchange(new, old):
        return
    aside = _aside(old)
    old.rename(aside)
    try:
        new.rename(old)
    except OSError:
        aside.rename(old)
        raise
    shutil.rmtree(aside, ignore_errors=True)


def _renameat2_exchange(first: Path, second: Path) -> bool:
    """Swap two paths atomically with Linux's ``renameat2``; False where it cannot."""
    import ctypes

    at_fdcwd, rename_exchange = -100, 2
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    paths = (os.fsencode(first), os.fsencode(second))
    return bool(rename(at_fdcwd, paths[0], at_fdcwd, paths[1], rename_exchange) == 0)
