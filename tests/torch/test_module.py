"""A compiled network as a module: modes, states, copies, names, graphs."""

from __future__ import annotations

import copy
import io
import operator
import pickle
import subprocess
import sys
from typing import Any

import pytest
import torch
from tiny_network import TINY, assert_same, images, tiny, without_dropout
from torch import Tensor, fx
from torch.nn import functional

from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import compile, to_graph
from inceptgraph_torch import SpecModule


def build(stages: str, input: str = "{channels: 3, height: 8, width: 8}", **options: Any) -> Any:
    text = f"name: Small\ninput: {input}\nstages:\n{stages}"
    return compile(Source("small.yaml", text), **{"seed": 0, **options})


# -- modes and states --------------------------------------------------------------------------


def test_modes() -> None:
    module = tiny()
    assert module.training
    outputs = module(images())
    assert {name: tuple(out.shape) for name, out in outputs.items()} == {
        "logits": (2, 5),
        "aux": (2, 5),
    }
    assert module.eval()(images()).shape == (2, 5)
    assert isinstance(module.train()(image=images()), dict)
    assert type(module).__name__ == "Tiny"
    assert isinstance(module, fx.GraphModule)


def test_state_dict_round_trip() -> None:
    first, second = tiny(seed=1), tiny(seed=2)
    first(images())  # moves the running statistics
    first.eval(), second.eval()
    assert not torch.equal(first(images()), second(images()))
    buffer = io.BytesIO()
    torch.save(first.state_dict(), buffer)
    buffer.seek(0)
    state = torch.load(buffer, weights_only=True)
    assert list(state) == list(first.state_dict())
    second.load_state_dict(state)
    assert_same(second(images()), first(images()))
    blank = tiny(device="meta")
    blank.load_state_dict(state, assign=True)
    assert_same(blank.eval()(images()), first(images()))


def test_names_of_weights_are_the_specs_paths() -> None:
    names = set(dict(tiny().named_parameters()))
    assert {"stem.weight", "first.right.unit.conv.weight", "aux.fc.bias"} <= names
    network = to_graph(Source("tiny.yaml", TINY))
    assert names == {
        f"{node.name}.{name}"
        for node in network.nodes.values()
        for name, weight in network.weights(node).items()
        if weight.trainable
    }


@pytest.mark.parametrize(
    "copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))], ids=["deepcopy", "pickle"]
)
@pytest.mark.parametrize("training", [True, False])
def test_copies_are_whole_and_independent(copied: Any, training: bool) -> None:
    module = without_dropout(tiny()).train(training)
    twin = copied(copied(module))
    assert isinstance(twin, SpecModule)
    assert type(twin).__name__ == "Tiny"
    assert twin.loss_weights == module.loss_weights
    assert all(part.training is training for part in twin.modules())
    assert list(twin.state_dict()) == list(module.state_dict())
    expected = {mode: copy.deepcopy(module).train(mode)(images()) for mode in (True, False)}
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.zero_()
    for mode in (False, True):  # training moves the running statistics
        torch.testing.assert_close(twin.train(mode)(images()), expected[mode])
    assert isinstance(module.eval()(images()), Tensor)


def test_shallow_copy_shares_weights_and_keeps_both_modes() -> None:
    module = tiny()
    twin = copy.copy(module)
    assert twin.stem.weight is module.stem.weight
    assert isinstance(twin(images()), dict)
    assert isinstance(twin.eval()(images()), Tensor)


# -- names -------------------------------------------------------------------------------------


def test_names_that_torch_or_python_use() -> None:
    taken = ["train", "half", "forward", "type", "graph", "meta", "loss", "class", "None", "lambda"]
    names = [*taken, "half_", "half__", "_modules", "0", "a-b", "weight", "T_destination"]
    inner = ", ".join(f"{n}: {{op: linear, out: 3, bias: false}}" for n in names)
    stages = "".join(f"  {n}: {{steps: {{{inner}}}}}\n" for n in names)
    module = build(stages, "{features: 3}")
    keys = list(module.state_dict())
    assert len(set(keys)) == len(names) ** 2
    assert {"train_.half_.weight", "0.a-b.weight", "half__.half___.weight"} <= set(keys)
    x = torch.randn(2, 3)
    expected = x
    for key in keys:
        expected = expected @ module.state_dict()[key].T
    torch.testing.assert_close(module(x), expected)
    assert_same(copy.deepcopy(module)(x), module(x))


