"""Memory that this process holds, as the kernel counts it."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Callable
from pathlib import Path

__all__ = ["watch"]

_STATUS, _RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def watch() -> Callable[[], int | None]:
    """Begin to watch the resident memory of this process.

    Returns:
        What gives its peak since then beyond what was held before, in bytes; it gives None where
        the kernel does not tell (it is Linux that does, see proc_pid_status(5)).
    """
    _trim()
    before = _field("VmRSS")
    try:
        _RESET.write_text("5")  # the peak starts anew, proc_pid_clear_refs(5)
    except OSError:
        before = None

    def taken() -> int | None:
        peak = _field("VmHWM")
        return None if before is None or peak is None else max(peak - before, 0)

    return taken


def _trim() -> None:
    """Have the C library give back what is free, which would else be taken again unseen."""
    gc.collect()
    with contextlib.suppress(OSError, AttributeError, TypeError):  # it is glibc that can
        ctypes.CDLL(None).malloc_trim(0)


def _field(name: str) -> int | None:
    try:
        lines = _STATUS.read_text().splitlines()
    except OSError:
        return None
    found = (line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return next((int(kib) * 1024 for kib in found), None)
