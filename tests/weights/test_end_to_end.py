"""Weights from elsewhere, end to end: into a module, into a build, on the command line."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import yaml
from examples import examples
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from references.records import Record
from safetensors.torch import load_file, save_file
from specs_strategy import graph_of, specs
from tiny_network import TINY, assert_same, images, tiny
from torch import Tensor, nn

import inceptgraph
from inceptgraph.builder import build
from inceptgraph.builder._lock import LOCK
from inceptgraph.cli import run as run_command
from inceptgraph.diagnostics import Code, Source, SpecError
from inceptgraph.pipeline import analyze, to_graph
from inceptgraph.report import render
from inceptgraph.types import TensorInfo
from inceptgraph.weights import fit_entries
from inceptgraph.weights._slots import slots
from inceptgraph_torch import load_tensors, lower

SPEC = Source("tiny.yaml", TINY)
GRAPH = to_graph(SPEC)
State = dict[str, Tensor]


def random_state(seed: int = 0) -> State:
    """A state of the tiny network in which no two tensors are alike."""
    generator = torch.Generator().manual_seed(seed)
    state = tiny().state_dict()
    for tensor in state.values():
        if tensor.is_floating_point():
            tensor.uniform_(0.5, 1.5, generator=generator)
        else:
            tensor.fill_(7)
    return dict(state)


STATE = random_state()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "weights.safetensors"
    save_file(STATE, path)
    return path


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY)
    return path


def save(state: State, path: Path) -> Path:
    save_file({name: tensor.contiguous() for name, tensor in state.items()}, path)
    return path


# -- into a module -----------------------------------------------------------------------------


def test_compile_starts_from_a_file(file: Path) -> None:
    net = inceptgraph.compile(SPEC, weights=file)
    for name, tensor in net.state_dict().items():
        assert_same(tensor, STATE[name])
    other = tiny(seed=3)
    other.load_state_dict(STATE)
    assert_same(net.eval()(images()), other.eval()(images()))


def test_options_hold_for_loaded_weights(file: Path) -> None:
    net = inceptgraph.compile(SPEC, weights=file, dtype="bfloat16", channels_last=True)
    assert net.stem.weight.is_contiguous(memory_format=torch.channels_last)
    assert_same(net.stem.weight.detach().contiguous(), STATE["stem.weight"].bfloat16())


@pytest.mark.parametrize("classes", [4, 6])
def test_another_number_of_classes_starts_as_the_spec_says(file: Path, classes: int) -> None:
    """The rest is the file's; the last layers are those of the same seed without a file."""
    options = {"set": {"classes": classes}, "seed": 5}
    net = inceptgraph.compile(SPEC, weights=file, **options).state_dict()
    fresh = inceptgraph.compile(SPEC, **options).state_dict()
    for name, tensor in net.items():
        anew = name.startswith(("classifier.", "aux.fc."))
        assert_same(tensor, fresh[name] if anew else STATE[name])


def test_what_is_allowed_starts_as_the_spec_says(tmp_path: Path) -> None:
    state = {name: tensor for name, tensor in STATE.items() if not name.startswith("aux")}
    state["stem.weight"] = torch.ones(8, 3, 3, 3)
    state["more.weight"] = torch.ones(2)
    path = save(state, tmp_path / "w")
    allow = ["missing:aux", "shape:stem.weight", "unexpected:more"]
    net = inceptgraph.compile(SPEC, weights=path, allow=allow, seed=5).state_dict()
    fresh = tiny(seed=5).state_dict()
    for name, tensor in net.items():
        kept = name.startswith("aux") or name == "stem.weight"
        assert_same(tensor, fresh[name] if kept else STATE[name])
    for index in range(len(allow)):
        some = allow[:index] + allow[index + 1 :]
        with pytest.raises(SpecError) as caught:
            inceptgraph.compile(SPEC, weights=path, allow=some)
        (finding,) = caught.value.diagnostics
        assert finding.code is Code.WEIGHTS_MISMATCH
        assert f"--allow '{allow[index].partition('.')[0]}'" in (finding.help or "")


def test_load_tensors_leaves_a_module_alone_that_they_do_not_fit() -> None:
    module = tiny()
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(SpecError, match=r"the weights in `the tensors` do not fit: 1 missing"):
        load_tensors(module, GRAPH, {n: t for n, t in STATE.items() if n != "stem.bias"})
    for name, tensor in module.state_dict().items():
        assert_same(tensor, before[name])
    fit = load_tensors(module, GRAPH, STATE)
    assert len(fit.loaded) == len(slots(GRAPH))
    for name, tensor in module.state_dict().items():
        assert_same(tensor, STATE[name])


