"""GoogLeNet as shipped, against the exact facts of the paper's architecture."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from places import DATA

import inceptgraph
from inceptgraph.analysis import cost, total
from inceptgraph.graph import Graph
from inceptgraph.pipeline import analyze, to_graph

FACTS = DATA / "facts"


@pytest.fixture(scope="module")
def googlenet() -> Graph:
    return to_graph("googlenet")


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    return yaml.safe_load((FACTS / "googlenet_paper.yaml").read_text(encoding="utf-8"))


def test_is_clean() -> None:
    assert analyze("googlenet").findings == ()


def test_totals(googlenet: Graph, facts: dict[str, Any]) -> None:
    totals = facts["totals"]
    inference, training = total(googlenet.phase("eval")), total(googlenet)
    assert inference.params == totals["params_main"] == 6_998_552
    assert inference.macs == totals["macs_main"] == 1_582_671_872
    assert training.params == totals["params_total"] == 13_378_280
    assert training.macs - inference.macs == totals["macs_aux"]
    assert inference.buffers == training.buffers == 0
    assert inference.depth == facts["reported"]["depth_layers_with_params"] == 22


def test_heads(googlenet: Graph, facts: dict[str, Any]) -> None:
    for ours, fact in zip(googlenet.heads, facts["aux"], strict=True):
        counts = cost(googlenet, googlenet.within(ours.path))
        assert (counts.params, counts.macs) == (fact["params"], fact["macs"])
        assert googlenet.nodes[f"{ours.path}.pool"].inputs == (f"{fact['tap']}.merge",)
        shapes = [list(googlenet.shape(f"{ours.path}.{s}")) for s in ("pool", "conv.conv", "fc")]
        assert shapes == [list(s) for s in fact["shapes"].values()][:3]
    weights = {o.name: o.loss_weight for o in googlenet.outputs}
    assert weights == {"logits": 1, "aux1": 0.3, "aux2": 0.3}


def test_table_1(googlenet: Graph) -> None:
    """The rows of the paper's Table 1, weights without biases as it counts them."""
    table = yaml.safe_load((FACTS / "table1_googlenet.yaml").read_text(encoding="utf-8"))
    rows = {"convolution 1": "conv1", "convolution 2": "conv2", "linear": "classifier"}
    for row in table["rows"]:
        path = rows.get(row["row"], row["row"])
        counts = cost(googlenet, googlenet.within(path))
        assert counts.params == row["params_with_bias"], path
        assert counts.macs == row["macs"], path
        assert counts.depth == row["depth"], path


def test_evaluation_has_no_heads(googlenet: Graph) -> None:
    evaluation = googlenet.phase("eval").verify()
    assert [o.name for o in evaluation.outputs] == ["logits"]
    assert not any(name.startswith("aux") for name in evaluation.nodes)
    assert not evaluation.heads


def test_values_are_set_in_specs_and_not_in_graphs() -> None:
    with pytest.raises(TypeError, match="give the spec, not its graph"):
        inceptgraph.compile(inceptgraph.to_graph("googlenet"), set={"classes": 10})