@pytest.mark.parametrize("name", ["self", "torch", "class", "input", "3d", "a-b", "forward"])
def test_inputs_of_any_name(name: str) -> None:
    stages = f"  both: {{op: concat, from: [{name}, other]}}\n"
    text = f"name: Two\ninputs:\n  {name}: {{features: 2}}\n  other: {{features: 1}}\nstages:\n"
    module = compile(Source("two.yaml", text + stages), seed=0)
    first, second = torch.randn(2, 2), torch.randn(2, 1)
    assert_same(module(first, second), torch.cat([first, second], 1))
    assert_same(module.eval()(first, other=second), torch.cat([first, second], 1))


def test_inputs_that_differ_in_a_hyphen() -> None:
    text = """
name: Two
inputs: {a-b: {features: 2}, a_b: {features: 2}}
stages: {product: {op: multiply, from: [a-b, a_b]}}
"""
    module = compile(Source("two.yaml", text), seed=0)
    first, second = torch.randn(2, 2), torch.randn(2, 2)
    assert_same(module(first, second), first * second)


def test_several_inputs_and_outputs() -> None:
    text = """
name: Several
inputs:
  left: {channels: 2, height: 8, width: 8}
  right-hand: {channels: 3, height: 8, width: 8}
stages:
  both: {op: concat, from: [left, right-hand]}
  conv: {op: conv2d, out: 4, kernel: 3}
  flat: {op: flatten}
  fc: {op: linear, out: 2}
outputs: {map: conv, score: fc}
"""
    module = compile(Source("several.yaml", text), seed=0)
    left, right = torch.randn(3, 2, 8, 8), torch.randn(3, 3, 8, 8)
    for mode in (True, False):
        outputs = module.train(mode)(left, right)
        assert list(outputs) == ["map", "score"]
        assert outputs["map"].shape == (3, 4, 6, 6)
    assert module.loss_weights == {"map": 1.0, "score": 1.0}
    named = module(left=left, right_hand=right)
    assert_same(named, module(left, right))


def test_a_network_without_heads_returns_a_tensor_in_both_modes() -> None:
    module = build("  fc: {op: linear, out: 2}\n", "{features: 4}")
    x = torch.randn(3, 4)
    assert_same(module(x), x @ module.fc.weight.T + module.fc.bias)
    assert_same(module.eval()(x), module.train()(x))


# -- the graph ---------------------------------------------------------------------------------


@pytest.mark.parametrize("training", [True, False])
def test_the_graph_is_that_of_the_mode(training: bool) -> None:
    """What fx's interpreters see, and torch.export with them."""
    module = without_dropout(tiny()).train(training)
    module.graph.lint()
    assert any(str(node.target).startswith("aux") for node in module.graph.nodes) is training
    expected = copy.deepcopy(module)(images())
    assert_same(fx.Interpreter(copy.deepcopy(module)).run(images()), expected)
    assert_same(fx.Transformer(copy.deepcopy(module)).transform()(images()), expected)


def double(module: SpecModule) -> None:
    """Multiply what the graph returns by two."""
    output = module.graph.output_node()
    with module.graph.inserting_before(output):
        output.args = fx.node.map_arg(
            output.args, lambda node: module.graph.call_function(operator.mul, (node, 2))
        )
    module.graph.lint()
    module.recompile()


