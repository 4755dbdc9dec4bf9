"""References that are Keras's applications, on TensorFlow in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from references.order import canonical
from references.records import TENSORS, Layer, Record, Run, Summary
from references.values import Array, image

__all__ = ["REFERENCES", "Reference"]

# Keras's names of a layer's tensors, by initial
INITIALS = {
    "kernel": "w",
    "pointwise_kernel": "w",
    "gamma": "w",
    "bias": "b",
    "beta": "b",
    "moving_mean": "m",
    "moving_variance": "v",
}


@dataclass(frozen=True)
class Reference:
    """A network of ``keras.applications``.

    Attributes:
        spec: our spec of the same network.
        function: its name there.
        size: of the input, height and width, in evaluation.
        training: batch and size in training.
    """

    spec: str
    function: str
    size: int
    training: tuple[int, int]

    def record(self) -> Record:
        batch, size = self.training
        layers, evaluation = self._run((1, 3, self.size, self.size), training=False)
        _, training = self._run((batch, 3, size, size), training=True)
        return Record(
            specs=(self.spec,),
            call=f"keras.applications.{self.function}(weights=None, classifier_activation=None)",
            versions={name: version(name) for name in ("keras", "tensorflow_cpu")},
            layers={"logits": layers},
            evaluation=evaluation,
            training=training,
        )

    def _run(self, shape: Sequence[int], *, training: bool) -> tuple[tuple[Layer, ...], Run]:
        import keras

        keras.backend.clear_session()  # layers without a name are counted
        keras.config.set_floatx("float64")
        _, channels, height, width = shape
        make = getattr(keras.applications, self.function)
        model = make(
            weights=None, classifier_activation=None, input_shape=(height, width, channels)
        )
        layers, variables = _layers(model)
        for layer in layers:
            for kind, value in layer.values().items():
                variable = variables[f"{layer.name}.{kind}"]
                variable.assign(_in_keras(value, layer))
        found = np.asarray(model(image(shape).transpose(0, 2, 3, 1), training=training))
        assert found.dtype == np.float64
        return layers, Run(tuple(shape), {"logits": Summary.of(found)})


def _layers(model: Any) -> tuple[tuple[Layer, ...], dict[str, Any]]:
    """The layers in canonical order, and the variable of each of their tensors."""
    import keras

    (operations,) = canonical(
        [model.layers[-1]],
        lambda layer: [node.operation for node in layer._inbound_nodes[0].parent_nodes],
        lambda layer: isinstance(layer, keras.layers.Concatenate),
        lambda layer: isinstance(layer, keras.layers.InputLayer),
    )
    found: list[Layer] = []
    variables: dict[str, Any] = {}
    for operation in operations:
        own: dict[str, dict[str, Any]] = {}
        for variable in operation.weights:
            depthwise = variable.name == "depthwise_kernel"
            name = f"{operation.name}/depthwise" if depthwise else operation.name
            initial = "w" if depthwise else INITIALS[variable.name]
            own.setdefault(name, {})[initial] = variable
            variables[f"{name}.{TENSORS[initial]}"] = variable
        for name, tensors in own.items():
            initials = "".join(initial for initial in TENSORS if initial in tensors)
            shape = tuple(tensors[initials[0]].shape)
            found.append(Layer(name, initials, _in_torch(shape, depthwise="/" in name)))
    assert len(variables) == len(model.weights), "a variable takes no part"
    return tuple(found), variables


def _in_torch(shape: tuple[int, ...], *, depthwise: bool) -> tuple[int, ...]:
    """A shape in torch's layout."""
    if len(shape) == 4:
        height, width, inputs, out = shape
        return (inputs * out, 1, height, width) if depthwise else (out, inputs, height, width)
    return shape[::-1]


def _in_keras(value: Array, layer: Layer) -> Array:
    """A value in Keras's layout: (height, width, in, out), and (in, out) of a dense layer."""
    if value.ndim == 4:
        return value.transpose(2, 3, 0, 1) if "/" in layer.name else value.transpose(2, 3, 1, 0)
    return value.T


REFERENCES: Mapping[str, Reference] = {
    "keras_inception_v3": Reference("inception_v3_tfslim", "InceptionV3", 299, (2, 139)),
    "keras_inception_resnet_v2": Reference(
        "inception_resnet_v2", "InceptionResNetV2", 299, (2, 139)
    ),
    "keras_xception": Reference("xception_keras", "Xception", 299, (2, 139)),
}
