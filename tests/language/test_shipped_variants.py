"""The variants of GoogLeNet that are shipped: short, and with the figures that arithmetic gives."""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from math import floor

import pytest
from table_1 import TABLE_1 as MODULES

from inceptgraph.analysis import total
from inceptgraph.graph import Graph
from inceptgraph.pipeline import analyze
from inceptgraph.spec import shipped

VARIANTS = [
    f"googlenet_{name}"
    for name in ("bn", "cbam", "two_3x3", "cifar10", "no_heads", "wide", "ensemble", "se")
]
CHANNELS = [192, *(m[0] + m[2] + m[4] + m[5] for m in MODULES.values())]
"""What enters the modules, one after the other, and what leaves the last."""


@cache
def network(name: str) -> Graph:
    analysis = analyze(name)
    assert analysis.findings == ()
    return analysis.require_graph()


def params(name: str) -> int:
    return total(network(name).phase("eval")).params


def googlenet(round_to: float = 1) -> int:
    """Parameters of GoogLeNet without heads, ``round_to`` times as wide, layer by layer."""

    def wide(channels: int) -> int:
        return channels if round_to == 1 else floor((channels * round_to + 4) / 8) * 8

    def conv(kernel: int, before: int, after: int) -> int:
        return kernel**2 * before * after + after

    count = conv(7, 3, wide(64)) + conv(1, wide(64), wide(64)) + conv(3, wide(64), wide(192))
    before = wide(192)
    for module in MODULES.values():
        one, reduce3, three, reduce5, five, proj = map(wide, module)
        count += conv(1, before, one) + conv(1, before, reduce3) + conv(3, reduce3, three)
        count += conv(1, before, reduce5) + conv(5, reduce5, five) + conv(1, before, proj)
        before = one + three + five + proj
    return count + before * 1000 + 1000


@pytest.mark.parametrize("name", [*VARIANTS, "i3d"])
def test_under_15_lines(name: str) -> None:
    text = shipped()[name].read_text(encoding="utf-8")
    assert "extends: " in text
    assert len(text.splitlines()) < 15


def test_the_arithmetic_holds_for_the_base() -> None:
    assert params("googlenet") == googlenet() == 6_998_552


def test_batch_norm() -> None:
    convolutions = [
        n for n in network("googlenet").phase("eval").nodes.values() if n.op.op == "conv2d"
    ]
    outputs = sum(node.shape[0] for node in convolutions if node.shape)
    assert params("googlenet_bn") == googlenet() + outputs  # a bias goes, a scale and a shift come
    assert not any(node.op.op == "lrn" for node in network("googlenet_bn").nodes.values())


def test_two_3x3() -> None:
    change = sum(
        9 * reduce * out + 9 * out * out + out - 25 * reduce * out
        for _, _, _, reduce, out, _ in MODULES.values()
    )
    assert params("googlenet_two_3x3") == googlenet() + change


def test_cifar10() -> None:
    graph = network("googlenet_cifar10")
    assert [graph.shape(f"inception_{name}.merge")[1:] for name in MODULES] == [
        *[(32, 32)] * 2,
        *[(16, 16)] * 5,
        *[(8, 8)] * 2,
    ]
    classifier, stem = 1024 * 990 + 990, (49 - 9) * 3 * 64
    assert params("googlenet_cifar10") == googlenet() - classifier - stem


def test_no_heads() -> None:
    graph = network("googlenet_no_heads")
    assert total(graph) == total(graph.phase("eval")) == total(network("googlenet").phase("eval"))


def test_wide() -> None:
    assert params("googlenet_wide") == googlenet(2)
    assert params("googlenet_ensemble") == googlenet(1.25)
    half = analyze("googlenet_wide", set={"width": "0.5"}).require_graph()
    assert total(half.phase("eval")).params == googlenet(0.5)


def test_squeeze_and_excitation() -> None:
    graph = network("googlenet_se")
    gates = sum(2 * c * (c // 16) + c // 16 + c for c in CHANNELS[1:])
    assert params("googlenet_se") == googlenet() + gates
    order = [stage.path for stage in graph.stages]
    assert [after for before, after in pairwise(order) if before.startswith("inception")] == [
        f"se_{name}" for name in MODULES
    ]


def test_heads_follow_their_base() -> None:
    taps = {
        h.path: network("googlenet_se").nodes[f"{h.path}.pool"].inputs
        for h in network("googlenet_se").heads
    }
    assert taps == {"aux1": ("inception_4a.merge",), "aux2": ("inception_4d.merge",)}
