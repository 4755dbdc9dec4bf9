"""The later networks of the family: their variants against the facts, and how their weights start.

That each is the computation that its facts describe is in ``test_zoo.py``.
"""

from __future__ import annotations

from typing import Any

import facts
import pytest
from same_computation import assert_same_computation, start, translated

from inceptgraph.analysis import total
from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import to_graph


def oracle(name: str, of: str) -> dict[str, Any]:
    """What the facts of a network say of a package's."""
    (found,) = (each for each in facts.load(name)["oracles"] if each["id"] == of)
    return dict(found)


def test_inception_v3_of_tfslim() -> None:
    """The facts of Inception-v3 with what they say of TF-slim under ``differences``."""
    known = facts.load("inception_v3")
    known["defaults"]["bn"] |= {"gamma": False, "momentum": 0.0003}
    for node in known["graph"]:
        if "dropout" in node:
            node["dropout"] = 0.2
        for step in (step for branch in node.get("branches", []) for step in branch):
            if "avgpool" in step:
                step["count_include_pad"] = False
    ours = to_graph("inception_v3_tfslim")
    assert_same_computation(ours, translated(known))
    training, inference = total(ours), total(ours.phase("eval"))
    slim, keras = oracle("inception_v3", "tf-slim"), oracle("inception_v3", "keras")
    assert training.params == slim["trainable"]
    assert training.params + training.buffers == slim["model_variables"]
    assert inference.params == keras["trainable"]
    assert inference.params + inference.buffers == keras["total"]


@pytest.mark.parametrize("name", ["inception_v4", "inception_resnet_v2"])
def test_without_gamma_there_are_as_many_variables_as_in_tfslim(name: str) -> None:
    variant = f"name: TF-slim\nextends: {name}\ndefaults: {{batch_norm: {{scale: false}}}}"
    ours = total(to_graph(Source("variant.yaml", variant)))
    slim = oracle(name, "tf-slim")
    assert ours.params == slim["trainable"]
    assert ours.params + ours.buffers == slim["model_variables"]


# as `start` tells it: a number, (deviation, bound) or (fan, scale, distribution)
TORCH = ("fan_in", 1 / 3, "uniform")
SLIM = ("fan_in", 2, "truncated_normal")
STARTS: dict[str, dict[str, dict[str, Any]]] = {
    "inception_v3": {
        "stem.conv_1a.conv": {"weight": (0.1, None)},
        "mixed_7c.3x3.3x3.1xn.conv": {"weight": (0.1, None)},
        "classifier": {"weight": (0.1, None), "bias": TORCH},
        "aux.features.5x5.conv": {"weight": (0.1, None)},
        "aux.classifier": {"weight": (0.001, None), "bias": TORCH},
    },
    "inception_v3_tfslim": {
        "stem.conv_1a.conv": {"weight": SLIM},
        "classifier": {"weight": SLIM, "bias": 0},
        "aux.features.1x1.conv": {"weight": SLIM},
        "aux.features.5x5.conv": {"weight": (0.01, 2)},
        "aux.classifier": {"weight": (0.001, 2), "bias": 0},
    },
    "inception_v4": {
        "stem.conv_1a.conv": {"weight": TORCH},
        "classifier": {"weight": TORCH, "bias": TORCH},
    },
    "inception_resnet_v1": {
        "resnet_a.0.expand": {"weight": TORCH, "bias": TORCH},
        "embedding.linear": {"weight": TORCH},
    },
    "inception_resnet_v2": {
        "last.expand": {"weight": TORCH, "bias": TORCH},
        "aux.classifier": {"weight": TORCH, "bias": TORCH},
    },
    "inception_v2_tfslim": {
        "conv1.conv.depthwise": {"weight": (1, 2)},
        "conv1.conv.pointwise": {"weight": (1, 2), "bias": 0},
        "conv2.reduce.conv": {"weight": (0.1, 2)},
        "conv2.3x3.conv": {"weight": SLIM},
        "inception_3a.1x1.conv": {"weight": SLIM},
        "inception_3a.3x3.reduce.conv": {"weight": (0.09, 2)},
        "inception_3a.double_3x3.reduce.conv": {"weight": (0.09, 2)},
        "inception_3a.pool.proj.conv": {"weight": (0.1, 2)},
        "inception_3c.3x3.reduce.conv": {"weight": (0.09, 2)},
        "inception_3c.double_3x3.reduce.conv": {"weight": (0.09, 2)},
        "classifier": {"weight": SLIM, "bias": 0},
    },
    "xception": {
        "conv1.conv": {"weight": ("fan_out", 2, "normal")},
        "middle.0.residual.sepconv1.conv.depthwise": {"weight": ("fan_out", 2, "normal")},
        "middle.0.residual.sepconv1.conv.pointwise": {"weight": ("fan_out", 2, "normal")},
        "block2.shortcut.conv": {"weight": ("fan_out", 2, "normal")},
        "classifier": {"weight": TORCH, "bias": TORCH},
    },
}


@pytest.mark.parametrize("name", STARTS)
def test_weights_start_as_the_facts_say(name: str) -> None:
    graph = to_graph(name)
    for step, stated in STARTS[name].items():
        op = graph.nodes[step].op
        assert {key: start(op, f"{key}_init") for key in stated} == stated, step
