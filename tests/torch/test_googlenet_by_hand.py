"""The compiled GoogLeNet against one written by hand from the paper.

Both run in float64 (unit roundoff 1.1e-16). The longest sum has 9,216 terms for a value and
12,544·batch for a gradient, so errors of some 1e-14 relative to a tensor's largest element are
expected; 1e-12 leaves room for other orders of summation and is far below any difference in
arithmetic (one border pixel changes the result by 1e-3).
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
import torch
import yaml
from places import DATA
from reference_googlenet import ReferenceGoogLeNet
from torch import Tensor, nn
from torch.nn import functional as F

from inceptgraph.pipeline import compile
from inceptgraph_torch import SpecModule

TOLERANCE = 1e-12
NAMES = ("logits", "aux1", "aux2")
# Five halvings, rounded up, must end in 7×7 for the average pooling: 193 to 224 pixels a side. Odd
# and even sides exercise both borders of `same`; the heads then see 13×14 maps, whose last pooling
# window is partial in one direction.
SIZES = [(224, 224), (201, 218)]


@pytest.fixture(scope="module")
def ours() -> SpecModule:
    module = compile("googlenet", seed=1, dtype="float64")
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
    return module


@pytest.fixture(scope="module")
def reference(ours: SpecModule) -> ReferenceGoogLeNet:
    network = ReferenceGoogLeNet().double()
    network.dropout = False
    state = ours.state_dict()
    names = [network.name_in_spec(name) for name in network.state_dict()]
    assert sorted(names) == sorted(state)  # one to one
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            parameter.copy_(state[network.name_in_spec(name)])
    return network


def images(height: int, width: int, batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(height)
    return torch.randn(batch, 3, height, width, dtype=torch.float64, generator=generator)


def distance(found: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest element."""
    assert found.shape == expected.shape
    assert found.dtype == expected.dtype == torch.float64
    scale = expected.abs().max().item()
    assert scale > 0
    return (found - expected).abs().max().item() / scale


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_evaluation(ours: SpecModule, reference: ReferenceGoogLeNet, size: tuple[int, int]) -> None:
    ours.eval(), reference.eval()
    with torch.no_grad():
        found, expected = ours(images(*size)), reference(images(*size))
    assert isinstance(found, Tensor)
    assert distance(found, expected) < TOLERANCE


@pytest.mark.parametrize(
    "size", [pytest.param(SIZES[0], marks=pytest.mark.slow), *SIZES[1:]], ids=str
)
def test_training_and_gradients(
    ours: SpecModule, reference: ReferenceGoogLeNet, size: tuple[int, int]
) -> None:
    ours.train(), reference.train()
    ours.zero_grad(), reference.zero_grad()
    x, target = images(*size), torch.tensor([3, 977])
    our_x, their_x = x.clone().requires_grad_(), x.clone().requires_grad_()

    found = ours(our_x)
    assert tuple(found) == NAMES
    expected = dict(zip(NAMES, reference(their_x), strict=True))
    for name in NAMES:
        assert distance(found[name], expected[name]) < TOLERANCE, name

    loss = ours.loss(found, target)
    # the paper, section 5: the heads' losses are added with weight 0.3
    final, first, second = (F.cross_entropy(expected[name], target) for name in NAMES)
    by_hand = final + 0.3 * first + 0.3 * second
    assert math.isclose(loss.item(), by_hand.item(), rel_tol=1e-14)

    loss.backward(), by_hand.backward()
    assert our_x.grad is not None
    assert their_x.grad is not None
    assert distance(our_x.grad, their_x.grad) < TOLERANCE
    parameters = dict(ours.named_parameters())
    for name, theirs in reference.named_parameters():
        mine = parameters.pop(reference.name_in_spec(name))
        assert mine.grad is not None, name
        assert theirs.grad is not None, name
        assert distance(mine.grad, theirs.grad) < TOLERANCE, name
    assert not parameters


