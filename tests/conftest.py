"""Options and profiles of the test suite."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, settings

# Workers share the cores: torch, which each would let run on all of them, is slower so.
workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
os.environ.setdefault("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 1) // workers)))

SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

settings.register_profile(
    "ci", max_examples=100, deadline=timedelta(seconds=5), suppress_health_check=SLOW_IS_FINE
)
settings.register_profile(
    "long",
    max_examples=int(os.environ.get("INCEPTGRAPH_FUZZ_EXAMPLES", "20000")),
    deadline=timedelta(seconds=20),
    suppress_health_check=SLOW_IS_FINE,
)
settings.load_profile(os.environ.get("INCEPTGRAPH_FUZZ", "ci"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write expected outputs as they are now"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    """Whether expected outputs are to be rewritten."""
    return bool(request.config.getoption("--update-golden"))
