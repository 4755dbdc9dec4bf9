"""References that are TF-slim's: graphs of TensorFlow 1, in float64."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np

from references.order import canonical
from references.records import TENSORS, Layer, Record, Run, Summary
from references.values import Array, image

__all__ = ["REFERENCES", "Reference"]

Layers = dict[str, tuple[Layer, ...]]  # by output
Places = dict[str, str]  # of a layer's tensor -> of a variable

TF_SLIM = "tf_slim.nets.inception"
NETS = "nets.inception"  # of tensorflow/models, research/slim
PACKAGES = {TF_SLIM: "tf_slim", NETS: "tf_object_detection"}

# TensorFlow's names of a layer's tensors, by initial
INITIALS = {
    "weights": "w",
    "depthwise_weights": "w",
    "pointwise_weights": "w",
    "gamma": "w",
    "biases": "b",
    "beta": "b",
    "moving_mean": "m",
    "moving_variance": "v",
}


@dataclass(frozen=True)
class Reference:
    """A network written for TF-slim.

    Attributes:
        spec: our spec of the same network.
        module: where it is.
        function: its name there; with ``_arg_scope`` behind it, of its settings.
        size: of the input, height and width, in evaluation.
        training: batch and size in training.
        heads: names of the auxiliary outputs among the end points.
    """

    spec: str
    module: str
    function: str
    size: int
    training: tuple[int, int]
    heads: tuple[str, ...] = ()

    def record(self) -> Record:
        batch, size = self.training
        evaluation, layers, places = self._run((1, 3, self.size, self.size))
        training, _, _ = self._run((batch, 3, size, size), (layers, places))
        packages = {"tensorflow_cpu", "tf_slim", "tf_keras", PACKAGES[self.module]}
        return Record(
            specs=(self.spec,),
            call=f"{self.module}.{self.function}(x, num_classes=1000)",
            versions={name: version(name) for name in sorted(packages)},
            layers=layers,
            evaluation=evaluation,
            training=training,
        )

    def _run(
        self, shape: Sequence[int], known: tuple[Layers, Places] | None = None
    ) -> tuple[Run, Layers, Places]:
        """One pass: in evaluation, or in training with what evaluation made known, since running
        statistics take no part in training."""
        tf, tf_slim, module = _imported(self.module)
        make: Callable[..., Any] = getattr(module, self.function)
        scope: dict[Any, Any] = getattr(module, f"{self.function}_arg_scope")()
        for settings in scope.values():
            if "normalizer_params" in settings:  # the fused kernel has no float64
                settings["normalizer_params"] |= {"fused": False}
        batch, channels, height, width = shape
        with tf.Graph().as_default() as graph, tf.Session(graph=graph) as session:
            x = tf.placeholder(tf.float64, [batch, height, width, channels])
            with tf_slim.arg_scope(scope):
                logits, ends = make(
                    x, num_classes=1000, is_training=known is not None, dropout_keep_prob=1.0
                )
            outputs = {"logits": logits}
            outputs |= {f"aux{i}": ends[name] for i, name in enumerate(self.heads, start=1)}
            variables = {variable.op.name: variable for variable in tf.global_variables()}
            layers, places = known or _layers(outputs, variables)
            for layer in (layer for group in layers.values() for layer in group):
                for kind, value in layer.values().items():
                    name = places[f"{layer.name}.{kind}"]
                    variables[name].load(_in_tensorflow(name, value, variables), session)
            given = image(shape).transpose(0, 2, 3, 1)
            found = session.run(outputs, {x: given})
        assert all(output.dtype == np.float64 for output in found.values())
        return Run(tuple(shape), {k: Summary.of(v) for k, v in found.items()}), layers, places


def _imported(name: str) -> tuple[Any, Any, Any]:
    """TensorFlow 1, TF-slim, and a module that may think it still a part of TensorFlow."""
    os.environ["TF_USE_LEGACY_KERAS"] = "1"
    import tensorflow.compat.v1 as tf
    import tf_slim

    # TensorFlow looks for its layers of old at a place that they have left
    sys.modules["tf_keras.legacy_tf_layers"] = import_module("tf_keras.src.legacy_tf_layers")
    tf.contrib = SimpleNamespace(slim=tf_slim)
    if PACKAGES[name] != "tf_slim":
        with mock.patch.dict(sys.modules, tensorflow=tf):
            return tf, tf_slim, import_module(name)
    return tf, tf_slim, import_module(name)


def _layers(outputs: Mapping[str, Any], variables: Mapping[str, Any]) -> tuple[Layers, Places]:
    """The layers by output in canonical order, and the variable of each of their tensors."""
    found: Layers = {}
    places: Places = {}
    groups = canonical(
        [output.op for output in outputs.values()],
        lambda operation: [tensor.op for tensor in operation.inputs],
        lambda operation: operation.type == "ConcatV2",
        lambda operation: operation.type == "Placeholder",
    )
    for output, operations in zip(outputs, groups, strict=True):
        parts: dict[str, dict[str, Array]] = {}
        for operation in operations:
            if operation.name in variables:
                scope, _, kind = operation.name.rpartition("/")
                name = f"{scope}/depthwise" if kind == "depthwise_weights" else scope
                initial = INITIALS[kind]
                places[f"{name}.{TENSORS[initial]}"] = operation.name
                shape = variables[operation.name].shape.as_list()
                parts.setdefault(name, {})[initial] = _in_torch(operation.name, np.empty(shape))
        found[output] = tuple(
            Layer(name, tensors := "".join(t for t in TENSORS if t in own), own[tensors[0]].shape)
            for name, own in parts.items()
        )
    assert len(places) == len(variables), "a variable takes no part"
    return found, places


def _in_torch(name: str, value: Array) -> Array:
    """A variable's value in torch's layout: (height, width, in, out) becomes (out, in, …), and a
    depthwise (height, width, in, multiplier) becomes (in · multiplier, 1, …); (in, out) of a
    linear layer becomes (out, in)."""
    if value.ndim != 4:
        return value.T
    if name.endswith("depthwise_weights"):
        height, width, _, _ = value.shape
        return value.transpose(2, 3, 0, 1).reshape(-1, 1, height, width)
    return value.transpose(3, 2, 0, 1)


def _in_tensorflow(name: str, value: Array, variables: Mapping[str, Any]) -> Array:
    """The way back."""
    shape = variables[name].shape.as_list()
    if value.ndim != 4:
        return value.T
    if name.endswith("depthwise_weights"):
        height, width, channels, multiplier = shape
        return value.reshape(channels, multiplier, height, width).transpose(2, 3, 0, 1)
    return value.transpose(2, 3, 1, 0)


REFERENCES: Mapping[str, Reference] = {
    "tf_slim_inception_v1": Reference(
        "inception_v1_tfslim", TF_SLIM, "inception_v1", 224, (2, 224)
    ),
    "tf_slim_inception_v2": Reference(
        "inception_v2_tfslim", TF_SLIM, "inception_v2", 224, (2, 224)
    ),
    "tf_slim_inception_v3": Reference(
        "inception_v3_tfslim", TF_SLIM, "inception_v3", 299, (3, 299), heads=("AuxLogits",)
    ),
    "slim_inception_v4": Reference(
        "inception_v4", NETS, "inception_v4", 299, (3, 299), heads=("AuxLogits",)
    ),
    "slim_inception_resnet_v2": Reference(
        "inception_resnet_v2", NETS, "inception_resnet_v2", 299, (3, 299), heads=("AuxLogits",)
    ),
}
