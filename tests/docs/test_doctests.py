"""Examples in docstrings say what is so: every one is run, and none is overlooked."""

from __future__ import annotations

import doctest
import importlib
import re
from pathlib import Path

import pytest
from places import DOCS, ROOT

EXAMPLE = re.compile(r"^ *>>> ", re.MULTILINE)
WITH_TORCH = re.compile(r"(?:>>>|\.\.\.) .*\b(?:build|compile)\(")
WITHOUT_TORCH = ("inceptgraph.", "inceptgraph_graphviz.")
PLACES = {ROOT: "inceptgraph/**/*.py", ROOT / "backends": "*/**/*.py", DOCS: "*.py"}
"""Folders that modules are imported from, and which files are modules."""


def _modules() -> list[object]:
    """Each module with examples: its name, the folder, and how many lines of examples it holds."""
    found = []
    for folder, files in PLACES.items():
        for path in sorted(folder.glob(files)):
            text = path.read_text(encoding="utf-8")
            count = len(EXAMPLE.findall(text))
            parts = path.relative_to(folder).with_suffix("").parts
            name = ".".join(parts).removesuffix(".__init__")
            fast = f"{name}.".startswith(WITHOUT_TORCH) and not WITH_TORCH.search(text)
            marks = pytest.mark.fast if fast else ()
            if count:
                found.append(pytest.param(name, folder, count, id=name, marks=marks))
    return found


@pytest.mark.parametrize(("name", "folder", "count"), _modules())
def test_examples_of_a_module(
    name: str, folder: Path, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    assert doctest.testmod(importlib.import_module(name)) == (0, count)
