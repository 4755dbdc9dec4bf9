"""``verify``: what an engine made is compared before anyone has it."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from command_line import Run, runner
from stub_bench import GRAPH, WANTED, Clock, StubEngine, StubLab, StubSubject, offer
from tiny_network import TINY
from torch import nn
from torch.nn import functional as F

import inceptgraph
from inceptgraph.builder import build
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.engine import Setting, _verify, prepare
from inceptgraph.pipeline import analyze
from inceptgraph_onnx.engines import OnnxRuntimeEngine

SPEC = Source("tiny.yaml", TINY)


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Engines that are offered alone; they are held to a module that is 1e-7 off in float32."""
    plain = StubSubject("torch", Clock(), 1.0, off=1e-7)
    offered: dict[str, Any] = {}
    offer(monkeypatch, offered)
    monkeypatch.setattr(_verify, "find_lab", lambda: StubLab(Clock(), {"float32": plain}))
    return offered


def made(name: str, engines: dict[str, Any], batch: int = 1, **off: float) -> Any:
    """What ``prepare`` hands out, of engines that are so far off; the first is the fastest."""
    for at, (each, error) in enumerate(off.items()):
        subject = StubSubject(each, Clock(), 1.0, off=error)
        engines[each] = StubEngine(each, subject, fast=9.0 - at)
    return prepare(name, GRAPH, dict, Setting(batch=batch), verify=True)


def test_what_is_right_is_handed_out_and_it_is_said_how_right(engines: dict[str, Any]) -> None:
    told = str(made("good", engines, 2, good=5e-7).choice)
    assert told.startswith("good: asked for; verified on 2 random samples: 5.0e-07 off the plain ")
    assert "of 1.0e-06 that float32 explains, in " in told


def test_what_is_wrong_is_refused_with_how_wrong(engines: dict[str, Any]) -> None:
    with pytest.raises(SpecError, match=r"numbers: its outputs are 1\.0e-02 off") as e:
        made("bad", engines, bad=1e-2)
    assert "use another engine, such as `eager`" in (e.value.diagnostics[0].help or "")


