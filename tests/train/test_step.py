"""A step against the same step written with plain torch: losses, gradients, updates, averages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import TensorDataset
from trained import SMALL, job, noise, train

import inceptgraph
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.weights import load as load_weights
from inceptgraph_train.drawing import Batches
from inceptgraph_train.loop import Training
from inceptgraph_train.processes import Processes
from inceptgraph_train.run_directory import RunDirectory

BOUND = {"rtol": 1e-10, "atol": 1e-10}
STEPS = 6


class Plain(nn.Module):
    """The network of ``SMALL``, written anew."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 4, 3)
        self.classifier = nn.Linear(16, 3)
        self.fc = nn.Linear(64, 3)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.conv(images)
        pooled = F.max_pool2d(features.relu(), 2, 2)
        return self.classifier(pooled.flatten(1)), self.fc(features.flatten(1))


NAMES = {"conv": "conv", "classifier": "classifier", "fc": "aux.fc"}


def started() -> Plain:
    """The plain network with the weights that a training begins with."""
    plain, ours = Plain().double(), inceptgraph.compile(Source("s", SMALL), seed=0, dtype="float64")
    state = ours.state_dict()
    for own, theirs in NAMES.items():
        for kind in ("weight", "bias"):
            getattr(getattr(plain, own), kind).data.copy_(state[f"{theirs}.{kind}"])
    return plain


def batches(data: TensorDataset, batch: int = 8, steps: int = STEPS) -> list[tuple[Tensor, Tensor]]:
    """The batches of a training, as it draws them."""
    drawn = Batches(len(data), batch, 0, 0, steps, 0, 1)
    return [data[[sample.place for sample in each]] for each in drawn]


def made(tmp_path: Path, text: str, **more: Any) -> Training:
    asked = job(tmp_path / "run", text, **more)
    run = RunDirectory(tmp_path / "run", "Small")
    run.begin(asked.spec, asked.recipe, {})
    cpu = Processes(torch.device("cpu"))
    return Training(asked, asked.recipe, asked.data, None, run, cpu, lambda report: None)


def gradients(training: Training) -> list[dict[str, Tensor]]:
    """The gradients of each step, as the optimiser is given them."""
    seen: list[dict[str, Tensor]] = []

    def look(optimizer: Any, args: Any, kwargs: Any) -> None:
        named = training.model.named_parameters()
        seen.append({name: p.grad.clone() for name, p in named if p.grad is not None})

    training.rated.optimizer.register_step_pre_hook(look)
    return seen


def assert_equal(training: Training, plain: Plain) -> None:
    state = training.model.state_dict()
    for own, theirs in NAMES.items():
        for kind in ("weight", "bias"):
            wanted = getattr(getattr(plain, own), kind)
            torch.testing.assert_close(state[f"{theirs}.{kind}"], wanted.data, **BOUND)


def test_sgd_with_heads_and_rules_of_biases(tmp_path: Path) -> None:
    """Caffe's rules: biases learn twice as fast and do not decay; by ``poly`` with a warm-up."""
    training = made(
        tmp_path,
        "rules: [{kind: biases, lr: 2, decay: 0}]\n"
        "schedule: {name: poly, power: 0.5, warm_up: 2 steps}\n"
        "loss: {label_smoothing: 0.1, heads: 0.4}",
    )
    seen, plain = gradients(training), started()
    training.run()
    moved = {name: torch.zeros_like(p) for name, p in plain.named_parameters()}
    factors = [1 / 3, 2 / 3, 1, 0.75**0.5, 0.5**0.5, 0.25**0.5]
    lines = training.run_directory.metrics()
    for step, (images, labels) in enumerate(batches(training.data)):
        logits, aux = plain(images)
        parts = [F.cross_entropy(each, labels, label_smoothing=0.1) for each in (logits, aux)]
        loss = parts[0] + 0.4 * parts[1]
        plain.zero_grad()
        loss.backward()
        assert lines[step]["loss"] == pytest.approx(loss.item(), abs=1e-10)
        assert lines[step]["losses"]["aux"] == pytest.approx(parts[1].item(), abs=1e-10)
        assert lines[step]["top1"] == (logits.argmax(1) == labels).double().mean()
        assert lines[step]["lr"] == pytest.approx(0.1 * factors[step], abs=1e-12)
        for name, parameter in plain.named_parameters():
            own, _, kind = name.partition(".")
            torch.testing.assert_close(seen[step][f"{NAMES[own]}.{kind}"], parameter.grad, **BOUND)
            bias = kind == "bias"
            decayed = parameter.grad + (0 if bias else 0.01) * parameter.data
            moved[name] = 0.9 * moved[name] + decayed if step else decayed
            rate = 0.1 * factors[step] * (2 if bias else 1)
            parameter.data -= rate * moved[name]
    assert_equal(training, plain)


