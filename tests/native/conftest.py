"""Code for processors with shorter vectors than this one's."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from pathlib import Path

import pytest

SHORTER = ("x86-64", "x86-64-v3")


@pytest.fixture(scope="session")
def empty_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of this run's own: what is tested is compiled here, by one of its workers."""
    base = tmp_path_factory.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "compiled"


@pytest.fixture(params=[pytest.param(kind, marks=pytest.mark.slow) for kind in SHORTER])
def shorter_vectors(request: pytest.FixtureRequest) -> Iterator[None]:
    """What is compiled is for processors with SSE2 alone, and with AVX2."""
    import torch  # here, since every lane reads this file, the fast one as well

    from inceptgraph_native import processor

    if platform.machine() not in ("x86_64", "AMD64"):
        pytest.skip("these are processors of x86")
    if request.param == "x86-64-v3" and "AVX" not in torch.backends.cpu.get_cpu_capability():
        pytest.skip("this processor has no AVX2")
    if request.param == "x86-64-v3" and torch.backends.cpu.get_cpu_capability() == "AVX2":
        pytest.skip("all other tests compile for AVX2 on this processor")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(processor, "_NATIVE", ((f"-march={request.param}",),))
        processor._described.cache_clear()
        yield
    processor._described.cache_clear()
