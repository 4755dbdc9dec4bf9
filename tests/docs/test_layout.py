"""How tests stand to one another, and to the machine."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import ROOT
from work import growth

TESTS = ROOT / "tests"
CLOCKS = {"monotonic", "perf_counter", "process_time", "thread_time", "time"}
MODULES = sorted(TESTS.glob("*/**/test_*.py"))


def _nodes(path: Path) -> Iterator[ast.AST]:
    return ast.walk(ast.parse(path.read_text(encoding="utf-8"), path))


def _imported(path: Path) -> Iterator[str]:
    for node in _nodes(path):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module or ''}.{alias.name}" for alias in node.names)


def _asks_a_clock(node: ast.AST) -> bool:
    """Whether it reads one, or sets hypothesis a deadline."""
    if isinstance(node, ast.keyword):
        return node.arg == "deadline" and ast.unparse(node.value) != "None"
    asked = node.func if isinstance(node, ast.Call) else None
    last = getattr(asked, "attr", getattr(asked, "id", None))
    name = ast.unparse(asked) if asked and last in CLOCKS else ""
    return name.partition(".")[0] == "time"


def test_what_is_tracked_is_text_and_small() -> None:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("no checkout of git")
    tracked = ["git", "-C", str(ROOT), "ls-files", "-z"]
    names = subprocess.run(tracked, check=True, capture_output=True, text=True).stdout
    for path in (ROOT / name for name in names.split("\0") if name):
        if path.is_file():  # and not removed, or a link
            assert path.stat().st_size < 200_000, path
            assert "\0" not in path.read_text(encoding="utf-8"), path


def test_no_module_imports_a_test_module() -> None:
    names = {module.stem for module in MODULES} | {"conftest", "tests"}
    for path in [*MODULES, *TESTS.glob("support/**/*.py")]:
        assert [name for name in _imported(path) if names & set(name.split("."))] == [], path


def test_no_test_asks_a_clock() -> None:
    """What takes long on a busy machine is not wrong; ``work.growth`` counts instead."""
    for path in MODULES:
        assert [ast.unparse(node) for node in _nodes(path) if _asks_a_clock(node)] == [], path


def test_square_work_is_seen_as_such() -> None:
    def pairs(size: int) -> Callable[[], object]:
        return lambda: [None for _ in range(size) for _ in range(size)]

    assert growth(pairs, 30) > 3.5