def test_rmsprop_with_clipped_gradients(tmp_path: Path) -> None:
    optimizer = "{name: rmsprop, lr: 0.01, decay: 0.9, eps: 1.0, momentum: 0.9, weight_decay: 0.02}"
    training = made(tmp_path, f"optimizer: {optimizer}\nclip_norm: 0.5")
    plain = started()
    training.run()
    squares = [torch.zeros_like(p) for p in plain.parameters()]
    moved = [torch.zeros_like(p) for p in plain.parameters()]
    clipped = 0
    for images, labels in batches(training.data):
        logits, aux = plain(images)
        plain.zero_grad()
        (F.cross_entropy(logits, labels) + 0.3 * F.cross_entropy(aux, labels)).backward()
        norm = sum(p.grad.square().sum() for p in plain.parameters()).sqrt()
        clipped += norm > 0.5
        for index, parameter in enumerate(plain.parameters()):
            gradient = parameter.grad * min(1.0, 0.5 / (norm.item() + 1e-6))
            gradient = gradient + 0.02 * parameter.data
            squares[index] = 0.9 * squares[index] + 0.1 * gradient**2
            moved[index] = 0.9 * moved[index] + gradient / (squares[index].sqrt() + 1.0)
            parameter.data -= 0.01 * moved[index]
    assert clipped
    assert_equal(training, plain)


def test_adamw(tmp_path: Path) -> None:
    training = made(tmp_path, "optimizer: {name: adamw, lr: 0.01, weight_decay: 0.1}")
    plain = started()
    training.run()
    first = [torch.zeros_like(p) for p in plain.parameters()]
    second = [torch.zeros_like(p) for p in plain.parameters()]
    for step, (images, labels) in enumerate(batches(training.data), 1):
        logits, aux = plain(images)
        plain.zero_grad()
        (F.cross_entropy(logits, labels) + 0.3 * F.cross_entropy(aux, labels)).backward()
        for index, parameter in enumerate(plain.parameters()):
            first[index] = 0.9 * first[index] + 0.1 * parameter.grad
            second[index] = 0.999 * second[index] + 0.001 * parameter.grad**2
            mean, square = first[index] / (1 - 0.9**step), second[index] / (1 - 0.999**step)
            parameter.data *= 1 - 0.01 * 0.1
            parameter.data -= 0.01 * mean / (square.sqrt() + 1e-8)
    assert_equal(training, plain)


@pytest.mark.parametrize("name", ["polyak", "ema"])
def test_averages_of_the_weights(tmp_path: Path, name: str) -> None:
    """The mean of all weights since a step, and the exponential one that begins with its first."""
    more = ", decay: 0.8" if name == "ema" else ""
    text = f"average: {{name: {name}{more}, start: 2 steps}}\ncheckpoints: {{every: 1 steps}}"
    training = made(tmp_path, text)
    seen: list[Tensor] = []
    training.rated.optimizer.register_step_post_hook(
        lambda *_: seen.append(training.model.conv.weight.detach().clone())
    )
    training.run()
    kept = seen[2:]
    if name == "polyak":
        wanted = torch.stack(kept).mean(0)
    else:
        wanted = kept[0]
        for each in kept[1:]:
            wanted = 0.8 * wanted + 0.2 * each
    found = training.learned.average.module.conv.weight
    torch.testing.assert_close(found, wanted, **BOUND)
    loaded = inceptgraph.load(tmp_path / "run")  # the run's weights are the averaged ones
    torch.testing.assert_close(loaded.conv.weight, wanted, **BOUND)
    assert not torch.allclose(seen[-1], wanted)


