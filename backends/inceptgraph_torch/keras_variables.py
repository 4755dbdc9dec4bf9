"""Keras's names and axes in torch's terms: layers by name, their variables by what they are."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from inceptgraph_torch.arrays import Array

__all__ = ["kinds_of", "numbered", "of_name", "placed", "tensor_of"]

_TENSORS = {
    "depthwise_kernel": "/depthwise.weight",
    "pointwise_kernel": ".weight",
    "kernel": ".weight",
    "bias": ".bias",
    "gamma": ".weight",
    "beta": ".bias",
    "moving_mean": ".running_mean",
    "moving_variance": ".running_var",
    # Keras 1
    "W": ".weight",
    "b": ".bias",
    "recurrent_kernel": ".recurrent_kernel",
    "running_mean": ".running_mean",
    "running_std": ".running_var",  # which a variance is, whatever it is called
}
"""What a layer's variables are, and what stands behind the layer's name for each."""

_VARIABLE = re.compile(rf"(?:.*?[/_])??({'|'.join(_TENSORS)})(?:_\d+)?(?::0)?")
_CLASSES: Mapping[str, Sequence[str]] = {
    "conv2d": ("kernel", "bias"),
    "dense": ("kernel", "bias"),
    "depthwise_conv2d": ("depthwise_kernel", "bias"),
    "separable_conv2d": ("depthwise_kernel", "pointwise_kernel", "bias"),
    "batch_normalization": ("gamma", "beta", "moving_mean", "moving_variance"),
}
"""The variables of a class of layers, in order."""

_OLD = {
    "convolution2d": "conv2d",
    "separableconvolution2d": "separable_conv2d",
    "batchnormalization": "batch_normalization",
}
"""What Keras 1 calls a class."""

_COUNTED = re.compile(rf"({'|'.join((*_CLASSES, *_OLD))})(?:_(\d{{1,9}}))?")


def of_name(name: str) -> str | None:
    """What a variable is, by its name; None where that says nothing.

    >>> of_name("conv2d_3/kernel:0"), of_name("batchnormalization_1_running_std:0")
    ('kernel', 'running_std')
    >>> of_name("block2_sepconv1_depthwise_kernel:0"), of_name("lstm/lstm_cell/recurrent_kernel:0")
    ('depthwise_kernel', 'recurrent_kernel')
    """
    match = _VARIABLE.fullmatch(name)
    return match[1] if match else None


def kinds_of(layer_class: str, count: int) -> Sequence[str]:
    """What the variables of a layer are, by its class; nothing where it is none that is known.

    Normalisation with three has no factor, as in all of ``keras.applications``.
    """
    kinds = _CLASSES.get(_counted(layer_class)[0], ())
    return kinds[-count:] if "gamma" in kinds else kinds[:count]


def numbered(names: Iterable[str]) -> dict[str, str]:
    """The names that layers have in a new session of Keras, by those that they have.

    Layers without a name of their own are counted by class, through all models of a session.

    >>> numbered(["conv2d_96", "conv2d_95", "predictions"])
    {'conv2d_96': 'conv2d_1', 'conv2d_95': 'conv2d', 'predictions': 'predictions'}
    """
    found, groups = {}, defaultdict[str, list[tuple[int, str]]](list)
    for name in names:
        parent, dot, own = name.rpartition(".")
        counted, number = _counted(own)
        found[name] = name
        if counted:
            groups[f"{parent}{dot}{counted}"].append((number, name))
    for first, members in groups.items():
        for index, (_, name) in enumerate(sorted(members)):
            found[name] = f"{first}_{index}" if index else first
    return found


def _counted(name: str) -> tuple[str, int]:
    """The class of a layer that was counted, and its number; no class where it has a name of its
    own."""
    match = _COUNTED.fullmatch(name)
    return (_OLD.get(match[1], match[1]), int(match[2] or 0)) if match else ("", 0)


def tensor_of(layer: str, kind: str) -> str:
    """The name of a layer's variable: of a depthwise kernel, ``layer/depthwise.weight``."""
    return layer + _TENSORS.get(kind, f".{kind}")


def placed(array: Array, kind: str) -> Array:
    """A variable with its axes in torch's order.

    A kernel is (height, width, in, out), a depthwise one (height, width, in, multiplier), that of a
    dense layer (in, out).
    """
    if kind == "depthwise_kernel" and array.ndim == 4:
        return array.transpose(2, 3, 0, 1).reshape(-1, 1, *array.shape[:2])
    if kind in ("kernel", "pointwise_kernel", "W"):
        return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T
    return array
