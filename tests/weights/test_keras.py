"""Keras's files, written as its versions write them, against what Keras computed."""

from __future__ import annotations

import builtins
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from references import torch_modules
from references.records import Record

import inceptgraph
from inceptgraph.diagnostics import SpecError
from inceptgraph.pipeline import to_graph
from inceptgraph.weights import WeightsFile, fit_file
from inceptgraph_torch import keras_hdf5

h5py = pytest.importorskip("h5py")
import keras_files as files  # noqa: E402

HOW = ("2", "2, a model", "3", ".keras")
HEAVY = [
    pytest.param(name, marks=pytest.mark.slow)
    for name in ("keras_inception_v3", "keras_inception_resnet_v2")
]


def small() -> files.Layers:
    """A layer of each class."""
    kernel, vector = np.arange(54.0).reshape(3, 3, 2, 3), np.arange(3.0)
    norm = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), vector)
    return {
        "conv2d": {"kernel": kernel, "bias": vector},
        "norm": norm,
        "plain": {kind: vector for kind in norm if kind != "gamma"},
        "sep": {"depthwise_kernel": kernel, "pointwise_kernel": np.ones((1, 1, 6, 4))},
        "out": {"kernel": np.arange(8.0).reshape(4, 2)},
    }


def refused(path: Path) -> str:
    with pytest.raises(SpecError) as caught:
        fit_file(to_graph("lenet5"), path)
    return "\n".join(f"{each.message}\n{each.help}" for each in caught.value.diagnostics)


def narrow(record: Record) -> Record:
    """The same layers with few channels, all that their names need."""
    layers = {
        output: tuple(
            layer._replace(shape=tuple(min(extent, 5) for extent in layer.shape)) for layer in own
        )
        for output, own in record.layers.items()
    }
    return replace(record, layers=layers)


@pytest.mark.parametrize("how", HOW)
def test_every_version_gives_the_same_tensors(how: str, tmp_path: Path) -> None:
    """Those of the record, by the names that a new session would have given."""
    record = narrow(Record.load("keras_xception"))
    found = keras_hdf5.read(files.saved(tmp_path / "w.h5", files.layers_of(record), how))
    expected = {
        f"{layer.name}.{kind}": value
        for layer in record.layers["logits"]
        for kind, value in layer.values().items()
    }
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)


@pytest.mark.parametrize("name", ["keras_xception", *HEAVY])
def test_a_file_gives_what_keras_gives(name: str, tmp_path: Path) -> None:
    """The record holds what Keras computed with the same variables."""
    record = Record.load(name)
    path = files.saved(tmp_path / "w.h5", files.layers_of(record), ".keras")
    fitted = fit_file(to_graph(record.specs[0]), path).require()
    assert fitted.fit.table is not None
    assert fitted.fit.table.name == name
    assert not fitted.fit.adapted
    assert all(n.startswith("aux") or n.endswith("bn.weight") for n in fitted.fit.absent)
    assert distance(record, path) < 1e-10


def test_the_published_xception_gives_what_keras_gives(tmp_path: Path) -> None:
    """Keras 1 wrote it, and named none of its layers."""
    record = Record.load("keras_xception")
    path = files.saved(tmp_path / "w.h5", files.layers_of(record), "1")
    fitted = fit_file(to_graph("xception_keras"), path).require()
    assert fitted.fit.table is not None
    assert fitted.fit.table.name == "keras_1_xception"
    assert distance(record, path) < 1e-10


def distance(record: Record, path: Path) -> float:
    net = inceptgraph.compile(record.specs[0], weights=path, dtype="float64").eval()
    outputs = list(record.evaluation.outputs)
    found = torch_modules.run(net, record.evaluation.input, outputs, range(len(net.loss_weights)))
    return record.evaluation.outputs["logits"].distance(found.outputs["logits"])


def test_the_other_xception_is_named(tmp_path: Path) -> None:
    path = files.saved(tmp_path / "w.h5", files.layers_of(Record.load("keras_xception")), ".keras")
    fitted = fit_file(to_graph("inception_v3"), path)
    assert fitted.help == (
        "these are the weights of `xception_keras` as it is shipped: name that spec"
    )


def test_a_model_in_a_model(tmp_path: Path) -> None:
    """A backbone with a head of the user's own, as `Sequential` saves it."""
    layers = files.layers_of(Record.load("keras_xception"))
    head = {"dense": {"kernel": np.ones((1000, 2)), "bias": np.ones(2)}}
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        files.keras_3(file, head)
        del file["layers/dropout"]
        files.keras_3(file["layers"], files.later(layers), inside="functional/")
        file.create_group("layers/functional/vars").attrs["name"] = "xception"
    fitted = fit_file(to_graph("xception_keras"), path).require()
    assert fitted.fit.prefix == "xception."
    assert fitted.fit.beside == ["dense.weight", "dense.bias"]


def test_a_model_in_a_model_of_keras_2(tmp_path: Path) -> None:
    layers = {f"conv2d_{n}": {"kernel": np.full((1, 1, 1, 1), n)} for n in (12, 10, 11)}
    path = tmp_path / "w.h5"
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = ["base", "dense_7"]
        group = file.create_group("base")
        group.attrs["weight_names"] = [f"{name}/kernel:0" for name in layers]
        for name, own in layers.items():
            group[f"{name}/kernel:0"] = own["kernel"]
        file.create_group("dense_7").attrs["weight_names"] = ["all/dense_7/kernel:0"]
        file["dense_7/all/dense_7/kernel:0"] = np.ones((1, 2))
    found = keras_hdf5.read(path)
    firsts = {name: value.flat[0] for name, value in found.items()}
    assert firsts == {
        "base.conv2d.weight": 10,
        "base.conv2d_1.weight": 11,
        "base.conv2d_2.weight": 12,
        "dense.weight": 1,
    }


