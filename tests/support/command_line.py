"""The command line run in this process, and what came of it."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from inceptgraph.cli import run as run_command

__all__ = ["Result", "Run", "runner"]


class Result(NamedTuple):
    """The exit code, and what went to stdout and to stderr."""

    code: int
    out: str
    err: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """What went to stdout as CSV."""
        return list(csv.DictReader(io.StringIO(self.out)))


Run = Callable[..., Result]


def runner(capsys: pytest.CaptureFixture[str]) -> Run:
    """What runs a command line, given as words and paths."""

    def call(*arguments: str | Path) -> Result:
        code = run_command([str(argument) for argument in arguments])
        return Result(code, *capsys.readouterr())

    return call
