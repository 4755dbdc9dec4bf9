"""What the tests of other tools share: whether a tool is there, and the table of what was found."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "ecosystem.md"
HEAD = """# Other tools

What other tools do with a network of `inceptgraph.compile` and with a built `model.py`, as
`.ci/ecosystem --write` found it. Each is held to the same tool, or the same arithmetic, on a module
written by hand with torch alone (`tests/ecosystem/`). Run with {torch}.

What torch itself does with blocks, such as hooks, FSDP, activation checkpoints, `torch.func` and
averaged weights, is in every run of the tests (`tests/torch/test_blocks.py`).

| tool | version | what | `compile` | `model.py` |
| --- | --- | --- | --- | --- |
"""
FOUND: dict[tuple[str, str], dict[str, str]] = {}
WORDS = {"passed": "works", "failed": "FAILS", "skipped": "not there"}


@pytest.fixture(autouse=True)
def _tool(request: pytest.FixtureRequest) -> None:
    package = request.node.get_closest_marker("ecosystem").args[0]
    if not _version(package):
        pytest.skip(f"{package} is not installed")


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    outcome: Any = yield
    report = outcome.get_result()
    marker = item.get_closest_marker("ecosystem")
    if marker and (report.when == "call" or report.outcome != "passed"):
        made = item.callspec.params["made"].__name__  # type: ignore[attr-defined]
        FOUND.setdefault(marker.args, {}).setdefault(made, WORDS[report.outcome])


def pytest_sessionfinish(session: pytest.Session) -> None:
    if not session.config.getoption("--write"):
        return
    rows = [
        f"| {package} | {_version(package)} | {what} | {found['tree']} | {found['file']} |\n"
        for (package, what), found in sorted(FOUND.items())
    ]
    head = HEAD.format(torch=f"torch {version('torch').partition('+')[0]} on a CPU")
    PAGE.write_text(head + "".join(rows), encoding="utf-8")
