"""Compiled programs: made once, and kept in a cache."""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import stat
import subprocess
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from pathlib import Path

from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph_native.processor import Processor

__all__ = ["KERNELS", "cache_folder", "compiled"]

KERNELS = Path(str(files("inceptgraph_native") / "kernels"))
"""The folder of the headers that programs include."""


def cache_folder() -> Path:
    """Where compiled programs are kept: ``$INCEPTGRAPH_CACHE``, or ``inceptgraph`` in the user's
    cache directory."""
    if chosen := os.environ.get("INCEPTGRAPH_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base) / "inceptgraph"


def compiled(sources: Sequence[str], processor: Processor, extra: Sequence[str] = ()) -> Path:
    """The shared library of a program, compiled unless it is in the cache.

    Args:
        sources: the texts of its translation units, compiled side by side.
        processor: what to compile it for.
        extra: more flags, such as ``-fsanitize=address``.

    Raises:
        SpecError: the compiler fails.
    """
    headers = sorted(KERNELS.rglob("*.hpp"))
    parts = [processor.identity, *extra, *sources, *(path.read_text() for path in headers)]
    key = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    path = _writable(cache_folder()) / f"{key[:40]}.so"
    if not path.exists():
        with tempfile.TemporaryDirectory(dir=path.parent) as folder:
            made = _compile(Path(folder), sources, processor, extra)
            made.replace(path)  # at once: who looks meanwhile finds nothing, or all of it
    return path


def _writable(folder: Path) -> Path:
    """The folder where it is this user's alone to write; else one that lives as long as this
    process."""
    with contextlib.suppress(OSError):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = folder.stat()
        others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if found.st_uid == os.getuid() and not others and os.access(folder, os.W_OK | os.X_OK):
            return folder
    return _passing_folder()


@cache
def _passing_folder() -> Path:
    held = tempfile.TemporaryDirectory(prefix="inceptgraph-")
    atexit.register(held.cleanup)
    return Path(held.name)


def _compile(
    folder: Path, sources: Sequence[str], processor: Processor, extra: Sequence[str]
) -> Path:
    flags = (*processor.flags, *extra)
    objects = []
    for index, text in enumerate(sources):
        (folder / f"part{index}.cpp").write_text(text)
        objects.append(folder / f"part{index}.o")

    def compile_one(made: Path) -> None:
        source = made.with_suffix(".cpp")
        command = [processor.compiler, *flags, f"-I{KERNELS}", "-c", source, "-o", made]
        _call([str(part) for part in command])

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        list(pool.map(compile_one, objects))
    library = folder / "program.so"
    _call([processor.compiler, *flags, "-shared", *map(str, objects), "-o", str(library)])
    return library


def _call(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr)
        message = f"the compiler {command[0]} cannot compile the program: {first.strip()[:300]}"
        hint = "set CXX to another C++20 compiler, or use another engine"
        raise SpecError([Diagnostic(Code.ENGINE_REFUSES, message, help=hint)])
