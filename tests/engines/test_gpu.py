"""Engines on a CUDA device, against the CPU in float64. See ``on_gpu`` for tolerances."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

import pytest
import torch
from on_gpu import DEVICE, TOLERANCES, distance
from tiny_network import TINY, images, without_dropout
from torch import Tensor

import inceptgraph
from inceptgraph.diagnostics import Source

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device; there is none"),
]

TORCH_TENSORRT = pytest.param(
    "tensorrt",
    marks=pytest.mark.skipif(not find_spec("torch_tensorrt"), reason="needs torch-tensorrt"),
)
DTYPES = ["float32", "tf32", "bfloat16", "float16"]
SPEC = Source("tiny.yaml", TINY)


@pytest.fixture(autouse=True)
def _forget_compiled() -> Iterator[None]:
    yield
    torch._dynamo.reset()


@pytest.fixture(scope="module")
def expected() -> Tensor:
    """Of GoogLeNet in evaluation, by the CPU in float64."""
    module = inceptgraph.compile("googlenet", seed=0, dtype="float64").eval()
    with torch.no_grad():
        found: Tensor = module(images(4, size=224).double())
    return found


@pytest.mark.parametrize("fixed", [False, True])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("engine", ["cudagraph", "eager", "inductor", TORCH_TENSORRT])
def test_an_engine_computes_what_the_cpu_does(
    engine: str, dtype: str, fixed: bool, expected: Tensor
) -> None:
    model = inceptgraph.compile(
        "googlenet", engine=engine, device=DEVICE, dtype=dtype, batch=4, fixed=fixed, seed=0
    )
    x = images(4, size=224)
    for _ in range(3):  # CUDA graphs are captured in the second call and replayed in the third
        found = model(x)
        assert found.device.type == DEVICE and found.dtype is torch.float32
        assert distance(found, expected) < TOLERANCES[dtype]
    again = model(images(4, seed=1, size=224))
    assert distance(found, expected) < TOLERANCES[dtype]  # a replay leaves earlier results alone
    assert not torch.equal(again, found)
    if not fixed:
        assert distance(model(x[:3]), expected[:3]) < TOLERANCES[dtype]


def test_autotuning_changes_nothing_but_time(expected: Tensor) -> None:
    options = {"device": DEVICE, "batch": 4, "fixed": True, "autotune": True, "seed": 0}
    model = inceptgraph.compile("googlenet", engine="inductor", **options)
    assert distance(model(images(4, size=224)), expected) < TOLERANCES["float32"]


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("engine", ["cudagraph", "eager", "inductor"])
def test_training_lowers_the_loss(engine: str, dtype: str) -> None:
    model = inceptgraph.compile(
        SPEC, engine=engine, device=DEVICE, dtype=dtype, batch=8, train=True, seed=0
    )
    without_dropout(model.network)
    step = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    x, target = images(8), (torch.arange(8) % 5).to(DEVICE)
    losses = []
    for _ in range(30):
        step.zero_grad()
        loss = model.loss(model(x), target)
        loss.backward()
        step.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 2


def test_auto_picks_one_for_the_device() -> None:
    model = inceptgraph.compile("googlenet", engine="auto", device=DEVICE)
    assert f"inference on {DEVICE} in float32" in model.choice.why