def test_a_transformation_holds_for_both_modes() -> None:
    module = without_dropout(tiny())
    twin = copy.deepcopy(module)
    double(module)
    for copied in (module, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert_same(copied.eval()(images()), 2 * twin.eval()(images()))
        found, expected = copied.train()(images()), copy.deepcopy(twin).train()(images())
        assert_same(found, {name: 2 * value for name, value in expected.items()})
        copied.load_state_dict(twin.state_dict())


def test_a_transformation_in_evaluation_holds_for_evaluation() -> None:
    module = without_dropout(tiny()).eval()
    expected = module(images())
    double(module)
    assert_same(module(images()), 2 * expected)
    assert isinstance(module.train()(images()), dict)
    module.load_state_dict(tiny().state_dict())
    assert_same(module.eval()(images()), 2 * expected)
    module.train().recompile()
    assert_same(module.eval()(images()), expected)


def test_a_transformation_without_heads_holds_whatever_the_mode() -> None:
    module = build("  fc: {op: linear, out: 2}\n", "{features: 4}").eval()
    x = torch.randn(3, 4)
    expected = module(x)
    double(module)
    assert_same(module(x), 2 * expected)
    assert_same(copy.deepcopy(module).train()(x), 2 * expected)


def test_another_graph_replaces_both() -> None:
    module = tiny().eval()
    other = fx.Graph()
    other.output(other.placeholder("image"))
    module.graph = other
    for mode in (False, True):
        assert_same(module.train(mode)(images()), images())


def test_nodes_know_their_steps() -> None:
    graphs = [part.graph for part in tiny().modules() if isinstance(part, fx.GraphModule)]
    steps = {node.meta.get("inceptgraph") for graph in graphs for node in graph.nodes}
    assert {"first.right.unit.conv", "first.merge", "sum", "aux.fc"} <= steps


def test_compiling_imports_no_more_than_it_needs() -> None:
    """sympy takes a third of a second, dynamo a second: neither is needed to make a network."""
    code = (
        "import sys, inceptgraph; inceptgraph.compile('googlenet', seed=0);"
        "print(*{'sympy', 'torch._dynamo', 'torch._inductor'} & set(sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


TWO = """
name: Two
input: {features: 4}
stages:
  hidden: {op: linear, out: 8}
  label:  {op: linear, out: 3}
  age:    {op: linear, out: 1, from: hidden}
outputs: {label: label, age: age}
"""


def test_loss_of_several_outputs() -> None:
    net = compile(Source("two.yaml", TWO), seed=0)
    outputs = net(torch.randn(5, 4))
    labels, ages = torch.tensor([0, 1, 2, 0, 1]), torch.randn(5, 1)
    total = net.loss(
        outputs,
        {"label": labels, "age": ages},
        {"label": functional.cross_entropy, "age": functional.mse_loss},
    )
    expected = functional.cross_entropy(outputs["label"], labels)
    torch.testing.assert_close(total, expected + functional.mse_loss(outputs["age"], ages))


@pytest.mark.parametrize(
    ("outputs", "target", "criterion", "error", "told"),
    [
        (dict, "labels", functional.cross_entropy, ValueError, "one target for 2 outputs"),
        (dict, {"label": "labels"}, functional.mse_loss, ValueError, "no target for .* `age`"),
        (dict, {}, functional.mse_loss, ValueError, "no target for .* `label`: .* has nothing"),
        (
            dict,
            {"label": "labels", "age": "ages"},
            {"label": functional.cross_entropy},
            ValueError,
            "no criterion for the output `age`: the dict has `label`",
        ),
        (torch.Tensor, "labels", functional.cross_entropy, TypeError, "one tensor for .* `age`"),
        (tuple, "labels", functional.cross_entropy, TypeError, "the outputs are a tuple"),
        (None, "labels", functional.cross_entropy, ValueError, "`sex` is none of .*: `label`"),
    ],
)
def test_losses_that_make_no_sense(
    outputs: type | None, target: Any, criterion: Any, error: type[Exception], told: str
) -> None:
    net = compile(Source("two.yaml", TWO), seed=0)
    found = net(torch.randn(5, 4))
    given = {
        dict: found,
        torch.Tensor: found["label"],
        tuple: tuple(found.values()),
        None: {"sex": found["label"]},
    }[outputs]
    targets = {"labels": torch.tensor([0, 1, 2, 0, 1]), "ages": torch.randn(5, 1)}
    chosen = (
        {name: targets[kind] for name, kind in target.items()}
        if isinstance(target, dict)
        else targets[target]
    )
    with pytest.raises(error, match=told):
        net.loss(given, chosen, criterion)


def test_a_head_of_another_shape_wants_its_own_target() -> None:
    net = compile("googlenet", seed=0, initialized=False)
    outputs = {name: torch.randn(4, 10) for name in net.loss_weights}
    labels = torch.arange(4)
    net.loss(outputs, labels)
    outputs["aux1"] = torch.randn(4, 3)
    with pytest.raises(ValueError, match=r"several shapes .*`aux1` \(4, 3\)"):
        net.loss(outputs, labels)
    net.loss(outputs, {"logits": labels, "aux1": labels % 3, "aux2": labels})
