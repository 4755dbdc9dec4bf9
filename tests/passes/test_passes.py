"""Passes: each gives a graph with the same outputs, from the same weights."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from agreement import arrays
from hypothesis import assume, given, note, reject, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from specs_strategy import graph_of, is_small, specs
from work import growth

import inceptgraph
from inceptgraph.analysis import total
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.graph import Graph, InvalidGraph, from_json, to_json, to_text
from inceptgraph.graph.recipes import Full
from inceptgraph.passes import BUILT_IN, Pass, Step, Target, optimize, run
from inceptgraph.passes._widen_kernel import widen_kernel
from inceptgraph.pipeline import to_graph
from inceptgraph_torch.lower import lower

EAGER = Target(call_cost=1e15)
"""A target on which every rewrite pays."""

targets = st.builds(
    Target,
    batch=st.sampled_from([1, 16]),
    call_cost=st.sampled_from([0.0, 1e3, 1e5, 1e6, 1e15]),
    copy_cost=st.sampled_from([0.0, 1.0, 12.0]),
    pool_cost=st.sampled_from([0.0, 0.25, 1.0]),
    fuses_activations=st.booleans(),
)


def assert_no_more_work_than_claimed(before: Graph, after: Graph, target: Target) -> None:
    """Multiply-adds grow by no more than what the calls cost that are spared."""
    spared = sum(
        len(ops(graph, "conv2d", "relu")) * sign for graph, sign in ((before, 1), (after, -1))
    )
    more = target.batch * (total(after).macs - total(before).macs)
    assert more <= spared * target.call_cost


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


def same_as(graph: Graph, batch: int = 2) -> Callable[[Graph], None]:
    """A check that rewritten graphs compute what the original computes in evaluation, to 1e-10."""
    original = randomized(graph)
    tensors = arrays(original, graph)
    generator = torch.Generator().manual_seed(2)
    inputs = [
        torch.rand(batch, *graph.shape(node.name), generator=generator, dtype=torch.float64) - 0.4
        for node in graph.inputs
    ]

    def outputs(module: torch.nn.Module) -> dict[str, torch.Tensor]:
        with torch.no_grad():
            found = module(*inputs)
        return found if isinstance(found, dict) else {"": found}

    wanted = outputs(original)
    if not all(value.isfinite().all() for value in wanted.values()):
        reject()  # too deep for float64: no example

    def check(rewritten: Graph) -> None:
        found = outputs(lower(rewritten, dtype="float64", tensors=tensors).eval())
        for name, a in wanted.items():
            close = {"rtol": 1e-10, "atol": 1e-10 * float(a.abs().max() + 1)}
            torch.testing.assert_close(found[name], a, **close)

    return check


def assert_same(graph: Graph, rewritten: Graph, batch: int = 2) -> None:
    same_as(graph, batch)(rewritten)


def network(stages: dict[str, Any], **more: Any) -> Graph:
    spec = {
        "name": "Net",
        "input": {"channels": 3, "height": 12, "width": 12},
        "stages": stages,
        **more,
    }
    return to_graph(Source("net.yaml", yaml.safe_dump(spec, sort_keys=False)))


# -- the law ---------------------------------------------------------------------------------


@given(specs(), targets)
@settings(deadline=None)
def test_any_graph_computes_the_same_after_all_passes(text: str, target: Target) -> None:
    graph = graph_of(text)
    assume(is_small(graph))
    rewritten = optimize(graph, target)
    assert_no_more_work_than_claimed(graph.phase("eval"), rewritten, target)
    assert_same(graph, rewritten)


KINDS: dict[str, dict[str, Any]] = {
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
def cuts_and_joins(draw: st.DrawFn) -> dict[str, Any]:
    """Cuts of values and of joins of cuts, joined again, with more than one reader."""
    stages: dict[str, Any] = {"whole": {"op": "conv2d", "out": 4}}
    widths = {"whole": 4}
    for index in range(draw(st.integers(1, 4))):
        source = draw(st.sampled_from(list(widths)))
        edges = sorted(draw(st.sets(st.integers(0, widths[source]), min_size=2, max_size=4)))
        parts = []
        for start, stop in pairwise(edges):
            parts.append(f"cut{len(stages)}")
            stages[parts[-1]] = {"op": "channels", "start": start, "stop": stop, "from": source}
        parts += draw(st.lists(st.sampled_from(list(widths)), max_size=1))
        widths[f"join{index}"] = edges[-1] - edges[0] + sum(widths.get(p, 0) for p in parts)
        stages[f"join{index}"] = {"op": "concat", "from": parts}
    stages["last"] = {"op": "concat", "from": list(widths)}
    return stages


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


@given(stages=wirings() | cuts_and_joins(), target=targets)
@settings(deadline=None, max_examples=2 * settings.default.max_examples)
def test_each_pass_keeps_what_any_wiring_computes(stages: dict[str, Any], target: Target) -> None:
    """Of each what it makes of the graph that those before it left, so that one draw tries all."""
    try:
        graph = network(stages)
    except SpecError:
        return  # a map that was pooled to nothing
    steps: list[Step] = []
    run(BUILT_IN, graph, target, steps.append)
    assert_same_as_given = same_as(graph)
    for each, step, after in zip(BUILT_IN, steps, [*steps[1:], steps[-1]], strict=True):
        if not step.changed:
            continue
        note(f"the pass {step.name}")
        # zeros around a kernel spare a call once siblings are fused, which comes next
        claimed = after.after if each is widen_kernel else step.after
        assert_no_more_work_than_claimed(step.before, claimed, target)
        assert_same_as_given(step.after)


# -- what each one does ----------------------------------------------------------------------


def ops(graph: Graph, *kinds: str) -> list[str]:
    found = [node.op.op for node in graph.nodes.values() if node.inputs]
    return [kind for kind in found if not kinds or kind in kinds]


def optimized(stages: dict[str, Any], target: Target = EAGER, **more: Any) -> Graph:
    graph = network(stages, **more)
    rewritten = optimize(graph, target)
    assert_same(graph, rewritten)
    return rewritten


CONV: dict[str, Any] = {"op": "conv2d", "out": 4, "kernel": 3, "padding": "same"}


def test_heads_dropout_and_shortcuts_are_dropped() -> None:
    graph = optimized(
        {"a": CONV, "drop": {"op": "dropout"}, "same": {"op": "identity"}, "b": CONV},
        aux_heads={"aux": {"from": "a", "loss_weight": 0.3, **CONV}},
    )
    assert list(graph.nodes) == ["input", "a", "b"]


def test_a_norm_goes_into_the_layer_before_it_if_nothing_else_reads_that() -> None:
    stages = {"a": {**CONV, "bias": False}, "bn": {"op": "batch_norm"}, "relu": {"op": "relu"}}
    assert ops(optimized(stages)) == ["conv2d", "relu"]
    both = {"a": CONV, "bn": {"op": "batch_norm"}, "sum": {"op": "add", "from": ["a", "bn"]}}
    assert ops(optimized(both)) == ["conv2d", "affine", "add"]


def test_an_output_keeps_its_value() -> None:
    stages = {"a": CONV, "bn": {"op": "batch_norm"}, "relu": {"op": "relu"}}
    graph = optimized(stages, outputs={"before": "a", "after": "relu"})
    assert ops(graph) == ["conv2d", "affine", "relu"]


def test_scales_of_residual_branches_go_into_the_projection() -> None:
    branch = {"conv": {"op": "conv2d", "out": 3}, "scale": {"op": "scale", "factor": 0.17}}
    stages = {"sum": {"branches": {"main": branch, "same": {}}, "merge": "add"}}
    assert ops(optimized(stages)) == ["conv2d", "add"]


def test_siblings_become_one_and_relu_comes_before_the_cut() -> None:
    branches = {
        name: {"conv": {"op": "conv2d", "out": out}, "relu": {"op": "relu"}}
        for name, out in (("a", 4), ("b", 6), ("c", 2))
    }
    graph = optimized({"fork": {"branches": branches, "merge": "concat"}})
    assert ops(graph) == ["conv2d", "relu"]
    assert total(graph).macs == 12 * 3 * 144


def test_a_small_kernel_joins_a_larger_one_where_calls_cost_more_than_zeros() -> None:
    stages = {
        "a": {**CONV, "from": "input"},
        "b": {"op": "conv2d", "out": 2, "from": "input"},
        "c": {**CONV, "kernel": [1, 3], "from": "input"},
    }
    stages["join"] = {"op": "concat", "from": ["a", "b", "c"]}
    graph = optimized(stages)
    assert ops(graph) == ["conv2d"]
    assert total(graph).macs == 144 * 3 * 9 * (4 + 2 + 4)
    least = 144 * 3 * 2 * 2  # from 1×1 to 1×3
    at_cost = Target(call_cost=least, copy_cost=0.0)
    assert "widen-kernel" not in changed(stages, at_cost)
    assert "widen-kernel" in changed(stages, replace(at_cost, call_cost=least + 1))


def changed(stages: dict[str, Any], target: Target) -> list[str]:
    """The passes that did something."""
    steps: list[Step] = []
    optimize(network(stages), target, steps.append)
    return [step.name for step in steps if step.changed]


def test_kernels_that_do_not_lie_over_each_other_stay_apart() -> None:
    stages = {
        "a": {**CONV, "from": "input"},
        "b": {"op": "conv2d", "out": 2, "kernel": 2, "padding": [1, 0, 0, 1], "from": "input"},
        "c": {"op": "conv2d", "out": 2, "kernel": 5, "padding": [2, 2, 2, 2], "from": "input"},
        "d": {"op": "conv2d", "out": 2, "kernel": 5, "padding": [4, 0, 2, 2], "from": "input"},
    }
    stages["join"] = {"op": "concat", "from": ["a", "b", "c", "d"]}
    assert ops(optimized(stages), "conv2d") == ["conv2d"] * 2


def test_cuts_that_touch_are_one() -> None:
    stages: dict[str, Any] = {
        "whole": {"op": "conv2d", "out": 8},
        "a": {"op": "channels", "start": 0, "stop": 2, "from": "whole"},
        "b": {"op": "channels", "start": 2, "stop": 5, "from": "whole"},
        "c": {"op": "channels", "start": 6, "stop": 8, "from": "whole"},
    }
    stages["join"] = {"op": "concat", "from": ["a", "b", "c", "a"]}
    assert ops(optimized(stages)) == ["conv2d", *["channels"] * 3, "concat"]
    stages["c"]["start"] = 5
    stages["join"] = {"op": "concat", "from": ["a", "b", "c"]}
    assert ops(optimized(stages)) == ["conv2d"]


def test_what_joins_a_join_of_cuts_reads_the_value() -> None:
    stages: dict[str, Any] = {
        "whole": {"op": "conv2d", "out": 4},
        "a": {"op": "channels", "start": 0, "stop": 2, "from": "whole"},
        "b": {"op": "channels", "start": 2, "stop": 4, "from": "whole"},
        "join": {"op": "concat", "from": ["a", "b"]},
        "c": {"op": "channels", "start": 0, "stop": 3, "from": "join"},
        "d": {"op": "channels", "start": 3, "stop": 4, "from": "join"},
        "again": {"op": "concat", "from": ["c", "d"]},
        "both": {"op": "concat", "from": ["again", "join"]},
    }
    assert ops(optimized(stages)) == ["conv2d", "concat"]


def test_the_cost_model_decides_on_siblings() -> None:
    stages = {"a": {**CONV, "from": "input"}, "b": {**CONV, "from": "input"}}
    stages["join"] = {"op": "concat", "from": ["a", "b"]}
    costly, free = Target(call_cost=0.0), Target(copy_cost=0.0)
    assert ops(optimized(stages, costly)) == ["conv2d", "conv2d", "concat"]
    assert ops(optimized(stages, free)) == ["conv2d"]


@pytest.mark.parametrize("counted", [True, False])
def test_a_projection_moves_before_an_average(counted: bool) -> None:
    pool = {"op": "avg_pool", "kernel": 3, "padding": 1, "count_include_pad": counted}
    graph = optimized(
        {"wide": {"op": "conv2d", "out": 16}, "pool": pool, "proj": CONV | {"kernel": 1}}
    )
    assert ops(graph) == ["conv2d", "conv2d", "avg_pool", *["affine"] * counted]


@pytest.mark.parametrize(
    ("counted", "pool_cost", "moved"),
    [(True, 1.0, True), (True, 0.5, False), (False, 0.5, True), (False, 0.25, False)],
)
def test_a_projection_stays_where_it_would_lose_what_it_fuses(
    counted: bool, pool_cost: float, moved: bool
) -> None:
    """12 channels less over windows of 9, against a ReLU on 4, and a bias where padding counts."""
    pool = {"op": "avg_pool", "kernel": 3, "padding": 1, "count_include_pad": counted}
    stages = {"wide": {"op": "conv2d", "out": 16}, "pool": pool}
    stages |= {"proj": {"op": "conv2d", "out": 4}, "act": {"op": "relu"}}
    target = Target(copy_cost=12.0, pool_cost=pool_cost, fuses_activations=True)
    kinds = ops(optimized(stages, target))
    assert (kinds.index("avg_pool") == 2) == moved


def test_relu_moves_behind_a_pool_that_leaves_less() -> None:
    stages = {
        "a": CONV,
        "relu": {"op": "relu"},
        "pool": {"op": "max_pool", "kernel": 2, "stride": 2},
    }
    assert ops(optimized(stages)) == ["conv2d", "max_pool", "relu"]
    fused = Target(fuses_activations=True)
    assert ops(optimized(stages, fused)) == ["conv2d", "relu", "max_pool"]


def test_borders_go_into_the_convolution() -> None:
    stages = {"pad": {"op": "pad", "border": [2, 0, 1, 3]}, "a": {**CONV, "padding": "valid"}}
    graph = optimized(stages)
    assert ops(graph) == ["conv2d"]
    assert graph.nodes["a"].op.model_dump()["padding"] == (2, 0, 1, 3)


def test_a_border_that_is_all_that_a_window_meets_stays() -> None:
    """As padding it is refused, since a convolution would compute nothing there."""
    size = {"channels": 3, "height": 8, "width": 1}
    stages = {"pad": {"op": "pad", "border": [0, 0, 2, 0]}, "a": {**CONV, "kernel": 1, "stride": 3}}
    assert ops(optimized(stages, input=size)) == ["pad", "conv2d"]


def test_equal_steps_are_computed_once() -> None:
    pool = {"op": "max_pool", "kernel": 3, "padding": "same", "from": "input"}
    graph = optimized({"a": pool, "b": pool, "join": {"op": "concat", "from": ["a", "b"]}})
    assert ops(graph) == ["max_pool", "concat"]


def test_constants_fold() -> None:
    stages = {
        "a": {"op": "scale", "factor": 2.0, "offset": 1.0},
        "b": {"op": "scale", "factor": 0.25},
        "c": {"op": "crop", "border": [1, 0, 0, 0]},
        "d": {"op": "crop", "border": [0, 1, 0, 2]},
        "e": {"op": "relu"},
        "f": {"op": "relu"},
    }
    assert ops(optimized(stages)) == ["scale", "crop", "relu"]


def test_constants_of_each_channel_fold() -> None:
    stages = {
        "a": {"op": "scale", "factor": [2.0, 0.1, -1.0], "offset": 1.0},
        "b": {"op": "scale", "factor": 0.25, "offset": [0.0, 0.5, 3.0]},
        "p": {"op": "pad", "border": [1, 0, 0, 0], "value": 1.0},
        "c": {**CONV, "out": 4},
        "d": {"op": "scale", "factor": [1.0, 2.0, 3.0, 4.0], "offset": [0.3, 0.2, 0.1, 0.0]},
    }
    graph = optimized(stages)
    assert ops(graph) == ["scale", "pad", "conv2d"]
    first = next(node.op for node in graph.nodes.values() if node.op.op == "scale")
    assert first.arguments() == {"factor": (0.5, 0.025, -0.25), "offset": (0.25, 0.75, 3.25)}


# -- the contract ----------------------------------------------------------------------------


def test_a_pass_without_what_it_requires_is_refused() -> None:
    fold = next(each for each in BUILT_IN if each.name == "fold-norm")
    with pytest.raises(InvalidGraph, match="fold-norm requires a graph with: inference"):
        run([fold], network({"a": CONV}), EAGER)


def test_a_pass_that_breaks_the_graph_is_named() -> None:
    def rewrite(graph: Graph, target: Target) -> Graph:
        return graph.with_nodes(dict(list(graph.nodes.items())[1:]))

    with pytest.raises(InvalidGraph, match="the pass saw broke the graph: a: its operand input"):
        run([Pass("saw", rewrite)], network({"a": CONV}), EAGER)


def test_recipes_of_the_wrong_shape_are_refused() -> None:
    graph = network({"a": CONV})
    node = replace(graph.nodes["a"], recipes={"weight": Full((4,), 0.0)})
    with pytest.raises(InvalidGraph, match="its recipes make"):
        graph.with_nodes({**graph.nodes, "a": node}).verify()


def test_a_pass_says_whether_it_changed_anything() -> None:
    steps: list[Step] = []
    optimize(network({"a": CONV, "bn": {"op": "batch_norm"}}), EAGER, steps.append)
    assert [step.name for step in steps if step.changed] == ["fold-norm"]
    assert all(step.before is step.after for step in steps if not step.changed)


def test_every_pass_says_what_it_does() -> None:
    assert all(each.summary.endswith(".") for each in BUILT_IN)
    assert len({each.name for each in BUILT_IN}) == len(BUILT_IN)


# -- rewritten graphs ------------------------------------------------------------------------


def test_a_rewritten_graph_survives_json() -> None:
    graph = optimize(to_graph("googlenet_bn"), EAGER)
    again = from_json(json.loads(json.dumps(to_json(graph))))
    assert to_text(again) == to_text(graph)
    assert again.originals == graph.originals
    assert all(again.nodes[name].recipes == node.recipes for name, node in graph.nodes.items())


def test_a_rewritten_graph_can_be_rewritten_again() -> None:
    graph = optimize(to_graph("googlenet_bn"), EAGER)
    assert to_text(optimize(graph, EAGER)) == to_text(graph)


@pytest.mark.parametrize("name", ["inception_v3", "resnet18"])
def test_networks_of_the_family(name: str) -> None:
    graph = to_graph(name)
    assert_same(graph, optimize(graph, EAGER), batch=1)


def test_compile_takes_the_same_seed_and_the_same_file(tmp_path: Path) -> None:
    graph = network({"a": {**CONV, "bias": False}, "bn": {"op": "batch_norm"}, "b": CONV})
    plain = inceptgraph.compile(graph, seed=3, dtype="float64").eval()
    x = torch.rand(1, 3, 12, 12, dtype=torch.float64)
    options = {"dtype": "float64", "optimize": EAGER}
    seeded = inceptgraph.compile(graph, seed=3, **options)
    torch.testing.assert_close(seeded.eval()(x), plain(x), rtol=1e-10, atol=1e-12)
    save_file(plain.state_dict(), tmp_path / "plain.safetensors")
    loaded = inceptgraph.compile(graph, weights=tmp_path / "plain.safetensors", **options)
    torch.testing.assert_close(loaded.eval()(x), plain(x), rtol=1e-10, atol=1e-12)


def test_work_is_linear_in_the_network() -> None:
    def optimizing(repeat: int) -> Callable[[], object]:
        branches = {
            "a": {"c": {"op": "conv2d", "out": 2}, "bn": {"op": "batch_norm"}, "r": {"op": "relu"}},
            "b": {"c": {"op": "conv2d", "out": 1}, "bn": {"op": "batch_norm"}, "r": {"op": "relu"}},
        }
        graph = network({"m": {"branches": branches, "merge": "concat", "repeat": repeat}})
        return lambda: optimize(graph, EAGER)

    assert growth(optimizing, 50) < 2.1
