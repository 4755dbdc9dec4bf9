"""What ``build --export`` and ``--optimize`` leave, used as its README says where there is no
InceptGraph."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from tiny_network import SCALED
from torch import Tensor, nn
from torch.nn import functional as F

import inceptgraph
from inceptgraph import backend as backends
from inceptgraph.backend import Exported
from inceptgraph.builder import build
from inceptgraph.builder._lock import LOCK, changed_files
from inceptgraph.diagnostics import Source, SpecError
from inceptgraph.pipeline import analyze, to_graph
from inceptgraph_torch import SpecModule
from inceptgraph_torch.export import AotiBackend, Pt2Backend

# Two inputs, two outputs and a head, batch normalisation that folds, dropout, and names that are
# none in Python
DUO = """
name: Duo
inputs:
  image: {channels: 3, height: 8, width: 8}
  1-d: {features: 5}
params: {classes: 4}
blocks:
  unit:
    params: {out: int}
    steps:
      conv: {op: conv2d, out: $out, kernel: 3, padding: same, bias: false}
      bn: {op: batch_norm}
      relu: {op: relu}
stages:
  stem: {op: unit, out: 8, from: image}
  fork:
    branches: {left: {op: unit, out: 4}, right: {op: unit, out: 4}}
    merge: concat
  mean: {op: global_avg_pool}
  flat: {op: flatten}
  both: {op: concat, from: [flat, 1-d]}
  drop: {op: dropout, rate: 0.5}
  label: {op: linear, out: $classes}
  age: {op: linear, out: 1, from: both}
outputs: {class: label, the_age: age}
aux_heads:
  aux:
    from: stem
    loss_weight: 0.3
    steps: {pool: {op: global_avg_pool}, flatten: {op: flatten}, fc: {op: linear, out: $classes}}
"""

ONE = """
name: One
input: {name: x, features: 6}
stages: {fc: {op: linear, out: 3}, relu: {op: relu}}
outputs: {y: relu}
"""

ROUNDING = 1e-5
"""Of float32, 2**-24, over sums of some hundred terms: other kernels add in another order."""

ISOLATED = """
import sys

class Nobody:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0].startswith("inceptgraph"):
            raise ImportError("there is no InceptGraph here")

sys.meta_path.insert(0, Nobody())
"""
"""What makes an interpreter one without InceptGraph."""


def samples(batch: int, dtype: torch.dtype = torch.float32) -> list[Tensor]:
    generator = torch.Generator().manual_seed(batch)
    shapes = [(batch, 3, 8, 8), (batch, 5)]
    return [torch.randn(shape, generator=generator).to(dtype) for shape in shapes]


def trained(module: SpecModule) -> SpecModule:
    """Statistics and scales that batch normalisation does not start with."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.dim() == 1:
                tensor.add_(torch.rand(tensor.shape, generator=generator) * 0.5)
    return module


def spec(text: str = DUO) -> inceptgraph.Analysis:
    return analyze(Source("duo.yaml", text))


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "duo.pth"
    torch.save(trained(inceptgraph.compile(Source("duo.yaml", DUO), seed=0)).state_dict(), path)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory, weights: Path) -> Path:
    out = tmp_path_factory.mktemp("built") / "duo"
    asked = ["onnx", "pt2"]
    return build(spec(), out, weights=weights, export=asked, optimize=True, engine="eager")


def usage(place: Path, name: str) -> str:
    """The lines of a README that load a file."""
    text = (place / "README.md").read_text()
    found = re.search(rf"Load `{re.escape(name)}`:\n\n```python\n(.*?)```", text, re.DOTALL)
    assert found, text
    return found[1]


def alone(place: Path, code: str, *inputs: Any) -> Any:
    """What ``found`` is after some Python has run beside ``place`` without InceptGraph."""
    torch.save(inputs, place.parent / "inputs.pt")
    run = f"{ISOLATED}import torch\ngiven = torch.load('inputs.pt')\n{code}"
    run += (
        "\ntorch.save(found, 'found.pt')\nassert not any('inceptgraph' in m for m in sys.modules)"
    )
    command = [sys.executable, "-I", "-B", "-c", run]
    done = subprocess.run(command, cwd=place.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return torch.load(place.parent / "found.pt")


def for_each_batch(lines: str) -> str:
    """The lines of a README, on batches of 1, of 3 and of 17."""
    body = "\n".join(f"    {line}" for line in lines.splitlines())
    return f"found = []\nfor image, n1_d in given:\n{body}\n    found.append(outputs)"


BATCHES = (1, 3, 17)


def close(found: Any, wanted: Any, tolerance: float = ROUNDING) -> None:
    assert list(found) == list(wanted)
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], rtol=tolerance, atol=tolerance)