def test_the_output_that_is_wrong_is_named(
    engines: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    both = {"logits": WANTED["0"], "aux": WANTED["0"]}
    monkeypatch.setattr(StubLab, "reference", lambda *given: both)
    subject = StubSubject("bad", Clock(), 1.0, found=both | {"aux": WANTED["0"] * 1.1})
    engines["bad"] = StubEngine("bad", subject)
    with pytest.raises(SpecError, match="the engine `bad` gives wrong numbers at the output `aux`"):
        prepare("bad", GRAPH, dict, Setting(), verify=True)


def test_auto_goes_on_to_the_next(engines: dict[str, Any]) -> None:
    module = made("auto", engines, bad=1e-2, good=0.0)
    assert module.name == "good"
    assert "the engine `bad` gives wrong numbers: " in str(module.choice)
    engines.pop("good")
    with pytest.raises(SpecError, match="the engine `bad` gives wrong numbers"):
        made("auto", engines, bad=1e-2)


def test_one_that_fails_at_run_time_is_refused_and_auto_goes_on(engines: dict[str, Any]) -> None:
    class Failing(StubSubject):
        def outputs(self) -> dict[str, Any]:
            raise RuntimeError("out\n of luck")

    engines["bad"] = StubEngine("bad", Failing("bad", Clock(), 1.0), fast=9.0)
    told = "the engine `bad` fails on random inputs: RuntimeError: out of luck"
    with pytest.raises(SpecError, match=told):
        prepare("bad", GRAPH, dict, Setting(), verify=True)
    engines["good"] = StubEngine("good", StubSubject("good", Clock(), 1.0), fast=8.0)
    module = prepare("auto", GRAPH, dict, Setting(), verify=True)
    assert module.name == "good" and told in str(module.choice)


def test_what_cannot_be_compared_is_handed_out_with_a_warning(
    engines: dict[str, Any], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(StubLab, "reference", lambda *given: {"0": np.full((2, 5), np.nan)})
    with caplog.at_level(logging.WARNING, "inceptgraph"):
        choice = made("good", engines, good=0.0).choice
    told = "not verified, since what it gives for random inputs is not finite"
    assert told in str(choice) and f"`good` is {told}" in caplog.text


def test_what_was_trained_to_be_compared_is_not_handed_out() -> None:
    options = {"engine": "eager", "seed": 0, "train": True, "batch": 2}
    model = inceptgraph.compile(SPEC, verify=True, **options)
    assert "verified on 2 random samples" in str(model.choice) and model.training
    fresh = inceptgraph.compile(SPEC, **options).state_dict()
    assert all((value == fresh[name]).all() for name, value in model.state_dict().items())


BENT = """
name: bent
input: {channels: 3, height: 16, width: 16}
stages:
  c: {op: conv2d, out: 8, kernel: 3, padding: 1}
  p: {op: max_pool, kernel: 2, stride: 2}
  m: {op: silu}
"""


def test_an_activation_that_is_taken_for_monotonic_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Monotonic(nn.Module):
        """The pool behind the activation, as an engine computes it that takes SiLU to rise."""

        def __init__(self, tensors: Any) -> None:
            super().__init__()
            weight, bias = (torch.from_numpy(np.array(each)) for each in tensors.values())
            self.conv = nn.Conv2d(3, 8, 3, padding=1)
            self.conv.load_state_dict({"weight": weight, "bias": bias})

        def forward(self, x: Any) -> Any:
            return F.max_pool2d(F.silu(self.conv(x)), 2)

    monkeypatch.setattr(
        OnnxRuntimeEngine, "prepare", lambda self, graph, tensors, setting: Monotonic(tensors)
    )
    with pytest.raises(SpecError, match=r"gives wrong numbers: its outputs are .* off"):
        inceptgraph.compile(Source("bent.yaml", BENT), engine="onnxruntime", seed=0, verify=True)


def test_without_an_engine_there_is_nothing_to_compare() -> None:
    with pytest.raises(TypeError, match=r"`verify` .* engine"):
        inceptgraph.compile(SPEC, verify=True)


# -- build ---------------------------------------------------------------------------------------

REWRITTEN = ("--optimize", "--engine", "onnxruntime")


@pytest.fixture
def wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """ONNX Runtime gives twice what it should."""
    prepare_one = OnnxRuntimeEngine.prepare

    class Twice(nn.Module):
        def __init__(self, inner: Any) -> None:
            super().__init__()
            self.inner = inner

        def forward(self, *inputs: Any) -> Any:
            return 2 * self.inner(*inputs)

    monkeypatch.setattr(OnnxRuntimeEngine, "prepare", lambda *given: Twice(prepare_one(*given)))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(capsys)


@pytest.fixture
def spec(tmp_path: Path) -> str:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return str(path)


def test_build_says_how_close_the_engine_is(run: Run, spec: str, tmp_path: Path) -> None:
    found = run("build", spec, "-o", str(tmp_path / "model"), *REWRITTEN)
    assert found.code == 0 and "verified on 1 random sample: " in found.err


@pytest.mark.usefixtures("wrong")
def test_build_refuses_an_engine_with_wrong_numbers(run: Run, spec: str, tmp_path: Path) -> None:
    found = run("build", spec, "-o", str(tmp_path / "model"), *REWRITTEN)
    assert found.code == 1 and "the engine `onnxruntime` gives wrong numbers" in found.err
    assert not (tmp_path / "model").exists()
    found = run("build", spec, "-o", str(tmp_path / "model"), *REWRITTEN, "--no-verify")
    assert found.code == 0 and (tmp_path / "model").is_dir()


def test_build_without_optimize_has_nothing_to_verify(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match=r"`verify` .* optimize"):
        build(analyze(SPEC), tmp_path / "model", engine="eager", verify=True)
    assert not (tmp_path / "model").exists()


def test_build_has_nothing_to_leave_out_without_an_engine(
    run: Run, spec: str, tmp_path: Path
) -> None:
    found = run("build", spec, "-o", str(tmp_path / "model"), "--no-verify")
    assert found.code == 2 and "name it with --engine" in found.err
