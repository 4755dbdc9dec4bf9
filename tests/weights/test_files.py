"""Files of weights: read whatever wrote them, and refused where they are broken or hostile."""

from __future__ import annotations

import io
import json
import os
import pickle
import struct
import subprocess
import sys
import traceback
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import caffe_wire as wire
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import save, save_file
from torch import Tensor, nn

import inceptgraph
from inceptgraph.builder import build
from inceptgraph.diagnostics import Code, Diagnostic, Source, SpecError
from inceptgraph.pipeline import analyze, to_graph
from inceptgraph.weights._contents import LONGEST_NAME, look
from inceptgraph.weights._file_formats import Format
from inceptgraph_torch.checkpoints import open_tensors

try:
    import google.protobuf  # noqa: F401

    HAS_PROTOBUF = True
except ImportError:
    HAS_PROTOBUF = False

SPEC = """
name: Small
input: {channels: 3, height: 4, width: 4}
stages:
  conv: {op: conv2d, out: 2, kernel: 3}
  flat: {op: flatten}
  fc: {op: linear, out: 5}
"""
TENSORS = {
    "conv.weight": torch.randn(2, 3, 3, 3, generator=torch.Generator().manual_seed(0)),
    "conv.bias": torch.tensor([1.0, 2.0]),
    "fc.weight": torch.randn(5, 8, generator=torch.Generator().manual_seed(1)),
    "fc.bias": torch.arange(5.0),
}
ARRAYS = {name: tensor.numpy() for name, tensor in TENSORS.items()}
protobuf = pytest.mark.skipif(not HAS_PROTOBUF, reason="needs protobuf, the extra `caffe`")


def compiled(path: Path, **options: Any) -> dict[str, Tensor]:
    net = inceptgraph.compile(Source("small.yaml", SPEC), weights=path, seed=0, **options)
    return dict(net.state_dict())


def refused(path: Path) -> str:
    """What is said of a file that cannot be read; nothing is built from it."""
    place = path.parent / "model"
    before = sorted(path.parent.rglob("*"))
    with pytest.raises(SpecError) as caught:
        build(analyze(Source("small.yaml", SPEC)), place, weights=path)
    (finding,) = caught.value.diagnostics
    assert finding.code is Code.UNREADABLE_WEIGHTS
    assert sorted(path.parent.rglob("*")) == before
    assert finding.message.isprintable()
    assert len(finding.message) < 600
    return f"{finding.message} ({finding.help})"


# -- what is read ------------------------------------------------------------------------------


class Trainer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.fc = nn.Conv2d(3, 2, 3), nn.Linear(8, 5)
        self.load_state_dict(TENSORS)


def caffe(layer: Callable[..., bytes], blob: Callable[..., bytes], kinds: Any) -> list[bytes]:
    return [
        layer(name, kind, [blob(ARRAYS[f"{name}.weight"]), blob(ARRAYS[f"{name}.bias"])])
        for name, kind in zip(("conv", "fc"), kinds, strict=True)
    ]


CAFFE = caffe(wire.layer, wire.blob, ("Convolution", "InnerProduct"))
LEGACY = caffe(wire.v1_layer, wire.legacy_blob, (4, 14))
WRITERS: dict[str, tuple[Format, Callable[[Path], object]]] = {
    "safetensors": (Format.SAFETENSORS, lambda path: save_file(TENSORS, path)),
    "state_dict": (Format.TORCH, lambda path: torch.save(TENSORS, path)),
    "ordered": (Format.TORCH, lambda path: torch.save(OrderedDict(TENSORS), path)),
    "parameters": (Format.TORCH, lambda path: torch.save(Trainer().state_dict(), path)),
    "before torch 1.6": (
        Format.TORCH,
        lambda path: torch.save(TENSORS, path, _use_new_zipfile_serialization=False),
    ),
    "nested": (Format.TORCH, lambda path: torch.save({"state_dict": TENSORS, "epoch": 3}, path)),
    "twice nested": (
        Format.TORCH,
        lambda path: torch.save({"model": {"model_state_dict": TENSORS}, "lr": 0.1}, path),
    ),
    "data parallel": (
        Format.TORCH,
        lambda path: torch.save(nn.DataParallel(Trainer()).state_dict(), path),
    ),
    "caffe": (Format.CAFFE, lambda path: path.write_bytes(wire.net(CAFFE))),
    "caffe of 2014": (Format.CAFFE, lambda path: path.write_bytes(wire.net(v1_layers=LEGACY))),
}
FORMATS = [pytest.param(n, marks=protobuf if "caffe" in n else ()) for n in WRITERS]


