"""What every operation computes, from its documentation alone: what rules are held against.

Windows are gathered by index, so that no padding, pooling or convolution of torch stands behind
both sides of a comparison.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from itertools import product
from typing import Any

import torch
from torch import Tensor

__all__ = ["DEFINITIONS", "batch_norm"]

Definition = Callable[..., Tensor]


def sides_of_axis(op: Any, axis: int, extent: int) -> tuple[int, int]:
    """Padding before and after. `same` is TensorFlow's: the least that gives ceil(n / stride)
    windows, the odd pixel at the end."""
    reach = dilation(op)[axis] * (op.kernel[axis] - 1) + 1
    if op.padding == "valid":
        return 0, 0
    if op.padding != "same":
        return op.padding[2 * axis], op.padding[2 * axis + 1]
    wanted = math.ceil(extent / op.stride[axis])
    total = 0
    while len(range(0, extent + total - reach + 1, op.stride[axis])) < wanted:
        total += 1
    return total // 2, total - total // 2


def dilation(op: Any) -> tuple[int, ...]:
    return getattr(op, "dilation", (1,) * len(op.kernel))


def starts(op: Any, axis: int, extent: int) -> list[int]:
    """Where windows start, on the axis whose first pixel is 0."""
    before, after = sides_of_axis(op, axis, extent)
    reach = dilation(op)[axis] * (op.kernel[axis] - 1) + 1
    found = [-before]
    while True:
        following = found[-1] + op.stride[axis]
        fits = following + reach <= extent + after
        # with `ceil`, something is left over and the window does not start behind the map
        rounded = getattr(op, "ceil", False) and op.padding != "same"
        if not fits and not (rounded and found[-1] + reach < extent + after and following < extent):
            return found
        found.append(following)


def gathered(x: Tensor, positions: list[Tensor]) -> Tensor:
    """Of each axis of maps the pixels at some positions: a matrix of (outputs, taps) for each axis
    gives (batch, channels, outputs of each axis, taps of each axis)."""
    rank = len(positions)
    for axis, at in enumerate(positions):
        x = (
            x.index_select(2 + axis, at.flatten())
            .unflatten(2 + axis, at.shape)
            .movedim(3 + axis, -1)
        )
    assert x.dim() == 2 + 2 * rank
    return x


def windows(op: Any, x: Tensor, fill: float) -> Tensor:
    """(batch, channels, outputs of each axis, taps of each axis)."""
    positions, inside = [], []
    for axis in range(x.dim() - 2):
        extent = x.shape[2 + axis]
        taps = torch.arange(op.kernel[axis]) * dilation(op)[axis]
        at = torch.tensor(starts(op, axis, extent))[:, None] + taps
        inside.append((at >= 0) & (at < extent))
        positions.append(at.clamp(0, extent - 1))
    there = torch.tensor(True)
    for axis, mask in enumerate(inside):
        shape = [1] * (2 * len(inside))
        shape[axis], shape[len(inside) + axis] = mask.shape
        there = there & mask.reshape(shape)
    return torch.where(there, gathered(x, positions), fill)


LETTERS = ("yi", "yxij", "zyxkij")
"""Of the outputs along each axis, then of the taps."""


def convolution(op: Any, x: Tensor, groups: int, weight: Tensor, bias: Tensor | None) -> Tensor:
    rank = x.dim() - 2
    places, taps = LETTERS[rank - 1][:rank], LETTERS[rank - 1][rank:]
    found = windows(op, x, 0.0).unflatten(1, (groups, -1))
    sum_of = f"ngc{places}{taps},goc{taps}->ngo{places}"
    result = torch.einsum(sum_of, found, weight.unflatten(0, (groups, -1)))
    result = result.flatten(1, 2)
    return result if bias is None else result + per_channel(bias, result, 0)


def average(op: Any, x: Tensor) -> Tensor:
    rank = x.dim() - 2
    count = torch.ones([1] * rank)
    for axis in range(rank):
        extent = x.shape[2 + axis]
        before, after = sides_of_axis(op, axis, extent)
        low, high = (-before, extent + after) if op.count_include_pad else (0, extent)
        taps = [
            [low <= s + i < high for i in range(op.kernel[axis])] for s in starts(op, axis, extent)
        ]
        shape = [1] * rank
        shape[axis] = len(taps)
        count = count * torch.tensor(taps).sum(1).reshape(shape)
    return windows(op, x, 0.0).flatten(-rank).sum(-1) / count


def maximum(op: Any, x: Tensor) -> Tensor:
    return windows(op, x, -math.inf).flatten(2 - x.dim()).amax(-1)


def adaptive(x: Tensor, size: tuple[int, ...], reduce: Callable[[Tensor], Tensor]) -> Tensor:
    """Windows of each output, one at a time."""

    def spans(extent: int, count: int) -> list[slice]:
        return [slice(i * extent // count, -(-(i + 1) * extent // count)) for i in range(count)]

    axes = [spans(extent, count) for extent, count in zip(x.shape[2:], size, strict=True)]
    every = slice(None)
    found = [reduce(x[(every, every, *window)].flatten(2)) for window in product(*axes)]
    return torch.stack(found, -1).unflatten(-1, size)


def whole(x: Tensor) -> tuple[int, ...]:
    return (1,) * (x.dim() - 2)


def lrn(op: Any, x: Tensor) -> Tensor:
    """For an even size the window reaches one further back, as torch has it."""
    channels, half = x.shape[1], op.size // 2
    result = []
    for c in range(channels):
        window = x[:, max(c - half, 0) : min(c + (op.size - 1) // 2 + 1, channels)]
        total = (window**2).sum(1)
        result.append(x[:, c] / (op.k + op.alpha / op.size * total) ** op.beta)
    return torch.stack(result, 1)


def per_channel(tensor: Tensor | None, x: Tensor, default: float) -> Tensor:
    if tensor is None:
        return torch.tensor(default, dtype=x.dtype)
    return tensor.reshape(1, -1, *[1] * (x.dim() - 2))


def constants(value: float | tuple[float, ...], x: Tensor) -> Tensor:
    numbers = torch.as_tensor(value, dtype=x.dtype)
    return per_channel(numbers, x, 0) if numbers.dim() else numbers


def batch_norm(op: Any, x: Tensor, mean: Tensor, var: Tensor, w: dict[str, Tensor]) -> Tensor:
    normal = (x - per_channel(mean, x, 0)) / (per_channel(var, x, 1) + op.eps).sqrt()
    return normal * per_channel(w.get("weight"), x, 1) + per_channel(w.get("bias"), x, 0)


def average_of(x: Tensor) -> Tensor:
    return x.mean(2)


def maximum_of(x: Tensor) -> Tensor:
    return x.amax(2)


def padded(op: Any, x: Tensor) -> Tensor:
    for axis, extent in enumerate(x.shape[2:]):
        before, after = op.border[2 * axis : 2 * axis + 2]
        if op.mode != "constant":
            read = [mirrored(op.mode, at, extent) for at in range(-before, extent + after)]
            x = torch.stack([x.select(2 + axis, at) for at in read], 2 + axis)
            continue
        rows = [op.value * torch.ones_like(x.select(2 + axis, 0))]
        kept = x.unbind(2 + axis)
        x = torch.stack([*rows * before, *kept, *rows * after], 2 + axis)
        assert x.shape[2 + axis] == before + extent + after
    return x


def mirrored(mode: str, at: int, extent: int) -> int:
    """Where on the map what stands at a place beside it is."""
    last = extent - 1
    if mode == "replicate":
        return sorted((0, at, last))[1]
    return at % extent if mode == "circular" else last - abs(last - abs(at))


def cropped(op: Any, x: Tensor) -> Tensor:
    for axis, extent in enumerate(x.shape[2:]):
        before, after = op.border[2 * axis : 2 * axis + 2]
        x = x.index_select(2 + axis, torch.arange(before, extent - after))
    return x


def phi(x: Tensor) -> Tensor:
    return (1 + torch.erf(x / math.sqrt(2))) / 2


def gelu(op: Any, x: Tensor) -> Tensor:
    if op.approximate == "none":
        return x * phi(x)
    return x / 2 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def sigmoid(x: Tensor) -> Tensor:
    return 1 / (1 + torch.exp(-x))


def softplus(x: Tensor) -> Tensor:
    return torch.log1p(torch.exp(x))


def hard_sigmoid(x: Tensor) -> Tensor:
    return (x / 6 + 0.5).clamp(0, 1)


def softmax(op: Any, x: Tensor) -> Tensor:
    return torch.exp(x) / over(op, torch.exp(x), lambda rows: rows.sum(-1))


def each_number(join: Callable[[Tensor], Tensor], *operands: Tensor) -> Tensor:
    """What joins a column of numbers, one of each operand, of all of their columns."""
    rank = operands[0].dim()
    extents = [max(x.shape[axis] for x in operands) for axis in range(rank)]
    at = torch.meshgrid(*map(torch.arange, extents), indexing="ij")
    spread = [x[tuple(i % n for i, n in zip(at, x.shape, strict=True))] for x in operands]
    return join(torch.stack(spread))


def names_of(x: Tensor) -> list[str]:
    names = {2: ["channels"], 3: ["channels", "length"], 4: ["channels", "height", "width"]}
    names[5] = ["channels", "frames", "height", "width"]
    return names[x.dim()]


def along(op: Any, x: Tensor) -> list[int]:
    """The axes of a batch that an operation names."""
    own, words = names_of(x), [op.over] if isinstance(op.over, str) else op.over
    spread = [n for word in words for n in (own[1:] if word == "space" else [word])]
    return sorted({own.index(name) + 1 for name in spread})


def over(op: Any, x: Tensor, join: Callable[[Tensor], Tensor]) -> Tensor:
    """What joins a row of numbers, of those along some axes, which stay with an extent of 1."""
    axes = along(op, x)
    kept = [axis for axis in range(x.dim()) if axis not in axes]
    rows = x.permute(*kept, *axes).flatten(len(kept))
    shape = [1 if axis in axes else n for axis, n in enumerate(x.shape)]
    return join(rows).reshape(shape)


def standard(op: Any, rows: Tensor, centred: bool = True) -> Tensor:
    """Rows of numbers with a mean of 0, if they are centred, and a mean square of 1."""
    rows = rows - rows.sum(-1, keepdim=True) / rows.shape[-1] if centred else rows
    return rows * ((rows**2).sum(-1, keepdim=True) / rows.shape[-1] + op.eps) ** -0.5


def in_groups(op: Any, x: Tensor, groups: int, w: dict[str, Tensor]) -> Tensor:
    normal = standard(op, x.reshape(len(x), groups, -1)).reshape(x.shape)
    return normal * per_channel(w.get("weight"), x, 1) + per_channel(w.get("bias"), x, 0)


def of_pixels_or_all(op: Any, x: Tensor, w: dict[str, Tensor], centred: bool) -> Tensor:
    axes = along(op, x)
    kept = [axis for axis in range(x.dim()) if axis not in axes]
    order = [*kept, *axes]
    moved = x.permute(order)
    rows = standard(op, moved.flatten(len(kept)), centred).reshape(moved.shape)
    rows = rows * w.get("weight", torch.ones(())) + w.get("bias", torch.zeros(()))
    return rows.permute([order.index(axis) for axis in range(x.dim())])


def length(rows: Tensor) -> Tensor:
    return torch.einsum("...i,...i->...", rows, rows) ** 0.5


def resized(op: Any, x: Tensor, *like: Tensor) -> Tensor:
    """Of each axis a matrix: how much of each pixel there is in each pixel of the output."""
    for axis in range(2, x.dim()):
        extent, factor = x.shape[axis], None
        if op.factor is not None:
            factor = op.factor[axis - 2]
            output = math.floor(extent * factor)
        elif op.size is not None:
            output = op.size[axis - 2]
        else:
            output = like[0].shape[axis]
        shares = torch.zeros(output, extent, dtype=x.dtype)
        for place in range(output):
            for tap, share in shares_of(op, place, extent, output, factor).items():
                shares[place, min(max(tap, 0), extent - 1)] += share
        x = (x.movedim(axis, -1) @ shares.T).movedim(-1, axis)
    return x


def shares_of(
    op: Any, place: int, extent: int, output: int, factor: float | None
) -> dict[int, float]:
    step = Fraction(extent, output) if factor is None else 1 / Fraction(factor)
    if op.mode == "nearest":
        return {math.floor(place * step): 1.0}
    at = (place + Fraction(1, 2)) * step - Fraction(1, 2)
    if op.align_corners:
        at = Fraction(place * (extent - 1), max(output - 1, 1))
    if op.mode != "bicubic":
        at = min(max(at, Fraction(0)), Fraction(extent - 1))
        near = {tap: 1 - abs(at - tap) for tap in range(-1, extent + 1)}
    else:
        near = {tap: keys(abs(at - tap)) for tap in range(-3, extent + 3)}
    return {tap: float(share) for tap, share in near.items() if op.mode == "bicubic" or share > 0}


def keys(x: Fraction) -> Fraction:
    """Keys's cubic kernel (1981), with a of -3/4, as a polynomial of two pieces."""
    a = Fraction(-3, 4)
    if x <= 1:
        return (a + 2) * x**3 - (a + 3) * x**2 + 1
    return a * x**3 - 5 * a * x**2 + 8 * a * x - 4 * a if x < 2 else Fraction(0)


