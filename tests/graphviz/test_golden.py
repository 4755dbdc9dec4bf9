"""Texts that people review: the DOT and Mermaid of a few networks, letter by letter.

``UPDATE_GOLDEN=1 pytest tests/graphviz/test_golden.py`` writes them anew.
"""

from __future__ import annotations

import os
from typing import Any

import pytest
from places import DATA

from inceptgraph import to_graph
from inceptgraph.diagnostics import Source
from inceptgraph_graphviz import backend

GOLDEN = DATA / "diagram"

RESIDUAL = """
name: residual & <gated>
input: {name: image, channels: 8, height: 32, width: 32}
blocks:
  conv:
    params: {out: int, kernel: size = 1}
    steps:
      conv: {op: conv2d, out: $out, kernel: $kernel, padding: same, bias: false}
      norm: {op: batch_norm}
      relu: {op: relu}
  residual:
    branches:
      body: {a: {op: conv, out: 8, kernel: 3}, b: {op: conv, out: 8, kernel: 3}}
      shortcut: {}
    merge: add
  gate:
    branches:
      map: {}
      squeeze: {pool: {op: global_avg_pool}, a: {op: conv, out: 2}, b: {op: conv, out: 8}}
    merge: multiply
stages:
  stem: {op: conv, out: 8, kernel: 3}
  body: {op: residual, repeat: 4}
  gate: {op: gate}
  again: {op: concat, from: [gate, body]}
  head: {op: conv, out: 8}
"""

WIRED = """
name: dense
input: {name: image, channels: 8, height: 32, width: 32}
blocks:
  dense:
    steps:
      a: {op: conv2d, out: 8}
      b: {op: conv2d, out: 8}
      ab: {op: concat, from: [a, b]}
      c: {op: conv2d, out: 8}
      abc: {op: concat, from: [a, b, c]}
stages:
  dense: {op: dense}
  pool: {op: global_avg_pool}
aux_heads:
  aux: {from: dense, loss_weight: 0.3, steps: {pool: {op: global_avg_pool}, flat: {op: flatten}}}
"""


TOWERS = """
name: two towers
inputs:
  left: {channels: 3, height: 32, width: 32}
  right: {channels: 3, height: 32, width: 32}
  facts: {features: 12}
blocks:
  tower: {steps: {conv: {op: conv2d, out: 16}, pool: {op: global_avg_pool}, flat: {op: flatten}}}
stages:
  left_tower: {op: tower, from: left}
  right_tower: {op: tower, from: right}
  about: {op: linear, out: 16, from: facts}
  join: {op: concat, from: [left_tower, right_tower, about]}
  mix: {op: linear, out: 64}
  age: {op: linear, out: 1, from: mix}
  kind: {op: linear, out: 5, from: mix}
outputs: {age: age, kind: kind}
"""


@pytest.mark.parametrize(
    ("name", "spec", "options"),
    [
        ("googlenet.dot", "googlenet", {"format": "dot"}),
        ("googlenet-stages.dot", "googlenet", {"format": "dot", "depth": 1, "direction": "LR"}),
        ("googlenet.mmd", "googlenet", {"format": "mermaid"}),
        ("residual.dot", Source("residual", RESIDUAL), {"format": "dot"}),
        ("residual.mmd", Source("residual", RESIDUAL), {"format": "mermaid"}),
        ("towers.dot", Source("towers", TOWERS), {"format": "dot", "heat": "none"}),
        ("dense.dot", Source("dense", WIRED), {"format": "dot", "depth": 3, "heat": "memory"}),
    ],
)
def test_the_text_is_as_reviewed(name: str, spec: str | Source, options: dict[str, Any]) -> None:
    text = backend.lower(to_graph(spec), **options)
    assert isinstance(text, str)
    path = GOLDEN / name
    if os.environ.get("UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
