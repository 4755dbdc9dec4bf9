"""The JSON Schema: it takes every spec that compiles and refuses misspelt keys."""

from __future__ import annotations

import re
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest

from inceptgraph.cli.init import TEMPLATE
from inceptgraph.diagnostics import Findings, Source
from inceptgraph.ops import BUILT_IN
from inceptgraph.pipeline import analyze
from inceptgraph.source import parse, to_plain
from inceptgraph.spec import shipped
from inceptgraph.spec.json_schema import argument_texts, language


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = language()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def plain(text: str) -> Any:
    root = parse(Source("spec.yaml", text), Findings())
    assert root is not None
    return to_plain(root)


SMALL = """\
name: small
input:
  channels: 3
  height: 8
  width: 8
  preprocess: {range: [-1, $half], mean: 0, order: bgr, resize: 9}
classes: {names: [0, 1, 2, 3, 4, 5, 6, 7, 8], background: none}
params: {classes: 10, half: 0.5, wide: int = 4, window: "size = [1, 3]", mode: string = same}
defaults: {conv2d: {bias: false}}
blocks:
  conv:
    params: {out: int, kernel: size = 1}
    steps: {conv: {op: conv2d, out: $out, kernel: [1, $wide - 3]}, relu: {op: relu}}
  two:
    inputs: [left, right]
    steps: {sum: {op: add, from: [left, right]}}
stages:
  1: {op: conv2d, out: $wide * 2, kernel: 3, padding: [0, 1, 1, 0], weight_init: {scheme: normal}}
  fork:
    branches:
      a: {op: conv, out: $wide}
      b: {one: {op: conv, out: 2}, two: {op: conv, out: 4}}
      c: {when: $wide > 3}
      e: {when: true, x: {op: relu}}
      d: {steps: {x: {op: identity, when: false}}}
      f: {}
    merge: {op: concat}
  body: {repeat: 2, steps: {x: {op: relu}}}
  both: {op: two, from: [fork, body]}
  flatten: {op: flatten}
  fc: {op: linear, out: $classes}
aux_heads:
  aux: {from: fork, loss_weight: 0.3, steps: {flatten: {op: flatten}, fc: {op: linear, out: 2}}}
  aux2: {from: fork, loss_weight: 0.3, op: global_avg_pool}
outputs: {logits: fc}
sections: {head: flatten .. fc}
expect: {params: 1, shapes: {fc: [10]}}
"""


@pytest.mark.heavy
@pytest.mark.parametrize("name", shipped())
def test_takes_every_shipped_spec(name: str, validator: Any) -> None:
    text = shipped()[name].read_text(encoding="utf-8")
    validator.validate(plain(text))


def test_takes_the_first_spec(validator: Any) -> None:
    text = TEMPLATE.format(name="tiny", file="tiny.yaml", stem="tiny")
    assert analyze(Source("tiny.yaml", text)).findings == ()
    validator.validate(plain(text))


def test_takes_every_form_of_the_language(validator: Any) -> None:
    codes = {d.code for d in analyze(Source("small.yaml", SMALL)).findings if d.code < "IG5"}
    assert not codes, "the spec of this test must have the structure of a spec"
    validator.validate(plain(SMALL))


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("name: small", "nmae: small"),
        ("channels: 3", "chanels: 3"),
        ("channels: 3", "channels: many"),
        ("range: [-1, $half], ", ""),
        ("range: [-1, $half]", "range: 1"),
        ("range: [-1, $half]", "range: [-1, 0, 1]"),
        ("order: bgr", "order: brg"),
        ("mean: 0", "mean: many"),
        ("mean: 0", "std: 0"),
        ("mean: 0", "means: 0"),
        ("resize: 9", "resize: 0"),
        ("resize: 9", "crop: [8, 8, 8]"),
        ("background: none", "backgrund: none"),
        ("{names: [0, 1, 2, 3, 4, 5, 6, 7, 8], background: none}", "[one]"),
        ("{names: [0, 1, 2, 3, 4, 5, 6, 7, 8], background: none}", "imagenet"),
        ("wide: int = 4", "wide: integer = 4"),
        ("{conv2d: {bias: false}}", "{conv2: {bias: false}}"),
        ("{conv2d: {bias: false}}", "{conv2d: {biass: false}}"),
        ("{conv2d: {bias: false}}", "{conv2d: {bias: maybe}}"),
        ("    params: {out: int,", "    parms: {out: int,"),
        ("    steps: {conv:", "    stpes: {conv:"),
        ("kernel: 3, padding", "kernal: 3, padding"),
        ("kernel: 3, padding", "kernel: 0, padding"),
        ("kernel: 3, padding", "kernel: three, padding"),
        ("padding: [0, 1, 1, 0]", "padding: samee"),
        ("weight_init: {scheme: normal}", "weight_init: kaiming"),
        ("    merge: {op: concat}", "    merge: {op: concatenate}"),
        ("    merge: {op: concat}", "    merges: {op: concat}"),
        ("  flatten: {op: flatten}", "  flatten: {opp: flatten}"),
        ("  flatten: {op: flatten}", "  flatten: flatten"),
        ("  flatten: {op: flatten}", "  flat.ten: {op: flatten}"),
        ("repeat: 2", "repeat: -1"),
        ("aux2: {from: fork, loss_weight: 0.3", "aux2: {from: fork, weight: 0.3"),
        ("aux2: {from: fork, loss_weight: 0.3", "aux2: {from: fork, loss_weight: -0.3"),
        ("aux2: {from: fork, loss_weight: 0.3, op: ", "aux2: {from: fork, loss_weight: 0.3, of: "),
        ("flatten .. fc", "flatten to fc"),
        ("params: 1, shapes", "parms: 1, shapes"),
    ],
)
def test_refuses(right: str, wrong: str, validator: Any) -> None:
    assert right in SMALL
    assert not validator.is_valid(plain(SMALL.replace(right, wrong, 1)))


@pytest.mark.parametrize(
    ("said", "right"),
    [
        ("{frames: 8}", True),
        ("{frames: $n, kernel: 3}", True),
        ("{frames: free = 8}", True),
        ("{kernel: 3}", False),
        ("{frames: 0}", False),
        ("{frames: 8, kernel: [3, 3, 3]}", False),
        ("{frames: 8, kernels: 3}", False),
        ("8", False),
    ],
)
def test_inflate(said: str, right: bool, validator: Any) -> None:
    text = f"{SMALL}inflate: {said}\n"
    assert validator.is_valid(plain(text)) is right
    in_time = text.replace("kernel: 3, padding", "kernel: [1, 3, 3], padding")
    assert validator.is_valid(plain(in_time)) is right


@pytest.mark.parametrize("missing", ["name", "stages", "input"])
def test_needs(missing: str, validator: Any) -> None:
    spec = deepcopy(plain(SMALL))
    del spec[missing]
    assert not validator.is_valid(spec)


def test_every_argument_has_a_text() -> None:
    for kind in BUILT_IN.values():
        assert set(argument_texts(kind)) == set(kind.model_fields), kind.op
        for text in argument_texts(kind).values():
            assert text.endswith((".", ")")), f"{kind.op}: {text}"


def test_every_operation_is_there() -> None:
    schema = language()
    for name, kind in BUILT_IN.items():
        described = schema["$defs"][name]
        assert set(described["properties"]) == set(kind.model_fields)
        assert not re.search("``|Args:", described["description"])


def test_the_shipped_specs_are_found() -> None:
    assert all(isinstance(path, Path) for path in shipped().values())