def blocks(x: Tensor, factor: int) -> Tensor:
    """Pixel by pixel of the larger map, what is in a block of the smaller."""
    result = x.new_zeros(len(x), x.shape[1] // factor**2, *(n * factor for n in x.shape[2:]))
    for row in range(result.shape[2]):
        for column in range(result.shape[3]):
            within = row % factor * factor + column % factor
            result[:, :, row, column] = x[:, within :: factor**2, row // factor, column // factor]
    return result


def transposed(op: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Every pixel adds its window to the output, from which a border is cut."""
    groups = weight.unflatten(0, (op.groups, -1))
    x = x.unflatten(1, (op.groups, -1))
    axes = [*zip(x.shape[3:], op.stride, op.dilation, op.kernel, op.output_padding, strict=True)]
    extents = [(n - 1) * s + d * (k - 1) + 1 + more for n, s, d, k, more in axes]
    result = x.new_zeros(len(x), op.out, *extents)
    for place in product(*(range(n) for n, *_ in axes)):
        window = torch.einsum("ngc,gco...->ngo...", x[:, :, :, *place], groups).flatten(1, 2)
        for tap in product(*map(range, op.kernel)):
            at = [p * s + i * d for p, i, (_, s, d, *_) in zip(place, tap, axes, strict=True)]
            result[:, :, *at] += window[:, :, *tap]
    cuts = (slice(cut, n - cut) for cut, n in zip(op.padding, extents, strict=True))
    result = result[:, :, *cuts]
    return result if bias is None else result + bias.reshape(-1, *[1] * len(axes))


def reshaped(op: Any, x: Tensor, *like: Tensor) -> Tensor:
    """The first number is the first, the second the second, as places are counted in both."""
    fields = ["features", "channels", "length", "frames", "height", "width"]
    names = names_of(like[0]) if like else [n for n in fields if getattr(op, n) is not None]
    if like and like[0].dim() == 2:
        names = ["features"]
    asked = [getattr(op, n) or like[0].shape[1 + axis] for axis, n in enumerate(names)]
    known = math.prod(n for n in asked if n != "rest")
    shape = [math.prod(x.shape[1:]) // known if n == "rest" else n for n in asked]
    result = x.new_zeros(len(x), *shape)
    places = product(*map(range, shape)), product(*map(range, x.shape[1:]))
    for to, at in zip(*places, strict=True):
        result[(slice(None), *to)] = x[(slice(None), *at)]
    return result


def reordered(op: Any, x: Tensor) -> Tensor:
    own = names_of(x)
    extents = dict(zip(own, x.shape[1:], strict=True))
    result = x.new_zeros(len(x), *(extents[name] for name in op.order))
    for to in product(*map(range, result.shape[1:])):
        at = dict(zip(op.order, to, strict=True))
        result[(slice(None), *to)] = x[(slice(None), *(at[name] for name in own))]
    return result


def sliced(op: Any, x: Tensor) -> Tensor:
    """Some channels one after the other are the operation ``channels``, which has no axis."""
    axis = 1 + names_of(x).index(getattr(op, "over", "channels"))
    taken = x.unbind(axis)[op.start : op.stop : getattr(op, "step", 1)]
    return torch.stack(taken, axis)


# Of the operation, its weights by name, and its operands
DEFINITIONS: dict[str, Definition] = {
    "conv": lambda op, w, x: convolution(op, x, op.groups, w["weight"], w.get("bias")),
    "depthwise_conv": lambda op, w, x: convolution(op, x, x.shape[1], w["weight"], w.get("bias")),
    "conv2d": lambda op, w, x: convolution(op, x, op.groups, w["weight"], w.get("bias")),
    "depthwise_conv2d": lambda op, w, x: convolution(op, x, x.shape[1], w["weight"], w.get("bias")),
    "conv_transpose": lambda op, w, x: transposed(op, x, w["weight"], w.get("bias")),
    "linear": lambda op, w, x: torch.einsum("ni,oi->no", x, w["weight"]) + w.get("bias", 0),
    "batch_norm": lambda op, w, x: batch_norm(op, x, w["running_mean"], w["running_var"], w),
    "lrn": lambda op, w, x: lrn(op, x),
    "affine": lambda op, w, x: (
        x * per_channel(w.get("weight"), x, 1) + per_channel(w.get("bias"), x, 0)
    ),
    "max_pool": lambda op, w, x: maximum(op, x),
    "avg_pool": lambda op, w, x: average(op, x),
    "adaptive_avg_pool": lambda op, w, x: adaptive(x, op.size, average_of),
    "adaptive_max_pool": lambda op, w, x: adaptive(x, op.size, maximum_of),
    "global_avg_pool": lambda op, w, x: adaptive(x, whole(x), average_of),
    "global_max_pool": lambda op, w, x: adaptive(x, whole(x), maximum_of),
    "group_norm": lambda op, w, x: in_groups(op, x, op.groups, w),
    "instance_norm": lambda op, w, x: in_groups(op, x, x.shape[1], w),
    "layer_norm": lambda op, w, x: of_pixels_or_all(op, x, w, centred=True),
    "rms_norm": lambda op, w, x: of_pixels_or_all(op, x, w, centred=False),
    "mean": lambda op, w, x: over(op, x, lambda rows: rows.sum(-1) / rows.shape[-1]),
    "sum": lambda op, w, x: over(op, x, lambda rows: rows.cumsum(-1)[..., -1]),
    "max": lambda op, w, x: over(op, x, lambda rows: rows.sort(-1).values[..., -1]),
    "l2_norm": lambda op, w, x: over(op, x, length),
    "l2_normalize": lambda op, w, x: x / over(op, x, length).clamp_min(op.eps),
    "abs": lambda op, w, x: torch.where(x < 0, -x, x),
    "power": lambda op, w, x: torch.stack([x] * int(op.exponent)).prod(0),
    "relu": lambda op, w, x: torch.where(x > 0, x, 0.0),
    "relu6": lambda op, w, x: x.clamp(0, 6),
    "leaky_relu": lambda op, w, x: torch.where(x > 0, x, op.slope * x),
    "prelu": lambda op, w, x: torch.where(x > 0, x, per_channel(w["weight"], x, 0) * x),
    "elu": lambda op, w, x: torch.where(x > 0, x, op.alpha * (torch.exp(x) - 1)),
    "gelu": lambda op, w, x: gelu(op, x),
    "silu": lambda op, w, x: x * sigmoid(x),
    "mish": lambda op, w, x: x * torch.tanh(softplus(x)),
    "sigmoid": lambda op, w, x: sigmoid(x),
    "hard_sigmoid": lambda op, w, x: hard_sigmoid(x),
    "hard_swish": lambda op, w, x: x * hard_sigmoid(x),
    "softplus": lambda op, w, x: softplus(x),
    "tanh": lambda op, w, x: 2 * sigmoid(2 * x) - 1,
    "softmax": lambda op, w, x: softmax(op, x),
    "log_softmax": lambda op, w, x: torch.log(softmax(op, x)),
    "concat": lambda op, w, *xs: torch.hstack(xs),
    "add": lambda op, w, *xs: each_number(lambda x: x.sum(0), *xs),
    "multiply": lambda op, w, *xs: each_number(lambda x: x.prod(0), *xs),
    "subtract": lambda op, w, *xs: each_number(lambda x: x[0] + -1 * x[1], *xs),
    "divide": lambda op, w, *xs: each_number(lambda x: x[0] * x[1] ** -1, *xs),
    "maximum": lambda op, w, *xs: each_number(lambda x: x.amax(0), *xs),
    "minimum": lambda op, w, *xs: each_number(lambda x: x.amin(0), *xs),
    "matmul": lambda op, w, a, b: (a.unsqueeze(-1) * b.unsqueeze(-3)).sum(-2),
    "dot": lambda op, w, a, b: over(
        op, each_number(lambda x: x.prod(0), a, b), lambda rows: rows.sum(-1)
    ),
    "identity": lambda op, w, x: x,
    "flatten": lambda op, w, x: x.reshape(len(x), -1),
    "dropout": lambda op, w, x: x,  # in evaluation
    "stochastic_depth": lambda op, w, x: x,  # likewise
    "scale": lambda op, w, x: constants(op.factor, x) * x + constants(op.offset, x),
    "resize": lambda op, w, *xs: resized(op, *xs),
    "pixel_shuffle": lambda op, w, x: blocks(x, op.factor),
    "pixel_unshuffle": lambda op, w, x: torch.stack(
        [x[:, :, i :: op.factor, j :: op.factor] for i, j in product(range(op.factor), repeat=2)], 2
    ).flatten(1, 2),
    "pad": lambda op, w, x: padded(op, x),
    "crop": lambda op, w, x: cropped(op, x),
    "channel_shuffle": lambda op, w, x: torch.cat(
        [x[:, i :: x.shape[1] // op.groups] for i in range(x.shape[1] // op.groups)], 1
    ),
    "channels": lambda op, w, x: torch.stack([*x.unbind(1)][op.start : op.stop], 1),
    "reshape": lambda op, w, *xs: reshaped(op, *xs),
    "transpose": lambda op, w, x: reordered(op, x),
    "slice": lambda op, w, x: sliced(op, x),
}
