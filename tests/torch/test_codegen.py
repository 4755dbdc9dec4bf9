"""``model.py``: the same network as the GraphModule, whatever the spec."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from model_files import compile_source, generated, network
from specs_strategy import is_small, specs
from torch import nn

from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.graph import Graph
from inceptgraph.passes import Target, optimize
from inceptgraph.pipeline import compile, to_graph
from inceptgraph_torch.codegen import write_module
from inceptgraph_torch.codegen.sources import layer_sources

HEADER = "name: Net\ninput: {channels: 4, height: 12, width: 12}\n"

SPECS = {
    "one operation": "stages: {a: {op: conv2d, out: 2}}",
    "chain in a chain": """
stages:
  a: {steps: {b: {steps: {c: {op: conv2d, out: 2}, d: {op: relu}}}, e: {op: tanh}}}
""",
    "two values from step to step": """
blocks: {join: {inputs: [x, y], steps: {join: {op: concat, from: [x, y]}}}}
stages:
  a: {steps: {b: {steps: {c: {op: conv2d, out: 2}, d: {op: relu}}}, e: {op: join, from: [b, b.c]}}}
""",
    "two values from step to step, once passes leave out a join": """
stages:
  a:
    steps:
      b: {branches: {c: {op: conv2d, out: 2}, d: {op: relu}}, merge: concat}
      e: {branches: {f: {}}, merge: concat}
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
    "steps that nothing reads": """
blocks:
  head:
    steps:
      pool: {op: global_avg_pool}
      flat: {op: flatten}
      lost: {op: relu}
      out:  {op: linear, out: 3, from: flat}
stages:
  lost1: {op: conv2d, out: 2}
  a: {op: conv2d, out: 4, from: input}
  b: {op: head}
  lost2: {op: linear, out: 2}
outputs: {logits: b}
aux_heads: {aux: {from: a, loss_weight: 0.5, op: head}}
""",
    "a step that nothing reads": """
stages: {a: {op: conv2d, out: 8}, lost: {op: conv2d, out: 8}, b: {op: relu, from: a}}
""",
    "blocks that nothing reads": """
blocks:
  lost:
    inputs: [x, y]
    steps: {join: {op: concat, from: [x, y]}, norm: {op: batch_norm}}
stages:
  a_value_that_is_read: {op: conv2d, out: 2}
  lost: {op: lost, from: [input, a_value_that_is_read]}
  a_block_that_nothing_reads_with_a_call_longer_than_one_line:
    {op: lost, from: [a_value_that_is_read, input]}
  b: {op: relu, from: a_value_that_is_read}
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
    "a value that is read again after others": """
blocks:
  res:
    inputs: [x]
    params: {out: int}
    steps: {a: {op: conv2d, out: $out}, b: {op: relu}, j: {op: concat, from: [x, b]}}
stages: {a: {op: res, out: 4}, b: {op: res, out: 5}, x: {op: tanh}, c: {op: concat, from: [x, b]}}
""",
    "a block that passes tear apart": """
blocks:
  unit:
    params: {out: int}
    steps: {conv: {op: conv2d, out: $out, bias: false}, bn: {op: batch_norm}, keys: {op: relu}}
  pooled:
    params: {out: int}
    steps:
      pool: {op: avg_pool, kernel: 3, padding: 1, count_include_pad: true}
      proj: {op: unit, out: $out}
  inner: {params: {out: int}, steps: {1x1: {op: pooled, out: $out}}}
stages: {a: {op: pooled, out: 3}, b: {op: pooled, out: 2}, c: {op: inner, out: 1}}
""",
    "kernels of padded pools vary": """
blocks:
  pools:
    params: {k: size}
    steps: {a: {op: max_pool, kernel: $k, stride: 2, padding: same}, b: {op: conv2d, out: 2}}
stages: {a: {op: pools, k: 3}, b: {op: pools, k: 2}, c: {op: pools, k: [2, 3]}}
""",
    "blocks called like what model.py holds": """
blocks:
  chain:
    params: {out: int}
    branches: {a: {op: conv2d, out: $out}, b: {op: affine}}
    merge: concat
  affine_: {params: {nn: int, F: int}, steps: {a: {op: conv2d, out: $nn}, b: {op: chain, out: $F}}}
  F: {params: {super: int}, branches: {a: {op: conv2d, out: $super}, b: {}}, merge: concat}
stages:
  a: {op: affine_, nn: 1, F: 2}
  b: {op: affine_, nn: 3, F: 2}
  c: {op: F, super: 3}
  d: {op: F, super: 4}
  e: {op: chain, out: 4}
""",
    "outputs and heads called like words of Python": """
stages: {torch: {op: conv2d, out: 4}, b: {op: concat, from: [torch, torch]}}
outputs: {class: torch, None: b, x: input}
aux_heads:
  1-b: {from: torch, loss_weight: 0.1, op: relu}
  lambda: {from: b, loss_weight: 0.1, op: tanh}
