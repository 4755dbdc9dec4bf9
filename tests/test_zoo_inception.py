"""The later networks of the family are, operation by operation, what the facts say."""

from __future__ import annotations

from typing import Any

import facts
import pytest
from canonical import Form, canonical

from inceptgraph.cost import total
from inceptgraph.errors import Source
from inceptgraph.graph import Graph
from inceptgraph.pipeline import to_graph

NAMES = [
    "inception_resnet_v1",
    "inception_resnet_v2",
    "inception_v3",
    "inception_v4",
    "xception",
]


def translated(known: dict[str, Any]) -> Graph:
    return to_graph(Source(f"{known['arch']}.yaml", facts.spec_text(known)))


def same(ours: Graph, known: dict[str, Any]) -> bool:
    forms: dict[Form, int] = {}
    return canonical(ours, forms) == canonical(translated(known), forms)


@pytest.mark.parametrize("name", NAMES)
def test_computes_what_the_facts_say(name: str) -> None:
    known, ours = facts.load(name), to_graph(name)
    assert same(ours, known)
    totals = known["totals"]
    inference, training = total(ours.phase("eval")), total(ours)
    assert (inference.params, inference.macs) == (totals["params_main"], totals["macs_main"])
    assert inference.buffers == totals["bn_buffers_main"]
    assert training.params == totals["params_total"]
    assert training.macs == totals["macs_main"] + totals["macs_aux"]


@pytest.mark.parametrize("name", NAMES)
def test_batch_normalisation_remembers_as_the_facts_say(name: str) -> None:
    norms: list[Any] = [n.op for n in to_graph(name).nodes.values() if n.op.op == "batch_norm"]
    assert {op.momentum for op in norms} == {facts.load(name)["defaults"]["bn"]["momentum"]}


def test_inception_v3_of_tfslim() -> None:
    """The facts of Inception-v3 with what they say of TF-slim under ``differences``."""
    known = facts.load("inception_v3")
    known["defaults"]["bn"]["gamma"] = False
    for node in known["graph"]:
        if "dropout" in node:
            node["dropout"] = 0.2
        for branch in node.get("branches", []):
            for step in branch:
                if "avgpool" in step:
                    step["count_include_pad"] = False
    ours = to_graph("inception_v3_tfslim")
    assert same(ours, known)
    stated = next(o for o in known["oracles"] if o["id"] == "tf-slim")
    assert total(ours).params == stated["trainable"]
    assert total(ours).params + total(ours).buffers == stated["model_variables"]
    keras = next(o for o in known["oracles"] if o["id"] == "keras")
    inference = total(ours.phase("eval"))
    assert (inference.params, inference.params + inference.buffers) == (
        keras["trainable"],
        keras["total"],
    )


@pytest.mark.parametrize("name", ["inception_v4", "inception_resnet_v2"])
def test_without_gamma_there_are_as_many_variables_as_in_tfslim(name: str) -> None:
    stated = next(o for o in facts.load(name)["oracles"] if o["id"] == "tf-slim")
    variant = f"name: TF-slim\nextends: {name}\ndefaults: {{batch_norm: {{scale: false}}}}"
    ours = total(to_graph(Source("variant.yaml", variant)))
    assert ours.params == stated["trainable"]
    assert ours.params + ours.buffers == stated["model_variables"]


@pytest.mark.parametrize(
    "change",
    [
        {"stages.mixed_6b.7x7": "129"},
        {"blocks.pooled.steps.pool.count_include_pad": "false"},
        {"blocks.nx1_1xn.steps.nx1.kernel": "[1, 7]", "blocks.nx1_1xn.steps.1xn.kernel": "[7, 1]"},
        {"blocks.conv.steps.bn.eps": "1e-5"},
        {"dropout": "0.2"},
        {"aux_heads.aux.from": "mixed_6d"},
        {"aux_heads.aux.loss_weight": "0.3"},
        {"blocks.stem.steps.conv_2b.padding": "valid", "blocks.stem.steps.conv_4a.padding": "same"},
    ],
    ids=str,
)
def test_a_difference_is_seen(change: dict[str, str]) -> None:
    assert not same(to_graph("inception_v3", set=change), facts.load("inception_v3"))
