"""What has a name in a spec as a module that runs: what torch's own tools do with it.

Each test is of the GraphModule and of ``model.py``, against the same steps called by hand.
"""

from __future__ import annotations

import copy
import inspect
import pickle
from typing import Any

import pytest
import torch
from model_files import generated, network
from places import ROOT
from process_group import process_group as process_group
from tiny_network import TINY, assert_same, images, tiny, without_dropout
from torch import Tensor, fx, nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import (
    apply_activation_checkpointing,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.func import functional_call, grad, vmap
from torch.optim.swa_utils import AveragedModel
from torch.utils.checkpoint import checkpoint

from inceptgraph.diagnostics import Source
from inceptgraph.pipeline import compile, to_graph
from inceptgraph_torch import lower

# A step inside a block that others read, a block of functions alone, stages that are a chain
TAPPED = """
name: Tapped
input: {channels: 3, height: 9, width: 9}
blocks:
  tapped:
    params: {out: int}
    steps:
      wide: {op: conv2d, out: 4, kernel: 3, padding: same}
      narrow: {op: conv2d, out: $out}
      relu: {op: relu}
stages:
  a: {op: tapped, out: 2}
  b: {op: tanh, from: a.wide}
  c: {op: concat, from: [b, a, a.narrow]}
  d: {op: tapped, out: 3}
  drop: {op: dropout, rate: 0.5}
outputs: {y: drop}
"""


def tree(text: str = TINY) -> Any:
    return compile(Source("net.yaml", text), seed=0)


def file(text: str = TINY) -> Any:
    """A ``model.py`` with the weights of the GraphModule."""
    module = network(to_graph(Source("net.yaml", text)))
    module.load_state_dict(tree(text).state_dict())
    return module


MADE = pytest.mark.parametrize("made", [tree, file], ids=["graph module", "model.py"])


def fork_by_hand(fork: Any, x: Tensor) -> Tensor:
    """The block ``fork`` of the tiny network, layer by layer."""

    def unit(part: Any, x: Tensor) -> Tensor:
        return torch.relu(part.bn(part.conv(x)))

    return torch.cat([unit(fork.left, x), unit(fork.right.unit, fork.right.pool(x))], 1)


def stem_by_hand(net: Any, x: Tensor) -> Tensor:
    found: Tensor = net.norm(net.stem(x))
    return found


def step(net: nn.Module, x: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss and gradients of a step in training."""
    net.zero_grad()
    loss = sum(value.square().sum() for value in net(x).values())
    assert isinstance(loss, Tensor)
    loss.backward()
    return loss.detach(), {n: p.grad.clone() for n, p in net.named_parameters()}  # type: ignore


# -- blocks ------------------------------------------------------------------------------------


@MADE
def test_a_hook_on_a_block_sees_what_it_hands_on(made: Any) -> None:
    net, seen = made().eval(), []
    net.first.register_forward_hook(lambda block, given, found: seen.append((given, found)))
    net.aux.register_forward_hook(lambda *_: seen.append(None))
    net(images())
    (((given,), found),) = seen
    x = stem_by_hand(net, images())
    assert_same(given, x)
    assert_same(found, fork_by_hand(net.first, x))
    assert_same(net.first(x), found)


def test_what_a_hook_returns_goes_on() -> None:
    net = tree().eval()
    net.second.register_forward_hook(lambda block, given, found: 0 * found)
    assert_same(net(images()), net.classifier.bias.expand(2, -1))
    compiled = torch.compile(net, backend="eager", fullgraph=True)
    assert_same(compiled(images()), net(images()))


def test_blocks_have_the_names_of_the_spec() -> None:
    net = tree()
    names = {name: type(part).__name__ for name, part in net.named_modules()}
    wanted = {"": "Tiny", "first": "Fork", "first.left": "Unit", "second.right.unit": "Unit"}
    wanted |= {"first.right": "Chain", "aux": "Chain", "stem": "PaddedConv2d"}
    assert {name: names[name] for name in wanted} == wanted
    for copied in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert {name: type(part).__name__ for name, part in copied.named_modules()} == names
        assert type(copied.first).__mro__[1] is type(net.first).__mro__[1]
    assert all(isinstance(net.get_submodule(name), fx.GraphModule) for name in [*wanted][:-1])


def test_a_layer_that_stands_under_two_names_is_copied() -> None:
    net = tiny()
    layers = dict(net.named_children())
    first = next(iter(layers))
    for name in layers:
        delattr(net, name)
    for name, layer in {"another": layers[first], **layers}.items():
        net.add_module(name, layer)
    net.eval()
    layers[first].train()
    for copied in (copy.copy(net), copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert [part.training for part in copied.children()].count(True) == 1
        assert not copied.training


@MADE
def test_a_step_that_others_read_is_a_further_result(made: Any) -> None:
    net = made(TAPPED).eval()
    x = images(size=9)
    wide = net.a.wide(x)
    narrow = net.a.narrow(wide)
    own = torch.relu(narrow)
    assert_same(net.a(x), (own, wide, narrow))
    joined = torch.cat([torch.tanh(wide), own, narrow], 1)
    assert_same(net(x), torch.relu(net.d.narrow(net.d.wide(joined))))


def test_one_graph_of_all_steps() -> None:
    """The same to the last bit, random numbers included."""
    nested, flat = tiny(), tiny(flat=True)
    assert [*flat.state_dict()] == [*nested.state_dict()]
    assert not any(isinstance(part, fx.GraphModule) for part in flat.children())
    results = []
    for net in (nested, flat):
        torch.manual_seed(0)
        results.append(step(net, images()))
    assert_same(*results)
    assert_same(nested.eval()(images()), flat.eval()(images()))


@MADE
@pytest.mark.parametrize("training", [True, False])
def test_a_block_in_another_mode_than_the_network(made: Any, training: bool) -> None:
    """A stage is frozen while the network trains, or adapts its statistics while it does not."""
    net = without_dropout(made().train(training))
    net.first.train(not training)
    net.aux.train(not training)
    before = {name: part.clone() for name, part in net.named_buffers() if "running" in name}
    found = net(images())
    assert list(found) == ["logits", "aux"] if training else isinstance(found, Tensor)
    moved = {n for n, part in net.named_buffers() if n in before and not part.equal(before[n])}
    block = "second" if training else "first"
    assert moved == {name for name in before if name.startswith(f"{block}.")}


def test_stages_that_are_a_chain_make_a_sequential() -> None:
    net = compile("googlenet_torchvision", seed=0).eval()
    chain = nn.Sequential(*list(net.children())[:-5])
    seen: list[Tensor] = []
    net.pool5.register_forward_hook(lambda block, given, found: seen.append(found))
    x = images(1, size=64)
    found = chain(x)
    net(x)
    assert_same(found, seen[-1])


# -- tracers -----------------------------------------------------------------------------------


@MADE
@pytest.mark.parametrize("training", [True, False])
def test_symbolic_trace(made: Any, training: bool) -> None:
    """Of layers whose padding depends on the map, at sizes that the trace has not seen."""
    net = without_dropout(made().train(training))
    traced = fx.symbolic_trace(copy.deepcopy(net))
    for size in (16, 13, 9):
        x = images(size=size)
        assert_same(traced(x), net(x))


def test_forward_is_what_unwrappers_find() -> None:
    net = without_dropout(tiny())
    forward = inspect.unwrap(type(net).forward)
    assert list(inspect.signature(forward).parameters) == ["self", "image"]
    assert isinstance(forward(net.eval(), images()), Tensor)
    assert isinstance(forward(net.train(), image=images()), dict)


# -- functions ---------------------------------------------------------------------------------


@MADE
def test_functions_of_copies(made: Any) -> None:
    nets = [made().eval() for _ in range(3)]
    for number, net in enumerate(nets):
        nn.init.constant_(net.classifier.bias, number)
    weights, buffers = (
        {name: torch.stack([each[name] for each in states]) for name in states[0]}
        for states in (
            [dict(net.named_parameters()) for net in nets],
            [dict(net.named_buffers()) for net in nets],
        )
    )
    bare = copy.deepcopy(nets[0]).to("meta")

    def of_one(weights: Any, buffers: Any, x: Tensor) -> Tensor:
        found: Tensor = functional_call(bare, (weights, buffers), (x,))
        return found

    for x in (images(), images().contiguous(memory_format=torch.channels_last)):
        found = vmap(of_one, in_dims=(0, 0, None))(weights, buffers, x)
        torch.testing.assert_close(found, torch.stack([net(x) for net in nets]))
    own, fixed = dict(nets[0].named_parameters()), dict(nets[0].named_buffers())
    slopes = grad(lambda weights: of_one(weights, fixed, images()).sum())(own)
    nets[0](images()).sum().backward()
    for name, parameter in nets[0].named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(slopes[name], parameter.grad)


@MADE
def test_average_of_weights(made: Any) -> None:
    net = without_dropout(made())
    averaged = AveragedModel(net)
    averaged.update_parameters(net)
    assert_same(averaged.eval()(images()), net.eval()(images()))


# -- training ----------------------------------------------------------------------------------


@MADE
def test_checkpoints_of_activations(made: Any) -> None:
    plain, wrapped = without_dropout(made()), without_dropout(made())
    expected = step(plain, images())
    names = {type(wrapped.first), type(wrapped.second)}
    apply_activation_checkpointing(wrapped, check_fn=lambda part: type(part) in names)
    runs: list[None] = []
    wrapped.first.left.conv.register_forward_hook(lambda *_: runs.append(None))
    found = step(wrapped, images())
    assert len(runs) == 2  # once more, for the backward pass
    assert_same(found[0], expected[0])
    assert_same(list(found[1].values()), list(expected[1].values()))
    x = stem_by_hand(plain, images())
    assert_same(checkpoint(plain.first, x, use_reentrant=False), plain.first(x))


@MADE
@pytest.mark.usefixtures("process_group")
def test_sharded_blocks(made: Any) -> None:
    plain, sharded = without_dropout(made()), without_dropout(made())
    mesh = init_device_mesh("cpu", (1,))
    for part in (sharded.first, sharded.second, sharded):
        fully_shard(part, mesh=mesh)
    assert [*sharded.state_dict()] == [*plain.state_dict()]
    loss, slopes = step(sharded, images())
    expected_loss, expected = step(plain, images())
    torch.testing.assert_close(loss, expected_loss)
    whole = {name: each.full_tensor() for name, each in slopes.items()}  # type: ignore[operator]
    torch.testing.assert_close(whole, expected)  # what is gathered lies elsewhere in memory
    assert isinstance(sharded.eval()(images()), Tensor)


# -- losses ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def losses() -> list[Any]:
    graph = to_graph(Source("tiny.yaml", TINY))
    return [lower(graph, seed=0).loss, generated(graph)["loss"]]


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ({"logits": (2, 5), "aux": (2, 3)}, r"several shapes .*`aux` \(2, 3\)"),
        ({"logits": (2, 5), "other": (2, 5)}, "`other` is none of the network's outputs"),
    ],
)
def test_losses_refuse_alike(losses: Any, shapes: Any, told: str) -> None:
    outputs = {name: torch.zeros(shape) for name, shape in shapes.items()}
    for loss in losses:
        with pytest.raises(ValueError, match=told):
            loss(outputs, torch.tensor([0, 1]))


def test_targets_of_unknown_outputs_are_refused_alike(losses: Any) -> None:
    outputs, labels = torch.zeros(2, 5), torch.tensor([0, 1])
    for loss in losses:
        with pytest.raises(ValueError, match="`logit` is none of the network's outputs: `logits`"):
            loss(outputs, {"logits": labels, "logit": labels})
        loss(outputs, {"logits": labels, "aux": labels})  # in evaluation the head gives nothing


def test_losses_are_equal(losses: Any) -> None:
    outputs = tiny()(images())
    ours, theirs = (loss(outputs, torch.tensor([0, 1])) for loss in losses)
    assert_same(ours, theirs)
    assert_same(*(loss(outputs["logits"], torch.tensor([0, 1])) for loss in losses))


# -- documentation -----------------------------------------------------------------------------


def test_the_example_runs() -> None:
    page = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
    section = page.partition("## Blocks\n")[2]
    names: dict[str, Any] = {}
    exec(section.partition("```python\n")[2].partition("```")[0], names)
    assert names["maps"]["inception_4e"].shape == (2, 832, 4, 4)
    assert names["stem"](names["images"]).shape == (2, 480, 8, 8)
    assert names["net"].conv1.conv.weight.grad is None