""",
    "more operands than a line holds": f"""
stages:
  {{{", ".join(f"a_long_name_{i}: {{op: conv2d, out: 1, from: input}}" for i in range(20))},
   join: {{op: concat, from: [{", ".join(f"a_long_name_{i}" for i in range(20))}]}}}}
outputs: {{{", ".join(f"output_{i}: a_long_name_{i}" for i in range(20))}, join: join}}
""",
}


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


def check_optimized(graph: Graph) -> None:
    """The module of what passes make of the network, too."""
    rewritten = optimize(graph, Target(call_cost=float("inf")))  # where every rewrite pays
    ours = compile(rewritten, seed=0, dtype="float64").eval()
    theirs = network(rewritten, training=False).double().eval()
    theirs.load_state_dict(ours.state_dict())
    inputs = [torch.randn(2, *graph.shape(n.name), dtype=torch.float64) for n in graph.inputs]
    torch.testing.assert_close(theirs(*inputs), ours(*inputs), rtol=0, atol=0)


@pytest.mark.parametrize("name", SPECS)
def test_equal(name: str) -> None:
    graph = to_graph(Source(f"{name}.yaml", HEADER + SPECS[name]))
    check_equal(graph)
    check_optimized(graph)


HEAVY = [pytest.param(name, marks=pytest.mark.slow) for name in ("googlenet", "resnet18")]


@pytest.mark.parametrize("name", ["naive_inception", *HEAVY])
def test_shipped_specs(name: str) -> None:
    check_equal(to_graph(name))
    check_optimized(to_graph(name))


def test_a_block_that_passes_tear_apart_is_opened() -> None:
    text = HEADER + SPECS["a block that passes tear apart"]
    rewritten = optimize(to_graph(Source("torn.yaml", text)))
    written = write_module(rewritten, training=False)
    forward = """\
        x = self.proj.conv_projection(x)
        x = self.pool(x)
        x = self.proj.conv(x)
"""
    assert written.count("class Pooled") == 1
    assert forward in written
    module = compile(rewritten)
    assert type(module.a).__name__ == "Pooled"
    assert type(module.a.proj) is nn.Module  # which torch refuses to call
    assert "class Layers" not in write_module(to_graph("inception_v3"))


# Words that mean something to Python, to torch, to fx or to a model.py itself
WORDS = """
x x1 self torch operator getattr reduce F nn Tensor Path super class None lambda training forward
half_ requires_grad __a __init__ _evaluation Chain concat_ sum_ Affine loss load main input1 1x1
""".split()  # noqa: SIM905


@st.composite
def hostile_specs(draw: st.DrawFn) -> str:
    """A random spec in which some names are such words."""
    text = draw(specs())
    names = sorted(set(re.findall(r"\b(?:branch|s|join|stage|block|p|pool)[-_]?\d+\b", text)))
    words = draw(st.lists(st.sampled_from(WORDS), max_size=len(names), unique=True))
    for name, word in zip(draw(st.permutations(names)), words, strict=False):
        text = re.sub(rf"(?<![\w-]){name}(?![\w-])", word, text)
    return text


@settings(max_examples=examples(25), deadline=None, database=None)
@given(hostile_specs())
def test_any_network(text: str) -> None:
    try:
        graph = to_graph(Source("random.yaml", text))
    except SpecError:  # a word that is reserved there
        assume(False)
    assume(is_small(graph) and len(graph.nodes) < 200)
    check_equal(graph)
    check_optimized(graph)


@pytest.mark.parametrize("name", WORDS)
def test_any_name_of_a_stage(name: str) -> None:
    stages = (
        f"{{{name}: {{op: conv2d, out: 4}}, 1b: {{op: relu}}, c: {{op: add, from: [{name}, 1b]}}}}"
    )
    check_equal(to_graph(Source("name.yaml", f"{HEADER}stages: {stages}")))


@pytest.mark.parametrize("name", ["Sum", "chain", "F", "None", "x²", "ﬁne", "affine", "1", "___"])
def test_any_name_of_the_network(name: str) -> None:
    text = HEADER.replace("Net", f'"{name}"') + SPECS["blocks called like what model.py holds"]
    check_equal(to_graph(Source("name.yaml", text)))


@pytest.mark.parametrize("name", ["x", "torch", "self", "getattr", "1x", "a-b", "class"])
def test_any_name_of_an_input(name: str) -> None:
    text = """
