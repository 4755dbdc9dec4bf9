"""TensorFlow's names and axes, as TF-slim has them, in torch's terms."""

from __future__ import annotations

import math

from inceptgraph.types import TensorInfo

__all__ = ["axes_of", "in_torch", "name_of"]

_DEPTHWISE = "/depthwise_weights"
_ENDS = {
    "/BatchNorm/gamma": ".bn.weight",
    "/BatchNorm/beta": ".bn.bias",
    "/BatchNorm/moving_mean": ".bn.running_mean",
    "/BatchNorm/moving_variance": ".bn.running_var",
    _DEPTHWISE: ".depthwise.weight",
    "/pointwise_weights": ".conv.weight",
    "/weights": ".conv.weight",
    "/biases": ".conv.bias",
}


def name_of(name: str) -> str:
    """A variable's name, as a layer's path and what the tensor is of it.

    >>> name_of("InceptionV1/Conv2d_1a_7x7/BatchNorm/beta")
    'InceptionV1/Conv2d_1a_7x7.bn.bias'
    """
    for end, ours in _ENDS.items():
        if name.endswith(end):
            return name.removesuffix(end) + ours
    return name


def axes_of(name: str, rank: int) -> tuple[int, ...] | None:
    """The variable's axes in torch's order; None where they are in it.

    A kernel is (height, width, in, out), that of a depthwise convolution (height, width, in,
    multiplier), and a matrix (in, out).
    """
    if not name.endswith("weights") or rank not in (2, 4):
        return None
    if rank == 2:
        return (1, 0)
    return (2, 3, 0, 1) if name.endswith(_DEPTHWISE) else (3, 2, 0, 1)


def in_torch(name: str, info: TensorInfo) -> TensorInfo:
    """A variable's shape in torch's order; the channels of a depthwise kernel are (in × multiplier,
    1)."""
    axes = axes_of(name, len(info.shape))
    if axes is None:
        return info
    shape = tuple(info.shape[axis] for axis in axes)
    if name.endswith(_DEPTHWISE):
        shape = (math.prod(shape[:2]), 1, *shape[2:])
    return TensorInfo(shape, info.dtype)
