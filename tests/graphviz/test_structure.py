"""Chains and forks are found in the wiring: every row once, in linear time, at any length."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from work import growth

from inceptgraph.analysis import Cost
from inceptgraph.graph import Node
from inceptgraph.ops.activation import Relu
from inceptgraph.ops.merge import Add
from inceptgraph_graphviz.rows import Row
from inceptgraph_graphviz.structure import (
    MAX_NESTING,
    SOURCE,
    Fork,
    Item,
    Series,
    decompose,
    rows_of,
)


def row(name: str, *, join: bool = False) -> Row:
    return Row((Node(name, Add() if join else Relu()),), (4, 8, 8), Cost())


@dataclass
class Wiring:
    """Rows and what they read, built from a structure that is known."""

    rows: list[Row]
    operands: list[list[int]]

    def add(self, reads: list[int]) -> int:
        self.operands.append(reads)
        self.rows.append(row(f"r{len(self.rows)}", join=len(reads) > 1))
        return len(self.rows) - 1

    def grow(self, shape: list[object], source: int) -> tuple[int, list[object]]:
        """Add a series: an int is a chain of so many rows, a list a fork with a join behind."""
        at = source
        seen: list[object] = []
        for part in shape:
            if isinstance(part, int):
                for _ in range(part):
                    at = self.add([at])
                    seen.append(self.rows[at].name)
            elif isinstance(part, list):
                grown = [self.grow(branch, at) for branch in part]
                at = self.add([end for end, _ in grown])
                seen += [[inside for _, inside in grown], self.rows[at].name]
        return at, seen


def names(series: Series) -> list[object]:
    def name(item: Item) -> object:
        if isinstance(item, Fork):
            return [names(branch) for branch in item.branches]
        assert isinstance(item, Row)
        return item.name

    return [name(item) for item in series]


chains = st.integers(1, 3)
shapes = st.recursive(
    st.lists(chains, max_size=2),
    lambda inner: st.lists(chains | st.lists(inner, min_size=2, max_size=4), max_size=3),
    max_leaves=12,
)


@given(shapes)
def test_what_is_built_of_chains_and_forks_is_found_again(shape: list[object]) -> None:
    wiring = Wiring([], [])
    _, built = wiring.grow([1, *shape], SOURCE)
    series = decompose(wiring.rows, wiring.operands)
    assert series is not None
    assert names(series) == built


@given(st.data())
def test_any_wiring_is_told_apart(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    operands = [
        data.draw(st.lists(st.integers(SOURCE, index - 1), min_size=1, max_size=3))
        for index in range(count)
    ]
    rows = [row(f"r{index}", join=len(reads) > 1) for index, reads in enumerate(operands)]
    series = decompose(rows, operands)
    if series is not None:
        assert sorted(r.name for r in rows_of(series)) == sorted(r.name for r in rows)


def test_an_empty_branch_is_a_shortcut() -> None:
    rows = [row("a"), row("b"), row("add", join=True)]
    series = decompose(rows, [[SOURCE], [0], [1, SOURCE]])
    assert series is not None
    assert names(series) == [[["a", "b"], []], "add"]


def test_branches_keep_the_order_of_the_operands() -> None:
    rows = [row("a"), row("b"), row("c"), row("join", join=True)]
    series = decompose(rows, [[SOURCE]] * 3 + [[2, 0, 1]])
    assert series is not None
    assert names(series) == [[["c"], ["a"], ["b"]], "join"]


def test_a_fork_may_end_in_the_join_around_it() -> None:
    rows = [row("a"), row("b"), row("c"), row("join", join=True)]
    series = decompose(rows, [[SOURCE], [0], [0], [1, 2, SOURCE]])
    assert series is not None
    assert names(series) == [[["a", [["b"], ["c"]]], []], "join"]


@pytest.mark.parametrize(
    "operands",
    [
        pytest.param([[SOURCE], [0], [0, 1], [1, 2]], id="bridge"),
        pytest.param([[SOURCE], [SOURCE]], id="two ends"),
        pytest.param([[SOURCE], [0], [0, 1], [2], [0, 1, 3]], id="dense"),
    ],
)
def test_other_wirings_are_refused(operands: list[list[int]]) -> None:
    rows = [row(f"r{index}") for index in range(len(operands))]
    assert decompose(rows, operands) is None


def test_forks_nested_beyond_reading_are_refused() -> None:
    for depth, found in ((MAX_NESTING, True), (MAX_NESTING + 1, False)):
        shape: list[object] = [1]
        for _ in range(depth):
            shape = [[shape, [1]]]
        wiring = Wiring([], [])
        wiring.grow(shape, SOURCE)
        assert (decompose(wiring.rows, wiring.operands) is not None) is found


@pytest.mark.parametrize(
    "part",
    [
        pytest.param([1], id="chain"),
        pytest.param([[[1], []]], id="residual"),
        pytest.param([1, [[2], [1], []]], id="dense chain of forks"),
    ],
)
def test_work_is_linear_and_length_no_limit(part: list[object]) -> None:
    def decomposing(size: int) -> Callable[[], object]:
        wiring = Wiring([], [])
        wiring.grow(part * size, SOURCE)
        return lambda: decompose(wiring.rows, wiring.operands)

    length = sys.getrecursionlimit()
    assert decomposing(length)() is not None
    assert growth(decomposing, length) < 2.1
