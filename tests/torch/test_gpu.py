"""Compiled networks on a CUDA device. See ``tests/support/on_gpu.py`` for tolerances."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from on_gpu import DEVICE, TOLERANCES, distance
from tiny_network import images, tiny, without_dropout
from torch import Tensor

from inceptgraph.pipeline import compile
from inceptgraph_torch import SpecModule

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; there is none"),
]


@pytest.fixture(autouse=True)
def full_precision() -> Iterator[None]:
    """float32 means float32, unless a test asks for TF32."""
    matmul, convolution = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cuda.matmul.allow_tf32 = matmul
    torch.backends.cudnn.allow_tf32 = convolution
    torch._dynamo.reset()


@pytest.fixture(scope="module")
def expected() -> dict[str, Tensor]:
    """Of GoogLeNet, by the CPU in float64, from the weights as float32 has them."""
    module = without_dropout(compile("googlenet", seed=0).double())
    with torch.no_grad():
        return module(images(2, size=224).double())


def on_device(dtype: str = "float32", **options: Any) -> SpecModule:
    """GoogLeNet on the device with the weights that it has on the CPU."""
    module = compile("googlenet", seed=1, dtype=dtype, device=DEVICE, **options)
    module.load_state_dict(compile("googlenet", seed=0).state_dict())
    return without_dropout(module)


def test_weights_are_made_on_the_device() -> None:
    module = compile("googlenet", seed=0, device=DEVICE)
    assert {t.device.type for t in module.state_dict().values()} == {DEVICE}
    again = compile("googlenet", seed=0, device=DEVICE)
    other = compile("googlenet", seed=1, device=DEVICE)
    for name, value in module.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
        constant = name.endswith("bias")
        assert torch.equal(value, other.state_dict()[name]) is constant
    # uniform in ±sqrt(3 / fan_in): 115 thousand draws, standard error of the deviation 0.2 %
    weight = module.inception_5b.get_submodule("3x3.3x3.conv").weight
    limit = (3 / (192 * 9)) ** 0.5
    assert weight.abs().max().item() <= limit * (1 + 1e-6)
    assert weight.std().item() == pytest.approx(limit / 3**0.5, rel=0.01)


def test_the_default_device_is_followed() -> None:
    with torch.device(DEVICE):
        assert tiny().stem.weight.device.type == DEVICE


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("precision", TOLERANCES)
def test_forward_equals_the_cpus(
    precision: str, channels_last: bool, expected: dict[str, Tensor]
) -> None:
    if precision == "tf32":
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    dtype = "float32" if precision == "tf32" else precision
    module = on_device(dtype, channels_last=channels_last)
    x = images(2, size=224).to(DEVICE, getattr(torch, dtype))
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    with torch.no_grad():
        outputs = module(x)
        assert list(outputs) == list(expected)
        for name, value in expected.items():
            assert outputs[name].dtype == x.dtype
            assert distance(outputs[name], value) < TOLERANCES[precision], name
        assert distance(module.eval()(x), expected["logits"]) < TOLERANCES[precision]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_gradients_equal_the_cpus(dtype: str) -> None:
    """One training step, batch norm included. Gradients sum over maps and batch, and batch norm
    subtracts nearly equal numbers: ten times the forward pass's tolerance."""
    here = without_dropout(tiny(dtype="float64"))
    there = without_dropout(tiny(dtype=dtype, device=DEVICE))
    there.load_state_dict(here.state_dict())
    target = torch.arange(8) % 5
    here.loss(here(images(8).double()), target).backward()
    x = images(8).to(DEVICE, getattr(torch, dtype))
    there.loss(there(x), target.to(DEVICE)).backward()
    for (name, mine), theirs in zip(here.named_parameters(), there.parameters(), strict=True):
        assert mine.grad is not None
        assert theirs.grad is not None
        assert distance(theirs.grad, mine.grad) < 10 * TOLERANCES[dtype], name


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("channels_last", [False, True])
def test_training_with_autocast(dtype: torch.dtype, channels_last: bool) -> None:
    module = compile("googlenet", seed=0, device=DEVICE, channels_last=channels_last)
    optimizer = torch.optim.SGD(module.parameters(), lr=1e-3, momentum=0.9)
    scaler = torch.amp.GradScaler(DEVICE, enabled=dtype == torch.float16)
    x, target = images(8, size=224).to(DEVICE), torch.arange(8, device=DEVICE)
    if channels_last:
        x = x.contiguous(memory_format=torch.channels_last)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        with torch.autocast(DEVICE, dtype):
            loss = module.loss(module(x), target)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        losses.append(loss.item())
    assert min(losses[-3:]) < losses[0]


def test_channels_last_holds_through_the_network() -> None:
    module = compile("googlenet", seed=0, device=DEVICE, channels_last=True).eval()
    maps: list[Tensor] = []
    for part in module.modules():
        if not list(part.children()):
            part.register_forward_hook(lambda _, __, out: maps.append(out))
    with torch.no_grad():
        module(images(2, size=224).to(DEVICE).contiguous(memory_format=torch.channels_last))
    large = [out for out in maps if out.dim() == 4 and out.shape[2] > 1]
    assert len(large) > 100
    assert all(out.is_contiguous(memory_format=torch.channels_last) for out in large)


@pytest.mark.slow
def test_compiled(expected: dict[str, Tensor]) -> None:
    module = on_device()
    compiled = torch.compile(module, fullgraph=True)
    x, target = images(2, size=224).to(DEVICE), torch.tensor([1, 2], device=DEVICE)
    for _ in range(2):
        outputs = compiled.train()(x)
        for name, value in expected.items():
            assert distance(outputs[name].detach(), value) < TOLERANCES["float32"], name
        module.loss(outputs, target).backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in module.parameters())
        with torch.no_grad():
            assert distance(compiled.eval()(x), expected["logits"]) < TOLERANCES["float32"]


def test_moving_between_devices() -> None:
    module = tiny().eval()
    expected = module(images())
    moved = copy.deepcopy(module).to(DEVICE)
    assert distance(moved(images().to(DEVICE)), expected.double()) < TOLERANCES["float32"]
    assert torch.equal(moved.cpu()(images()), expected)
