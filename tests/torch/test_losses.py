"""Losses that a spec names, held to their definitions."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import inceptgraph
from inceptgraph.builder import build
from inceptgraph.diagnostics import Source
from inceptgraph.engine import Setting
from inceptgraph.ops import LOSSES, Target
from inceptgraph.pipeline import analyze, to_graph
from inceptgraph_torch import lower
from inceptgraph_torch.codegen.model_py import write_module
from inceptgraph_torch.losses import CRITERIA
from inceptgraph_torch.measure.subject import TorchSubject, inputs_of

SPEC = """
name: Losses
input: {channels: 3, height: 4, width: 5}
stages:
  map:  {op: conv2d, out: 3}
  pool: {op: global_avg_pool}
  flat: {op: flatten}
  fc:   {op: linear, out: 2}
outputs:
  map: {from: map, loss: LOSS, loss_weight: 2}
  fc:  {from: fc, loss: mse}
aux_heads:
  aux: {from: map, loss: smooth_l1, loss_weight: 0.5, op: conv2d, out: 1}
"""


def softmax_of_the_class(found: Tensor, target: Tensor) -> Iterator[Tensor]:
    """Definition 6.2.2.3 of Goodfellow et al., Deep Learning, place by place."""
    places = found.movedim(1, -1).reshape(-1, found.shape[1])
    for place, right in zip(places, target.flatten(), strict=True):
        yield torch.log(torch.exp(place).sum()) - place[int(right)]


def by_number(each: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Iterator[Tensor]]:
    return lambda found, target: map(each, found.flatten(), target.flatten())


def huber(x: Tensor, y: Tensor) -> Tensor:
    return (x - y) ** 2 / 2 if abs(x - y) < 1 else abs(x - y) - 0.5


def yes_or_no(x: Tensor, y: Tensor) -> Tensor:
    share = 1 / (1 + torch.exp(-x))
    return -(y * torch.log(share) + (1 - y) * torch.log(1 - share))


DEFINITIONS: dict[str, Callable[..., Iterator[Tensor]]] = {
    "cross_entropy": softmax_of_the_class,
    "cross_entropy_2d": softmax_of_the_class,
    "binary_cross_entropy": by_number(yes_or_no),
    "mse": by_number(lambda x, y: (x - y) ** 2),
    "l1": by_number(lambda x, y: abs(x - y)),
    "smooth_l1": by_number(huber),
}


def defined(loss: str, found: Tensor, target: Tensor) -> Tensor:
    return torch.stack([*DEFINITIONS[loss](found, target)]).mean()


def target_for(loss: str, found: Tensor) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    if LOSSES[loss].target is Target.CLASSES:
        shape = (found.shape[0], *found.shape[2:])
        return torch.randint(found.shape[1], shape, generator=generator)
    spread = 1 if LOSSES[loss].target is Target.SHARES else 4
    return spread * torch.rand(found.shape, generator=generator, dtype=found.dtype)


def spec(loss: str) -> Source:
    return Source("losses.yaml", SPEC.replace("LOSS", loss))


def images() -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return 3 * torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64)


def test_every_loss_has_its_function() -> None:
    assert list(CRITERIA) == list(LOSSES) == list(DEFINITIONS)


@pytest.mark.parametrize("loss", LOSSES)
def test_the_total_is_that_of_the_definitions(loss: str) -> None:
    """Of the module, its copies and `model.py`: each output's loss, times its weight."""
    graph = to_graph(spec(loss))
    net = lower(graph, seed=0).double()
    found = net(images())
    named = {"map": loss, "fc": "mse", "aux": "smooth_l1"}
    targets = {name: target_for(named[name], value) for name, value in found.items()}
    weights = {"map": 2, "fc": 1, "aux": 0.5}
    parts = [weights[n] * defined(named[n], found[n], targets[n]) for n in found]
    expected = torch.stack(parts).sum()
    written: dict[str, Any] = {"__name__": "model", "__file__": "model.py"}
    exec(write_module(graph), written)
    losses = [net.loss, copy.deepcopy(net).loss, pickle.loads(pickle.dumps(net)).loss]
    for total in (*losses, written["loss"]):
        torch.testing.assert_close(total(found, targets), expected, rtol=1e-12, atol=0)
    assert net.losses == named


