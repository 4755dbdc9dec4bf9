"""Random networks, each on every way there is to run it: ``.ci/fuzz --graphs 100000``.

A network is named by its seed and number, so that a run can be resumed and a failure repeated. Work
is done in processes of some hundred networks each: one that a library ends costs one network, whose
number and way are then known.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import torch
from differential import WAYS, Case, Failure, failures
from random_networks import network
from smaller_network import smallest

from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph
from inceptgraph.pipeline import to_graph

__all__ = ["check", "due", "main", "text_of"]

AT_A_TIME = 250
"""Networks that one process takes."""

CAPPED = {"OV_CPU_MAX_ISA": "AVX2", "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
"""What keeps OpenVINO and torch from AVX-512: in every other process, since kernels differ."""

TELL_EVERY = 50
"""Networks after which it is said how far it is."""

PATIENCE = 300
"""Seconds that one way may take before its process is ended."""

PACKAGES = ("inceptgraph", "torch", "onnx", "onnxruntime", "openvino")


def text_of(seed: int, number: int) -> str:
    """The text of a network."""
    return network(Random(f"{seed}/{number}"))


def _graph(text: str) -> Graph:
    return to_graph(Source("random.yaml", text))


def check(seed: int, number: int, ways: list[str]) -> list[Failure]:
    """What fails of a network on those of some ways that are due."""
    return list(failures(Case(_graph(text_of(seed, number)), number), due(number, ways)))


def due(number: int, ways: list[str]) -> list[str]:
    """The ways that a network takes: dear ones take some of them."""
    return [way for way in ways if number % WAYS[way][1] == 0]


def _capped(number: int) -> bool:
    return number // AT_A_TIME % 2 == 1


def _say(**told: Any) -> None:
    print("\n" + json.dumps(told), flush=True)


def _work(seed: int, start: int, stop: int, ways: list[str]) -> None:
    """Check some networks; a line of JSON for each thing that is to be known."""
    torch.set_num_threads(1)
    for number in range(start, stop):
        text = text_of(seed, number)
        case = Case(_graph(text), number)
        for way in due(number, ways):
            signal.alarm(PATIENCE)
            _say(number=number, way=way)
            for each in failures(case, [way]):
                _say(number=number, way=way, reason=each.reason)
                _say(number=number, way=way, text=smallest(text, _fails(number, way)))
    signal.alarm(0)


def _fails(number: int, way: str) -> Any:
    return lambda text: any(failures(Case(_graph(text), number), [way]))


def _told(seed: int, start: int, stop: int, ways: list[str]) -> Iterator[dict[str, Any]]:
    """What a process says, and last how it ended."""
    command = [sys.executable, __file__, "--work", str(stop), "--seed", str(seed)]
    command += ["--start", str(start), "--ways", ",".join(ways)]
    capped = CAPPED if _capped(start) else {}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **capped},
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("{"):
                yield json.loads(line)
    yield {"code": process.returncode}


class _Log:
    """What was found, a line each, on the screen and in a file."""

    def __init__(self, path: Path | None, seed: int) -> None:
        self._path, self._seed = path, seed
        self.runs: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self._began = time.monotonic()
        self._last, self._numbers = -1, 0

    def seen(self, number: int) -> None:
        """Tell how far it is, now and then."""
        if number != self._last:
            self._last, self._numbers = number, self._numbers + 1
            if self._numbers % TELL_EVERY == 0:
                self.progress()

    def line(self, text: str) -> None:
        print(text, flush=True)
        if self._path:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(text + "\n")

    def failure(self, number: int, way: str, reason: str) -> None:
        self.failures[way] += 1
        processor = ", without AVX-512" if _capped(number) else ""
        self.line(f"FAIL {self._seed}/{number} {way}{processor}: {' '.join(reason.split())}")

    def progress(self, last: bool = False) -> None:
        minutes = (time.monotonic() - self._began) / 60
        found = ", ".join(f"{way} {count}" for way, count in self.failures.items()) or "none"
        self.line(f"{self._numbers:,} networks in {minutes:.1f} minutes; failures: {found}")
        if last:
            self.line(", ".join(f"{way} {count:,}" for way, count in self.runs.items()))


def _batch(log: _Log, seed: int, start: int, stop: int, ways: list[str]) -> int:
    """Have a process check some networks; the number at which to go on."""
    number, way = start, ""
    for told in _told(seed, start, stop, ways):
        if "code" in told:
            if told["code"] == 0:
                return stop
            log.failure(number, way, f"its process ended with {told['code']}")
            return number + 1
        number, way = told["number"], told["way"]
        if "text" in told:
            log.line("     " + told["text"].strip().replace("\n", "\n     "))
        elif "reason" in told:
            log.failure(number, way, told["reason"])
        else:
            log.runs[way] += 1
            log.seen(number)
    return stop


def main() -> int:
    """Parse the command line, and run; 1 where something failed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--graphs", type=int, default=500, help="how many networks")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--start", type=int, default=0, help="number of the first, to resume")
    parser.add_argument("--ways", "--engines", default=",".join(WAYS), help="some of the ways")
    parser.add_argument("--log", type=Path, help="a file that lines are added to")
    parser.add_argument("--work", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    ways = given.ways.split(",")
    if given.work is not None:
        _work(given.seed, given.start, given.work, ways)
        return 0
    log, number, stop = _Log(given.log, given.seed), given.start, given.start + given.graphs
    log.line(f"seed {given.seed}, " + ", ".join(f"{name} {version(name)}" for name in PACKAGES))
    while number < stop:
        end = (number // AT_A_TIME + 1) * AT_A_TIME
        number = _batch(log, given.seed, number, min(end, stop), ways)
    log.progress(last=True)
    return 1 if log.failures else 0


if __name__ == "__main__":
    sys.exit(main())
