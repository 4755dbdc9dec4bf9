"""Our networks against public implementations, whose outputs are recorded in float64.

Both sides get the same made-up weights (``references/values.py``). A record holds a sample of each
output and its sums; a wrong pooling border, epsilon or order of branches changes all of them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import facts
import pytest
import torch
from references import matching, torch_modules
from references.records import Record, Run, Summary, names

from inceptgraph.errors import Source
from inceptgraph.graph import Graph
from inceptgraph.pipeline import compile
from inceptgraph.spec.library import shipped
from inceptgraph_torch import SpecModule

# Float64's unit roundoff is 1.1e-16. A sum of 10⁴ terms errs by some 1e-14, hundreds of layers in a
# row by some 1e-12; what differs in arithmetic, differs by far more (`test_what_would_be_seen`).
TOLERANCE = 1e-10
# Kernels of float32 have 6e-8, and a network multiplies it.
TOLERANCES = {"float64": TOLERANCE, "float32": 1e-5}


@pytest.mark.parametrize(
    ("name", "spec"), [(name, spec) for name in names() for spec in Record.load(name).specs]
)
def test_outputs(name: str, spec: str) -> None:
    """The shipped spec, or while there is none, the fact file of the same name."""
    record = Record.load(name)
    compare(weighted(network(spec, record), record), record)


def network(name: str, record: Record) -> SpecModule:
    """Our network of a record, in float64, without weights, and without heads if it has none."""
    known = name in shipped()
    spec = name if known else Source("facts.yaml", facts.spec_text(facts.load(name)))
    module: SpecModule = compile(
        spec,
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
    ours = torch_modules.layers(module, range(len(module.loss_weights)))
    state = module.state_dict()
    for their, our in matching.match(record.layers, ours):
        for name, value in matching.weights(their, our):
            state.pop(name).copy_(torch.from_numpy(value))
    assert all(name.endswith("num_batches_tracked") for name in state)
    return module


def compare(module: SpecModule, record: Record) -> None:
    if record.training is not None:
        assert distance(module.train(), record.training) < TOLERANCES[record.precision]
    assert distance(module.eval(), record.evaluation) < TOLERANCES[record.precision]


def distance(module: SpecModule, recorded: Run) -> float:
    """Largest difference of an output, relative to its largest element."""
    order = range(len(module.loss_weights))
    found = torch_modules.run(module, recorded.input, list(recorded.outputs), order)
    assert found.outputs
    return max(recorded.outputs[name].distance(ours) for name, ours in found.outputs.items())
