"""Networks of any size on engines that compile for one: each size is compiled when it comes."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import inceptgraph
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.engine import Setting
from inceptgraph_torch.engines.each_size import KEPT, EachSize

SPEC = """
name: AnySize
input: {channels: 3, height: free = 32, width: free, multiple: 2}
stages:
  conv: {op: conv2d, out: 8, kernel: 3, stride: 2, padding: same}
  norm: {op: batch_norm}
  pool: {op: max_pool, kernel: 2, stride: 2, from: input}
  join: {op: concat, from: [norm, pool]}
  most: {op: max_pool, kernel: 4}
  five: {op: adaptive_avg_pool, size: 5}
  wide: {op: conv2d, out: 4, kernel: 5}
  flat: {op: flatten}
aux_heads: {aux: {op: conv2d, out: 2, kernel: 15, from: conv, loss_weight: 1}}
"""
TWO = """
name: Two
inputs:
  a: {channels: 1, height: free, width: 8}
  b: {channels: 2, height: free, width: 8}
stages: {join: {op: concat, from: [a, b]}}
"""
ENGINES = ("eager", "native", "onnxruntime", "openvino")
SIZES = ((32, 32), (10, 46), (64, 12))


def compiled(text: str = SPEC, engine: str = "eager", **options: Any) -> nn.Module:
    source = Source("net.yaml", text)
    made: nn.Module = inceptgraph.compile(source, engine=engine, seed=0, **options)
    return made


def images(height: int, width: int, batch: int = 2) -> Tensor:
    generator = torch.Generator().manual_seed(height)
    return torch.randn(batch, 3, height, width, generator=generator)


@pytest.mark.parametrize("optimize", [False, True])
@pytest.mark.parametrize("engine", ENGINES)
def test_every_size_is_computed(engine: str, optimize: bool) -> None:
    plain = inceptgraph.compile(Source("net.yaml", SPEC), seed=0).eval()
    net = compiled(engine=engine, optimize=optimize, verify=True)
    for size in (*SIZES, SIZES[0]):
        torch.testing.assert_close(net(images(*size)), plain(images(*size)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((1, 3, 31, 32), "`input` has the height 31, but .* from 8 on that are multiples of 2"),
        ((1, 3, 32, 4), "`input` has the width 4, but"),
        ((1, 4, 32, 32), r"shape \(batch, 4, 32, 32\), but .* \(batch, 3, height, width\)"),
        ((3, 32, 32), r"shape \(batch, 32, 32\), but .* \(batch, 3, height, width\)"),
    ],
)
def test_a_size_that_cannot_be_is_refused(shape: tuple[int, ...], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        compiled()(torch.zeros(shape))


@pytest.mark.parametrize("given", [(), ([1.0],), (images(32, 32), images(32, 32))])
def test_what_is_no_input_is_refused(given: Any) -> None:
    with pytest.raises(TypeError):
        compiled()(*given)


def test_inputs_share_an_extent_that_is_free_in_both() -> None:
    net = compiled(TWO)
    assert net(torch.zeros(1, 1, 5, 8), b=torch.zeros(1, 2, 5, 8)).shape == (1, 3, 5, 8)
    with pytest.raises(ValueError, match="differ in their height, which is free: 5 and 6"):
        net(torch.zeros(1, 1, 5, 8), torch.zeros(1, 2, 6, 8))


def test_few_sizes_are_kept() -> None:
    made: list[Any] = []

    def make(shapes: tuple[Any, ...]) -> nn.Module:
        made.append(shapes)
        return nn.Identity()

    net = EachSize(nn.Identity(), {"x": (1,)}, make, Setting())
    for size in (*range(2, KEPT + 1), 1, KEPT + 1, 1, 2):
        net(torch.zeros(1, size))
    assert made == [((size,),) for size in (*range(2, KEPT + 1), KEPT + 1, 2)]


def test_a_size_is_compiled_once_for_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    net = compiled(engine="onnxruntime")
    assert isinstance(net, EachSize)
    sizes: list[Any] = []
    make = net._make
    monkeypatch.setattr(net, "_make", lambda shapes: sizes.append(shapes) or make(shapes))
    with ThreadPoolExecutor(4) as pool:
        found = [*pool.map(lambda _: net(images(10, 46)), range(8))]
    assert sizes == [((3, 10, 46),)]
    assert all(torch.equal(each, found[0]) for each in found)


def test_a_copy_computes_the_same_and_a_pickle_is_refused() -> None:
    net = compiled(engine="onnxruntime")
    assert torch.equal(copy.deepcopy(net)(images(10, 46)), net(images(10, 46)))
    assert net.choice.engine.name == "onnxruntime"
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(net)


def test_training_is_at_one_size() -> None:
    net = compiled(train=True)
    net(images(32, 32))
    with pytest.raises(ValueError, match="was compiled for"):
        net(images(10, 46))


def test_a_fixed_network_is_handed_out_as_the_engine_made_it() -> None:
    assert not isinstance(compiled(SPEC.replace("free = 32", "32").replace("free", "32")), EachSize)


def test_an_engine_that_gives_wrong_numbers_at_a_new_size_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = compiled(engine="eager", verify=True)
    from inceptgraph_torch.engines.eager import EagerEngine

    prepare = EagerEngine.prepare

    def broken(self: Any, graph: Any, tensors: Any, setting: Any) -> Any:
        return prepare(self, graph, {n: 2 * t for n, t in tensors.items()}, setting)

    monkeypatch.setattr(EagerEngine, "prepare", broken)
    with pytest.raises(SpecError, match="eager"):
        net(images(10, 46))
