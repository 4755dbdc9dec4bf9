"""Every shipped spec that a fact file describes, against it: the same computation, exactly.

The facts reach the graph through a translator (``facts.py``) that shares nothing with the specs.
"""

from __future__ import annotations

import copy
import math
import re
from itertools import accumulate, takewhile
from typing import Any

import facts
import pytest
import yaml
from canonical import Computations, flat
from same_computation import assert_same_computation, start, translated

from inceptgraph.analysis import cost, total
from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import analyze, to_graph
from inceptgraph.spec import shipped

NAMED_OTHERWISE = {"googlenet": "googlenet_paper"}
OF_FACTS = {
    spec: NAMED_OTHERWISE.get(spec, spec)
    for spec in shipped()
    if NAMED_OTHERWISE.get(spec, spec) in facts.architectures()
}


def test_these_have_facts() -> None:
    assert set(OF_FACTS) >= {
        "alexnet_caffe",
        "alexnet_torchvision",
        "bn_inception",
        "googlenet",
        "googlenet_caffe",
        "googlenet_keras_poolhelper",
        "googlenet_torchvision",
        "inception_v1_tfslim",
        "lenet5",
        "naive_inception",
        "nin_cifar10",
        "nin_imagenet_caffe",
        "vgg16",
    }


WITHOUT_FACTS = [
    "bn_inception_96",
    "densenet121",
    "efficientnet_b0",
    "facenet_triplet",
    "inception_time",
    "mobilenet_v2",
    "resnet18",
    "shufflenet_v2_x1_0",
    "squeezenet1_1",
    "xception41",
]


@pytest.mark.parametrize("spec", [*OF_FACTS, *WITHOUT_FACTS])
def test_says_what_it_is_and_how_it_deviates(spec: str) -> None:
    """Pages are made of this: a sentence, an address, and the comment at the top."""
    text = shipped()[spec].read_text(encoding="utf-8")
    own = yaml.safe_load(text)
    assert re.fullmatch(r"[A-Z0-9].*\.", own["description"])
    assert own["source"].startswith("https://")
    assert {"params", "macs", "depth"} <= set(own["expect"])
    comment = "\n".join(takewhile(lambda line: line.startswith("#"), text.splitlines()))
    shape = r"(# .+\n)+# Deviations:( none known\.|(\n# - .+(\n#   .+)*)+)"
    assert re.fullmatch(shape, comment), comment


@pytest.mark.parametrize("spec", OF_FACTS)
def test_totals(spec: str) -> None:
    totals = facts.load(OF_FACTS[spec])["totals"]
    graph = to_graph(spec)
    inference, training = total(graph.phase("eval")), total(graph)
    assert inference.params == totals["params_main"]
    assert inference.macs == totals["macs_main"]
    assert inference.buffers == totals["bn_buffers_main"]
    assert training.params - inference.params == totals["params_aux"]
    assert training.macs - inference.macs == totals["macs_aux"]


@pytest.mark.parametrize("spec", OF_FACTS)
def test_is_the_same_computation_as_its_facts(spec: str) -> None:
    assert_same_computation(to_graph(spec), translated(facts.load(OF_FACTS[spec])))


@pytest.mark.parametrize("spec", OF_FACTS)
def test_stages_end_where_stages_of_the_facts_do(spec: str) -> None:
    """Running totals of parameters and multiply-adds at the end of each of our stages are those at
    the end of a stage of the facts, with the same shape. Ours may hold several of theirs."""
    known = facts.load(OF_FACTS[spec])
    stated = stated_stages(known)
    params = accumulate(stage.get("params", 0) for stage in stated)
    macs = accumulate(stage.get("macs", 0) for stage in stated)
    ends: dict[tuple[int, int], set[tuple[int, ...]]] = {}
    for stage, *sums in zip(stated, params, macs, strict=True):
        if "out" in stage:
            ends.setdefault((sums[0], sums[1]), set()).add(flat(tuple(stage["out"])))
    graph = to_graph(spec).phase("eval")
    params_so_far = macs_so_far = 0
    for stage in graph.stages:
        counts = cost(graph, graph.within(stage.path))
        params_so_far += counts.params
        macs_so_far += counts.macs
        assert (params_so_far, macs_so_far) in ends, f"no stage of the facts ends at {stage.path}"
        shapes = ends[params_so_far, macs_so_far]
        # a flatten hands on as a vector what the facts state as a map
        vectors = {(math.prod(shape),) for shape in shapes}
        assert flat(graph.shape(stage.output)) in shapes | vectors, stage.path
    assert (params_so_far, macs_so_far) == max(ends)