@pytest.mark.parametrize("writer", FORMATS)
def test_all_numbers_arrive(writer: str, tmp_path: Path) -> None:
    """Whatever the file is called: what it is follows from its content."""
    kind, write = WRITERS[writer]
    path = tmp_path / "weights.bin"
    write(path)
    assert look(path).format is kind
    found = compiled(path)
    assert found.keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert torch.equal(found[name], tensor), name


@pytest.mark.parametrize("size", range(8))
def test_a_safetensors_file_of_any_header_length(size: int, tmp_path: Path) -> None:
    """Its first byte is the length's lowest, and may be that of a pickle or a zip file."""
    path = tmp_path / "w.safetensors"
    starts = {b"\x80": "pickle", b"P": "zip", b"\n": "protobuf", b"<": "page", b"\x89": "hdf5"}
    for start in starts:
        header = {
            "a": {"dtype": "F32", "shape": [size], "data_offsets": [0, 4 * size]},
            "__metadata__": {"pad": ""},
        }
        while len(json.dumps(header)) % 256 != start[0]:
            header["__metadata__"]["pad"] += "x"
        text = json.dumps(header).encode()
        path.write_bytes(len(text).to_bytes(8, "little") + text + b"\0" * 4 * size)
        assert path.read_bytes()[:1] == start
        assert look(path).entries["a"].shape == (size,)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_another_type_is_converted(dtype: torch.dtype, tmp_path: Path) -> None:
    for path, writer in ((tmp_path / "w.st", save_file), (tmp_path / "w.pth", torch.save)):
        writer({name: tensor.to(dtype) for name, tensor in TENSORS.items()}, path)
        for name, tensor in compiled(path).items():
            assert tensor.dtype is torch.float32
            assert torch.equal(tensor, TENSORS[name].to(dtype).float())
        for name, tensor in compiled(path, dtype="bfloat16").items():
            assert torch.equal(tensor, TENSORS[name].to(dtype).bfloat16())


@protobuf
def test_caffes_batch_normalisation(tmp_path: Path) -> None:
    """Statistics are kept times a factor; 0 for a net that was never trained."""
    path = tmp_path / "w"
    mean, var = np.array([1.0, -2.0], "f4"), np.array([3.0, 4.0], "f4")
    for factor, scale in ((2.5, 0.4), (0.0, 0.0)):
        blobs = [*map(wire.blob, (mean, var)), wire.blob(np.array([factor], "f4"), packed=False)]
        scales = wire.layer("c/s", "Scale", [wire.blob(mean), wire.blob(var)])
        path.write_bytes(wire.net([wire.layer("c/bn", "BatchNorm", blobs), scales]))
        read = open_tensors(path, Format.CAFFE)
        assert list(look(path).entries) == [
            *("c/bn.running_mean", "c/bn.running_var", "c/s.weight", "c/s.bias")
        ]
        np.testing.assert_allclose(read("c/bn.running_mean"), mean * scale, rtol=1e-6)
        np.testing.assert_allclose(read("c/bn.running_var"), var * scale, rtol=1e-6)
        np.testing.assert_array_equal(read("c/s.weight"), mean)


def test_without_protobuf_a_message_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "w.caffemodel"
    path.write_bytes(wire.net(CAFFE))
    blocked: ModuleType | None = None
    monkeypatch.setitem(sys.modules, "google.protobuf", blocked)
    monkeypatch.setitem(sys.modules, "google.protobuf.message", blocked)
    assert 'pip install "inceptgraph[caffe]"' in refused(path)


def test_safetensors_needs_no_torch(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "w")
    code = (
        "import sys; from inceptgraph.cli import run;"
        f"run(['weights', 'googlenet', {str(tmp_path / 'w')!r}, '--allow', 'missing:*']);"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)


# -- what is not -------------------------------------------------------------------------------


