"""Options and profiles of the test suite."""

from __future__ import annotations

import gc
import os
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Workers share the cores: torch, which each would let run on all of them, is slower so.
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

FAST = ("language", "graph")
"""Folders whose tests are the fast lane, but for modules with torch and what is marked otherwise.

A test elsewhere takes part if it is marked ``fast``.
"""

NOT_FAST = ("heavy", "slow")
IMPORTS_TORCH = re.compile(r"^(?:from|import) torch\b", re.MULTILINE)
SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

# No deadlines: how long an example takes is the machine's affair.
settings.register_profile("any", deadline=None, suppress_health_check=SLOW_IS_FINE)
EXAMPLES = {
    "fast": 10,
    "readme": 25,
    "slow": 100,
    "long": int(os.environ.get("INCEPTGRAPH_FUZZ_EXAMPLES", "20000")),
}
"""Of a property, by lane: README's tests try few, and the slow lane tries each property anew."""
for lane, count in EXAMPLES.items():
    settings.register_profile(lane, settings.get_profile("any"), max_examples=count)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write expected outputs as they are now"
    )
    parser.addoption(
        "--write", action="store_true", help="write what a lane found into its page of the docs"
    )


def pytest_configure(config: pytest.Config) -> None:
    gc.disable()  # until all is collected
    chosen = config.option.markexpr
    lane = "fast" if chosen == "fast" else "readme" if "not slow" in chosen else "slow"
    settings.load_profile(os.environ.get("INCEPTGRAPH_FUZZ", lane))


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> None:
    """Workers begin with a share of neighbours, which have fixtures and caches in common."""
    if getattr(config.option, "numprocesses", None) and config.option.dist == "no":
        config.option.dist = "worksteal"


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """In the fast lane, what has no part in it is not even imported: torch alone takes seconds."""
    if config.option.markexpr != "fast" or not collection_path.name.startswith("test_"):
        return None
    marked = "pytest.mark.fast" in collection_path.read_text(encoding="utf-8")
    return None if marked or _is_fast(collection_path) else True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if _is_fast(item.path) and not any(map(item.get_closest_marker, NOT_FAST)):
            item.add_marker(pytest.mark.fast)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: no search for garbage need walk it."""
    gc.freeze()
    gc.enable()


@cache
def _is_fast(path: Path) -> bool:
    room = path.relative_to(Path(__file__).parent).parts[0]
    return room in FAST and not IMPORTS_TORCH.search(path.read_text(encoding="utf-8"))


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected outputs are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))
