"""What the passes cost, and what they bring to torch eager on a CPU, side by side.

    python benchmarks/passes.py [--rounds 9] [--batch 1] [NETWORK …]

Outputs are compared before anything is timed; rounds are interleaved, figures are medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch

import inceptgraph
from inceptgraph.errors import Source
from inceptgraph.passes import Target, optimize
from inceptgraph.pipeline import to_graph

NETWORKS = ("googlenet", "googlenet_torchvision", "inception_v3")
SIZES = (100, 1_000, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--batch", type=int, default=1)
    chosen = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {chosen.batch}\n")
    show_cost(chosen.rounds)
    for name in chosen.networks:
        show_speed(name, chosen.batch, chosen.rounds)


def show_cost(rounds: int) -> None:
    """Time of all passes, on the largest network of the family and on chains of steps."""
    graphs = {"inception_resnet_v2": to_graph("inception_resnet_v2")}
    graphs |= {f"{size:,} steps": chain(size) for size in SIZES}
    for label, graph in graphs.items():
        taken = [seconds(lambda graph=graph: optimize(graph)) for _ in range(rounds)]
        median = statistics.median(taken)
        each = 1e6 * median / len(graph.nodes)
        print(f"passes on {label:<20} {median:8.3f} s  {each:6.1f} µs a step")
    print()


def chain(steps: int) -> inceptgraph.Graph:
    """Convolution, batch normalisation and ReLU in a chain of so many steps."""
    body = "{c: {op: conv2d, out: 8}, b: {op: batch_norm}, r: {op: relu}}"
    text = (
        "name: chain\ninput: {channels: 8, height: 8, width: 8}\n"
        f"stages: {{all: {{repeat: {steps // 3}, steps: {body}}}}}\n"
    )
    return to_graph(Source("chain.yaml", text))


def show_speed(name: str, batch: int, rounds: int) -> None:
    """Forward passes of the plain module, in channels-last order, and after the passes."""
    torch.manual_seed(0)
    shape = to_graph(name).inputs[0].shape
    assert shape is not None
    image = torch.rand(batch, *shape)
    last = image.contiguous(memory_format=torch.channels_last)
    plain = inceptgraph.compile(name, seed=0).eval()
    ordered = inceptgraph.compile(name, seed=0, channels_last=True).eval()
    target = Target(batch=batch)
    passed = inceptgraph.compile(name, seed=0, channels_last=True, optimize=target).eval()
    runs: dict[str, Callable[[], torch.Tensor]] = {
        "eager": lambda: plain(image),
        "eager, channels-last": lambda: ordered(last),
        "and passes": lambda: passed(last),
    }
    times: dict[str, list[float]] = {label: [] for label in runs}
    with torch.inference_mode():
        wanted = plain(image)
        for run in runs.values():
            torch.testing.assert_close(run(), wanted, rtol=1e-3, atol=1e-5)
        for _ in range(rounds):
            for label, run in runs.items():
                times[label].append(seconds(run))
    base = statistics.median(times["eager"])
    print(f"{name}")
    for label, taken in times.items():
        median = statistics.median(taken)
        spread = f"{min(taken) * 1e3:.0f} … {max(taken) * 1e3:.0f}"
        print(f"  {label:<22} {median * 1e3:8.1f} ms  ({spread})  {base / median:5.2f} ×")


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