name: Net
inputs: {NAME: {channels: 2, height: 5, width: 5}}
stages: {a: {op: conv2d, out: 3}, 1b: {op: relu}, c: {op: concat, from: [NAME, 1b]}}
"""
    graph = to_graph(Source("name.yaml", text.replace("NAME", name)))
    check_equal(graph)
    signature = re.search(r"def forward\(self, (\w+)\)", compile(graph).code)
    assert signature and f"def forward(self, {signature[1]})" in write_module(graph)


def test_blocks_become_classes() -> None:
    text = write_module(to_graph("googlenet"))
    assert "class Inception(Concat):" in text
    assert "self.inception_3a = Inception(192, 64, 96, 128, 16, 32, 32)" in text
    assert text.count("nn.Conv2d(") == 1
    own, _, rest = text.partition("def listed(")  # the loss, with its refusals, is behind it
    assert rest and len(own.splitlines()) < 345  # as long as torchvision's googlenet.py


def test_docstring_cannot_be_broken_out_of() -> None:
    text = HEADER.replace("Net", '\'a """ b \\ c\'') + SPECS["one operation"]
    graph = to_graph(Source("quotes.yaml", text))
    compile_source(write_module(graph, description='""" + __import__("os").getcwd() + """ \\'))


def test_control_characters_in_texts() -> None:
    """A spec's name has none; a graph may be made by hand."""
    graph = to_graph(Source("control.yaml", HEADER + SPECS["one operation"]))
    graph = replace(graph, name="a\0b\r\x0c")
    compile_source(write_module(graph, description="a\0b\rc " + "word " * 50 + "\n\n  last \ud800"))


def safetensors(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


ENTRY = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xff" * 7,
        b"\xff" * 20,
        safetensors(b"{"),
        safetensors([1]),
        safetensors({"w": 1}),
        safetensors({"w": {}}),
        safetensors({"w": ENTRY}),
        safetensors({"w": ENTRY}, bytes(7)),
        safetensors({"w": {**ENTRY, "data_offsets": [-60, 8]}}, bytes(8)),
        safetensors({"w": {**ENTRY, "data_offsets": [8, 0]}}, bytes(8)),
        safetensors({"w": {**ENTRY, "data_offsets": [0, 2**70]}}, bytes(8)),
        safetensors({"w": {**ENTRY, "data_offsets": ["0", "8"]}}, bytes(8)),
        safetensors({"w": {**ENTRY, "shape": [3]}}, bytes(8)),
        safetensors({"w": {**ENTRY, "shape": [2**62, 2**62]}}, bytes(8)),
        safetensors({"w": {**ENTRY, "dtype": "F8"}}, bytes(8)),
        safetensors(b"[" * (sys.getrecursionlimit() + 1)),
    ],
)
def test_weights_that_are_no_safetensors(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    namespace = generated(to_graph(Source("net.yaml", HEADER + SPECS["one operation"])))
    with pytest.raises(ValueError, match="is not a whole safetensors file"):
        namespace["load"](path)


# -- layers of plug-ins --------------------------------------------------------------------------


class Base(nn.Module):
    """Doubles."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * 2


class Derived(Base):
    """Doubles as well."""


class UsesModule(nn.Module):
    def forward(self, x: torch.Tensor) -> str:
        return json.dumps(x.shape)


def test_a_layer_brings_its_base() -> None:
    assert list(layer_sources([Derived, nn.ReLU])) == ["Base", "Derived"]


def test_a_layer_that_needs_more_than_torch_is_refused() -> None:
    with pytest.raises(SpecError, match=r"uses `json`, which model\.py does not have"):
        layer_sources([UsesModule])


def test_two_layers_of_one_name_are_refused() -> None:
    other = type("Base", (nn.Module,), {"__module__": __name__})
    with pytest.raises(SpecError, match="another layer of the network has the same name"):
        layer_sources([Derived, other])


def test_a_layer_without_source_is_refused() -> None:
    with pytest.raises(SpecError, match="its source cannot be read"):
        layer_sources([type("Made", (nn.Module,), {"__module__": __name__})])


def test_a_long_row_of_results_is_wrapped() -> None:
    from inceptgraph_torch.codegen.forward import _return_all

    names = [f"branch_{index}_of_a_long_name" for index in range(5)]
    lines = _return_all(names)
    assert len(lines) > 1 and all(len(line) <= 100 for line in lines)
    scope: dict[str, object] = {name: name for name in names}
    exec("\n".join(["def forward():", *lines, "found = forward()"]), scope)
    assert scope["found"] == tuple(names)
    assert _return_all(names[:2]) == [f"        return {names[0]}, {names[1]}"]


def test_a_file_times_a_call_that_is_not_its_first(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    graph = to_graph(Source("small.yaml", HEADER + SPECS["one operation"]))
    namespace = generated(graph)
    now = iter([0.0, 0.9, 2.0, 2.005])
    namespace["load"] = lambda **options: compile(graph, seed=0)
    namespace["time"] = SimpleNamespace(perf_counter=lambda: next(now))
    monkeypatch.setattr("sys.argv", ["model.py"])
    namespace["main"]()
    assert capsys.readouterr().out.endswith("on cpu, forward pass 5 ms\n")