# -- each file, without InceptGraph ----------------------------------------------------------


def test_evaluation(built: Path) -> None:
    """The optimised network's, as the original network's GraphModule computes."""
    check_evaluation(built, "model.pt2")


def check_evaluation(built: Path, file: str) -> None:
    found = alone(built, for_each_batch(usage(built, file)), *map(samples, BATCHES))
    module = inceptgraph.load(built).eval()
    for batch, outputs in zip(BATCHES, found, strict=True):
        wanted = module(*samples(batch))
        assert list(wanted) == ["class", "the_age"]
        close(outputs, wanted)


def test_evaluation_in_onnx(built: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    path = built / "exports" / "model.onnx"
    session = onnxruntime.InferenceSession(path)
    module = inceptgraph.load(built).eval()
    for batch in BATCHES:
        inputs = samples(batch)
        given = {"image": inputs[0].numpy(), "1-d": inputs[1].numpy()}
        outputs = map(torch.from_numpy, session.run(None, given))
        wanted = module(*inputs)
        close(dict(zip(wanted, outputs, strict=True)), wanted)


STEP = """
optimizer = torch.optim.SGD(trainable.parameters(), lr=0.1, momentum=0.9)
for seed, (image, n1_d, labels, ages) in enumerate(given):
    torch.manual_seed(seed)
    outputs = trainable(image, n1_d)
    cross, square = torch.nn.functional.cross_entropy, torch.nn.functional.mse_loss
    loss = cross(outputs["class"], labels) + square(outputs["the_age"], ages)
    (loss + 0.3 * cross(outputs["aux"], labels)).backward()
    optimizer.step()
    optimizer.zero_grad()
found = outputs, trainable.state_dict()
"""


def test_training(built: Path) -> None:
    """Two steps, with dropout drawn alike, leave the weights and statistics that they leave in the
    GraphModule."""
    steps = [(*samples(n), torch.arange(n) % 4, torch.arange(n)[:, None] / 3) for n in (2, 3)]
    load, _ = usage(built, "model.train.pt2").split("outputs =")
    outputs, state = alone(built, load + STEP, *steps)
    module = inceptgraph.load(built)
    namespace = {"torch": torch, "trainable": module, "given": steps}
    exec(STEP, namespace)
    theirs, wanted = namespace["found"]  # type: ignore[misc]
    assert list(outputs) == ["class", "the_age", "aux"]
    close(outputs, theirs)
    assert set(state) == set(wanted)
    close({name: state[name] for name in wanted}, wanted)
    before = inceptgraph.load(built).state_dict()
    assert all(not torch.equal(before[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("dtype", ["torch.float64", pytest.param(None, marks=pytest.mark.slow)])
def test_optimized_python(built: Path, dtype: str | None) -> None:
    """``optimized.py`` beside ``model.py``, as the README has them."""
    code = f"""
sys.path.insert(0, {built.name!r})
import model, optimized
kind = {dtype}
exact, fast = model.load(dtype=kind).eval(), optimized.load(dtype=kind)
assert not fast.training and not any(p.requires_grad for p in fast.parameters())
given = [[tensor.to(kind or tensor.dtype) for tensor in each] for each in given]
found = [(exact(*each), fast(*each), len(list(exact.modules())), len(list(fast.modules())))
         for each in given]
"""
    for wanted, outputs, before, after in alone(built, code, *map(samples, BATCHES)):
        close(outputs, wanted)  # in float64, too: the file holds folded weights in float32
        assert after < before


def test_optimized_from_the_command_line(built: Path) -> None:
    command = [sys.executable, "-I", "-B", str(built / "optimized.py"), "--batch", "3"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "class: shape (3, 4)" in done.stdout
    assert "the_age: shape (3, 1)" in done.stdout


def test_what_was_built(built: Path) -> None:
    files = {path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()}
    exports = {"model.onnx", "model.pt2", "model.train.pt2"}
    assert {name for name in files if "exports" in name} == {f"exports/{name}" for name in exports}
    assert {"optimized.py", "optimized.safetensors", "model.py", "model.safetensors"} <= files
    lock = json.loads((built / LOCK).read_text())
    assert set(lock["files"]) == files - {LOCK}
    assert lock["optimized"]["engine"] == "eager"
    assert lock["optimized"]["why"] == "asked for"
    assert changed_files(built) == []
    table = (built / "README.md").read_text()
    assert all(f"| `{name}` | " in table for name in files - {"README.md"})
    assert inceptgraph.load(built).training
    assert len({path.stat().st_mode for path in built.rglob("*") if path.is_file()}) == 1


# -- a compiled package ----------------------------------------------------------------------

MISFITS = [
    (torch.zeros(2, 3, 8, 9), torch.zeros(2, 5), r"image is \(2, 3, 8, 9\), .* 3, 8, 8\)"),
    (torch.zeros(3, 8, 8), torch.zeros(2, 5), r"image is \(3, 8, 8\)"),
    (torch.zeros(2, 3, 8, 8), torch.zeros(3, 5), r"1-d is \(3, 5\)"),
    (torch.zeros(0, 3, 8, 8), torch.zeros(0, 5), r"must be \(batch, 3, 8, 8\)"),
    (torch.zeros(()), torch.zeros(2, 5), r"image is \(\)"),
    (torch.zeros(2, 3, 8, 8).double(), torch.zeros(2, 5), r"is torch\.float64 on cpu, .*float32"),
]


@pytest.mark.slow  # README's tests compile a smaller one below
def test_a_compiled_package(tmp_path: Path, weights: Path) -> None:
    """One test, since it compiles for ten seconds and more."""
    out = build(
        spec(), tmp_path / "duo", weights=weights, export=["aoti"], optimize=True, engine="eager"
    )
    check_evaluation(out, "model_aoti.py")
    assert {path.name for path in (out / "exports").iterdir()} == {
        "model.aoti.pt2",
        "model_aoti.py",
    }
    assert changed_files(out) == []
    path = out / "exports" / "model_aoti.py"
    namespace: dict[str, Any] = {"__file__": str(path)}
    exec(path.read_text(), namespace)
    run = namespace["load"]()
    for image, features, message in MISFITS:
        with pytest.raises(ValueError, match=message):
            run(image, features)
    image, features = samples(3)
    with pytest.raises(ValueError, match="takes image, 1-d: 1 inputs are given"):
        run(image)
    wanted = inceptgraph.load(out).eval()(image, features)
    close(run(image.to(memory_format=torch.channels_last), features), wanted)
    close(run(image.transpose(0, 1).contiguous().transpose(0, 1), features), wanted)


@pytest.mark.parametrize(("image", "features", "message"), MISFITS[:3])
def test_a_program_refuses_other_shapes(
    built: Path, image: Tensor, features: Tensor, message: str
) -> None:
    program = torch.export.load(built / "exports" / "model.pt2").module()
    with pytest.raises((AssertionError, RuntimeError, ValueError, IndexError)):
        program(image, features)


# -- types, options, rebuilding --------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype",
    ["bfloat16", *(pytest.param(t, marks=pytest.mark.slow) for t in ("float16", "float64"))],
)
def test_types(tmp_path: Path, dtype: str) -> None:
    """Files hold the type of the weights; a program computes as the module does in it."""
    optimize = dtype != "float64"  # in which no engine computes
    out = build(
        spec(),
        tmp_path / "duo",
        seed=0,
        dtype=dtype,
        export=["pt2"],
        optimize=optimize,
        engine="eager",
    )
    kind = getattr(torch, dtype)
    module = inceptgraph.load(out)
    inputs = samples(3, kind)
    program = torch.export.load(out / "exports" / "model.train.pt2")
    torch.manual_seed(0)
    found = program.module()(*inputs)
    torch.manual_seed(0)
    wanted = module(*inputs)
    close(found, wanted, 0)
    assert found["class"].dtype == kind
    program = torch.export.load(out / "exports" / "model.pt2")
    assert {tensor.dtype for tensor in program.state_dict.values() if tensor.dim()} == {kind}
    exact = inceptgraph.load(out, dtype="float64").eval()(*samples(3, torch.float64))
    outputs = program.module()(*inputs)
    for name, value in outputs.items():
        assert value.dtype == kind
        error = (value.double() - exact[name]).abs().max()
        assert (
            error < 16 * torch.finfo(kind).eps * exact[name].abs().max()
        )  # a layer's rounding each
    if optimize:
        lock = json.loads((out / LOCK).read_text())
        assert dtype in lock["optimized"]["for"]


def test_rebuilding(tmp_path: Path) -> None:
    """An optimised build over a plain one and back; a change to its files is seen."""
    out = tmp_path / "duo"
    build(spec(), out, seed=0)
    build(spec(), out, seed=0, optimize=True, engine="eager", overrides={})
    assert (out / "optimized.py").is_file()
    (out / "optimized.safetensors").write_bytes(b"mine")
    with pytest.raises(SpecError, match=r"changed since it was built: optimized\.safetensors"):
        build(spec(), out, seed=0)
    build(spec(), out, seed=0, force=True)
    assert not (out / "optimized.py").exists()
    assert "optimized" not in json.loads((out / LOCK).read_text())


def test_set(tmp_path: Path) -> None:
    overrides = {"classes": "7"}
    analysis = analyze(Source("duo.yaml", DUO), set=overrides)
    out = build(
        analysis, tmp_path / "duo", overrides=overrides, optimize=True, engine="eager", batch=16
    )
    assert inceptgraph.load(out).eval()(*samples(1))["class"].shape == (1, 7)
    lock = json.loads((out / LOCK).read_text())
    assert lock["optimized"]["for"] == "inference on cpu in float32, 16 at a time"


def test_what_an_engine_reads_is_exported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from inceptgraph_torch.engines import EagerEngine

    monkeypatch.setattr(EagerEngine, "export", "pt2")
    out = build(spec(), tmp_path / "duo", optimize=True, engine="eager", export=["pt2"])
    assert {path.name for path in (out / "exports").iterdir()} == {"model.pt2", "model.train.pt2"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"engine": "eagre"}, "there is no engine `eagre`"),
        ({"dtype": "float64"}, "no engine computes in `float64`"),
        ({"device": "cuda:99"}, "the device `cuda:99` cannot be used"),
    ],
)
def test_no_engine(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SpecError, match=message):
        build(spec(), tmp_path / "duo", optimize=True, **options)
    assert list(tmp_path.iterdir()) == []


def test_what_was_made_of_which_counts(tmp_path: Path, weights: Path) -> None:
    """Counters of batches, which are no weights of the graph, are in a training program, too."""
    state = torch.load(weights)
    counters = [name for name, tensor in state.items() if not tensor.is_floating_point()]
    for count, name in enumerate(counters, 1):
        state[name].fill_(count)
    torch.save(state, tmp_path / "counted.pth")
    out = build(spec(), tmp_path / "duo", weights=tmp_path / "counted.pth", export=["pt2"])
    program = torch.export.load(out / "exports" / "model.train.pt2")
    assert [int(program.state_dict[name]) for name in counters] == [1, 2, 3]


# -- from Python -----------------------------------------------------------------------------


def test_programs_and_functions_from_python() -> None:
    graph = to_graph(Source("one.yaml", ONE))
    tensors = backends.find_model("torch").initial(graph, seed=0)
    module = inceptgraph.compile(graph, seed=0).eval()
    x = torch.randn(3, 6)
    program = inceptgraph.compile(graph, "pt2", tensors=tensors)
    close({"y": program.module()(x)}, {"y": module(x)})
    assert program.graph_signature.user_inputs == ("x",)
    run = inceptgraph.compile(graph, "aoti", tensors=tensors)
    close({"y": run(x)}, {"y": module(x)})
    with pytest.raises(ValueError, match=r"x is \(3, 7\)"):
        run(torch.randn(3, 7))
    with pytest.raises(ValueError, match="lack"):
        inceptgraph.compile(graph, "pt2", tensors={})


@pytest.mark.slow
def test_numbers_that_a_package_folds_into_weights() -> None:
    graph = to_graph(Source("scaled.yaml", SCALED))
    tensors = backends.find_model("torch").initial(graph, seed=0)
    x = torch.randn(1, 4, 8, 8)
    run = inceptgraph.compile(graph, "aoti", tensors=tensors)
    close({"y": run(x)}, {"y": inceptgraph.compile(graph, seed=0).eval()(x)})


# -- failures --------------------------------------------------------------------------------


def refused(place: Path, *export: str) -> Any:
    """The finding of a build that fails, which leaves what was there."""
    before = sorted(place.parent.rglob("*"))
    with pytest.raises(SpecError) as caught:
        build(spec(), place, export=export)
    assert sorted(place.parent.rglob("*")) == before
    (finding,) = caught.value.diagnostics
    return finding


@pytest.mark.parametrize("earlier", [False, True])
@pytest.mark.parametrize("name", ["pt2", "aoti"])
def test_a_step_that_cannot_be_traced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, earlier: bool
) -> None:
    """The message names the step whose layer fails; an earlier build stays."""
    if earlier:
        build(spec(), tmp_path / "duo")

    def fail(self: nn.Module, x: Tensor) -> Tensor:
        raise RuntimeError("no such luck\nand a long story")

    monkeypatch.setattr(nn.Dropout, "forward", fail)
    monkeypatch.setattr(nn.BatchNorm2d, "forward", lambda self, x: F.relu(x))
    finding = refused(tmp_path / "duo", name)
    wanted = "torch.export cannot trace `drop` (dropout): RuntimeError: no such luck"
    assert finding.message == wanted
    assert DUO.splitlines()[finding.labels[0].span.line].lstrip().startswith("drop:")


