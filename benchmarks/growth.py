"""How the time and memory of ``check`` grow with the number of steps.

    python benchmarks/growth.py [--rounds 3]

Each size runs in a process of its own, sizes interleaved; a step is one convolution. The last
column should stay level: it is what a thousand steps cost beyond an empty start.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

SIZES = (100, 1_000, 10_000, 100_000)

MEASURE = """
import resource, sys, time
from inceptgraph.pipeline import analyze
start = time.perf_counter()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
analysis = analyze(sys.argv[1])
taken = time.perf_counter() - start
assert not analysis.findings and len(analysis.graph.nodes) == int(sys.argv[2]) + 1
print(taken, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


def write(path: Path, steps: int) -> None:
    """A spec of that many convolutions in a chain."""
    header = "name: chain\ninput: {channels: 8, height: 8, width: 8}\nstages:\n"
    lines = (f"  s{i}: {{op: conv2d, out: 8, kernel: 3, padding: same}}\n" for i in range(steps))
    path.write_text(header + "".join(lines))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3, help="runs of each size")
    rounds = parser.parse_args().rounds
    results: dict[int, list[tuple[float, int]]] = {size: [] for size in SIZES}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            write(Path(folder) / f"{size}.yaml", size)
        for _ in range(rounds):
            for size in SIZES:
                command = [sys.executable, "-c", MEASURE, f"{folder}/{size}.yaml", str(size)]
                done = subprocess.run(command, check=True, capture_output=True, text=True)
                taken, memory = done.stdout.split()
                results[size].append((float(taken), int(memory)))
    print(f"{'steps':>8} {'seconds':>9} {'MiB':>8} {'ms per 1000':>12} {'KiB per step':>13}")
    for size, runs in results.items():
        taken = statistics.median(run[0] for run in runs)
        memory = statistics.median(run[1] for run in runs)
        print(
            f"{size:8,} {taken:9.3f} {memory / 1024:8.1f} {1e6 * taken / size:12.1f}"
            f" {memory / size:13.2f}"
        )


if __name__ == "__main__":
    main()