@pytest.mark.parametrize("how", HOW)
def test_axes_and_names(how: str, tmp_path: Path) -> None:
    found = keras_hdf5.read(files.saved(tmp_path / "w.h5", small(), how))
    kernel = small()["conv2d"]["kernel"]
    assert {name: array.shape for name, array in found.items()} == {
        "conv2d.weight": (3, 2, 3, 3),
        "conv2d.bias": (3,),
        **{f"norm.{kind}": (3,) for kind in files.NORMALISED},
        **{f"plain.{kind}": (3,) for kind in files.NORMALISED if kind != "weight"},
        "sep/depthwise.weight": (6, 1, 3, 3),
        "sep.weight": (4, 6, 1, 1),
        "out.weight": (2, 4),
    }
    assert found["conv2d.weight"][2, 1, 0, 2] == kernel[0, 2, 1, 2]
    assert found["sep/depthwise.weight"][1 * 3 + 2, 0, 0, 2] == kernel[0, 2, 1, 2]
    assert found["out.weight"][1, 3] == small()["out"]["kernel"][3, 1]


# -- what is refused ---------------------------------------------------------------------------


def test_a_file_that_names_no_layers(tmp_path: Path) -> None:
    """Their classes are counted in an order that is not that of any table."""
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        files.keras_3(file, small(), named=False)
    told = refused(tmp_path / "w.weights.h5")
    assert "does not name its layers, as those of Keras before 3.6" in told
    assert 'model.save("model.h5")' in told


def test_other_hdf5(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["images"] = np.ones(3)
    assert "without layers of a Keras model" in refused(tmp_path / "w.h5")


def elsewhere(file: Any, group: Any, folder: Path) -> None:
    (folder / "secret").write_bytes(b"\0" * 64)
    group.create_dataset("0", (8,), "f8", external=[(str(folder / "secret"), 0, 64)])


def packed(file: Any, group: Any, folder: Path) -> None:
    group.create_dataset("0", (10**6,), "f8", compression="gzip")


def never_written(file: Any, group: Any, folder: Path) -> None:
    group.create_dataset("0", (2**40,), "f8", chunks=(2**20,))


def made_of_others(file: Any, group: Any, folder: Path) -> None:
    layout = h5py.VirtualLayout((8,), "f8")
    layout[:] = h5py.VirtualSource(str(folder / "secret.h5"), "x", (8,))
    group.create_virtual_dataset("0", layout)


@pytest.mark.parametrize("make", [elsewhere, packed, never_written, made_of_others])
def test_numbers_that_are_not_in_the_file(make: Any, tmp_path: Path) -> None:
    path = tmp_path / "w.weights.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("layers/dense/vars")
        group.attrs["name"] = "dense"
        make(file, group, tmp_path)
    assert "`dense.weight` in another file, or packed: refused" in refused(path)


def test_links_are_not_followed(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        files.keras_3(file, small())
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layers"] = h5py.ExternalLink("other.h5", "/layers")
    assert "without layers" in refused(tmp_path / "w.h5")
    with h5py.File(tmp_path / "w.h5", "w") as file:
        files.keras_2(file, small())
        del file["out"]
        file["out"] = h5py.ExternalLink("other.h5", "/out")
    assert "lists `out`, and does not hold it" in refused(tmp_path / "w.h5")


def test_a_variable_that_is_listed_alone(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        files.keras_2(file, small())
        variable = file["out"].attrs["weight_names"][0]
        del file["out"][variable]
    assert f"lists `out/{variable}`, and does not hold it" in refused(tmp_path / "w.h5")


def test_groups_that_hold_themselves_end(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        files.keras_3(file, small())
        file["layers/again"] = file["layers"]
    assert keras_hdf5.read(tmp_path / "w.h5").keys() == expected_names(tmp_path)


def expected_names(folder: Path) -> Any:
    return keras_hdf5.read(files.saved(folder / "plain.h5", small(), "3")).keys()


@pytest.mark.parametrize("kept", [20, 600, 5000, -400])
def test_a_file_that_is_cut_off(kept: int, tmp_path: Path) -> None:
    whole = files.saved(tmp_path / "w.h5", small(), "2").read_bytes()
    (tmp_path / "cut.h5").write_bytes(whole[:kept])
    told = refused(tmp_path / "cut.h5")
    assert "is an HDF5 file that is broken" in told
    assert "download or save it again" in told


@pytest.mark.parametrize("method", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_an_archive_that_unpacks(method: int, tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.h5", "w") as file:
        file["layers/dense/vars/0"] = np.zeros(10**5)
    packed = files.archived(tmp_path / "w.keras", tmp_path / "w.h5", method)
    assert "holds packed weights" in refused(packed)


def test_two_layers_of_one_name(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "w.weights.h5", "w") as file:
        for place in ("dense", "dense_1"):
            file[f"layers/{place}/vars/0"] = np.ones((1, 1))
            file[f"layers/{place}/vars"].attrs["name"] = "same"
    assert "two layers with weights that are called `same`" in refused(tmp_path / "w.weights.h5")


def test_a_key_means_nothing(tmp_path: Path) -> None:
    path = files.saved(tmp_path / "w.h5", small(), "3")
    with pytest.raises(SpecError, match="is a file of Keras, whose tensors have no keys"):
        fit_file(to_graph("lenet5"), WeightsFile(path, key="layers"))


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, real = files.saved(tmp_path / "w.h5", small(), "3"), builtins.__import__

    def missing(name: str, *rest: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", missing)
    told = refused(path)
    assert "the package h5py is missing" in told
    assert 'pip install "inceptgraph[keras]"' in told