def test_convolutions_and_linear_layers_of_one_pixel(tmp_path: Path) -> None:
    state = {**STATE, "classifier.weight": STATE["classifier.weight"][:, :, None, None]}
    net = inceptgraph.compile(SPEC, weights=save(state, tmp_path / "w"))
    assert_same(net.classifier.weight.detach(), STATE["classifier.weight"])


def test_counters_need_no_permission(tmp_path: Path) -> None:
    without = {name: t for name, t in STATE.items() if "num_batches" not in name}
    net = inceptgraph.compile(SPEC, weights=save(without, tmp_path / "w"))
    assert net.first.left.bn.num_batches_tracked == 0
    counters = {name: t for name, t in STATE.items() if "num_batches" in name}
    assert len(counters) == 4
    assert all(t == 7 for t in counters.values())


def test_steps_that_torch_calls_otherwise(tmp_path: Path) -> None:
    text = """
name: Words
input: {channels: 2, height: 4, width: 4}
stages:
  half: {op: conv2d, out: 2}
  half_: {op: conv2d, out: 2}
  class: {steps: {forward: {op: conv2d, out: 2}}}
"""
    graph = to_graph(Source("words.yaml", text))
    there, here = lower(graph, seed=1), lower(graph, seed=2)
    assert "half__.weight" in there.state_dict()
    load_tensors(here, graph, there.state_dict())
    for name, tensor in there.state_dict().items():
        assert_same(here.state_dict()[name], tensor)


# -- remap tables ------------------------------------------------------------------------------


def parts_of(text: str) -> list[str]:
    names = slots(to_graph(Source("spec.yaml", text)))
    return list(dict.fromkeys(name.rpartition(".")[0] for name in names))


