"""What callers give of the wrong type: refused by its name, before it does harm."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_network import TINY

import inceptgraph
from inceptgraph import setting
from inceptgraph.arguments import FLAG, NAME, NUMBER, PATH, TEXTS, Kind, check
from inceptgraph.diagnostics import Source
from inceptgraph.pipeline._kinds import KINDS
from inceptgraph.setting import Setting
from inceptgraph_dynamo import options as of_dynamo

SPEC = Source("tiny.yaml", TINY)


@pytest.mark.parametrize(
    ("kind", "taken", "refused"),
    [
        (FLAG, [True, False], [None, 0, "yes", np.True_]),
        (NAME, ["auto", ""], [None, 3, b"auto", ["auto"]]),
        (NUMBER, [1, -1, np.int64(2)], [None, True, 1.0, "1"]),
        (PATH, ["a", Path("a")], [None, b"a", 3, {"a": 1}]),
        (TEXTS, [["a"], ("a",), {"a"}, iter(["a"])], [None, "a", b"a", 3]),
        (Kind("one", (), ("torch.dtype",), optional=True), [torch.float32, None], ["float32"]),
    ],
)
def test_kinds(kind: Kind, taken: list[Any], refused: list[Any]) -> None:
    for value in taken:
        check({"it": kind}, {"it": value, "other": object()})
    for value in refused:
        with pytest.raises(TypeError, match=f"^`it` must be {kind.told}, got "):
            check({"it": kind}, {"it": value})


def test_what_was_given_is_told_in_short() -> None:
    weights = {str(index): torch.zeros(1000) for index in range(1000)}
    with pytest.raises(
        TypeError, match=r"^`weights` must be the path of a file, .*got \{"
    ) as caught:
        inceptgraph.compile(SPEC, weights=weights)  # type: ignore[arg-type]
    assert len(str(caught.value)) < 300


def test_every_option_is_checked() -> None:
    assert setting.KINDS.keys() == {each.name for each in fields(Setting)}
    assert of_dynamo.KINDS.keys() == {each.name for each in fields(of_dynamo.Options)}
    for function in (
        inceptgraph.analyze,
        inceptgraph.summary,
        inceptgraph.compile,
        inceptgraph.load,
        inceptgraph.read,
    ):
        taken = inspect.signature(function).parameters
        assert KINDS.keys() >= taken.keys() - {"options"}


WRONG = [
    {"engine": 3},
    {"backend": 3},
    {"backend": None},
    {"optimize": "no"},
    {"set": [1]},
    {"set": "classes=10"},
    {"passes": 3},
    {"passes": "fold-norm"},
    {"weights": 3},
    {"remap": 3},
    {"allow": "missing:aux"},
    {"seed": "x"},
    {"seed": 1.5},
    {"channels_last": "no"},
    {"initialized": 0},
]
TO_AN_ENGINE = [
    {"optimize": 1},
    {"seed": True},
    {"device": 0},
    {"dtype": 7},
    {"dtype": float},
    {"batch": "4"},
    {"batch": 1.5},
    {"batch": True},
    {"batch": None},
    {"train": "yes"},
    {"train": 1},
    {"fixed": "no"},
    {"autotune": "no"},
    {"keep_memory": None},
]


@pytest.mark.parametrize("given", [*WRONG, *({"engine": "eager", **each} for each in TO_AN_ENGINE)])
def test_compile_names_the_option(given: dict[str, Any]) -> None:
    name, value = list(given.items())[-1]
    with pytest.raises(TypeError) as caught:
        inceptgraph.compile(SPEC, **given)
    told = str(caught.value)
    assert told.startswith(f"`{name}` must be ") and told.endswith(f", got {value!r}")


def test_a_pass_that_is_none_is_refused() -> None:
    with pytest.raises(TypeError, match="`pass` must be a function from graph to graph, got 3"):
        inceptgraph.compile(SPEC, passes=[3])  # type: ignore[list-item]


@pytest.mark.parametrize(
    "function",
    [
        inceptgraph.analyze,
        inceptgraph.to_graph,
        inceptgraph.summary,
        inceptgraph.compile,
        inceptgraph.load,
    ],
)
@pytest.mark.parametrize("given", [3, None, ["lenet5"], b"lenet5"])
def test_what_is_no_spec_is_refused(function: Callable[..., Any], given: Any) -> None:
    with pytest.raises(TypeError, match=r"^`(spec|folder)` must be a path"):
        function(given)


@pytest.mark.parametrize("name", ["device", "batch", "train"])
def test_a_setting_made_by_hand_is_checked(name: str) -> None:
    with pytest.raises(TypeError, match=f"^`{name}` must be "):
        Setting(**{name: ["x"]})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", of_dynamo.KINDS)
def test_options_of_torch_compile_are_checked(name: str) -> None:
    with pytest.raises(TypeError, match=f"^`{name}` must be "):
        of_dynamo.read_options({name: ["x"]})
