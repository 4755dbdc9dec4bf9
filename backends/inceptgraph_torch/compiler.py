"""The C++ compiler that Inductor calls, also ahead of time."""

from __future__ import annotations

import os
import shutil
import sys

__all__ = ["compiler"]


def compiler() -> str | None:
    """Its path; None where there is none. Inductor itself takes a second to be asked."""
    usual = {"darwin": "clang++", "win32": "cl"}.get(sys.platform, "g++")
    return shutil.which(os.environ.get("CXX") or usual)
