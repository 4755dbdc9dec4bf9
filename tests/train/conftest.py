"""Trainings in processes of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from places import ROOT

from inceptgraph_train import images

SERVER = ROOT / "tests" / "support" / "forked_trainings.py"

Fork = Callable[..., tuple[list[int], str]]


@pytest.fixture(scope="session")
def fork() -> Iterator[Fork]:
    """A training, of one process or of several: how each ended, and what they said."""
    with subprocess.Popen(
        [sys.executable, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None

        def call(main: str, *words: str | Path | int, processes: int = 1) -> tuple[list[int], str]:
            asked = {"main": main, "words": [*map(str, words)], "processes": processes}
            print(json.dumps(asked), file=server.stdin, flush=True)
            done = json.loads(server.stdout.readline())
            assert "Traceback" not in done["said"], done["said"]
            return done["codes"], done["said"]

        yield call
        server.stdin.close()


@pytest.fixture(autouse=True)
def by_pillow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Images are decoded as where torchcodec is not installed, wherever the tests run."""
    monkeypatch.setattr(images, "_decoder", lambda: images._by_pillow)
