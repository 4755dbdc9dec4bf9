"""The core names the backend that makes models in one place."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import inceptgraph
from inceptgraph.backend import MODEL

CORE = Path(inceptgraph.__file__).parent
# `ops` holds words of the language, of which `torch` is one: how its layers start
FILES = [path for path in sorted(CORE.rglob("*.py")) if path.parent != CORE / "ops"]


def named(text: str) -> list[int]:
    """The lines in which a string is the backend's name."""
    nodes = ast.walk(ast.parse(text))
    return [node.lineno for node in nodes if isinstance(node, ast.Constant) and node.value == MODEL]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(CORE).as_posix())
def test_it_is_named_in_one_place(path: Path) -> None:
    lines = named(path.read_text(encoding="utf-8"))
    assert len(lines) == (path == CORE / "backend" / "_find.py")


def test_a_second_name_is_seen() -> None:
    assert named(f'backend = find("{MODEL}")  # not in "torch.nn"') == [1]
