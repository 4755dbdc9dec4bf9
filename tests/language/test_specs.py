"""Every shipped spec: clean, with its own figures stated, and drawn from a source."""

from __future__ import annotations

import pytest

from inceptgraph.analysis import total
from inceptgraph.pipeline import analyze
from inceptgraph.source import Mapping, to_plain
from inceptgraph.spec import shipped


def test_there_are_some() -> None:
    assert {"googlenet", "naive_inception", "resnet18"} <= set(shipped())


@pytest.mark.parametrize("name", shipped())
def test_is_clean_and_says_what_it_is(name: str) -> None:
    analysis = analyze(name)
    assert analysis.findings == ()
    assert analysis.spec is not None
    assert analysis.source is not None
    text = analysis.source.text
    stated = analysis.spec.expect.items if analysis.spec.expect else {}
    assert "extends:" in text or {"params", "macs"} <= set(stated), "it states its figures"
    assert analysis.spec.description or text.startswith("# "), "a shipped spec says what it is"
    assert isinstance(analysis.tree, Mapping)
    assert "https://" in to_plain(analysis.tree)["source"], "a shipped spec names its source"
    assert max(map(len, text.splitlines())) <= 120


def test_resnet18() -> None:
    """Figures of torchvision 0.21's ``resnet18``: 11,689,512 parameters, of which batch
    normalisation has 9,600, and 4,800 + 4,800 running statistics."""
    graph = analyze("resnet18").graph
    assert graph is not None
    cost = total(graph)
    assert (cost.params, cost.buffers, cost.depth) == (11_689_512, 9_600, 18)
    shapes = [graph.shape(graph.scopes[f"conv{i}"].output) for i in range(1, 6)]
    assert shapes == [(64, 112, 112), (64, 56, 56), (128, 28, 28), (256, 14, 14), (512, 7, 7)]


def test_resnet18_grows_to_resnet34() -> None:
    """torchvision's ``resnet34`` has 21,797,672 parameters."""
    blocks = {"stages.conv2.repeat": "3"}
    blocks |= {f"stages.conv{i}.blocks": str(n) for i, n in ((3, 4), (4, 6), (5, 3))}
    graph = analyze("resnet18", set=blocks).graph
    assert graph is not None
    assert total(graph).params == 21_797_672
    assert total(graph).depth == 34
