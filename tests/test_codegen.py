"""``model.py``: the same network as the GraphModule, whatever the spec."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from inceptgraph.errors import Source
from inceptgraph.graph import Graph
from inceptgraph.pipeline import compile, to_graph
from inceptgraph_torch.codegen import write_module

HEADER = "name: Net\ninput: {channels: 4, height: 12, width: 12}\n"

SPECS = {
    "one operation": "stages: {a: {op: conv2d, out: 2}}",
    "chain in a chain": """
stages:
  a: {steps: {b: {steps: {c: {op: conv2d, out: 2}, d: {op: relu}}}, e: {op: tanh}}}
""",
    "uses that differ in stride and padding": """
blocks:
  conv:
    params: {out: int, kernel: size = 1, stride: 1}
    steps:
      conv: {op: conv2d, out: $out, kernel: $kernel, stride: $stride, padding: same}
      relu: {op: relu}
stages:
  a: {op: conv, out: 4, kernel: 3, stride: 2}
  b: {op: conv, out: 6, kernel: [1, 3]}
  c: {op: conv, out: 6, kernel: 5, stride: 2}
  d: {op: conv, out: 8}
""",
    "residual with shortcut": """
blocks:
  unit:
    params: {out: int, stride: 1}
    branches:
      main:
        conv: {op: conv2d, out: $out, kernel: 3, stride: $stride, padding: 1, bias: false}
        norm: {op: batch_norm}
      shortcut: {op: conv2d, out: $out, stride: $stride}
    merge: add
  same:
    branches: {main: {op: conv2d, out: 8, kernel: 3, padding: same}, shortcut: {}}
    merge: add
stages:
  a: {op: unit, out: 8, stride: 2}
  b: {op: unit, out: 8}
  c: {op: same, repeat: 3}
""",
    "gate with two inputs": """
blocks:
  gate:
    inputs: [signal, control]
    params: {hidden: int}
    steps:
      squeeze: {op: global_avg_pool, from: control}
      reduce:  {op: conv2d, out: $hidden}
      expand:  {op: conv2d, out: 8}
      scale:   {op: sigmoid}
      apply:   {op: multiply, from: [signal, scale]}
stages:
  a: {op: conv2d, out: 8}
  b: {op: conv2d, out: 8, from: input}
  c: {op: gate, hidden: 2, from: [a, b]}
  d: {op: gate, hidden: 4, from: [c, a]}
""",
    "inside of another step": """
stages:
  stem: {steps: {first: {op: conv2d, out: 3}, second: {op: conv2d, out: 5}}}
  join: {op: concat, from: [stem.first, stem, input]}
outputs: {join: join, early: stem.first}
""",
    "names that are not Python's": """
stages:
  1st: {op: conv2d, out: 3}
  a-b: {branches: {1x1: {op: conv2d, out: 2}, class: {op: conv2d, out: 2}}, merge: concat}
  train: {op: relu}
  keys: {branches: {values: {op: conv2d, out: 2}, pop: {op: conv2d, out: 2}}, merge: add}
  import: {op: tanh}
""",
    "nested forks": """
blocks:
  split:
    params: {out: int}
    branches:
      1x3: {op: conv2d, out: $out, kernel: [1, 3], padding: same}
      3x1: {op: conv2d, out: $out, kernel: [3, 1], padding: same}
    merge: concat
  module:
    params: {out: int}
    branches:
      plain: {op: conv2d, out: $out}
      split: {reduce: {op: conv2d, out: $out}, split: {op: split, out: $out // 2}}
    merge: concat
stages: {a: {op: module, out: 4}, b: {op: module, out: 8}}
""",
    "heads": """
blocks:
  head: {steps: {p: {op: global_avg_pool}, f: {op: flatten}, o: {op: linear, out: 3}}}
stages: {a: {op: conv2d, out: 4}, b: {op: conv2d, out: 6}, c: {op: head}}
outputs: {logits: c}
aux_heads:
  aux1: {from: a, loss_weight: 0.5, op: head}
  aux2: {from: b, loss_weight: 0.25, op: head}
""",
    "every border": """
stages:
  a: {op: conv2d, out: 4, kernel: 4, padding: same}
  b: {op: max_pool, kernel: 3, stride: 2, padding: [0, 1, 1, 2], ceil: true}
  c: {op: avg_pool, kernel: 3, stride: 2, padding: same, count_include_pad: true}
  d: {op: pad, border: [1, 0, 2, 0]}
  e: {op: crop, border: [1, 0, 0, 1]}
  f: {op: affine}
  g: {op: batch_norm, scale: false}
  h: {op: scale, factor: 2, offset: 1}
""",
}


def generated(graph: Graph) -> Any:
    """The names that a generated module defines."""
    namespace: dict[str, Any] = {"__name__": "model", "__file__": "/nowhere/model.py"}
    exec(compile_source(write_module(graph)), namespace)
    return namespace


def compile_source(text: str) -> Any:
    import builtins

    assert max(map(len, text.splitlines())) <= 100
    return builtins.compile(text, "model.py", "exec")


def network(graph: Graph) -> nn.Module:
    namespace = generated(graph)
    classes = [v for v in namespace.values() if isinstance(v, type) and v.__module__ == "model"]
    module = classes[-1]()
    assert isinstance(module, nn.Module)
    return module


def check_equal(graph: Graph) -> None:
    ours = compile(graph, seed=0, dtype="float64")
    theirs = network(graph).double()
    assert list(theirs.state_dict()) == list(ours.state_dict())
    theirs.load_state_dict(ours.state_dict())
    inputs = [torch.randn(2, *graph.shape(n.name), dtype=torch.float64) for n in graph.inputs]
    for training in (False, True):
        for module in (*ours.modules(), *theirs.modules()):
            module.train(training and not isinstance(module, nn.Dropout))
        expected, actual = ours(*inputs), theirs(*inputs)
        assert type(actual) is type(expected)
        if isinstance(expected, dict):
            assert list(actual) == list(expected)
        torch.testing.assert_close(actual, expected, rtol=0, atol=0)


@pytest.mark.parametrize("name", SPECS)
def test_equal(name: str) -> None:
    check_equal(to_graph(Source(f"{name}.yaml", HEADER + SPECS[name])))


@pytest.mark.parametrize("name", ["googlenet", "naive_inception", "resnet18"])
def test_shipped_specs(name: str) -> None:
    check_equal(to_graph(name))


def test_blocks_become_classes() -> None:
    text = write_module(to_graph("googlenet"))
    assert "class Inception(Concat):" in text
    assert "self.inception_3a = Inception(192, 64, 96, 128, 16, 32, 32)" in text
    assert text.count("nn.Conv2d(") == 1
    assert len(text.splitlines()) < 300


def test_docstring_cannot_be_broken_out_of() -> None:
    text = HEADER.replace("Net", '\'a """ b \\ c\'') + SPECS["one operation"]
    graph = to_graph(Source("quotes.yaml", text))
    compile_source(write_module(graph, description='""" + __import__("os").getcwd() + """ \\'))