class Exploit:
    """Calls os.system when it is unpickled."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self.command,)


def header(entries: dict[str, Any], data: bytes = b"", claimed: int | None = None) -> bytes:
    text = json.dumps(entries).encode()
    return struct.pack("<Q", len(text) if claimed is None else claimed) + text + data


def entry(shape: list[int], start: int, end: int) -> dict[str, Any]:
    return {"dtype": "F32", "shape": shape, "data_offsets": [start, end]}


def zipped(path: Path, members: dict[str, bytes], how: int = zipfile.ZIP_STORED) -> None:
    with zipfile.ZipFile(path, "w", how) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def stored(tensors: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    return buffer.getvalue()


WHOLE = save(TENSORS)
OLD = io.BytesIO()
torch.save(TENSORS, OLD, _use_new_zipfile_serialization=False)
BAD_BYTES: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "is empty"),
    "no format": (b"hello, world" * 9, "is no file of weights that is known"),
    "zeros": (b"\0" * 4096, "is no file of weights that is known"),
    "a web page": (b"<!DOCTYPE html><html>", "was the download refused?"),
    "a pointer": (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + b"\0" * 99, "HDF5"),
    "safetensors cut in its numbers": (WHOLE[:-7], "is a safetensors file that is broken"),
    "safetensors cut in its header": (WHOLE[:60], "is cut off or broken"),
    "safetensors of 9 bytes": (WHOLE[:9], "is cut off or broken"),
    "a header of 16 GiB": (header({}, claimed=2**34), "claims 17,179,869,184 bytes"),
    "a header of 2^64": (header({}, claimed=2**64 - 1), "claims 18,446,744,073,709,551,615"),
    "a header that is not JSON": (struct.pack("<Q", 9) + b'{"a": oh}', "is broken"),
    "tensors that overlap": (
        header({"a": entry([2], 0, 8), "b": entry([2], 4, 12)}, b"\0" * 12),
        "is a safetensors file that is broken",
    ),
    "a tensor past the end": (
        header({"a": entry([2], 0, 8), "b": entry([2], 8, 16)}, b"\0" * 8),
        "is a safetensors file that is broken",
    ),
    "offsets that run back": (header({"a": entry([2], 8, 0)}, b"\0" * 8), "is broken"),
    "a shape that is not its numbers": (header({"a": entry([3], 0, 8)}, b"\0" * 8), "is broken"),
    "a shape of 2^80": (header({"a": entry([2**40] * 2, 0, 8)}, b"\0" * 8), "is broken"),
    "no tensors": (header({}), "holds no tensors"),
    "a name of two lines": (header({"a\nb": entry([1], 0, 4)}, b"\0" * 4), "no name that can be"),
    "a name that paints": (header({"a\x1b[31m": entry([1], 0, 4)}, b"\0" * 4), "no name that can"),
    "a name of a page": (
        header({"a" * (LONGEST_NAME + 1): entry([1], 0, 4)}, b"\0" * 4),
        "name is too long",
    ),
    "an empty name": (header({"": entry([1], 0, 4)}, b"\0" * 4), "no name that can be shown"),
    "zip cut off": (stored(TENSORS)[:-100], "is cut off"),
    "zip cut in half": (stored(TENSORS)[:600], "is cut off"),
    "a zip of several disks": (
        stored(TENSORS).replace(b"PK\x06\x07" + b"\0" * 4, b"PK\x06\x07" + b"\7" + b"\0" * 3),
        "multiple disks",
    ),
    "the start of a zip": (b"PK\x03\x04", "is cut off"),
    "an empty zip": (b"PK\x05\x06" + b"\0" * 18, "without weights of PyTorch"),
    "a pickle cut off": (pickle.dumps(OrderedDict(a=1))[:20], "that torch.save did not write"),
    "an old file cut off": (OLD.getvalue()[:-100], "is a PyTorch file that is broken"),
    "a list": (stored([1, 2]), "holds no state_dict, but a list"),
    "one tensor": (stored(torch.ones(3)), "one tensor without a name"),
    "numbers as names": (stored({1: torch.ones(3)}), "holds no state_dict"),
    "nothing in it": (stored({}), "holds no tensors"),
    "a number alone": (stored({"x": 3}), "holds no tensors"),
    "a whole model": (stored(Trainer()), "save the tensors alone"),
}


@pytest.mark.parametrize("name", BAD_BYTES)
def test_what_is_broken_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.any"
    content, words = BAD_BYTES[name]
    path.write_bytes(content)
    assert words in refused(path)


MINUS_ONE = wire.varint(2**64 - 1)
CAFFE_HEAD = wire.field(1, "Net")
BAD_CAFFE: dict[str, tuple[bytes, str]] = {
    "cut off": (wire.net(CAFFE)[:-9], "is no Caffe model, or a broken one"),
    "a length of exabytes": (CAFFE_HEAD + b"\xa2\x06" + b"\xff" * 8 + b"\x7f", "a broken one"),
    "endless varint": (CAFFE_HEAD + b"\xff" * 40, "is no Caffe model"),
    "a group that nests without end": (CAFFE_HEAD + b"\x0b" * 101, "is no Caffe model"),
    "no layers": (CAFFE_HEAD, "holds no tensors"),
    "text": (b"\nHere is a text that begins with a new line" * 9, "is no Caffe model"),
    "a shape of 2^60": (
        wire.net([wire.layer("a", "X", [wire.field(7, wire.field(1, wire.varint(2**60)))])]),
        "but 0 numbers",
    ),
    "a negative shape": (
        wire.net([wire.layer("a", "X", [wire.field(7, wire.field(1, MINUS_ONE))])]),
        "but 0 numbers",
    ),
    "negative shapes whose product is right": (
        wire.net(
            [
                wire.layer(
                    "a",
                    "X",
                    [wire.field(5, b"\0" * 4) + wire.field(7, wire.varint(8) + MINUS_ONE) * 2],
                )
            ]
        ),
        "has the shape (-1, -1) but 1 numbers",
    ),
    "half a number": (
        wire.net([wire.layer("a", "X", [wire.field(5, b"abcde") + wire.field(7, b"\x08\x01")])]),
        "has the shape (1,) but 1 numbers",
    ),
    "a layer twice": (wire.net([*CAFFE, CAFFE[0]]), "two layers with weights"),
    "a name that is not UTF-8": (
        wire.net([wire.field(1, b"\xff\xfe") + wire.field(7, wire.blob(ARRAYS["fc.bias"]))]),
        "Caffe model",
    ),
    "a name of two lines": (
        wire.net([wire.layer("a\nb", "X", [wire.blob(ARRAYS["fc.bias"])])]),
        "no name that can be shown",
    ),
}


@protobuf
@pytest.mark.parametrize("name", BAD_CAFFE)
def test_absurd_protobuf_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "weights.caffemodel"
    content, words = BAD_CAFFE[name]
    path.write_bytes(content)
    assert words in refused(path)


@pytest.mark.parametrize("zip_file", [True, False])
@pytest.mark.parametrize("nested", [True, False])
def test_code_does_not_run(nested: bool, zip_file: bool, tmp_path: Path) -> None:
    path, proof = tmp_path / "weights.pth", tmp_path / "proof"
    bad = Exploit(f"touch {proof}")
    state = {**TENSORS, "conv.bias": bad} if nested else bad
    torch.save(state, path, _use_new_zipfile_serialization=zip_file)
    said = refused(path)
    assert "system), which could do anything when it is read: refused" in said
    assert not proof.exists()
    torch.load(path, weights_only=False)  # the file is what it is meant to be
    assert proof.exists()


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_plain_pickles_do_not_run(protocol: int, tmp_path: Path) -> None:
    path, proof = tmp_path / "weights.pth", tmp_path / "proof"
    for state in (Exploit(f"touch {proof}"), {"a": Exploit(f"touch {proof}")}):
        path.write_bytes(pickle.dumps(state, protocol=protocol))
        said = refused(path)
        assert "is a pickle that torch.save did not write" in said or protocol < 2
        assert not proof.exists()


ODD = ["set", "code", "range", "bytes"]


@pytest.mark.parametrize("zip_file", [True, False])
@pytest.mark.parametrize("odd", [{1, 2}, Exploit("true"), range(3), b"x"], ids=ODD)
def test_torchs_advice_is_not_passed_on(odd: Any, zip_file: bool, tmp_path: Path) -> None:
    """It says to read the file without checks; not even a traceback does so here."""
    path = tmp_path / "weights.pth"
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        torch.save(
            {"a": odd},
            path,
            pickle_protocol=protocol,
            _use_new_zipfile_serialization=zip_file,
        )
        with pytest.raises(SpecError) as caught:
            look(path)
        shown = "".join(traceback.format_exception(caught.value))
        assert "Re-running" not in shown
        assert "WeightsUnpickler" not in shown


def test_a_file_that_holds_itself(tmp_path: Path) -> None:
    endless: dict[str, object] = {}
    endless["model"] = endless
    (tmp_path / "weights.pth").write_bytes(stored(endless))
    assert "holds no tensors" in refused(tmp_path / "weights.pth")


@pytest.mark.parametrize(
    ("members", "how", "words"),
    [
        ({"a/data.pkl": b"\0" * 1000}, zipfile.ZIP_DEFLATED, "to 1,000, which no file of"),
        ({"a/data.pkl": b"\0" * 1000}, zipfile.ZIP_LZMA, "which no file of torch.save does"),
        ({"a/data.pkl": b"", "a/constants.pkl": b""}, zipfile.ZIP_STORED, "a TorchScript archive"),
        ({"a/readme.txt": b"text"}, zipfile.ZIP_STORED, "without weights of PyTorch"),
        ({"a/data.pkl": b"\x80\x02}q"}, zipfile.ZIP_STORED, "is a PyTorch file that is broken"),
    ],
)
def test_zip_files_that_torch_did_not_write(
    members: dict[str, bytes], how: int, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "weights.pth"
    zipped(path, members, how)
    assert words in refused(path)


def test_a_zip_whose_members_lie_over_each_other(tmp_path: Path) -> None:
    """Two names for the same bytes unpack to more than the file holds, without compression."""
    path = tmp_path / "weights.pth"
    zipped(path, {"a/data.pkl": b"\0" * 100_000})
    with zipfile.ZipFile(path, "a") as archive:
        archive.filelist *= 2
        archive._didModify = True
    assert "which no file of torch.save does" in refused(path)


def test_places_that_are_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    assert "is a directory" in refused(folder)
    assert "does not exist" in refused(tmp_path / "nothing.pth")
    assert "does not exist" in refused(folder / "nothing" / "w.pth")
    long = tmp_path / ("x" * 300)
    assert "cannot be read" in refused(long)
    os.mkfifo(tmp_path / "pipe")
    assert "is not a file" in refused(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert "cannot be read" in refused(tmp_path / "loop")


def test_tensors_that_are_none(tmp_path: Path) -> None:
    """What is not plain numbers in memory never takes the place of a weight."""
    for odd, kind in (
        (torch.ones(5).to_sparse(), "sparse"),
        (torch.ones(5, dtype=torch.int32), "int32"),
        (torch.ones(5, dtype=torch.complex64), "complex64"),
        (torch.empty(5, device="meta"), "meta"),
        (7, "a Python int"),
        (7.5, "a Python float"),
    ):
        path = tmp_path / "weights.pth"
        torch.save({**TENSORS, "fc.bias": odd}, path)
        with pytest.raises(SpecError, match=rf"do not fit: 1 of another kind \({kind}\)"):
            compiled(path)
        torch.save({**TENSORS, "more": odd}, path)
        with pytest.raises(SpecError, match="1 unexpected"):
            compiled(path)


# -- anything ----------------------------------------------------------------------------------

SEEDS = [WHOLE, stored(TENSORS), OLD.getvalue()]
SEEDS += [wire.net(CAFFE), wire.net(v1_layers=LEGACY)] if HAS_PROTOBUF else []
EDIT = st.tuples(
    st.integers(0, 2000),
    st.integers(0, 9),
    st.one_of(st.binary(max_size=9), st.sampled_from([b"\xff" * 8, b"\0" * 8])),
)
GRAPH = to_graph(Source("small.yaml", SPEC))


@given(st.sampled_from(SEEDS), st.lists(EDIT, min_size=1, max_size=8))
def test_broken_bytes_are_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    content: bytes,
    edits: list[tuple[int, int, bytes]],
) -> None:
    """At worst numbers are others than they were: no crash, and no other exception."""
    data = bytearray(content)
    for place, removed, added in edits:
        start = place % (len(data) + 1)
        data[start : start + removed] = added
    path = tmp_path_factory.mktemp("broken") / "weights"
    path.write_bytes(data)
    codes = {Code.UNREADABLE_WEIGHTS, Code.WEIGHTS_MISMATCH}
    assert {finding.code for finding in findings_about(path)} <= codes


def findings_about(path: Path) -> tuple[Diagnostic, ...]:
    """What is found about a file; where it is nothing, the network is whole."""
    try:
        net = inceptgraph.compile(GRAPH, weights=path, seed=0)
    except SpecError as error:
        return error.diagnostics
    shapes = {name: tensor.shape for name, tensor in net.state_dict().items()}
    assert shapes == {name: tensor.shape for name, tensor in TENSORS.items()}
    return ()
