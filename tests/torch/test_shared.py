"""Networks that use weights more than once, against modules of torch written by hand."""

from __future__ import annotations

import copy
import io
import pickle
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import inceptgraph
from inceptgraph.graph import Graph
from inceptgraph_torch.codegen import write_module
from inceptgraph_torch.loading import tensors_of
from inceptgraph_torch.lower import lower
from inceptgraph_torch.names import class_name

TWO = """
name: Siamese
inputs:
  a: {channels: 3, height: 8, width: 8}
  b: {channels: 3, height: 8, width: 8}
blocks:
  tower:
    params: {out: int}
    steps:
      conv: {op: conv2d, out: $out, kernel: 3, padding: same, bias: false}
      norm: {op: batch_norm}
      relu: {op: relu}
      pool: {op: global_avg_pool}
      flat: {op: flatten}
      fc: {op: linear, out: 5}
"""
SIAMESE = f"""{TWO}
stages:
  left: {{op: tower, out: 4, from: a}}
  right: {{share: left, from: b}}
  both: {{op: concat, from: [left, right]}}
  score: {{op: linear, out: 1}}
"""
SCALES = """
name: Scales
input: {channels: 3, height: 12, width: 12}
stages:
  p3: {op: conv2d, out: 6, kernel: 3, padding: same}
  p4: {op: conv2d, out: 6, kernel: 3, padding: 1, stride: 2}
  head3:
    from: p3
    steps:
      conv: {op: conv2d, out: 6, kernel: 3, padding: same}
      norm: {op: batch_norm}
      relu: {op: relu}
      out: {op: conv2d, out: 2, kernel: 1}
  head4:
    from: p4
    steps:
      conv: {share: head3.conv}
      norm: {op: batch_norm}
      relu: {op: relu}
      out: {share: head3.out}
outputs: {fine: head3, coarse: head4}
"""
"""One head over two scales, each with statistics of its own."""

RECURRENT = """
name: Recurrent
input: {channels: 4, height: 6, width: 6}
stages:
  first: {op: conv2d, out: 4, kernel: 3, padding: same}
  again: {share: first, repeat: 3}
"""


class Tower(nn.Sequential):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.flat = nn.Flatten()
        self.fc = nn.Linear(4, 5)