def test_a_value_that_decides_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What torch itself refuses: a layer whose Python looks at numbers."""
    monkeypatch.setattr(nn.Dropout, "forward", lambda self, x: x if x.sum() > 0 else -x)
    finding = refused(tmp_path / "duo", "pt2")
    assert finding.message.startswith("torch.export cannot trace `drop` (dropout): ")


@pytest.mark.parametrize(
    ("name", "function"),
    [("pt2", "torch.export.save"), ("aoti", "torch._inductor.aoti_compile_and_package")],
)
def test_a_file_that_breaks_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, function: str
) -> None:
    def fail(program: Any, path: Any = None, **options: Any) -> None:
        Path(path or options["package_path"]).write_bytes(b"half")
        raise RuntimeError("the disk is on fire")

    monkeypatch.setattr(function, fail)
    finding = refused(tmp_path / "duo", name)
    assert finding.message.endswith("Duo: RuntimeError: the disk is on fire")


def test_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch.export, "save", fail)
    with pytest.raises(OSError, match="No space left"):
        build(spec(), tmp_path / "duo", export=["pt2"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("variable", ["PATH", "CXX"])
def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, str(tmp_path / "nothing"))
    finding = refused(tmp_path / "duo", "aoti")
    assert finding.message == "the backend `aoti` needs a C++ compiler, and there is none"
    assert "apt install g++" in finding.help


@pytest.mark.slow
def test_a_compiler_that_fails(tmp_path: Path) -> None:
    (tmp_path / "duo.yaml").write_text(DUO)
    broken = tmp_path / "g++"
    broken.write_text("#!/bin/sh\necho out of registers >&2\nexit 1\n")
    broken.chmod(0o755)
    command = [sys.executable, "-m", "inceptgraph", "build", "duo.yaml", "-o", "out"]
    run = subprocess.run(
        [*command, "--export", "aoti"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "CXX": str(broken), "TORCHINDUCTOR_CACHE_DIR": "cache"},
    )
    assert run.returncode == 1, run.stderr
    assert "AOTInductor cannot compile Duo: " in run.stderr
    assert not (tmp_path / "out").exists()


def test_two_exports_of_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def export(self: Any, network: Any, folder: Path, progress: Any) -> Any:
        (folder / "model.bin").write_bytes(b"")
        return (Exported("model.bin", "nothing"),)

    monkeypatch.setattr(Pt2Backend, "export", export)
    monkeypatch.setattr(AotiBackend, "export", export)
    finding = refused(tmp_path / "duo", "pt2", "aoti")
    assert "two exports would write `exports/model.bin`" in finding.message


def test_usage(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "inceptgraph", "build", "googlenet", "-o", str(tmp_path / "x")]
    for option, value in (("--engine", "eager"), ("--batch", "4")):
        done = subprocess.run([*command, option, value], capture_output=True, text=True)
        assert done.returncode == 2
        assert f"`{option}` needs `--optimize`" in done.stderr