def stated_stages(known: dict[str, Any]) -> list[dict[str, Any]]:
    found = []
    for node in known["graph"]:
        found += [node["each"]] * node["repeat"] if "repeat" in node else [node]
    return found


@pytest.mark.parametrize("spec", OF_FACTS)
def test_input_is_that_of_the_facts(spec: str) -> None:
    stated = facts.load(OF_FACTS[spec])["input"]
    (image,) = to_graph(spec).inputs
    assert image.shape == (stated["channels"], stated["size"], stated["size"])


def test_no_two_specs_are_the_same_computation() -> None:
    computations = Computations()
    found = {name: tuple(computations.outputs(to_graph(name))) for name in shipped()}
    assert len(set(found.values())) == len(found)


def test_bn_inception_96() -> None:
    """The second reading, as the facts of the first describe it under ``variants``."""
    known = copy.deepcopy(facts.load("bn_inception"))
    known["defaults"]["conv"]["bias"] = False
    for node in known["graph"]:
        if node.get("id") in ("inception_4c", "inception_4d"):
            node["branches"][-1][-1]["conv"] = 96
    head = [
        {"avgpool": 5, "s": 3, "ceil": True},
        {"conv": 128, "k": 1},
        {"flatten": True},
        {"linear": 1024, "bias": False, "norm": "bn", "act": "relu"},
        {"linear": 1000},
    ]
    known["aux"] = [
        {"id": f"aux{i}", "tap": tap, "loss_weight": 0.3, "graph": head}
        for i, tap in ((1, "inception_3c"), (2, "inception_4e"))
    ]
    ours = to_graph("bn_inception_96")
    assert_same_computation(ours, translated(known))
    (variant,) = (v for v in facts.load("bn_inception")["variants"] if "pool_proj_4c" in v)
    assert total(ours.phase("eval")).params == variant["params_main"] == 11_194_984


def test_nin_for_cifar100() -> None:
    (variant,) = facts.load("nin_cifar10")["variants"]
    counts = total(to_graph("nin_cifar10", set={"classes": str(variant["classes"])}))
    assert (counts.params, counts.macs) == (variant["params_main"], variant["macs_main"])


def test_vgg16_grows_to_vgg19() -> None:
    """Simonyan & Zisserman 2014, table 2: 144 million; exactly by arithmetic: three more
    convolutions of 256, 512 and 512 channels."""
    four = {f"stages.conv{i}.convs": "4" for i in (3, 4, 5)}
    sixteen, nineteen = total(to_graph("vgg16")), total(to_graph("vgg16", set=four))
    more = sum(9 * width * width + width for width in (256, 512, 512))
    assert nineteen.params - sixteen.params == more
    assert round(nineteen.params / 1e6) == 144
    assert nineteen.depth == 19


# -- the oracle itself -----------------------------------------------------------------------

