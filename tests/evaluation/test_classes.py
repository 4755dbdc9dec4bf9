"""The classes of data held to those of a network."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inceptgraph.diagnostics import SpecError
from inceptgraph.evaluation._classes import fit_classes
from inceptgraph.graph import Graph
from inceptgraph.pipeline import to_graph

pytestmark = pytest.mark.fast


def network(*classes: str, background: bool = False) -> Graph:
    return replace(to_graph("lenet5"), classes=classes or None, background=background)


def says(names: tuple[str, ...] | None, labels: int, graph: Graph, outputs: int) -> str:
    with pytest.raises(SpecError) as caught:
        fit_classes(names, labels, graph, outputs)
    (finding,) = caught.value.diagnostics
    assert finding.code == "IG816"
    return f"{finding.message}; {finding.help}"


def test_names_are_found_in_any_order_and_number() -> None:
    graph = network("dog", "ship", "cat")
    assert fit_classes(("cat", "dog"), 2, graph, 3) == [2, 0]
    graph = network("nothing", "dog", "cat", background=True)
    assert fit_classes(("cat", "dog"), 2, graph, 3) == [2, 1]


def test_without_common_names_the_order_counts() -> None:
    assert fit_classes(("n01", "n02"), 2, network("dog", "cat"), 2) == [0, 1]
    assert fit_classes(("cat", "dog"), 2, network(), 2) == [0, 1]
    assert fit_classes(("n01", "n02"), 2, network("none", "a", "b", background=True), 3) == [1, 2]
    assert fit_classes(None, 2, network("dog", "cat", "ship"), 3) == [0, 1]
    assert fit_classes(None, 3, network("none", "a", "b", "c", background=True), 4) == [1, 2, 3]


def test_what_does_not_fit_is_refused() -> None:
    assert says(("cat", "dgo"), 2, network("dog", "cat"), 2) == (
        "`dgo`, a class of the data, is none of `LeNet-5`; did you mean `dog`?"
    )
    assert says(("cat", "dog"), 2, network(), 3) == (
        "the data has 2 classes, and `LeNet-5` tells 3 apart; "
        "a spec that has a parameter for it takes `--set classes=2`"
    )
    assert says(("n01", "n02"), 2, network("a", "b", "c"), 3) == (
        "the data has 2 classes, and `LeNet-5` tells 3 apart; "
        "a spec that has a parameter for it takes `--set classes=2`;"
        " the data's first are n01, n02, the network's a, b, c"
    )
    assert says(("cat",), 1, network(), 3).startswith("the data has 1 class, and `LeNet-5` tells")
    assert says(None, 4, network(), 3) == (
        "a label of the data is 3, and `LeNet-5` tells 3 apart; labels count from 0"
    )
    assert says(("crane",), 1, network("crane", "ox", "crane"), 3) == (
        "`LeNet-5` has 2 classes `crane`, and the data has one;"
        " tell them apart in the network's `classes`"
    )