@pytest.mark.parametrize("loss", [n for n in LOSSES if LOSSES[n].target is not Target.CLASSES])
def test_numbers_of_another_shape_are_refused(loss: str) -> None:
    """torch spreads (2, 4, 5) and (2, 3, 4, 5) over one another, and only warns."""
    graph = to_graph(spec(loss))
    net = lower(graph, seed=0).double()
    found = net(images())
    targets = {name: torch.zeros_like(value) for name, value in found.items()}
    targets["aux"] = torch.zeros(2, 4, 5).double()
    written: dict[str, Any] = {"__name__": "model", "__file__": "model.py"}
    exec(write_module(graph), written)
    for total in (net.loss, written["loss"]):
        with pytest.raises(
            ValueError, match=r"`aux` is of shape \(2, 4, 5\), but .* \(2, 1, 4, 5\)"
        ):
            total(found, targets)
        with pytest.raises(ValueError, match=r"size|shape"):
            total(found, {**targets, "map": torch.zeros(3, 4, 5).double(), "aux": found["aux"]})


def test_a_criterion_that_is_given_takes_the_place_of_all() -> None:
    net = lower(to_graph(spec("mse")), seed=0).double()
    found = net(images())
    targets = {name: torch.zeros_like(value) for name, value in found.items()}
    total = net.loss(found, targets, lambda output, target: (output - target).abs().sum())
    expected = torch.stack([2 * found["map"].abs().sum(), found["fc"].abs().sum()]).sum()
    torch.testing.assert_close(total, expected + 0.5 * found["aux"].abs().sum())


@pytest.mark.parametrize("outputs", ["", "  fc: {from: fc, loss: l1}\n"], ids=["one", "several"])
@pytest.mark.parametrize("loss", LOSSES)
def test_a_step_that_is_compared_is_by_the_loss(loss: str, outputs: str) -> None:
    """As `bench --train` and `autotune` compare it: where the loss is another, so is the step."""
    text = SPEC.replace("  fc:  {from: fc, loss: mse}\n", outputs).partition("aux_heads")[0]
    setting = Setting(train=True)

    def step(loss: str) -> Any:
        graph = to_graph(Source("losses.yaml", text.replace("LOSS", loss)))
        subject = TorchSubject(lower(graph, seed=0), inputs_of(graph, 2), graph, setting)
        found = subject.outputs()
        return next(value for name, value in found.items() if name.endswith("after a step"))

    alike = [other for other in LOSSES if (step(other) == step(loss)).all()]
    assert alike == [other for other in LOSSES if CRITERIA[other] is CRITERIA[loss]]


def test_a_build_tells_them_and_is_trained_by_them(tmp_path: Path) -> None:
    place = build(analyze(spec("cross_entropy_2d")), tmp_path / "model", seed=0)
    lock = json.loads((place / "spec.lock.json").read_text())
    assert lock["losses"] == {"map": "cross_entropy_2d", "fc": "mse", "aux": "smooth_l1"}
    assert lock["loss_weights"] == {"map": 2, "fc": 1, "aux": 0.5}
    page = (place / "README.md").read_text()
    assert "the loss of `map` is `cross_entropy_2d`, weight 2, against the index of" in page
    assert 'model.loss(outputs, {"map": …, "fc": …, "aux": …})' in page
    net = inceptgraph.load(place)
    found = net(images().float())
    targets = {name: target_for(net.losses[name], value) for name, value in found.items()}
    torch.testing.assert_close(
        net.loss(found, targets), lower(to_graph(spec("cross_entropy_2d"))).loss(found, targets)
    )