def test_the_reference_is_sensitive(ours: SpecModule, reference: ReferenceGoogLeNet) -> None:
    """The tolerance would catch the traps: symmetric padding in conv1, alpha without its 1/5."""
    ours.eval(), reference.eval()
    x = images(224, 224, 1)
    with torch.no_grad():
        expected = reference(x)
        shifted = compile("googlenet", seed=1, dtype="float64").eval()
        shifted.conv1.conv.border = (3, 2, 3, 2)
        assert distance(shifted(x), expected) > 1e-6
        shifted.conv1.conv.border = "same"
        assert distance(shifted(x), expected) < TOLERANCE
        shifted.norm1.alpha *= 5
        assert distance(shifted(x), expected) > 1e-6


def test_sizes_that_do_not_fit_are_refused(ours: SpecModule) -> None:
    """256 pixels end in 8×8, hence in four times as many features as the classifier takes."""
    ours.eval()
    with torch.no_grad():
        for size in (193, 224):
            assert ours(images(size, size, 1)).shape == (1, 1000)
        for size in (192, 225, 256):
            with pytest.raises(RuntimeError):
                ours(images(size, size, 1))


def test_heads_are_not_computed_in_evaluation(ours: SpecModule) -> None:
    calls: Counter[str] = Counter()
    hooks = [
        part.register_forward_hook(lambda *_, name=name: calls.update([name]))
        for name, part in ours.named_modules()
        if name and not list(part.children())
    ]
    try:
        layers = {name for name, part in ours.named_modules() if not list(part.children())}
        heads = {name for name in layers if name.startswith("aux")}
        with torch.no_grad():
            assert isinstance(ours.eval()(images(224, 224, 1)), Tensor)
            assert len(heads) == 16
            assert calls == Counter(layers - heads)  # each once
            calls.clear()
            assert isinstance(ours.train()(images(224, 224, 1)), dict)
            assert calls == Counter(layers)
    finally:
        for hook in hooks:
            hook.remove()


def test_dropout_is_the_papers() -> None:
    module = compile("googlenet", seed=0)
    rates = {name: part.p for name, part in module.named_modules() if isinstance(part, nn.Dropout)}
    assert rates == {"dropout": 0.4, "aux1.dropout": 0.7, "aux2.dropout": 0.7}
    x = images(224, 224, 1).float()
    with torch.no_grad():
        assert not torch.equal(module(x)["logits"], module(x)["logits"])
        module.eval()
        assert torch.equal(module(x), module(x))


def test_loss_helper() -> None:
    module = compile("googlenet", seed=0, initialized=False)
    assert module.loss_weights == {"logits": 1.0, "aux1": 0.3, "aux2": 0.3}
    outputs = {name: torch.randn(4, 10, dtype=torch.float64) for name in NAMES}
    target = torch.arange(4)
    by_hand = sum(
        weight * F.cross_entropy(outputs[name], target)
        for name, weight in zip(NAMES, (1.0, 0.3, 0.3), strict=True)
    )
    torch.testing.assert_close(module.loss(outputs, target), by_hand, rtol=1e-14, atol=0)
    main = F.cross_entropy(outputs["logits"], target)
    assert module.loss(outputs["logits"], target).item() == main.item()
    squared = module.loss(outputs, torch.zeros(4, 10).double(), F.mse_loss)
    expected = sum(w * outputs[n].square().mean() for n, w in module.loss_weights.items())
    torch.testing.assert_close(squared, expected, rtol=1e-14, atol=0)


def test_parameter_counts() -> None:
    facts = DATA / "facts" / "googlenet_paper.yaml"
    totals: dict[str, Any] = yaml.safe_load(facts.read_text(encoding="utf-8"))["totals"]
    module = compile("googlenet", seed=0)
    sizes = {name: p.numel() for name, p in module.named_parameters()}
    heads = sum(size for name, size in sizes.items() if name.startswith("aux"))
    assert sum(sizes.values()) == totals["params_total"] == 13_378_280
    assert heads == totals["params_aux"]
    assert sum(sizes.values()) - heads == totals["params_main"] == 6_998_552
    assert not list(module.buffers())
    assert sum(p.numel() for p in ReferenceGoogLeNet().parameters()) == 13_378_280
