"""An engine with our passes, and the same engine on a module that was exported the plain way.

    python benchmarks/exported.py [--engine E,…] [--batch B,…] [--dtype D,…] [NETWORK …]

The plain way is ``torch.onnx.export`` of the module with a free batch, and for Inductor
``torch.compile`` with frozen weights. The module is torchvision's where the network is and
torchvision is there, else that of the spec as ``inceptgraph.compile(spec)`` makes it. Both have the
same weights, threads and options of the engine. Outputs are compared before anything is timed;
rounds are interleaved; a ratio is the median of those of all rounds, with its quartiles, and at
best that of the quickest round of each, which a busy machine disturbs less. There ``--busy`` tells
more: on one thread, in time that this process alone took.
"""

from __future__ import annotations

import argparse
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from itertools import product
from typing import Any

import torch
from torch import nn

from inceptgraph import engine as engines
from inceptgraph.analysis import total
from inceptgraph.bench import BenchLab, find_bench_lab, find_peer
from inceptgraph.engine import Engine, Setting
from inceptgraph.graph import Graph
from inceptgraph.measure import Budget, Spread, judge, rounds
from inceptgraph.pipeline import to_graph
from inceptgraph.weights.recipe_values import Tensors
from inceptgraph_onnx.engines.base import OnnxEngine
from inceptgraph_onnx.engines.session_module import EngineModule
from inceptgraph_torch.inductor_workaround import freezable
from inceptgraph_torch.loading import load_tensors, tensors_of
from inceptgraph_torch.lower import lower

PEERS = {
    "googlenet_torchvision": "torchvision:googlenet",
    "inception_v3": "torchvision:inception_v3",
}
NETWORKS = ("googlenet", "googlenet_torchvision", "inception_v3", "inception_resnet_v2")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--engine", default="onnxruntime,openvino,inductor")
    parser.add_argument("--batch", default="1,16")
    parser.add_argument("--dtype", default="float32,bfloat16")
    parser.add_argument("--seconds", type=float, default=15.0, help="of rounds, for each figure")
    parser.add_argument("--busy", action="store_true", help="one thread, and its own time alone")
    chosen = parser.parse_args()
    if chosen.busy:
        torch.set_num_threads(1)
    clock = time.process_time if chosen.busy else time.perf_counter
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads\n")
    print(
        "| network | engine | type | batch | plain | ours | ratio | quartiles | at best | errors |"
    )
    print("| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
    several = (each.split(",") for each in (chosen.engine, chosen.dtype, chosen.batch))
    for network, name, dtype, batch in product(chosen.networks, *several):
        engine, setting = engines.find(name), Setting(dtype=dtype, batch=int(batch))
        if not engine.refusal(to_graph(network), setting):
            row = compare(network, engine, setting, Budget(seconds=chosen.seconds), clock)
            print("|", " | ".join([network, name, dtype, batch, *row]), "|", flush=True)


def compare(
    network: str, engine: Engine, setting: Setting, budget: Budget, clock: Callable[[], float]
) -> list[str]:
    """The figures of a row."""
    graph, lab = to_graph(network), find_bench_lab()
    module, tensors = module_of(network, graph, lab)
    makers = {
        "plain": partial(plain, module, graph, engine, setting, lab),
        "ours": partial(engines.make, engine, graph, tensors, setting),
    }
    wanted = lab.reference(graph, tensors, setting)
    depth, error = total(graph.phase("eval")).depth, None
    subjects, errors = {}, []
    for name, make in makers.items():
        subjects[name] = lab.subject(make(), graph, setting)
        verdict = judge(subjects[name].outputs(), wanted, setting.dtype, error, depth)
        if verdict.reason:
            raise SystemExit(f"{network}, {engine.name}, {setting}: {name}: {verdict.reason}")
        error = verdict.error
        errors.append(f"{error:.0e}")
    found = list(rounds(subjects, budget, clock))
    ratio = Spread.of([each.seconds["plain"] / each.seconds["ours"] for each in found])
    theirs, ours = (Spread.of([each.seconds[name] for each in found]) for name in makers)
    return [
        *(f"{1e3 * each.median:.1f} ms" for each in (theirs, ours)),
        f"{ratio.median:.3f}",
        f"{ratio.low:.3f} … {ratio.high:.3f}",
        f"{theirs.least / ours.least:.3f}",
        ", ".join(errors),
    ]


def module_of(network: str, graph: Graph, lab: BenchLab) -> tuple[nn.Module, Tensors]:
    """The module that is exported, in evaluation, and its weights by their names in the graph."""
    if network in PEERS and find_spec("torchvision"):
        make: Callable[..., Any] = find_peer(PEERS[network])
        peer = lab.draw_peer(partial(make, init_weights=False), graph)
        same = lower(graph, seed=0)
        load_tensors(same, graph, peer.state_dict())
        return peer.eval(), {
            name: tensor.detach().numpy() for name, tensor in tensors_of(same, graph).items()
        }
    tensors = lab.weights(graph, None, 0)
    module = lower(graph.phase("eval"), tensors=tensors).eval()
    freezable(module)  # without which Inductor computes another network
    return module, tensors


def plain(module: nn.Module, graph: Graph, engine: Engine, setting: Setting, lab: BenchLab) -> Any:
    """What an engine makes of a module without us."""
    if not isinstance(engine, OnnxEngine):
        return lab.peer(module, setting, compiled=True)
    # our engine's own options, but a program for any batch: it makes one for that of the setting
    # beside it, which is never called
    free = replace(setting, batch=setting.batch + 1)
    run = graph.phase("eval")
    return EngineModule(run, setting, engine._program(exported(module, graph), run, free))


def exported(module: nn.Module, graph: Graph) -> bytes:
    """The ONNX model of a module, as torch writes it. Needs the package onnxscript."""
    image = torch.randn(2, *graph.shape(graph.inputs[0].name))
    shapes = ({0: torch.export.Dim("batch")},)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what torch itself will change
        program = torch.onnx.export(module, (image,), dynamic_shapes=shapes, verbose=False)
    assert program is not None
    model: bytes = program.model_proto.SerializeToString()
    return model


if __name__ == "__main__":
    main()