CHANGES = {
    "eps": "edit: {blocks.conv.bn: {set: {eps: 1e-5}}}",
    "momentum": "defaults: {batch_norm: {momentum: 0.01}}",
    "padding": "edit: {pool4: {set: {padding: [0, 1, 0, 1], ceil: false}}}",
    "rounding": "edit: {pool1: {set: {ceil: false, padding: 1}}}",
    "dropout": "edit: {dropout: {set: {rate: 0.4}}}",
    "loss weight": "edit: {aux1: {set: {loss_weight: 0.4}}}",
    "tap": "edit: {aux1: {set: {from: inception_4b}}}",
    "pool": "edit: {pool5: {replace: {op: avg_pool, kernel: 7}}}",
    "bias": "edit: {blocks.conv.conv: {set: {bias: true}}}",
    "order": (
        "edit:\n  blocks.inception.1x1: remove\n"
        "  blocks.inception.pool: {after: {1x1: {op: conv, out: $1x1}}}"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_each_slip_is_seen(change: str) -> None:
    analysis = analyze(Source("slip.yaml", f"extends: googlenet_torchvision\n{CHANGES[change]}\n"))
    assert analysis.findings == ()
    theirs = translated(facts.load("googlenet_torchvision"))
    with pytest.raises(AssertionError, match="first difference"):
        assert_same_computation(analysis.require_graph(), theirs)


# -- how weights start -----------------------------------------------------------------------

STARTS: dict[str, dict[str, dict[str, Any]]] = {
    "googlenet_caffe": {
        # Caffe's xavier: uniform in ±sqrt(3 / fan_in), hence a variance of 1 / fan_in
        "conv1.conv": {"weight": ("fan_in", 1, "uniform"), "bias": 0.2},
        "inception_5b.pool.proj.conv": {"weight": ("fan_in", 1, "uniform"), "bias": 0.2},
        "aux1.conv.conv": {"weight": ("fan_in", 1, "uniform"), "bias": 0.2},
        "aux2.fc": {"weight": ("fan_in", 1, "uniform"), "bias": 0.2},
        "aux2.classifier": {"weight": ("fan_in", 1, "uniform"), "bias": 0},
        "classifier": {"weight": ("fan_in", 1, "uniform"), "bias": 0},
    },
    "googlenet_keras_poolhelper": {
        "conv1.conv": {"weight": ("fan_avg", 1, "uniform"), "bias": 0},
        "aux1.fc": {"weight": ("fan_avg", 1, "uniform"), "bias": 0},
    },
    "googlenet_torchvision": {
        "conv1.conv": {"weight": (0.01, None)},
        "aux1.fc": {"weight": (0.01, None), "bias": ("fan_in", 1 / 3, "uniform")},
        "classifier": {"weight": (0.01, None), "bias": ("fan_in", 1 / 3, "uniform")},
    },
    "inception_v1_tfslim": {
        "conv1.conv": {"weight": (0.01, 2)},
        "inception_3a.5x5.5x5.conv": {"weight": (0.01, 2)},
        "classifier": {"weight": (0.01, 2), "bias": 0},
    },
    "bn_inception": {
        "conv1.conv": {
            "weight": ("fan_in", 1 / 3, "uniform"),
            "bias": ("fan_in", 1 / 3, "uniform"),
        },
    },
    "nin_imagenet_caffe": {
        "mlpconv1.conv.conv": {"weight": (0.01, None), "bias": 0},
        "mlpconv2.conv.conv": {"weight": (0.05, None), "bias": 0},
        "mlpconv3.conv.conv": {"weight": (0.01, None), "bias": 0},
        "mlpconv4.conv.conv": {"weight": (0.05, None), "bias": 0},
        "mlpconv4.cccp1.conv": {"weight": (0.05, None), "bias": 0},
        "mlpconv4.cccp2.conv": {"weight": (0.01, None), "bias": 0},
    },
    "alexnet_caffe": {
        "conv1.conv": {"weight": (0.01, None), "bias": 0},
        "conv2.conv": {"weight": (0.01, None), "bias": 0.1},
        "conv3.conv": {"weight": (0.01, None), "bias": 0},
        "conv4.conv": {"weight": (0.01, None), "bias": 0.1},
        "conv5.conv": {"weight": (0.01, None), "bias": 0.1},
        "fc6.fc": {"weight": (0.005, None), "bias": 0.1},
        "fc7.fc": {"weight": (0.005, None), "bias": 0.1},
        "fc8": {"weight": (0.01, None), "bias": 0},
    },
    "vgg16": {
        "conv1.convs.0.conv": {"weight": ("fan_out", 2, "normal"), "bias": 0},
        "fc8": {"weight": (0.01, None), "bias": 0},
    },
}


@pytest.mark.parametrize("spec", STARTS)
def test_weights_start_as_the_facts_say(spec: str) -> None:
    graph = to_graph(spec)
    for name, stated in STARTS[spec].items():
        op = graph.nodes[name].op
        assert {key: start(op, f"{key}_init") for key in stated} == stated, name


def test_lenet5_starts_uniform_by_the_inputs_of_a_unit() -> None:
    """Appendix A of the paper: between ±2.4 / F, where a unit has F inputs."""
    graph = to_graph("lenet5")
    layers = {"c1.conv": 25, "c3.conv": 150, "c5.conv.conv": 400}
    layers |= {"f6.linear.linear": 120, "output.linear": 84}
    for name, inputs in layers.items():
        found = graph.nodes[name].op.weight_init
        assert (found.low, found.high) == (-2.4 / inputs, 2.4 / inputs)
        assert graph.weights(graph.nodes[name])["weight"].fan_in == inputs
