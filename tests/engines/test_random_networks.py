"""Random networks of every operation on every way there is to run them, against float64.

``.ci/fuzz`` runs as many as one likes; here they are 500, half of them in the slow lane, and the
dearer ways on some of them.
"""

from __future__ import annotations

from collections import Counter
from random import Random

import numpy as np
import pytest
import yaml
from differential import WAYS, Case, failures
from fuzz import text_of
from random_networks import LEFT_OUT, arguments
from smaller_network import smallest

from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph
from inceptgraph.ops import BUILT_IN, Operation
from inceptgraph.pipeline import to_graph

NETWORKS, AT_A_TIME = 500, 50
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

EVERY = {
    "onnx by onnxruntime": 1,
    "onnxruntime": 4,
    "openvino": 25,
    "onnx by openvino": 10,
    "eager": 20,
    "optimize": 20,
    "pt2": 250,
    "torch.compile": 250,
}
"""Of how many networks a way takes one. ``native`` and ``inductor`` compile for seconds: they have
random networks of their own, in native/test_programs.py and test_torch_engines.py."""


def graph_of(number: int) -> Graph:
    return to_graph(Source("random.yaml", text_of(0, number)))


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(start, marks=pytest.mark.slow if start >= NETWORKS // 2 else ())
        for start in range(0, NETWORKS, AT_A_TIME)
    ],
)
def test_every_way_gives_the_same(start: int) -> None:
    for number in range(start, start + AT_A_TIME):
        # so that not all ways take the same ones
        ways = [way for at, way in enumerate(EVERY) if (number + at) % EVERY[way] == 0]
        assert list(failures(Case(graph_of(number), number), ways)) == [], text_of(0, number)


@pytest.mark.slow
@pytest.mark.parametrize("number", [6, 7])  # of images, which native takes
@pytest.mark.parametrize("way", ["native", "inductor"])
def test_compilers_give_the_same(way: str, number: int) -> None:
    assert list(failures(Case(graph_of(number), number), [way])) == []


def test_every_operation_is_drawn() -> None:
    texts = (yaml.load(text_of(0, number), LOADER) for number in range(400))
    # as they are written: on images a `conv` becomes a `conv2d`; a step that shares has no `op`
    drawn = Counter(step.get("op") for text in texts for step in text["stages"].values())
    assert drawn.keys() - {None} == BUILT_IN.keys() - LEFT_OUT
    assert min(drawn[name] for name in BUILT_IN) > 2


@pytest.mark.parametrize("name", sorted(BUILT_IN.keys() - LEFT_OUT))
def test_every_argument_is_drawn(name: str) -> None:
    given = arguments(BUILT_IN[name], Random(0))
    fields = {each for each in BUILT_IN[name].model_fields if not each.endswith("_init")}
    assert given.keys() == fields


def test_an_argument_that_nobody_draws_is_missed() -> None:
    class Spiral(Operation):
        op = "spiral"
        turns: int = 3

    with pytest.raises(KeyError, match="turns"):
        arguments(Spiral, Random(0))


def test_a_way_that_is_off_is_found_and_made_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if ONNX Runtime doubled what is behind a max pool."""
    right = WAYS["onnx by onnxruntime"][0]

    def wrong(case: Case) -> dict[str, np.ndarray]:
        pooled = any(node.op.op == "max_pool" for node in case.graph.nodes.values())
        return {name: (1 + pooled) * value for name, value in right(case).items()}

    monkeypatch.setitem(WAYS, "onnx by onnxruntime", (wrong, 1))

    def fails(text: str) -> bool:
        case = Case(to_graph(Source("random.yaml", text)), 0)
        return any(failures(case, ["onnx by onnxruntime"]))

    found = next(text for text in (text_of(0, number) for number in range(100)) if fails(text))
    small = smallest(found, fails)
    assert small.count("op:") == 1 and "op: max_pool" in small