class Siamese(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.left = Tower()
        self.score = nn.Linear(10, 1)

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        found: Tensor = self.score(torch.cat([self.left(a), self.left(b)], 1))
        return found


class Scales(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.p3 = nn.Conv2d(3, 6, 3, padding=1)
        self.p4 = nn.Conv2d(6, 6, 3, padding=1, stride=2)
        self.head3 = nn.ModuleDict(
            {"conv": nn.Conv2d(6, 6, 3, padding=1), "norm": nn.BatchNorm2d(6)}
        )
        self.head3["out"] = nn.Conv2d(6, 2, 1)
        self.head4 = nn.ModuleDict({"norm": nn.BatchNorm2d(6)})

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        p3 = self.p3(x)
        p4 = self.p4(p3)
        conv, out = self.head3["conv"], self.head3["out"]
        return {
            "fine": out(self.head3["norm"](conv(p3)).relu()),
            "coarse": out(self.head4["norm"](conv(p4)).relu()),
        }


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(4, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        for _ in range(4):
            x = self.first(x)
        return x


KINDS = {
    "siamese": (SIAMESE, Siamese),
    "scales": (SCALES, Scales),
    "recurrent": (RECURRENT, Recurrent),
}


def graph_of(text: str) -> Graph:
    return inceptgraph.to_graph(inceptgraph.Source("net.yaml", text))


def pair(name: str, *, flat: bool = False) -> tuple[nn.Module, nn.Module, tuple[Tensor, ...]]:
    """Ours and the one by hand with the same weights, in float64, and what they read."""
    text, kind = KINDS[name]
    graph = graph_of(text)
    ours = lower(graph, seed=1, dtype=torch.float64, flat=flat)
    theirs = kind().double()
    theirs.load_state_dict(ours.state_dict())
    generator = torch.Generator().manual_seed(2)
    shapes = [graph.shape(node.name) for node in graph.inputs]
    return ours, theirs, tuple(drawn(3, *shape, generator=generator) for shape in shapes)


def drawn(*shape: int, generator: torch.Generator) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def tensors(returned: Any) -> list[Tensor]:
    return [*returned.values()] if isinstance(returned, dict) else [returned]


def differs(one: Any, other: Any) -> float:
    pairs = zip(tensors(one), tensors(other), strict=True)
    return max(float((a - b).detach().abs().max()) for a, b in pairs)


@pytest.mark.parametrize("flat", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_values_gradients_and_statistics_are_those_of_a_module_by_hand(
    name: str, flat: bool
) -> None:
    ours, theirs, inputs = pair(name, flat=flat)
    assert ours.state_dict().keys() == theirs.state_dict().keys()
    parameters = dict(ours.named_parameters())
    assert parameters.keys() == dict(theirs.named_parameters()).keys()
    for module in (ours, theirs):
        sum(each.square().sum() for each in tensors(module(*inputs))).backward()
    for key, parameter in theirs.named_parameters():
        assert (parameters[key].grad - parameter.grad).abs().max() <= 1e-12 * parameter.grad.norm()
    for key, value in theirs.state_dict().items():  # a shared batch norm has counted twice
        assert torch.equal(ours.state_dict()[key], value)
    assert differs(ours.eval()(*inputs), theirs.eval()(*inputs)) <= 1e-14


@pytest.mark.parametrize("name", KINDS)
def test_copies_keep_one_weight_for_all_uses(name: str) -> None:
    ours, _, inputs = pair(name)
    want = ours.eval()(*inputs)
    stream = io.BytesIO()
    torch.save(ours, stream)
    stream.seek(0)
    copies = {
        "deepcopy": copy.deepcopy(ours),
        "pickle": pickle.loads(pickle.dumps(ours)),
        "save": torch.load(stream, weights_only=False),
        "to": copy.deepcopy(ours).to(torch.float64),
        "copy": copy.copy(ours),
    }
    for how, module in copies.items():
        assert differs(module(*inputs), want) == 0, how
        assert module.state_dict().keys() == ours.state_dict().keys(), how
        assert len([*module.parameters()]) == len([*ours.parameters()]), how
    for how in ("deepcopy", "pickle", "save"):
        for parameter in copies[how].parameters():
            parameter.data.mul_(1.5)
        ours_scaled = copy.deepcopy(ours)
        for parameter in ours_scaled.parameters():
            parameter.data.mul_(1.5)
        assert differs(copies[how](*inputs), ours_scaled(*inputs)) == 0, how


@pytest.mark.parametrize("name", KINDS)
def test_functional_call_replaces_a_weight_in_all_uses(name: str) -> None:
    ours, theirs, inputs = pair(name)
    ours.eval(), theirs.eval()
    other = {key: value * 1.25 for key, value in ours.named_parameters()}
    found = torch.func.functional_call(ours, other, inputs)
    assert differs(found, torch.func.functional_call(theirs, other, inputs)) <= 1e-14


@pytest.mark.parametrize("name", KINDS)
def test_export_has_one_weight(name: str) -> None:
    ours, _, inputs = pair(name)
    program = torch.export.export(ours.eval(), inputs)
    assert program.state_dict.keys() == ours.state_dict().keys()
    assert differs(program.module()(*inputs), ours(*inputs)) <= 1e-14


@pytest.mark.parametrize("name", KINDS)
def test_model_py_is_what_a_person_writes(name: str) -> None:
    ours, _, inputs = pair(name)
    graph = graph_of(KINDS[name][0])
    source = write_module(graph)
    assert source.count("nn.Conv2d(") == len(
        [key for key in ours.state_dict() if ours.state_dict()[key].dim() == 4]
    )
    namespace: dict[str, Any] = {"__name__": "model", "__file__": "model.py"}
    exec(source, namespace)
    module = namespace[graph.name]().double()
    assert module.state_dict().keys() == ours.state_dict().keys()
    module.load_state_dict(ours.state_dict())
    assert differs(module.eval()(*inputs), ours.eval()(*inputs)) == 0


def test_a_tower_is_called_again() -> None:
    source = write_module(graph_of(SIAMESE))
    assert "self.left(a)" in source
    assert "self.left(b)" in source
    module = lower(graph_of(SIAMESE))
    calls = [node.target for node in module.graph.nodes if node.op == "call_module"]
    assert calls == ["left", "left", "score"]


def unshared(graph: Graph) -> Graph:
    """The same steps, each with weights of its own."""
    return graph.with_nodes({n: replace(node, shares=None) for n, node in graph.nodes.items()})


def agrees_with_copies(graph: Graph) -> None:
    """A network computes what the same steps do with copies of the weights."""
    apart = unshared(graph)
    shared = lower(graph, seed=3, dtype=torch.float64)
    owned = dict(tensors_of(shared, graph))
    copied = lower(apart, seed=4, dtype=torch.float64)
    with torch.no_grad():
        for key, tensor in tensors_of(copied, apart).items():
            node, _, name = key.rpartition(".")
            tensor.copy_(owned[f"{graph.nodes[node].original}.{name}"])
    generator = torch.Generator().manual_seed(5)
    inputs = [drawn(2, *graph.shape(node.name), generator=generator) for node in graph.inputs]
    shared.eval(), copied.eval()
    assert differs(shared(*inputs), copied(*inputs)) == 0
    flat = lower(graph, seed=3, dtype=torch.float64, flat=True).eval()
    assert flat.state_dict().keys() == shared.state_dict().keys()
    flat.load_state_dict(shared.state_dict())
    assert differs(shared(*inputs), flat(*inputs)) == 0
    namespace: dict[str, Any] = {"__name__": "model", "__file__": "model.py"}
    exec(write_module(graph), namespace)
    written = namespace[class_name(graph.name, set())]().double().eval()
    written.load_state_dict(shared.state_dict())
    assert differs(shared(*inputs), written(*inputs)) == 0


ELSEWHERE = {
    "a tap inside": """
stages:
  left: {op: tower, out: 3}
  right: {share: left, from: tanh}
  tap: {op: global_avg_pool, from: right.conv}
  flat: {op: flatten}
  both: {op: concat, from: [flat, right]}
""",
    "a layer of another stage, inside a block": """
stages:
  left: {op: tower, out: 3}
  nested:
    from: input
    steps:
      inner:
        steps:
          conv: {share: left.conv}
          relu: {op: relu}
      out: {op: conv2d, out: 3}
  again: {share: nested}
""",
    "a use of what holds a use": """
stages:
  first:
    steps:
      conv:  {op: conv2d, out: 3}
      part:  {steps: {norm: {op: batch_norm}, last: {op: relu, repeat: 1}}}
      again: {share: part, from: conv}
  second: {share: first, from: input}
""",
    "blocks that share inside": """
stages:
  one: {op: twice}
  two: {op: twice, from: input}
  three: {share: two, from: one}
  four: {share: three}
  sum: {op: add, from: [one, two, three, four]}
""",
    "a body that reads outside": """
stages:
  stem: {op: conv2d, out: 3}
  one:
    branches:
      a: {op: conv2d, out: 3}
      b: {op: tanh, from: stem}
    merge: add
  two: {share: one}
  three: {share: two, repeat: 2}
""",
    "copies": """
stages:
  chain: {op: twice, repeat: 3}
  again: {share: chain}
  one: {share: chain.1}
""",
    "copies of what is shared once more": """
stages:
  left: {op: tower, out: 3}
  one: {op: conv2d, out: 3, from: input}
  two: {share: one, repeat: 2}
  three: {share: two}
  four: {share: three, repeat: 2}
  tail: {op: add, from: [four, three.1]}
""",
    "a head": """
stages:
  left: {op: tower, out: 3}
  out: {op: linear, out: 3}
aux_heads:
  aux: {share: out, from: left, loss_weight: 0.5}
""",
}


@pytest.mark.parametrize("name", ELSEWHERE)
def test_what_is_shared_in_any_place_computes_as_copies_do(name: str) -> None:
    blocks = """
  twice:
    steps:
      conv: {op: conv2d, out: 3, kernel: 3, padding: same}
      relu: {op: relu}
      again: {share: conv}
"""
    head = TWO.replace("inputs:\n  a:", "input:").replace(
        "  b: {channels: 3, height: 8, width: 8}\n", ""
    )
    text = ELSEWHERE[name].replace("tanh}", "tanh}")
    if "from: tanh" in text:
        text = text.replace("stages:\n", "stages:\n  tanh: {op: tanh}\n")
        text = text.replace("left: {op: tower, out: 3}", "left: {op: tower, out: 3, from: input}")
    agrees_with_copies(graph_of(head + blocks + text))
