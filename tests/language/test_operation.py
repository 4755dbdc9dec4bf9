"""Operations from plain values: what a file of another program holds, and what is wrong with it."""

from __future__ import annotations

from typing import Any

import pytest

from inceptgraph.backend import operation
from inceptgraph.diagnostics import Source, Span, SpecError
from inceptgraph.ops import BUILT_IN, Input


def test_arguments_are_those_of_a_spec() -> None:
    made = operation("conv2d", {"out": 8, "kernel": [1, 7], "padding": "same"})
    assert made == BUILT_IN["conv2d"](out=8, kernel=(1, 7), padding="same")
    assert operation("input", {"shape": [3, 8, 8]}) == Input(shape=(3, 8, 8))


@pytest.mark.parametrize(
    ("word", "arguments", "told"),
    [
        ("wibble", {}, "error[IG201]: there is no operation `wibble` (`inceptgraph list op"),
        ("swish", {}, "error[IG201]: there is no operation `swish` (did you mean `silu`?)"),
        ("relu", {"x": 1}, "error[IG202]: `relu` has no argument `x` (it takes no arguments)"),
        ("linear", {"out": 2, "bia": 1}, "`linear` has no argument `bia` (did you mean `bias`?)"),
        ("linear", {"": 1, "out": 2}, "error[IG202]: `linear` has no argument `` (its arguments"),
        ("linear", {}, "error[IG203]: `linear` needs `out`"),
        ("linear", {"out": 0}, "error[IG204]: `out` of `linear` must be at least 1, but is `0`"),
        ("linear", {"out": 2.5}, "error[IG404]: `out` of `linear` must be a whole number, but is"),
        (
            "scale",
            {"factor": 10**400},
            "error[IG204]: `factor` of `scale` must be finite and below",
        ),
        ("scale", {"offset": [1, float("nan")]}, "`offset` of `scale` must be finite and below"),
        ("scale", {"factor": float("-inf")}, "`factor` of `scale` must be finite and below"),
        ("max_pool", {"kernel": []}, "`kernel` of `max_pool` must be a whole number or a list"),
        (
            "conv2d",
            {"out": 8, "weight_init": {"scheme": "normal", "stdd": 3}},
            "error[IG204]: `weight_init` of `conv2d` is refused",
        ),
        ("conv2d", {"out": 8, "padding": "sme"}, "cannot be `sme` (did you mean `same`?)"),
    ],
)
def test_what_is_wrong_is_said(word: str, arguments: dict[str, Any], told: str) -> None:
    with pytest.raises(SpecError) as caught:
        operation(word, arguments)
    assert told in str(caught.value)


def test_every_mistake_is_at_the_place() -> None:
    place = Span(Source("net.txt", "conv2d\n"), 0, 0, 0, 6)
    with pytest.raises(SpecError) as caught:
        operation("conv2d", {"kernel": 0, "strid": 2}, place)
    assert [(each.code.name, each.span) for each in caught.value.diagnostics] == [
        ("BAD_ARGUMENT", place),
        ("MISSING_ARGUMENT", place),
        ("UNKNOWN_ARGUMENT", place),
    ]
