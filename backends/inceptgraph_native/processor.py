"""The machine's C++ compiler, and the processor that it compiles for."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache

__all__ = ["Processor", "compiler", "here"]

_NATIVE = (("-march=native",), ("-mcpu=native",), ())
"""What lets a compiler use all that this processor has: on x86, on ARM, where it knows neither."""

_FLAGS = ("-std=c++20", "-O3", "-fPIC", "-pthread", "-fno-math-errno", "-fno-trapping-math")


@dataclass(frozen=True, slots=True)
class Processor:
    """What code is made for.

    Attributes:
        compiler: its path.
        flags: that it takes.
        lanes: float32 numbers of a vector, as ``kernels/vectors.hpp`` chooses.
        registers: vectors that the processor holds.
        bfloat16: whether it multiplies pairs of bfloat16.
        identity: a hash of compiler, version, flags and what the processor has.
    """

    compiler: str
    flags: tuple[str, ...]
    lanes: int
    registers: int
    bfloat16: bool
    identity: str


def compiler() -> str | None:
    """The path of a C++ compiler: ``$CXX``, or the first of c++, g++ and clang++; None where there
    is none. Any will do here; Inductor calls the one that it is built for, which the torch backend
    looks for."""
    for name in (os.environ.get("CXX"), "c++", "g++", "clang++"):
        if name and (path := shutil.which(name)):
            return path
    return None


def here() -> Processor:
    """This machine's.

    Raises:
        FileNotFoundError: there is no compiler.
    """
    path = compiler()
    if path is None:
        raise FileNotFoundError("there is no C++ compiler")
    return _described(path)


@cache
def _described(path: str) -> Processor:
    for native in _NATIVE:
        flags = (*_FLAGS, *native)
        command = [path, *flags, "-dM", "-E", "-x", "c++", os.devnull]
        asked = subprocess.run(command, capture_output=True, text=True, check=False)
        if asked.returncode == 0:
            break
    version = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    macros = {line.split()[1] for line in asked.stdout.splitlines() if line.startswith("#define")}
    lanes = 16 if "__AVX512F__" in macros else 8 if "__AVX__" in macros else 4
    registers = 32 if macros & {"__AVX512F__", "__aarch64__"} else 16
    known = "\n".join([path, version.stdout, *flags, *sorted(asked.stdout.splitlines())])
    identity = hashlib.sha256(known.encode()).hexdigest()
    return Processor(path, flags, lanes, registers, "__AVX512BF16__" in macros, identity)
