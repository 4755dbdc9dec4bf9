"""Training steps of engines and of the plain module, side by side.

    python benchmarks/training.py [--engine eager,native] [--dtype f32,bf16] [--batch 16]
        [--rounds 9] [NETWORK …]

A step is the forward pass with all heads, their losses, the backward pass, and SGD with momentum.
The plain module is torch eager in its default layout. It runs twice: as it comes, and with an
allocator that keeps freed memory, as all others do. That setting is a whole process's, so each runs
in a process of its own; rounds are interleaved, figures are medians. Before anything is timed, the
outputs of all heads are compared with float64's, and again after a step, which holds the losses and
every gradient: nobody may be further off than ten times the plain module in the same type.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import time
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from inceptgraph import engine as engines
from inceptgraph.engine import Setting
from inceptgraph.measure import bound, error_of, relative_error
from inceptgraph.pipeline import to_graph
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_torch.bench import TorchBenchLab

NETWORKS = ("googlenet_torchvision", "googlenet")
PLAIN = "plain"
COMPARED = 4
"""Samples of which outputs are compared."""


@dataclass(frozen=True)
class Run:
    """What one process does.

    Attributes:
        network: a spec.
        who: an engine, or the plain module.
        setting: how it runs.
    """

    network: str
    who: str
    setting: Setting

    def __str__(self) -> str:
        memory = "kept" if self.setting.keep_memory else "as it comes"
        return f"{self.who:8} {self.setting.dtype:9} memory {memory:12}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--engine", default="eager,native", help="with commas between")
    parser.add_argument("--dtype", default="f32,bf16", help="with commas between")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    for network in chosen.networks:
        as_it_comes = Setting(batch=chosen.batch, train=True)
        runs = [Run(network, PLAIN, as_it_comes)]
        for dtype in chosen.dtype.split(","):
            kept = Setting.of(dtype=dtype, batch=chosen.batch, train=True, keep_memory=True)
            runs += [Run(network, who, kept) for who in (PLAIN, *chosen.engine.split(","))]
        show(runs, chosen.rounds)


def show(runs: list[Run], rounds: int) -> None:
    """Print what a network's runs take: the first is one base, the next plain one the other."""
    print(f"{runs[0].network}, {runs[0].setting.batch} at a time")
    times = measured(runs, rounds)
    medians = [statistics.median(each) for each in times]
    tuned = next(i for i, run in enumerate(runs) if run.who == PLAIN and run.setting.keep_memory)
    for run, taken, median in zip(runs, times, medians, strict=True):
        spread = f"{min(taken) * 1e3:.0f} … {max(taken) * 1e3:.0f}"
        ratios = f"{medians[0] / median:5.2f} × plain  {medians[tuned] / median:5.2f} × plain, kept"
        print(f"  {run} {median * 1e3:6.0f} ms  ({spread:>13})  {ratios}", flush=True)


def measured(runs: list[Run], rounds: int) -> list[list[float]]:
    """Seconds of each run in each round."""
    context = multiprocessing.get_context("spawn")
    graph, lab = to_graph(runs[0].network), TorchBenchLab()
    few = Setting(batch=COMPARED, train=True)
    tensors = lab.weights(graph, None, seed=0)
    exact = lab.reference(graph, tensors, few)
    reordered = {
        dtype: error_of(lab, lab.reordered, graph, tensors, replace(few, dtype=dtype), exact)
        for dtype in dict.fromkeys(run.setting.dtype for run in runs)
    }
    pipes = []
    errors: dict[str, float] = {}
    for run in runs:
        here, there = context.Pipe()
        process = context.Process(target=work, args=(run, tensors, there), daemon=True)
        process.start()
        pipes.append((process, here))
        check(run, relative_error(here.recv(), exact), errors, reordered)
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for (_, pipe), taken in zip(pipes, times, strict=True):
            pipe.send(True)
            taken.append(pipe.recv())
    for process, pipe in pipes:
        pipe.send(False)
        process.join()
    return times


def check(
    run: Run, error: float, errors: dict[str, float], reordered: dict[str, float | None]
) -> None:
    """End here if a run computes something else.

    Args:
        run: of which the first in each type is the plain module.
        error: its own, relative to the largest number of an output.
        errors: those of the plain module by type, which are added to.
        reordered: those of the plain module that sums in another order.
    """
    dtype = run.setting.dtype
    if run.who == PLAIN:
        errors.setdefault(dtype, error)
    if error > (most := bound(dtype, errors[dtype], 0, reordered[dtype])):
        raise SystemExit(f"{run} is {error:.1e} off; the type explains {most:.1e}")


def work(run: Run, tensors: Tensors, pipe: Connection) -> None:
    """Send outputs, then the seconds of a step whenever asked."""
    graph, lab = to_graph(run.network), TorchBenchLab()
    if run.setting.keep_memory:
        lab.keep_memory()
    if run.who == PLAIN:
        module = lab.plain(graph, tensors, run.setting)
    else:
        module = engines.make(engines.find(run.who), graph, tensors, run.setting)
    few = replace(run.setting, batch=COMPARED)
    pipe.send(lab.subject(module, graph, few).outputs())
    subject = lab.subject(module, graph, run.setting)
    for _ in range(2):
        subject.call()
    while pipe.recv():
        started = time.perf_counter()
        subject.call()
        pipe.send(time.perf_counter() - started)


if __name__ == "__main__":
    main()
