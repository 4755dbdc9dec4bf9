"""Numbers that depend on a name alone, the same on every machine and with every library.

A tensor's elements are the successive outputs of SplitMix64 (Steele, Lea & Flood 2014, "Fast
splittable pseudorandom number generators", figure 16), which starts at a hash of the tensor's name.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

__all__ = ["image", "tensor", "uniform"]

Array = NDArray[np.float64]

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
CHUNK = 1 << 15  # of numbers: what stays in a processor's cache


def uniform(name: str, count: int) -> Array:
    """``count`` numbers from [-1, 1), exact multiples of 2⁻⁵²."""
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "little")
    found = np.empty(count)
    steps = np.arange(1, CHUNK + 1, dtype=np.uint64) * np.uint64(GOLDEN_GAMMA)
    for start in range(0, count, CHUNK):
        part = found[start : start + CHUNK]
        offset = (seed + start * GOLDEN_GAMMA) % 2**64
        bits = _mixed(steps[: len(part)] + np.uint64(offset))
        np.multiply(bits >> np.uint64(11), 2.0**-52, out=part)
        part -= 1.0
    return found


def _mixed(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def tensor(name: str, shape: Sequence[int]) -> Array:
    """A tensor of a layer in torch's layout, by its name, such as ``conv1.weight``.

    Kernels have variance 2 / fan_in, which keeps a signal's size through convolution and ReLU (He
    et al. 2015, arXiv:1502.01852, section 2.2), depthwise ones 1 / fan_in, since no ReLU follows
    them. The rest is near what it starts as in training.

    Raises:
        KeyError: the name's last part is none that a layer has.
    """
    if len(shape) > 1:
        gain = 1 if shape[1] == 1 else 2
        spread = math.sqrt(3 * gain / math.prod(shape[1:]))
        return spread * uniform(name, math.prod(shape)).reshape(shape)
    centre, spread = {
        "weight": (1.0, 0.2),
        "bias": (0.0, 0.1),
        "running_mean": (0.0, 0.1),
        "running_var": (1.0, 0.5),
    }[name.rpartition(".")[2]]
    return centre + spread * uniform(name, *shape)


def image(shape: Sequence[int]) -> Array:
    """Input images of mean 0 and variance 1, (batch, channels, height, width)."""
    return math.sqrt(3) * uniform("image", math.prod(shape)).reshape(shape)