def test_parts_of_a_batch_are_the_batch(tmp_path: Path) -> None:
    whole, parts = made(tmp_path / "a", ""), made(tmp_path / "b", "accumulate: 4")
    whole.run()
    parts.run()
    for one, other in zip(whole.model.parameters(), parts.model.parameters(), strict=True):
        torch.testing.assert_close(one, other, **BOUND)


def test_frozen_parts_stay_with_their_statistics(tmp_path: Path) -> None:
    spec = SMALL.replace("  relu: {op: relu}\n", "  bn: {op: batch_norm}\n  relu: {op: relu}\n")
    training = made(tmp_path, "frozen: [conv, bn]", spec=spec)
    before = {name: each.clone() for name, each in training.model.state_dict().items()}
    training.run()
    changed = {
        name.partition(".")[0]
        for name, each in training.model.state_dict().items()
        if not torch.equal(each, before[name])
    }
    assert changed == {"classifier", "aux"}


def test_what_no_file_gave_learns_by_its_own_rule(tmp_path: Path) -> None:
    """A new head; and what is frozen stays as the file has it."""
    train(tmp_path / "first")
    other = SMALL.replace("classifier: {op: linear, out: 3}", "classifier: {op: linear, out: 4}")
    graph = inceptgraph.to_graph(Source("other.yaml", other))
    weights = load_weights(graph, tmp_path / "first" / "model.safetensors")
    text = "rules: [{kind: new, lr: 10}]\nfrozen: [conv]\nloss: {heads: 0.0}"
    training = made(tmp_path, text, spec=other, weights=weights)
    rates = {
        name: group["lr"]
        for group in training.rated.optimizer.param_groups
        for name, each in training.model.named_parameters()
        if any(each is parameter for parameter in group["params"])
    }
    new, old = ("classifier.weight", "classifier.bias"), ("aux.fc.weight", "aux.fc.bias")
    assert rates == dict.fromkeys(new, 1.0) | dict.fromkeys(old, 0.1)
    first = inceptgraph.load(tmp_path / "first").state_dict()
    assert torch.equal(training.model.conv.weight, first["conv.weight"])
    assert torch.equal(training.model.aux.fc.bias, first["aux.fc.bias"])


def test_a_mixed_batch_has_mixed_labels(tmp_path: Path) -> None:
    """The loss of shares of classes is the mix of the losses: linear in the labels."""
    from inceptgraph_train.drawing import mixed

    images, labels = noise()[:8]
    for text in ("mixup: 0.4", "cutmix: 1.0"):
        augment = job(tmp_path, f"augment: {{{text}}}").recipe.augment
        torch.manual_seed(3)
        new, shares = mixed(images, labels, 3, augment)
        torch.testing.assert_close(shares.sum(1), torch.ones(8, dtype=torch.float64))
        kept = shares.gather(1, labels[:, None]).min().item()
        assert 0 < kept < 1
        same = (new == images).double().mean(dim=(1, 2, 3)).min().item()
        if "cutmix" in text:  # the share of a label is that of the pixels
            assert same == pytest.approx(kept, abs=1e-6)
        else:
            other = (new - kept * images) / (1 - kept)
            assert all((images - each).abs().amax((1, 2, 3)).min() < 1e-5 for each in other)


def test_a_pattern_that_means_nothing_is_told(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as error:
        train(tmp_path / "run", "frozen: [convv]")
    assert "did you mean `conv`?" in str(error.value)
    assert not (tmp_path / "run").exists()
