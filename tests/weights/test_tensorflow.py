"""Variables of TF-slim's checkpoints, saved by name, against what TF-slim computed with them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from references import torch_modules
from references.records import Layer, Record
from references.values import Array
from safetensors.numpy import save_file

import inceptgraph
from inceptgraph.pipeline import to_graph
from inceptgraph.weights import fit_file, load

TABLES = {
    "tf_slim_inception_v1": "tf_slim_inception_v1",
    "tf_slim_inception_v2": "tf_slim_inception_v2",
    "tf_slim_inception_v3": "tf_slim_inception_v3",
    "slim_inception_v4": "tf_slim_inception_v4",
    "slim_inception_resnet_v2": "tf_slim_inception_resnet_v2",
}
"""The table that the names of a record need."""
HEAVY = list(TABLES)[2:]
ENDS = {"weight": "gamma", "bias": "beta", "running_mean": "moving_mean"}
ENDS |= {"running_var": "moving_variance"}


def variables(layer: Layer) -> Iterator[tuple[str, Array]]:
    """The variables of a layer, as TF-slim calls and lays them out."""
    for kind, value in layer.values().items():
        if layer.name.endswith("/BatchNorm"):
            yield f"{layer.name}/{ENDS[kind]}", value
        elif kind == "bias":
            yield f"{layer.name}/biases", value
        elif layer.name.endswith("/depthwise"):
            kernel = value.reshape(3, -1, *value.shape[2:])  # an input channel and its outputs
            yield f"{layer.name}_weights", np.moveaxis(kernel, (2, 3), (0, 1))
        elif layer.name == "InceptionV2/Conv2d_1a_7x7":
            yield f"{layer.name}/pointwise_weights", value.transpose(2, 3, 1, 0)
        else:
            yield (
                f"{layer.name}/weights",
                value.transpose((1, 0) if value.ndim == 2 else (2, 3, 1, 0)),
            )


def saved(record: Record, path: Path, background: bool = False) -> Path:
    found = dict(
        v for layers in record.layers.values() for layer in layers for v in variables(layer)
    )
    if background:
        for name, value in found.items():
            if value.shape[-1] == 1000 and name.split("/")[-1] in ("weights", "biases"):
                found[name] = np.concatenate([value[..., :1] * 0 - 9, value], -1)
    found["global_step"] = np.array(7)
    if "InceptionV1/Conv2d_1a_7x7/weights" in found:
        found["InceptionV1/Conv2d_1a_7x7/weights/ExponentialMovingAverage"] = np.ones(1)
    save_file({name: np.ascontiguousarray(value) for name, value in found.items()}, path)
    return path


@pytest.mark.parametrize("name", TABLES)
def test_a_checkpoint_fits(name: str, tmp_path: Path) -> None:
    record = Record.load(name)
    fitted = fit_file(to_graph(record.specs[0]), saved(record, tmp_path / "w", background=True))
    assert fitted.require().fit.table.name == TABLES[name]
    assert not fitted.fit.adapted
    assert all(n.startswith("aux") or n.endswith("bn.weight") for n in fitted.fit.absent)
    assert "classifier.weight" in {pair.slot.name for pair in fitted.fit.loaded if pair.skipped}


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow if n in HEAVY else ()) for n in TABLES]
)
@pytest.mark.parametrize("background", [False, True])
def test_a_checkpoint_gives_what_tensorflow_gives(
    name: str, background: bool, tmp_path: Path
) -> None:
    """The record holds what TF-slim computed with the same variables."""
    record = Record.load(name)
    path = saved(record, tmp_path / "w", background)
    net = inceptgraph.compile(record.specs[0], weights=path, dtype="float64").eval()
    order = range(len(net.loss_weights))
    outputs = list(record.evaluation.outputs)
    found = torch_modules.run(net, record.evaluation.input, outputs, order)
    assert record.evaluation.outputs["logits"].distance(found.outputs["logits"]) < 1e-10


def test_kernels_of_images_in_i3d(tmp_path: Path) -> None:
    """The kernels of Inception-v1 over the frames of each of its convolutions, as Carreira &
    Zisserman start from: their sum over the frames is what they were. Its classes are others."""
    record = Record.load("tf_slim_inception_v1")
    path = saved(record, tmp_path / "w", background=True)
    fitted = fit_file(to_graph("i3d"), path).require()
    told = "frames: none in the file, {n} here: {kernels} repeated, times 1/{n}"
    assert told.format(n=7, kernels="1 kernel") in fitted.lines()
    assert told.format(n=3, kernels="19 kernels") in fitted.lines()
    assert {pair.slot.layer for pair in fitted.fit.adapted} == {"classifier"}
    assert all(name.endswith("bn.weight") for name in fitted.fit.absent)
    images = inceptgraph.compile("inception_v1_tfslim", weights=path, dtype="float64")
    videos = inceptgraph.compile("i3d", weights=path, dtype="float64").state_dict()
    for name, tensor in images.state_dict().items():
        if tensor.ndim == 4:
            frames = videos[name].unbind(2)
            assert all(frames[0].equal(frame) for frame in frames)
            torch.testing.assert_close(sum(frames), tensor, rtol=1e-15, atol=0)
        elif not name.startswith("classifier"):
            assert videos[name].equal(tensor)


def test_numbers_that_are_none_are_found_under_their_names(tmp_path: Path) -> None:
    record = Record.load("tf_slim_inception_v1")
    found = dict(
        v for layers in record.layers.values() for layer in layers for v in variables(layer)
    )
    found["InceptionV1/Logits/Conv2d_0c_1x1/biases"] = np.full(1000, np.inf)
    save_file({n: np.ascontiguousarray(v, "f4") for n, v in found.items()}, tmp_path / "w")
    told: list[str] = []
    load(to_graph("inception_v1_tfslim"), tmp_path / "w", tell=told.append)
    assert "warning: classifier.bias holds infinity" in told
