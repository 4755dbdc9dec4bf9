"""Initial weights, as the spec says, from a seed.

Every tensor has a generator of its own, seeded by the seed and the tensor's name: a step that an
edit did not touch starts the same in the base and in the variant. Numbers are drawn in float32 on
the device that holds them, so that a model in another dtype is the rounded one.
"""

from __future__ import annotations

import hashlib
import math
from functools import singledispatch

import torch
from torch import Tensor

from inceptgraph.ops import Weight
from inceptgraph.ops.initializers import Constant, Normal, Uniform, VarianceScaling

__all__ = ["initialize", "tensor_seed"]

# Standard deviation of the standard normal cut off at ±2
_TRUNCATED_STD = 0.87962566103423978


def tensor_seed(seed: int, name: str) -> int:
    """The seed of one tensor, from the model's seed and the tensor's name."""
    digest = hashlib.sha256(f"{seed}:{name}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def initialize(tensor: Tensor, weight: Weight, seed: int) -> None:
    """Fill ``tensor`` in place.

    Args:
        tensor: the parameter or buffer, of any dtype and device.
        weight: what the operation says of it.
        seed: from :func:`tensor_seed`.
    """
    if tensor.is_meta:
        return  # there is nothing to fill
    if isinstance(weight.init, Constant):
        tensor.fill_(weight.init.value)
        return
    generator = torch.Generator(tensor.device).manual_seed(seed)
    draft = tensor
    if tensor.dtype != torch.float32 or not tensor.is_contiguous():
        draft = torch.empty(tensor.shape, dtype=torch.float32, device=tensor.device)
    _draw(weight.init, draft, weight, generator)
    if draft is not tensor:
        tensor.copy_(draft)


@singledispatch
def _draw(scheme: object, out: Tensor, weight: Weight, generator: torch.Generator) -> None:
    raise NotImplementedError(type(scheme).__name__)


@_draw.register
def _(scheme: Normal, out: Tensor, weight: Weight, generator: torch.Generator) -> None:
    if scheme.bound is None:
        out.normal_(scheme.mean, scheme.std, generator=generator)
    else:
        _truncated_normal(out, scheme.mean, scheme.std, scheme.bound, generator)


@_draw.register
def _(scheme: Uniform, out: Tensor, weight: Weight, generator: torch.Generator) -> None:
    out.uniform_(scheme.low, scheme.high, generator=generator)


@_draw.register
def _(scheme: VarianceScaling, out: Tensor, weight: Weight, generator: torch.Generator) -> None:
    fans = {
        "fan_in": weight.fan_in,
        "fan_out": weight.fan_out,
        "fan_avg": (weight.fan_in + weight.fan_out) / 2,
    }
    std = math.sqrt(scheme.scale / fans[scheme.mode])
    if scheme.distribution == "uniform":
        limit = math.sqrt(3) * std
        out.uniform_(-limit, limit, generator=generator)
    elif scheme.distribution == "normal":
        out.normal_(0.0, std, generator=generator)
    else:
        _truncated_normal(out, 0.0, std / _TRUNCATED_STD, 2.0, generator)


def _truncated_normal(
    out: Tensor, mean: float, std: float, bound: float, generator: torch.Generator
) -> None:
    # By the inverse of the distribution function: one pass, and the same in every torch version.
    # float32 has nothing between the second limit and 1, where the inverse is infinite.
    limit = min(math.erf(bound / math.sqrt(2)), 1 - 2**-24)
    out.uniform_(-limit, limit, generator=generator).erfinv_()
    out.mul_(std * math.sqrt(2)).add_(mean).clamp_(mean - bound * std, mean + bound * std)
