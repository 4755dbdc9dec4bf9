"""Whole processes of the command line, interleaved, in medians.

    python benchmarks/command_line.py [--rounds 15]

``check``, ``summary`` and ``render`` of GoogLeNet stand beside a Python that does nothing;
``build`` beside one that imports torch, since it cannot be faster than that.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PYTHON = sys.executable
INCEPTGRAPH = [PYTHON, "-m", "inceptgraph"]


def commands(folder: Path) -> dict[str, list[str]]:
    """What is measured, by name."""
    return {
        "python -c pass": [PYTHON, "-c", "pass"],
        "check": [*INCEPTGRAPH, "check", "googlenet"],
        "summary": [*INCEPTGRAPH, "summary", "googlenet"],
        "render": [*INCEPTGRAPH, "render", "googlenet", "-o", str(folder / "googlenet.svg")],
        "python -c 'import torch'": [PYTHON, "-c", "import torch"],
        "build": [*INCEPTGRAPH, "build", "googlenet", "-o", str(folder / "model"), "--seed", "0"],
    }


def seconds(command: list[str], folder: Path) -> float:
    """One run of a command, checked."""
    shutil.rmtree(folder / "model", ignore_errors=True)
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15, help="runs of each command")
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        chosen = commands(folder)
        times: dict[str, list[float]] = {label: [] for label in chosen}
        for turn in range(rounds + 1):
            for label, command in chosen.items():
                taken = seconds(command, folder)
                if turn:  # the first round fills caches
                    times[label].append(taken)
    print(f"{'command':<26} {'median':>8} {'fastest':>8} {'slowest':>8}   seconds, {rounds} rounds")
    for label, taken in times.items():
        median = statistics.median(taken)
        print(f"{label:<26} {median:8.3f} {min(taken):8.3f} {max(taken):8.3f}")
    pairs = zip(times["build"], times["python -c 'import torch'"], strict=True)
    added = statistics.median(build - bare for build, bare in pairs)
    print(f"build adds {added:.3f} s to the import of torch (median of differences)")


if __name__ == "__main__":
    main()
