"""References that run in Chainer, in float64: its own GoogLeNet, and what it imports from Caffe.

Neither batch normalisation nor dropout in training occurs, so that the modes differ in the
auxiliary heads alone.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any
from unittest import mock

import facts
import numpy as np

from references.order import canonical
from references.prototxt import Writer
from references.records import Layer, Record, Run, Summary
from references.values import Array, image

__all__ = ["REFERENCES", "Reference"]


@dataclass(frozen=True)
class Reference:
    """A Caffe network.

    Attributes:
        specs: our specs of the same network.
        size: of the input, height and width.
        facts: of the network that the importer is to read; empty for Chainer's own GoogLeNet.
        overrides: see :class:`Record`.
    """

    specs: tuple[str, ...]
    size: int
    facts: str = ""
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    def record(self) -> Record:
        import chainer

        warnings.simplefilter("ignore")  # Chainer is of an older NumPy's time
        with chainer.using_config("dtype", np.float64), chainer.using_config("train", False):
            model, groups, forward = _imported(self.facts) if self.facts else _googlenet()
            training, layers = _run(model, groups, forward, (2, 3, self.size, self.size))
            evaluation, _ = _run(model, groups, forward, (1, 3, self.size, self.size))
        own = "chainer.links.GoogLeNet(pretrained_model=None)"
        imported = f"chainer.links.caffe.CaffeFunction, on {self.facts}.yaml as prototxt"
        return Record(
            specs=self.specs,
            call=imported if self.facts else own,
            versions={name: version(name) for name in ("chainer", "numpy")},
            layers=layers,
            training=training,
            evaluation=evaluation,
            overrides=self.overrides,
        )


def _googlenet() -> tuple[Any, Mapping[str, int], Any]:
    import chainer

    model = chainer.links.GoogLeNet(pretrained_model=None)
    names = ["loss3_fc", "loss1_fc2", "loss2_fc2"]

    def forward(x: Any) -> list[Any]:
        found = model(x, layers=names)
        return [found[name] for name in names]

    return model, {}, forward


def _imported(name: str) -> tuple[Any, Mapping[str, int], Any]:
    """Chainer's reading of a network that a fact file describes."""
    from chainer.links.caffe import caffe_function
    from google.protobuf import text_format

    writer = Writer(facts.load(name))
    net = text_format.Parse("\n".join(writer.layers), caffe_function.caffe_pb.NetParameter())
    for layer in net.layer:
        if layer.name in writer.shapes:
            layer.blobs.add().shape.dim.extend(writer.shapes[layer.name])
            layer.blobs.add()
    # the weights are given later, and not in float32
    zeros = {"_Blob": lambda blob: 0, "_ConvolutionBlob": lambda blob, group: 0}
    with tempfile.NamedTemporaryFile() as file, mock.patch.multiple(caffe_function, **zeros):
        file.write(net.SerializeToString())
        file.flush()
        model = caffe_function.CaffeFunction(file.name)
    return model, writer.groups, lambda x: model({"data": x}, writer.outputs)


def _run(
    model: Any, groups: Mapping[str, int], forward: Any, shape: Sequence[int]
) -> tuple[Run, dict[str, tuple[Layer, ...]]]:
    outputs = forward(_input(shape))
    names = ["logits", *(f"aux{index}" for index in range(1, len(outputs)))]
    links = {name.strip("/").replace("/", "."): link for name, link in model.namedlinks()}
    layers = _layers(links, groups, dict(zip(names, outputs, strict=True)))
    for layer in (layer for group in layers.values() for layer in group):
        given = layer.values()
        links[layer.name].W.array[...] = _dense(given["weight"], groups.get(layer.name, 1))
        links[layer.name].b.array[...] = given["bias"]
    found = [output.array for output in forward(_input(shape))]
    assert all(output.dtype == np.float64 for output in found)
    # a network that Caffe knows may end in a map of one pixel
    flat = [output.reshape(output.shape[:2]) for output in found]
    summaries = {name: Summary.of(output) for name, output in zip(names, flat, strict=True)}
    return Run(tuple(shape), summaries), layers


def _input(shape: Sequence[int]) -> Any:
    import chainer

    return chainer.Variable(image(shape))


def _dense(weight: Array, groups: int) -> Array:
    """A grouped kernel as one over all channels, as Chainer keeps it."""
    out, channels = len(weight) // groups, weight.shape[1]
    found = np.zeros((len(weight), channels * groups, *weight.shape[2:]))
    for group in range(groups):
        rows = slice(group * out, (group + 1) * out)
        found[rows, group * channels : (group + 1) * channels] = weight[rows]
    return found


def _layers(
    links: Mapping[str, Any], groups: Mapping[str, int], outputs: Mapping[str, Any]
) -> dict[str, tuple[Layer, ...]]:
    """The layers by output in canonical order, from the graph that Chainer keeps for gradients."""
    owners = {
        id(parameter.node): name
        for name, link in links.items()
        for parameter in link.params(include_uninit=False)
        if parameter.name in ("W", "b") and parameter is getattr(link, parameter.name, None)
    }

    def operands(node: Any) -> list[Any]:
        found = getattr(node, "inputs", None)  # a function's
        if found is not None:
            return list(found)
        return [node.creator_node] if node.creator_node is not None else []

    ordered = canonical(
        [output.node for output in outputs.values()],
        operands,
        lambda node: getattr(node, "label", "") == "Concat",
        lambda node: id(node) not in owners and not operands(node),
    )
    found = {}
    for output, nodes in zip(outputs, ordered, strict=True):
        names = dict.fromkeys(owners[id(node)] for node in nodes if id(node) in owners)
        found[output] = tuple(_layer(name, links[name], groups.get(name, 1)) for name in names)
    assert sum(map(len, found.values())) * len("Wb") == len(owners), "a layer takes no part"
    return found


def _layer(name: str, link: Any, groups: int) -> Layer:
    out, channels, *window = link.W.shape
    return Layer(name, "wb", (out, channels // groups, *window))


# Caffe's format holds it in float32
ALPHA = {"lrn": {"alpha": float(np.float32(1e-4))}}

REFERENCES: Mapping[str, Reference] = {
    "chainer_googlenet": Reference(("googlenet_caffe", "googlenet_keras_poolhelper"), 224),
    "caffe_googlenet": Reference(("googlenet_caffe",), 224, "googlenet_caffe", ALPHA),
    "caffe_alexnet": Reference(("alexnet_caffe",), 227, "alexnet_caffe", ALPHA),
    "caffe_nin_imagenet": Reference(("nin_imagenet_caffe",), 224, "nin_imagenet_caffe"),
}
