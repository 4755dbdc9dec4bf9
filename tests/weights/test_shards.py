"""Models in several files, and files of other kinds: read whole, or named for what they are."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from tiny_network import TINY, assert_same, tiny
from torch import Tensor

import inceptgraph
from inceptgraph.diagnostics import Code, Source, SpecError
from inceptgraph.pipeline import to_graph
from inceptgraph.weights import WeightsFile, fit_file

SPEC = Source("tiny.yaml", TINY)
GRAPH = to_graph(SPEC)
STATE = tiny(seed=1).state_dict()
INDEX = "model.safetensors.index.json"
Writer = Callable[[Mapping[str, Tensor], Path], object]


def shards(
    folder: Path,
    index: str = INDEX,
    write: Writer = save_file,
    count: int = 3,
    changed: Mapping[str, Any] | None = None,
) -> Path:
    """A model in several files, as transformers and accelerate write it."""
    names = list(STATE)
    placed = {}
    for part in range(count):
        file = f"model-{part + 1:05}-of-{count:05}.bin"
        own = {name: STATE[name] for name in names[part::count]}
        write(own, folder / file)
        placed |= dict.fromkeys(own, file)
    text = {"metadata": {"total_size": 1}, "weight_map": {**placed, **(changed or {})}}
    (folder / index).write_text(json.dumps(text))
    return folder / index


def said(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        fit_file(GRAPH, path)
    (finding,) = caught.value.diagnostics
    assert finding.code is Code.UNREADABLE_WEIGHTS
    return f"{finding.message} ({finding.help})"


@pytest.mark.parametrize(
    ("index", "write"), [(INDEX, save_file), ("pytorch_model.bin.index.json", torch.save)]
)
@pytest.mark.parametrize("named", [True, False], ids=["index", "folder"])
def test_a_model_in_parts_loads(index: str, write: Writer, named: bool, tmp_path: Path) -> None:
    path = shards(tmp_path, index, write)
    path = path if named else tmp_path
    for name, tensor in inceptgraph.compile(SPEC, weights=path).state_dict().items():
        assert_same(tensor, STATE[name])
    fitted = fit_file(GRAPH, path)
    assert fitted.lines()[0].endswith(", in 3 files")
    before = fitted.record()["sha256"]
    write(
        {name: STATE[name] + 1 for name in list(STATE)[::3]}, tmp_path / "model-00001-of-00003.bin"
    )
    assert fit_file(GRAPH, path).record()["sha256"] != before


def test_a_key_of_a_model_in_parts(tmp_path: Path) -> None:
    """Each part holds two mappings of the same names."""

    def write(own: Mapping[str, Tensor], file: Path) -> None:
        torch.save({"model": own, "ema": {name: each + 1 for name, each in own.items()}}, file)

    path = shards(tmp_path, "pytorch_model.bin.index.json", write)
    assert "several mappings of tensors: `model`" in said(path)
    for key, more in (("model", 0), ("ema", 1)):
        found = inceptgraph.compile(SPEC, weights=WeightsFile(path, key=key))
        assert fit_file(GRAPH, WeightsFile(path, key=key)).record()["key"] == key
        for name, tensor in found.state_dict().items():
            assert_same(tensor, STATE[name] + more)


def test_parts_whose_tensors_stand_at_different_keys(tmp_path: Path) -> None:
    def write(own: Mapping[str, Tensor], file: Path) -> None:
        torch.save({"ema" if "00002" in file.name else "model": own}, file)

    path = shards(tmp_path, "pytorch_model.bin.index.json", write)
    assert "files whose tensors stand at different keys: `model`, `ema`" in said(path)


def test_a_part_that_is_not_finite_is_told(tmp_path: Path) -> None:
    state = {**STATE, "stem.bias": torch.full_like(STATE["stem.bias"], float("nan"))}
    path = shards(tmp_path, write=lambda own, file: save_file({n: state[n] for n in own}, file))
    assert fit_file(GRAPH, path).not_finite == {"stem.bias": "NaN"}


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"stem.bias": "../w.bin"}, "names a file outside its directory, `../w.bin`: refused"),
        ({"stem.bias": "/w.bin"}, "outside its directory"),
        ({"stem.bias": ".."}, "outside its directory"),
        ({"stem.bias": "sub/w.bin"}, "outside its directory"),
        ({"stem.bias": "gone.bin"}, "names `gone.bin`, which is not beside it"),
        ({"stem.bias": 3}, "an index without `weight_map`"),
        ({"more.bias": "model-00002-of-00003.bin"}, "holds `more.bias`, which it does not"),
    ],
)
def test_an_index_that_is_wrong(changed: dict[str, Any], words: str, tmp_path: Path) -> None:
    assert words in said(shards(tmp_path, changed=changed))


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"weight_map": []}', "[" * 100_000])
def test_an_index_that_is_none(text: str, tmp_path: Path) -> None:
    (tmp_path / INDEX).write_text(text)
    assert "is an index" in said(tmp_path / INDEX)


# -- other kinds -------------------------------------------------------------------------------


def zipped(path: Path, *names: str) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"1")


def onnx_file(path: Path) -> None:
    value = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", [value], [
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    ])  # fmt: skip
    onnx.save(helper.make_model(graph, producer_name="somebody"), path)


def script(path: Path) -> None:
    torch.jit.save(torch.jit.trace(torch.nn.Linear(2, 2), torch.ones(1, 2)), path)


def exported(path: Path) -> None:
    torch.export.save(torch.export.export(torch.nn.Linear(2, 2), (torch.ones(1, 2),)), path)


OTHERS: dict[str, tuple[str, Callable[[Path], object], str, str]] = {
    "npy": ("w", lambda p: np.save(p.open("wb"), np.ones(3)), "a single array", "numpy.savez"),
    "gguf": ("w", lambda p: p.write_bytes(b"GGUF" + b"\0" * 99), "is a GGUF file", "safetensors"),
    "onnx": ("w.bin", onnx_file, "is an ONNX model", "initialisers"),
    "tflite": ("w", lambda p: p.write_bytes(b"\x1c\0\0\0TFL3" + b"\0" * 99), "Lite", "made from"),
    "script": ("w.pt", script, "is a TorchScript archive", "state_dict"),
    "export": ("w.pt2", exported, "is a program of torch.export", "state_dict"),
    "tf index": (
        "model.ckpt-5.index",
        lambda p: p.write_bytes(b"\0\0\x06\x08\x01\x1a\x02" + b"\0" * 99),
        "is a part of a TensorFlow checkpoint",
        "tf.train.load_checkpoint",
    ),
    "tf data": (
        "model.ckpt.data-00000-of-00001",
        lambda p: p.write_bytes(b"\n\0\0\x3f" * 99),
        "is a part of a TensorFlow checkpoint",
        "tf.train.load_checkpoint",
    ),
    "saved model": (
        "saved_model.pb",
        lambda p: p.write_bytes(b"\x08\x01\x12\x05" + b"\0" * 99),
        "is a SavedModel of TensorFlow",
        "tf.train.load_checkpoint",
    ),
    "json": ("w.json", lambda p: p.write_text('{"a": 1}'), "is JSON", "index.json"),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_a_file_of_another_kind_is_named(kind: str, tmp_path: Path) -> None:
    name, write, what, hint = OTHERS[kind]
    write(tmp_path / name)
    words = said(tmp_path / name)
    assert what in words
    assert hint in words


@pytest.mark.parametrize(
    ("files", "what", "hint"),
    [
        (["saved_model.pb", "variables/variables.index"], "is a SavedModel", "load_checkpoint"),
        (["checkpoint", "model.ckpt-1.index"], "TensorFlow checkpoints", "load_checkpoint"),
        (["checkpoints/epoch=1.ckpt", "hparams.yaml"], "training run", "checkpoints/epoch=1.ckpt"),
        (["model.safetensors", "optimizer.bin"], "a training run", "model.safetensors"),
        (["readme.txt"], "is a directory, not a file of weights", "name the file in it"),
    ],
)
def test_a_directory_is_named(files: list[str], what: str, hint: str, tmp_path: Path) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"1")
    words = said(tmp_path)
    assert what in words
    assert hint in words