@settings(max_examples=examples(30), deadline=None)
@given(st.data())
def test_there_and_back(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """A network's own tensors, under any other names, come home by the table of those names."""
    text = data.draw(specs())
    graph = graph_of(text)
    assume(sum(math.prod(slot.shape) for slot in slots(graph).values()) < 1_000_000)
    layers = parts_of(text)
    word = st.text("abcXYZ019_-/", min_size=1, max_size=6)
    name = st.lists(word, min_size=1, max_size=3).map(".".join)
    theirs = data.draw(st.lists(name, min_size=len(layers), max_size=len(layers), unique=True))
    there = lower(graph, seed=1)
    state = {}
    for layer, other in zip(layers, theirs, strict=True):
        for key, tensor in there.get_submodule(layer).state_dict().items():
            state[f"{other}.{key}"] = tensor
    # the longer name first, where one is the beginning of another
    pairs = sorted(zip(theirs, layers, strict=True), key=lambda pair: -len(pair[0]))
    path = tmp_path_factory.mktemp("tables") / "table.yaml"
    path.write_text(yaml.safe_dump({"names": dict(pairs or [("a", "b")])}, sort_keys=False))
    here = lower(graph, seed=2)
    if not layers:
        return
    fit = load_tensors(here, graph, state, remap=path)
    assert len(fit.loaded) == len(slots(graph))
    for key, tensor in there.state_dict().items():
        assert_same(here.state_dict()[key], tensor)


class Residual(nn.Module):
    """A block under the names that torchvision gives to the parts of its ResNet-18."""

    def __init__(self, inputs: int, out: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.conv2 = nn.Conv2d(out, out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out)
        if stride > 1:
            conv = nn.Conv2d(inputs, out, 1, stride, bias=False)
            self.downsample = nn.Sequential(conv, nn.BatchNorm2d(out))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (self.downsample(x) if hasattr(self, "downsample") else x))


class ResNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        inputs = 64
        for index, out in enumerate((64, 128, 256, 512), start=1):
            first = Residual(inputs, out, 1 + (index > 1))
            self.add_module(f"layer{index}", nn.Sequential(first, Residual(out, out, 1)))
            inputs = out
        self.fc = nn.Linear(512, 1000)

    def forward(self, x: Tensor) -> Tensor:
        x = nn.functional.max_pool2d(torch.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


def test_torchvisions_resnet18_by_a_table_found_by_itself(tmp_path: Path) -> None:
    torch.manual_seed(0)
    theirs = ResNet().eval()
    for buffer in theirs.buffers():
        if buffer.is_floating_point():
            buffer.uniform_(0.5, 1.5)
    path = tmp_path / "resnet18.pth"
    torch.save({"state_dict": nn.DataParallel(theirs).state_dict()}, path)
    ours = inceptgraph.compile("resnet18", weights=path, dtype="float64").eval()
    image = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    torch.testing.assert_close(ours(image), theirs.double()(image), rtol=1e-12, atol=0)


def test_two_names_for_one_cite_both_lines(tmp_path: Path) -> None:
    table = tmp_path / "mine.yaml"
    table.write_text("names:\n  a: stem\n  b: stem\n")
    state = {name: tensor for name, tensor in STATE.items() if name != "stem.weight"}
    state |= {"a.weight": STATE["stem.weight"], "b.weight": STATE["stem.weight"].clone()}
    with pytest.raises(SpecError) as caught:
        inceptgraph.compile(SPEC, weights=save(state, tmp_path / "w"), remap=table)
    shown = render(caught.value.diagnostics, "full")
    assert "error[IG811]: two names become `stem.weight`: `a.weight` and `b.weight`" in shown
    assert "2 |   a: stem" in shown
    assert "3 |   b: stem" in shown


@pytest.mark.parametrize("spec", ["googlenet", "resnet18"])
def test_weights_of_another_spec_name_it(spec: str) -> None:
    """Advice to allow the rest would start a network that knows nothing."""
    record = Record.load("torchvision_googlenet")
    entries = {
        f"{prefix}{layer.name}.{kind}": TensorInfo(shape, "float32")
        for prefix in ["module."]
        for layers in record.layers.values()
        for layer in layers
        for kind, shape in layer.shapes().items()
    }
    fitted = fit_entries(to_graph(spec), entries)
    assert not fitted.fits
    assert fitted.kin == ("googlenet_torchvision",)
    assert fitted.help == (
        "these are the weights of `googlenet_torchvision` as it is shipped: name that spec"
    )
    fits = fit_entries(to_graph("googlenet_torchvision"), entries)
    assert fits.fits and not fits.kin


def test_weights_that_a_build_wrote_name_their_spec() -> None:
    entries = {n: TensorInfo(s.shape, "float32") for n, s in slots(to_graph("lenet5")).items()}
    assert fit_entries(to_graph("googlenet"), entries).kin == ("lenet5",)
    without = {name: info for name, info in entries.items() if not name.startswith("c1.")}
    assert len(without) < len(entries)
    assert fit_entries(to_graph("googlenet"), without).kin == ()


# -- a build -----------------------------------------------------------------------------------


def test_a_build_starts_from_a_file_and_records_it(spec: Path, file: Path, tmp_path: Path) -> None:
    told: list[str] = []
    out = build(analyze(spec), tmp_path / "model", weights=file, progress=told.append)
    assert told[:3] == ["format: safetensors", "names: as they are", "loaded: 26 tensors"]
    for name, tensor in load_file(out / "model.safetensors").items():
        assert_same(tensor, STATE[name])
    lock = json.loads((out / LOCK).read_text())
    assert lock["weights"] == {
        "file": "weights.safetensors",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "key": "",
        "prefix": "",
        "remap": None,
        "loaded": 26,
        "adapted": [],
        "not_loaded": [],
    }


def test_a_remap_is_recorded(spec: Path, tmp_path: Path) -> None:
    table = tmp_path / "mine.yaml"
    table.write_text("names: {start: stem}\nabsent: [aux]\n")
    state = {n.replace("stem", "start"): t for n, t in STATE.items() if not n.startswith("aux")}
    state["classifier.weight"] = torch.ones(9, 16)
    state["classifier.bias"] = torch.ones(9)
    file = save(state, tmp_path / "w")
    out = build(analyze(spec), tmp_path / "model", weights=file, remap=table)
    weights = json.loads((out / LOCK).read_text())["weights"]
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    assert weights["remap"] == {"name": str(table), "sha256": digest}
    assert set(weights["adapted"]) == {"classifier.weight", "classifier.bias"}
    assert weights["not_loaded"] == ["aux.fc.weight", "aux.fc.bias"]


def test_a_build_without_weights_records_none(spec: Path, tmp_path: Path) -> None:
    out = build(analyze(spec), tmp_path / "model")
    assert "weights" not in json.loads((out / LOCK).read_text())


# -- the command line --------------------------------------------------------------------------

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = run_command([str(argument) for argument in arguments])
        return (code, *capsys.readouterr())

    return call


def test_build_tells_before_it_writes(run: Run, spec: Path, file: Path, tmp_path: Path) -> None:
    code, out, err = run("build", spec, "-o", tmp_path / "model", "--weights", file)
    assert (code, out) == (0, "")
    assert err.index("loaded: 26 tensors") < err.index("writing model.py")


def test_a_misfit_writes_nothing(run: Run, spec: Path, tmp_path: Path) -> None:
    state = {n: t for n, t in STATE.items() if not n.startswith(("aux", "stem.b"))}
    file = save(state, tmp_path / "w")
    before = sorted(tmp_path.iterdir())
    code, out, err = run("build", spec, "-o", tmp_path / "model", "--weights", file)
    assert (code, out) == (1, "")
    assert sorted(tmp_path.iterdir()) == before
    assert "error[IG810]: the weights in" in err
    assert "do not fit: 3 missing" in err
    assert "note: loaded: 23 of 26 tensors" in err
    assert "note: missing: all of aux (2 tensors)" in err
    assert "note: missing: of stem: bias" in err
    assert "--allow 'missing:stem' --allow 'missing:aux'" in err
    allowed = [word for o in re.findall(r"--allow '(.*?)'", err) for word in ("--allow", o)]
    code, _, err = run("build", spec, "-o", tmp_path / "model", "--weights", file, *allowed)
    assert code == 0, err


def test_weights_says_how_a_file_fits(run: Run, spec: Path, file: Path) -> None:
    code, out, err = run("weights", spec, file)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        f"{file}: fits",
        "format: safetensors",
        "names: as they are",
        "loaded: 26 tensors",
    ]
    code, out, _ = run("weights", spec, file, "--set", "classes=3")
    assert code == 0
    assert "adapted: classifier: 5 classes in the file, 3 here: starts anew" in out
    code, out, _ = run("weights", "googlenet", file)
    assert code == 1
    assert "fits nowhere" in out
    assert "unexpected: all of aux, first, second, stem (24 entries)" in out
    assert "mismatched: classifier.weight: (5, 16) in the file, (1000, 1024) here" in out
    every = ("--allow", "missing:*", "--allow", "unexpected:*")
    code, out, _ = run("weights", "googlenet", file, *every)
    assert code == 1
    every += ("--allow", "shape:classifier")
    code, out, _ = run("weights", "googlenet", file, *every)
    assert code == 0
    assert "fits, with what you allow" in out


def test_weights_marks_what_is_allowed(run: Run, spec: Path, tmp_path: Path) -> None:
    """So that what is still refused is seen, and what to say next."""
    state = {n: t for n, t in STATE.items() if not n.startswith(("aux", "stem.b"))}
    state |= {"more.a": torch.ones(2), "more.b": torch.ones(2), "stem.weight": torch.ones(1)}
    file = save(state, tmp_path / "w")
    code, out, _ = run("weights", spec, file)
    assert code == 1
    assert "as you allow" not in out
    hint = "--allow 'missing:stem' --allow 'missing:aux' --allow 'shape:stem', and so on"
    assert f"help: if that is as it should be, say {hint}" in out
    allow = ("--allow", "missing:aux", "--allow", "unexpected:more.a")
    code, out, _ = run("weights", spec, file, *allow)
    assert code == 1
    assert out.splitlines()[3:] == [
        "loaded: 22 of 26 tensors",
        "mismatched: stem.weight: (1) in the file, (8, 3, 5, 5) here",
        "missing: of stem: bias",
        "missing, as you allow: all of aux (2 tensors)",
        "unexpected: of more: b",
        "unexpected, as you allow: of more: a",
        "help: if that is as it should be, say --allow 'missing:stem' --allow 'shape:stem'"
        " --allow 'unexpected:more'",
    ]
    every = (*allow, "--allow", "shape:*", "--allow", "missing:stem", "--allow", "unexpected:more")
    code, out, _ = run("weights", spec, file, *every)
    assert code == 0
    assert "mismatched, as you allow: stem.weight: (1) in the file, (8, 3, 5, 5) here" in out
    assert "help" not in out


def test_a_permission_that_nothing_needs_is_told(run: Run, spec: Path, tmp_path: Path) -> None:
    state = {n: t for n, t in STATE.items() if not n.startswith("aux")}
    file = save(state, tmp_path / "w")
    allow = ("missing:axu", "shape:aux", "missing:first", "missing:aux.fc.wieght")
    options = [word for text in allow for word in ("--allow", text)]
    told = [
        "allow: `missing:axu` matches nothing that does not fit; did you mean `missing:aux`?",
        "allow: `shape:aux` matches nothing that does not fit; did you mean `missing:aux`?",
        "allow: `missing:first` matches nothing that does not fit",
        "allow: `missing:aux.fc.wieght` matches nothing that does not fit; did you mean"
        " `missing:aux.fc.weight`?",
    ]
    code, out, _ = run("weights", spec, file, *options)
    assert code == 1
    assert {line for line in out.splitlines() if line.startswith("allow")} == set(told)
    code, _, err = run("build", spec, "-o", tmp_path / "model", "--weights", file, *options)
    assert code == 1
    assert "did you mean `missing:aux.fc.weight`?" in " ".join(err.split())
    found = json.loads(run("weights", spec, file, *options, "--json")[1])
    assert set(found["idle"]) == set(allow)
    assert found["allow"] == ["missing:aux"]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64", "float8_e5m2"])
@pytest.mark.parametrize("kind", ["safetensors", "pth"])
def test_numbers_that_are_none_are_told(
    run: Run, spec: Path, tmp_path: Path, kind: str, dtype: str
) -> None:
    """It is a warning: the file fits, and says no more than before."""
    state = {f"module.{n}": t.to(getattr(torch, dtype), copy=True) for n, t in STATE.items()}
    state["module.stem.weight"][0, 0, 0, 0] = float("nan")
    state["module.classifier.bias"][1] = float("-inf")
    file = tmp_path / f"w.{kind}"
    (save if kind == "safetensors" else torch.save)(state, file)
    code, out, _ = run("weights", spec, file)
    assert code == 0
    told = ["warning: stem.weight holds NaN", "warning: classifier.bias holds infinity"]
    assert sorted(line for line in out.splitlines() if "warning" in line) == sorted(told)
    code, _, err = run("build", spec, "-o", tmp_path / "model", "--weights", file)
    assert code == 0
    assert all(line in err for line in told)
    found = json.loads(run("weights", spec, file, "--json")[1])
    assert found["not_finite"] == {"stem.weight": "NaN", "classifier.bias": "infinity"}


@pytest.mark.parametrize("engine", [{}, {"engine": "eager"}])
def test_numbers_that_are_none_are_told_in_python(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, engine: dict[str, str]
) -> None:
    """Of a file that starts a network, and of what lies in a built directory."""
    folder = tmp_path / "model"
    build(analyze(SPEC), folder)
    inceptgraph.load(folder, **engine)
    inceptgraph.compile(SPEC, weights=folder / "model.safetensors", **engine)
    assert "weights in" not in caplog.text
    state = STATE | {"stem.weight": STATE["stem.weight"] * math.nan}
    file = save(state, folder / "model.safetensors")
    for start in (
        lambda: inceptgraph.compile(SPEC, weights=file, **engine),
        lambda: inceptgraph.load(folder, **engine),
    ):
        caplog.clear()
        start()
        warned = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
        assert warned == [f"the weights in `{file}`: stem.weight holds NaN"]


def test_many_numbers_that_are_none_are_counted(run: Run, spec: Path, tmp_path: Path) -> None:
    state = {n: t if t.dtype == torch.int64 else t * torch.nan for n, t in STATE.items()}
    _, out, _ = run("weights", spec, save(state, tmp_path / "w"))
    assert out.count("warning:") == 6
    assert f"warning: {len(slots(GRAPH)) - 5} more hold NaN or infinity" in out


def test_weights_for_programs(run: Run, spec: Path, file: Path) -> None:
    code, out, _ = run("weights", spec, file, "--json", "--set", "classes=3")
    found = json.loads(out)
    assert code == 0
    assert found["fits"] is True
    assert found["remap"] is None
    assert len(found["loaded"]) == 22
    assert len(found["ignored"]) == 4
    assert {item["name"]: item for item in found["adapted"]}["classifier.weight"] == {
        "name": "classifier.weight",
        "shape": [3, 16],
        "theirs": "classifier.weight",
        "their_shape": [5, 16],
        "dtype": "float32",
    }


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--allow", "aux"), "such as missing:aux1"),
        (("--allow", "missing:"), "such as missing:aux1"),
        (("--remap", "caffe_googlenet"), "give it with --weights"),
        (("--allow", "missing:aux"), "give it with --weights"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: tuple[str, ...], words: str) -> None:
    code, _, err = run("build", "googlenet", "-o", tmp_path / "model", *arguments)
    assert code == 2
    assert words in err
    assert not (tmp_path / "model").exists()


def test_an_unknown_table(run: Run, spec: Path, file: Path) -> None:
    code, _, err = run("weights", spec, file, "--remap", "torchvision_resnet1")
    assert code == 1
    assert "error[IG811]: there is no remap table `torchvision_resnet1`" in err
    assert "did you mean `torchvision_resnet18`?" in err
