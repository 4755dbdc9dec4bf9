"""Passes: each gives a graph with the same outputs, from the same weights."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from inceptgraph_torch.lower import lower
from inceptgraph_torch.recipes import rewritten_state
from specs_strategy import specs

from inceptgraph.cost import total
from inceptgraph.errors import Source
from inceptgraph.graph import Graph, InvalidGraph
from inceptgraph.ops.norm import BatchNorm
from inceptgraph.ops.shape import Dropout
from inceptgraph.passes import FOR_INFERENCE, Pass, Property, Step, Target, optimize, run
from inceptgraph.pipeline import to_graph

EAGER = Target(call_cost=float("inf"))
"""A target on which every rewrite pays."""


def randomized(graph: Graph) -> torch.nn.Module:
    """The module in float64, with statistics that a batch normalisation does not start with."""
    module = lower(graph, dtype="float64", seed=0).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                noise = torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)
                tensor.add_(noise * 0.3)
    return module


def assert_same(graph: Graph, rewritten: Graph) -> None:
    """The rewritten graph computes what the original computes in evaluation, to 1e-10."""
    original = randomized(graph)
    module = lower(rewritten, dtype="float64", initialized=False).eval()
    module.load_state_dict(rewritten_state(rewritten, original.state_dict()))
    generator = torch.Generator().manual_seed(2)
    inputs = [
        torch.rand(2, *graph.shape(node.name), generator=generator, dtype=torch.float64) - 0.4
        for node in graph.inputs
    ]
    wanted, found = original(*inputs), module(*inputs)
    pairs = (
        [(wanted[name], found[name]) for name in wanted]
        if isinstance(wanted, dict)
        else [(wanted, found)]
    )
    for a, b in pairs:
        torch.testing.assert_close(b, a, rtol=1e-10, atol=1e-10 * float(a.abs().max() + 1))


def network(stages: dict[str, Any], **more: Any) -> Graph:
    spec = {
        "name": "Net",
        "input": {"channels": 3, "height": 12, "width": 12},
        "stages": stages,
        **more,
    }
    return to_graph(Source("net.yaml", yaml.safe_dump(spec, sort_keys=False)))


# -- the law ---------------------------------------------------------------------------------


@given(specs())
@settings(deadline=None)
def test_any_graph_computes_the_same_after_all_passes(text: str) -> None:
    graph = to_graph(Source("random.yaml", text))
    rewritten = optimize(graph, EAGER)
    assert total(rewritten).macs <= total(graph.phase("eval")).macs
    assert_same(graph, rewritten)


KINDS = {
    "conv": {"op": "conv2d", "out": 4, "kernel": 3, "padding": "same"},
    "bare": {"op": "conv2d", "out": 4, "bias": False},
    "project": {"op": "conv2d", "out": 2},
    "depthwise": {"op": "depthwise_conv2d", "kernel": 3, "padding": 1},
    "norm": {"op": "batch_norm"},
    "norm_unscaled": {"op": "batch_norm", "scale": False, "eps": 1e-3},
    "affine": {"op": "affine"},
    "scale": {"op": "scale", "factor": 0.3, "offset": 0.1},
    "relu": {"op": "relu"},
    "counted": {"op": "avg_pool", "kernel": 3, "padding": 1, "count_include_pad": True},
    "average": {"op": "avg_pool", "kernel": 3, "padding": "same"},
    "max": {"op": "max_pool", "kernel": 2, "stride": 2, "padding": "same"},
    "dropout": {"op": "dropout"},
    "identity": {"op": "identity"},
    "pad": {"op": "pad", "border": [1, 0, 0, 2]},
    "unpadded": {"op": "conv2d", "out": 3, "kernel": 2},
}


@st.composite
def wirings(draw: st.DrawFn) -> dict[str, Any]:
    """Steps that read any step before them, so that passes meet steps with several users."""
    stages: dict[str, Any] = {"first": {"op": "conv2d", "out": 4}}
    for index in range(draw(st.integers(2, 12))):
        kind = draw(st.sampled_from(sorted(KINDS)))
        source = draw(st.sampled_from(list(stages)[-4:]))
        stages[f"{kind}{index}"] = {**KINDS[kind], "from": source}
    ends = draw(st.lists(st.sampled_from(list(stages)), min_size=1, max_size=3, unique=True))
    for index, end in enumerate(ends):
        stages[f"pool{index}"] = {"op": "global_avg_pool", "from": end}
    stages["join"] = {"op": "concat", "from": [f"pool{i}" for i in range(len(ends))]}
    return stages


@pytest.mark.parametrize("each", FOR_INFERENCE, ids=lambda each: each.name)
@given(stages=wirings())
@settings(deadline=None)
def test_each_pass_keeps_what_any_wiring_computes(each: Pass, stages: dict[str, Any]) -> None:
    spec = {"name": "Net", "input": {"channels": 3, "height": 12, "width": 12}, "stages": stages}
    try:
        graph = to_graph(Source("net.yaml", json_text(spec)))
    except Exception:
        return  # a map that pools to nothing
    before = FOR_INFERENCE[0:1] if each.requires <= {Property.INFERENCE} else FOR_INFERENCE[0:4]
    prepared = run(before, graph, EAGER)
    passes = [p for p in (*before, each) if p is not each] + [each]
    rewritten = run(passes, graph, EAGER)
    assert total(rewritten).macs <= total(prepared).macs
    assert_same(graph, rewritten)


def json_text(spec: dict[str, Any]) -> str:
    return yaml.safe_dump(spec, sort_keys=False)
