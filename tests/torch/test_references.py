"""Our networks against public implementations, whose outputs are recorded in float64.

Both sides get the same made-up weights (``references/values.py``). A record holds a sample of each
output and its sums; a wrong pooling border, epsilon or order of branches changes all of them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import torch
from references import matching, torch_modules, torch_packages
from references.records import Record, Run, names

from inceptgraph.graph import Graph
from inceptgraph.pipeline import compile
from inceptgraph_torch import SpecModule

# Float64's unit roundoff is 1.1e-16. Statistics of small batches amplify it: an input changed by
# that much changes the outputs of Inception-v4 in training by 1e-12. The same kernels agree to the
# last bit, others to 6e-12; what differs in arithmetic differs by more (`test_what_is_seen`).
TOLERANCE = 1e-10


MODES = ("evaluation", "training")


def _runs() -> Iterator[Any]:
    """Every pass of every record of every spec, all but the smallest of a spec in the slow lane."""
    records = {name: Record.load(name) for name in names()}
    runs = [(name, mode) for name in records for mode in MODES]
    runs.sort(key=lambda run: math.prod(getattr(records[run[0]], run[1]).input))
    seen: set[str] = set()
    for name, mode in runs:
        for spec in records[name].specs:
            yield pytest.param(name, spec, mode, marks=[pytest.mark.slow] if spec in seen else [])
            seen.add(spec)


@pytest.mark.parametrize(("name", "spec", "mode"), [*_runs()])
def test_outputs(name: str, spec: str, mode: str) -> None:
    record = Record.load(name)
    compare(weighted(network(spec, record), record), record, mode)


SLIPS: dict[str, dict[str, dict[str, Any]]] = {
    "torchvision_googlenet": {"batch_norm": {"eps": 1.001e-3}},
    "torchvision_inception_v3": {"avg_pool": {"count_include_pad": False}},
    "chainer_googlenet": {"lrn": {"alpha": 1.001e-4}},
    "keras_xception": {"max_pool": {"padding": (1, 1, 1, 1)}},
}


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        pytest.param(*slip, marks=[pytest.mark.slow] if at else [])
        for at, slip in enumerate(SLIPS.items())
    ],
)
def test_what_is_seen(name: str, overrides: dict[str, dict[str, Any]]) -> None:
    """Small differences between implementations show, and far above the tolerance."""
    record = dataclasses.replace(Record.load(name), overrides=overrides)
    module = weighted(network(record.specs[0], record), record).eval()
    assert distance(module, record.evaluation) > 100 * TOLERANCE


def test_a_swap_is_seen() -> None:
    """Two layers of one shape in each other's place."""
    record = Record.load("pytorchcv_nin_cifar10")
    order = list(record.layers["logits"])
    places = [place for place, layer in enumerate(order) if layer.shape == (192, 192, 1, 1)]
    second, third = places[:2]
    order[second], order[third] = order[third], order[second]
    swapped = dataclasses.replace(record, layers={"logits": tuple(order)})
    module = weighted(network("nin_cifar10", swapped), swapped).eval()
    assert distance(module, record.evaluation) > 100 * TOLERANCE


@pytest.mark.parametrize("name", torch_packages.REFERENCES)
def test_live(name: str) -> None:
    """Where the package is installed: it gives what is recorded, and what we give."""
    reference = torch_packages.REFERENCES[name]
    try:
        found = reference.record()
    except ImportError as missing:
        pytest.skip(f"{reference.package} is not installed: {missing}")
    recorded = Record.load(name)
    assert found.layers == recorded.layers
    for now, then in ((found.evaluation, recorded.evaluation), (found.training, recorded.training)):
        assert now.input == then.input
        assert now.outputs.keys() == then.outputs.keys()
        for key, output in then.outputs.items():
            assert output.distance(now.outputs[key]) < TOLERANCE
    compare(weighted(network(recorded.specs[0], found), found), found, *MODES)


def network(name: str, record: Record) -> SpecModule:
    """Our network of a record, in float64, without weights, and without heads if it has none."""
    module: SpecModule = compile(
        name,
        passes=[
            lambda graph: graph if len(record.layers) > 1 else graph.phase("eval"),
            lambda graph: overridden(graph, record.overrides),
        ],
        dtype="float64",
        initialized=False,
    )
    return module


def overridden(graph: Graph, overrides: Mapping[str, Mapping[str, Any]]) -> Graph:
    """The graph with other arguments of its operations."""
    return graph.with_nodes(
        {
            name: dataclasses.replace(
                node, op=node.op.model_copy(update=overrides.get(node.op.op, {}))
            )
            for name, node in graph.nodes.items()
        }
    )


def weighted(module: SpecModule, record: Record) -> SpecModule:
    """``module`` with the record's weights, and without dropout."""
    torch_modules.without_dropout(module)
    ours = torch_modules.layers(torch_modules.traced(module), range(len(module.loss_weights)))
    state = module.state_dict()
    for their, our in matching.match(record.layers, ours):
        for name, value in matching.weights(their, our):
            state.pop(name).copy_(torch.from_numpy(value))
    assert all(name.endswith("num_batches_tracked") for name in state)
    return module


def compare(module: SpecModule, record: Record, *modes: str) -> None:
    for mode in modes:
        assert distance(module.train(mode == "training"), getattr(record, mode)) < TOLERANCE


def distance(module: SpecModule, recorded: Run) -> float:
    """Largest difference of an output, relative to its largest element."""
    order = range(len(module.loss_weights))
    found = torch_modules.run(module, recorded.input, list(recorded.outputs), order)
    assert found.outputs
    return max(recorded.outputs[name].distance(ours) for name, ours in found.outputs.items())
