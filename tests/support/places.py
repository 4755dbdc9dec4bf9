"""Where the checkout keeps what tests read."""

from __future__ import annotations

from pathlib import Path

__all__ = ["BACKENDS", "DATA", "DOCS", "MISTAKES", "PLUGIN", "ROOT", "SPECS"]

ROOT = Path(__file__).resolve().parents[2]
SPECS, DOCS = ROOT / "specs", ROOT / "docs"
DATA, PLUGIN = ROOT / "tests" / "data", ROOT / "tests" / "plugin"
MISTAKES = ROOT / "tests" / "language" / "mistakes"
BACKENDS = sorted(file.parent for file in (ROOT / "backends").glob("*/__init__.py"))
