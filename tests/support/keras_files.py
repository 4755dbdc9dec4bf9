"""Files as versions of Keras write them, from a record's layers and its made-up weights."""

from __future__ import annotations

import itertools
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
from references.records import Record
from references.values import Array

Layers = dict[str, dict[str, Array]]
"""The variables of each layer, as Keras calls and lays them out, in its order."""

NORMALISED = {"weight": "gamma", "bias": "beta"}
NORMALISED |= {"running_mean": "moving_mean", "running_var": "moving_variance"}
KERAS_1 = {"kernel": "W", "bias": "b", "moving_mean": "running_mean"}
KERAS_1 |= {"moving_variance": "running_std"}
CLASSES_1 = {"conv2d": "convolution2d", "separable_conv2d": "separableconvolution2d"}
CLASSES_1 |= {"batch_normalization": "batchnormalization"}


def layers_of(record: Record) -> Layers:
    """The layers of a record, numbered as in a new session."""
    found: Layers = {}
    for layer in itertools.chain.from_iterable(record.layers.values()):
        name, _, depthwise = layer.name.partition("/")
        own = found.setdefault(name, {})
        for kind, value in layer.values().items():
            if value.ndim == 1:
                own[NORMALISED[kind] if "m" in layer.tensors else kind] = value
            elif value.ndim == 2:
                own["kernel"] = value.T
            elif depthwise:
                own["depthwise_kernel"] = value.transpose(2, 3, 0, 1)
            else:
                pointwise = "depthwise_kernel" in own
                own["pointwise_kernel" if pointwise else "kernel"] = value.transpose(2, 3, 1, 0)
    return found


def later(layers: Layers, by: int = 95) -> Layers:
    """The same layers as after other models in a session."""
    counted = re.compile("(conv2d|batch_normalization|dense)(?:_([0-9]+))?")
    return {
        f"{match[1]}_{int(match[2] or 0) + by}" if (match := counted.fullmatch(name)) else name: own
        for name, own in layers.items()
    }


def class_of(variables: dict[str, Array]) -> str:
    if "depthwise_kernel" in variables:
        return "separable_conv2d"
    if "moving_mean" in variables:
        return "batch_normalization"
    return "dense" if variables["kernel"].ndim == 2 else "conv2d"


def counted(layers: Layers) -> Iterator[tuple[str, str]]:
    """Each layer, and the number that its class has in the order of ``layers``, from 0 on."""
    seen = Counter[str]()
    for name, variables in layers.items():
        kind = class_of(variables)
        yield name, f"{kind}_{seen[kind]}" if seen[kind] else kind
        seen[kind] += 1


def keras_3(file: Any, layers: Layers, *, named: bool = True, inside: str = "") -> None:
    """A ``.weights.h5``: layers by their class, in another order than they were made in."""
    shuffled = dict(reversed(layers.items()))
    for name, place in counted(shuffled):
        group = file.create_group(f"{inside}layers/{place}/vars")
        if named:
            group.attrs["name"] = name
        for number, value in enumerate(shuffled[name].values()):
            group[str(number)] = value
    seed = file.create_group(f"{inside}layers/dropout/seed_generator/vars")
    seed.attrs["name"] = "seed_generator"
    seed.create_dataset("0", data=[1, 2], dtype="uint32")
    file["optimizer/vars/0"] = 3


def keras_2(file: Any, layers: Layers, end: str = ":0", most: int = 40) -> None:
    """An ``.h5`` of weights, its list of layers in parts as where it is long."""
    names = ["input_1", *layers, "dropout"]
    for part, start in enumerate(range(0, len(names), most)):
        file.attrs[f"layer_names{part}"] = [n.encode() for n in names[start : start + most]]
    for name in names:
        own = layers.get(name, {})
        group = file.create_group(name)
        group.attrs["weight_names"] = [f"{name}_1/{kind}{end}".encode() for kind in own]
        for kind, value in own.items():
            group[f"{name}_1/{kind}{end}"] = value


def keras_1(file: Any, layers: Layers) -> None:
    file.attrs["layer_names"] = [name.encode() for name in layers]
    for name, own in layers.items():
        group = file.create_group(name)
        titles = [f"{name}_{KERAS_1.get(kind, kind)}:0" for kind in own]
        group.attrs["weight_names"] = [title.encode() for title in titles]
        for title, value in zip(titles, own.values(), strict=True):
            group[title] = value


def as_keras_1_published_xception(layers: Layers) -> Layers:
    """Xception's layers with the names of the file that Keras publishes.

    Those who read it by name say which are which: they count each class as the code makes it, a
    shortcut before the convolutions beside it, from 1 on (K. Nakashima's port for PyTorch, 2019).
    """
    shortcuts = {2: "", 3: "_1", 4: "_2", 13: "_3"}
    made = ["block1_conv1", "block1_conv1_bn", "block1_conv2", "block1_conv2_bn"]
    for block in range(2, 15):
        if block in shortcuts:
            made += [f"{kind}{shortcuts[block]}" for kind in ("conv2d", "batch_normalization")]
        for sepconv in range(1, 3 if block in shortcuts or block == 14 else 4):
            made += [f"block{block}_sepconv{sepconv}", f"block{block}_sepconv{sepconv}_bn"]
    made += ["predictions"]
    assert sorted(made) == sorted(layers)
    seen, found = Counter({"dense": 1}), dict[str, dict[str, Array]]()
    for name in made:
        kind = class_of(layers[name])
        seen[kind] += 1
        found[f"{CLASSES_1.get(kind, kind)}_{seen[kind]}"] = layers[name]
    return found


def archived(path: Path, weights: Path, how: int = zipfile.ZIP_STORED) -> Path:
    """A ``.keras`` around a file of weights."""
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr("metadata.json", "{}")
        archive.writestr("config.json", "{}")
        archive.write(weights, "model.weights.h5")
    return path


def saved(path: Path, layers: Layers, how: str) -> Path:
    """A file of weights, as a version of Keras writes it."""
    with h5py.File(path, "w") as file:
        if how == "1":
            keras_1(file, as_keras_1_published_xception(layers))
        elif how == "2":
            keras_2(file, later(layers, 1))
        elif how == "2, a model":
            keras_2(file.create_group("model_weights"), later(layers), "", most=9999)
            file["optimizer_weights/adam/iterations"] = 3
        else:
            keras_3(file, later(layers))
    return archived(path.with_suffix(".keras"), path) if how == ".keras" else path
