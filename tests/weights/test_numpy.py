"""NumPy's archives: Chainer's models against what Chainer computed, and arrays by any names."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from references import torch_modules
from references.records import Record

import inceptgraph
from inceptgraph.diagnostics import SpecError
from inceptgraph.pipeline import to_graph
from inceptgraph.weights import fit_file
from inceptgraph_torch import numpy_archive


def refused(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        fit_file(to_graph("lenet5"), path)
    return caught.value.diagnostics[0].message


def chainer_arrays(record: Record) -> dict[str, Any]:
    """The arrays of a model as Chainer calls them."""
    return {
        f"{layer.name.replace('.', '/')}/{'W' if kind == 'weight' else 'b'}": value
        for layers in record.layers.values()
        for layer in layers
        for kind, value in layer.values().items()
    }


def test_a_file_of_chainer_gives_what_chainer_gives(tmp_path: Path) -> None:
    """The record holds what Chainer computed with the same arrays."""
    record = Record.load("chainer_googlenet")
    np.savez(tmp_path / "w.npz", **chainer_arrays(record))
    fitted = fit_file(to_graph("googlenet_caffe"), tmp_path / "w.npz").require()
    assert fitted.fit.table is not None
    assert fitted.fit.table.name == "chainer_googlenet"
    assert not fitted.fit.absent
    net = inceptgraph.compile("googlenet_caffe", weights=tmp_path / "w.npz", dtype="float64")
    outputs = list(record.training.outputs)
    order = range(len(net.loss_weights))
    torch_modules.without_dropout(net)
    found = torch_modules.run(net.train(), record.training.input, outputs, order)
    for name, expected in record.training.outputs.items():
        assert expected.distance(found.outputs[name]) < 1e-10


def test_a_snapshot_of_a_trainer(tmp_path: Path) -> None:
    """The model stands deep in it, beside what is left of the training."""
    arrays = chainer_arrays(Record.load("chainer_googlenet"))
    given = {f"updater/model:main/predictor/{name}": value for name, value in arrays.items()}
    given |= {"updater/iteration": np.array(7), "stop": np.array(None, dtype=object)}
    np.savez(tmp_path / "w.npz", **given)
    fitted = fit_file(to_graph("googlenet_caffe"), tmp_path / "w.npz").require()
    assert fitted.fit.prefix == "updater.model:main.predictor."
    assert not fitted.fit.absent


NAMES = {
    "inc3a/bn/gamma": "inc3a.bn.weight",
    "inc3a/bn/beta": "inc3a.bn.bias",
    "inc3a/bn/avg_mean": "inc3a.bn.running_mean",
    "inc3a/bn/avg_var": "inc3a.bn.running_var",
    "inc3a/bn/N": "inc3a.bn.num_batches_tracked",
    "inc3a/conv/W": "inc3a.conv.weight",
}


def test_names_of_chainer(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **{name: np.ones(1) for name in NAMES})
    assert list(numpy_archive.read(tmp_path / "w.npz")) == list(NAMES.values())


def test_other_names_stay(tmp_path: Path) -> None:
    """Such as those of TF-slim, whose ends Chainer has too."""
    names = ["InceptionV1/Conv2d_1a_7x7/BatchNorm/beta", "InceptionV1/x/weights", "fc.weight"]
    np.savez(tmp_path / "w.npz", **{name: np.ones(1) for name in names})
    assert list(numpy_archive.read(tmp_path / "w.npz")) == names


@pytest.mark.parametrize("kind", ["<f4", ">f4", "<f2", ">f8", "<i8", "?", "<f16"])
@pytest.mark.parametrize("order", "CF")
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_orders_and_types(kind: str, order: str, save: Any, tmp_path: Path) -> None:
    value = np.arange(6).reshape(2, 3).astype(kind).astype(kind, order=order)
    save(tmp_path / "w.npz", a=value)
    found = numpy_archive.read(tmp_path / "w.npz")["a"]
    assert found.dtype.isnative
    assert found.dtype.itemsize <= 8
    np.testing.assert_array_equal(found, value)


class Trap:
    """What a pickle of calls when it is read."""

    def __reduce__(self) -> Any:
        return (pytest.fail, ("a pickle was read",))


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", a=np.array([Trap()], dtype=object), b=np.ones(2))
    assert list(numpy_archive.read(tmp_path / "w.npz")) == ["b"]
    np.savez(tmp_path / "w.npz", a=np.array([Trap()], dtype=object))
    assert "holds no tensors" in refused(tmp_path / "w.npz")


def header(shape: str, data: bytes = b"", version: bytes = b"\1\0", kind: str = "'<f4'") -> bytes:
    text = f"{{'descr': {kind}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    return b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data


BROKEN = {
    "more numbers than there are": (header("(4,)", b"\0" * 12), "are not of the shape (4,)"),
    "fewer": (header("(2,)", b"\0" * 12), "are not of the shape (2,)"),
    "2^62 numbers": (header(f"({2**31}, {2**31})"), "are not of the shape"),
    "a negative extent": (header("(-1, -3)", b"\0" * 12), "broken"),
    "a shape that is code": (header("__import__('os')"), "malformed node"),
    "a shape that is none": (header("(True,)", b"\0" * 4), "an integer"),
    "a header without an end": (header("(4,"), "broken"),
    "a key that is a list": (header("(4,), []: 1"), "unhashable"),
    "a type without a shape": (header("(4,)", kind="('<f4',)"), "out of range"),
    "a version of tomorrow": (header("(0,)", version=b"\7\0"), "is not known"),
    "no array": (b"hello", "broken"),
    "nothing": (b"", "broken"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_refused(name: str, tmp_path: Path) -> None:
    content, words = BROKEN[name]
    with zipfile.ZipFile(tmp_path / "w.npz", "w") as archive:
        archive.writestr("a.npy", content)
    told = refused(tmp_path / "w.npz")
    assert "is an archive of NumPy that is broken" in told
    assert words in told


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_a_method_that_numpy_does_not_use_is_refused(method: int, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "w.npz", "w", method) as archive:
        archive.writestr("a.npy", header("(4,)", b"\0" * 16))
    assert "packed by a method that NumPy does not use" in refused(tmp_path / "w.npz")


def test_two_arrays_of_one_link_that_mean_the_same_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", **{"x/W": np.ones(1), "x/gamma": np.ones(1)})
    assert "two arrays that Chainer's links call alike" in refused(tmp_path / "w.npz")


def test_what_unpacks_to_much_more_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "w.npz", a=np.zeros(10**6))
    assert "to 8,000,128: refused" in refused(tmp_path / "w.npz")


def test_bytes_that_were_changed(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, a=np.arange(999.0))
    data = bytearray(buffer.getvalue())
    data[200:208] = b"\xff" * 8
    (tmp_path / "w.npz").write_bytes(data)
    assert "is an archive of NumPy that is broken" in refused(tmp_path / "w.npz")
