"""What the passes cost, and what each brings to an engine, side by side.

    python benchmarks/passes.py [--engine eager,native] [--batch 1] [--rounds 15] [NETWORK …]

For each pass the network is compiled without it, and without those that require what it ensures.
Outputs are compared before anything is timed; rounds are interleaved, figures are medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterable

import torch
from torch import Tensor

import inceptgraph
from inceptgraph import engine as engines
from inceptgraph.backend import find_model
from inceptgraph.diagnostics import Source
from inceptgraph.engine import Setting
from inceptgraph.passes import BUILT_IN, Pass, Property, optimize, run
from inceptgraph.pipeline import to_graph
from inceptgraph.weights.recipe_values import Tensors

NETWORKS = ("googlenet", "googlenet_torchvision", "inception_v3")
SIZES = (100, 1_000, 10_000)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--engine", default="eager", help="with commas between")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--batch", type=int, default=1)
    chosen = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, batch {chosen.batch}\n")
    show_cost(chosen.rounds)
    for engine in chosen.engine.split(","):
        for name in chosen.networks:
            show_speed(engine, name, chosen.batch, chosen.rounds)


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


def show_speed(engine_name: str, name: str, batch: int, rounds: int) -> None:
    """Forward passes with all passes, with each left out, and with none."""
    graph = to_graph(name)
    engine, setting = engines.find(engine_name), Setting(batch=batch)
    target = engine.target(setting)
    tensors = weights(graph)
    image = torch.rand(batch, *graph.shape(graph.inputs[0].name))

    def prepared(passes: Iterable[Pass]) -> Callable[[], Tensor]:
        module = engine.prepare(run(passes, graph, target), tensors, setting)
        return lambda: module(image)

    runs = {"all passes": prepared(BUILT_IN)}
    whole = run(BUILT_IN, graph, target)
    for each in BUILT_IN[1:]:
        if run(without(each), graph, target).nodes != whole.nodes:
            runs[f"without {each.name}"] = prepared(without(each))
    runs["none but drop-training"] = prepared(BUILT_IN[:1])
    wanted = runs["none but drop-training"]()
    for compared in runs.values():
        torch.testing.assert_close(compared(), wanted, rtol=1e-3, atol=1e-4 * wanted.abs().max())
    times: dict[str, list[float]] = {label: [] for label in runs}
    for _ in range(rounds):
        for label, call in runs.items():
            call()  # so that caches hold its own
            times[label].append(seconds(call))
    base = statistics.median(times["all passes"])
    print(f"{name} on {engine_name}")
    for label, taken in times.items():
        median = statistics.median(taken)
        spread = f"{min(taken) * 1e3:.1f} … {max(taken) * 1e3:.1f}"
        print(f"  {label:<30} {median * 1e3:8.2f} ms  ({spread})  {median / base:5.3f} ×")
    print()


def without(left_out: Pass) -> list[Pass]:
    """The passes but one, and but those that cannot go without it."""
    kept: list[Pass] = []
    known: frozenset[Property] = frozenset()
    for each in BUILT_IN:
        if each is not left_out and each.requires <= known:
            kept.append(each)
            known |= each.ensures
    return kept


def weights(graph: inceptgraph.Graph) -> Tensors:
    """Kernels that keep what goes through them of one size (He et al. 2015): numbers that fade to
    denormal ones would be what is timed."""
    generator = torch.Generator().manual_seed(0)
    found = dict(find_model("torch").initial(graph, seed=0))
    for name, array in found.items():
        if array.ndim > 1:
            spread = (2 / array[0].size) ** 0.5
            found[name] = (torch.randn(array.shape, generator=generator) * spread).numpy()
    return found


def seconds(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
