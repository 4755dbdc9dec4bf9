"""Options and profiles of the test suite."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Workers share the cores: torch, which each would let run on all of them, is slower so.
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

# No deadlines: how long an example takes is the machine's affair.
settings.register_profile(
    "ci", max_examples=100, deadline=None, suppress_health_check=SLOW_IS_FINE
)
settings.register_profile("fast", settings.get_profile("ci"), max_examples=10)
settings.register_profile(
    "long",
    settings.get_profile("ci"),
    max_examples=int(os.environ.get("INCEPTGRAPH_FUZZ_EXAMPLES", "20000")),
)

FAST = ("language", "graph")
"""Folders whose tests make up the fast lane, but for those that are slow."""

def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write expected outputs as they are now"
    )


def pytest_configure(config: pytest.Config) -> None:
    lane = "fast" if config.option.markexpr == "fast" else "ci"
    settings.load_profile(os.environ.get("INCEPTGRAPH_FUZZ", lane))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        room = item.path.relative_to(here).parts[0]
        if room in FAST and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.fast)


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected outputs are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))
