"""Rules by which ATen operators are read: small ones, which fill one table."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from inceptgraph.ops import (
    Operation,
    activation,
    arrange,
    conv,
    linear,
    merge,
    norm,
    pool,
    reshape,
    shape,
)
from inceptgraph.types import AXES, extent_names
from inceptgraph_dynamo.reading import Held, Reading, reads, reads_both
from inceptgraph_dynamo.values import Constant, Data, Unreadable

__all__: list[str] = []

aten = torch.ops.aten
Make = Callable[[Tensor], Tensor]


def _same(tensor: Tensor) -> Tensor:
    return tensor


def _need(holds: bool, reason: str) -> None:
    if not holds:
        raise Unreadable(reason)


def _plain(op: Operation, *operands: Data) -> Reading:
    return Reading((op,), operands)


def _axis(x: Data, dim: int) -> int:
    return dim % x.tensor.dim()


def _name(x: Data, dim: int) -> Any:
    """The name of an axis, which is not that of the batch."""
    axis = _axis(x, dim)
    _need(axis > 0, "it is over the batch")
    return ("channels", *AXES[len(x.shape) - 1])[axis - 1]


def _number(x: Any) -> float:
    _need(isinstance(x, int | float) and not isinstance(x, bool), "its constant is no number")
    return float(x)


def _pair(numbers: Any) -> tuple[int, int]:
    """Height and width; torch writes one number for both, too."""
    numbers = numbers if isinstance(numbers, list | tuple) else [numbers]
    return numbers[0], numbers[-1]


def _held(make: Make = _same, **constants: Any) -> dict[str, Held]:
    """Weights by name, without those that are None."""
    given = {name: constant for name, constant in constants.items() if constant is not None}
    _need(all(isinstance(c, Constant) for c in given.values()), "its weights depend on data")
    return {name: Held(constant, make) for name, constant in given.items()}


def _channels(x: Data, constant: Constant, make: Make = _same) -> Held:
    """A constant with one number a channel, or one for all, as a vector."""
    extents = (1,) * (x.tensor.dim() - len(constant.extents)) + constant.extents
    fits = len(extents) == x.tensor.dim() and {extents[0], *extents[2:]} == {1}
    _need(fits and extents[1] in (1, x.shape[0]), "its constant is not one number a channel")
    return Held(constant, lambda tensor: make(tensor).reshape(-1).expand(x.shape[0]))


# -- convolutions and linear layers ---------------------------------------------------------------


@reads(aten.convolution.default)
def _convolution(
    x: Data,
    weight: Any,
    bias: Any,
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
) -> Reading:
    held = _held(weight=weight, bias=bias)
    _need(not transposed, "it is a transposed convolution")
    out, _, *kernel = weight.extents
    settings: dict[str, Any] = {"kernel": tuple(kernel), "bias": bias is not None}
    settings |= {"stride": _pair(stride), "padding": _pair(padding), "dilation": _pair(dilation)}
    inputs = x.shape[0]
    if groups == inputs > 1:
        op = conv.DepthwiseConv2d.model_validate({**settings, "multiplier": out // inputs})
        return Reading((op,), (x,), held)
    whole = conv.Conv2d.model_validate({**settings, "out": out, "groups": groups})
    return Reading((whole,), (x,), held)


@reads(aten.addmm.default)
def _addmm(bias: Any, x: Data, matrix: Any, beta: float, alpha: float) -> Reading:
    _need(beta == alpha == 1, "it scales its terms")
    held = _held(bias=bias) | _held(torch.t, weight=matrix)
    return Reading((linear.Linear(out=matrix.extents[-1]),), (x,), held)


@reads(aten.mm.default)
def _mm(x: Data, matrix: Any) -> Reading:
    held = _held(torch.t, weight=matrix)
    return Reading((linear.Linear(out=matrix.extents[-1], bias=False),), (x,), held)


# -- normalisation --------------------------------------------------------------------------------


@reads_both(operator.getitem, aten._native_batch_norm_legit_no_training.default)
def _batch_norm(
    index: int, x: Data, weight: Any, bias: Any, mean: Any, var: Any, momentum: float, eps: float
) -> Reading:
    _need(index == 0, "it is not the result of the normalisation")
    op = norm.BatchNorm(eps=eps, scale=weight is not None, shift=bias is not None)
    held = _held(weight=weight, bias=bias, running_mean=mean, running_var=var)
    return Reading((op,), (x,), held)


# -- pooling --------------------------------------------------------------------------------------


def _window(kernel: Any, stride: Any, padding: Any, ceil: bool) -> dict[str, Any]:
    window = {"kernel": _pair(kernel), "stride": _pair(stride or kernel)}
    return {**window, "padding": _pair(padding), "ceil": ceil}


@reads_both(operator.getitem, aten.max_pool2d_with_indices.default)
def _max_pool(
    index: int, x: Data, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil: bool
) -> Reading:
    _need(index == 0, "it is the place of a maximum")
    _need(_pair(dilation) == (1, 1), "its window is dilated")
    op = pool.MaxPool.model_validate(_window(kernel, stride, padding, ceil))
    return _plain(op.settled(x.shape), x)


@reads(aten.avg_pool2d.default)
def _avg_pool(
    x: Data, kernel: Any, stride: Any, padding: Any, ceil: bool, counted: bool, divisor: int | None
) -> Reading:
    _need(divisor is None, "it has a divisor of its own")
    window = _window(kernel, stride, padding, ceil)
    op = pool.AvgPool.model_validate({**window, "count_include_pad": counted})
    return _plain(op.settled(x.shape), x)


@reads(aten._adaptive_avg_pool2d.default)
def _adaptive_avg_pool(x: Data, size: list[int]) -> Reading:
    return _plain(pool.AdaptiveAvgPool.model_validate({"size": _pair(size)}), x)


@reads_both(operator.getitem, aten.adaptive_max_pool2d.default)
def _adaptive_max_pool(index: int, x: Data, size: list[int]) -> Reading:
    _need(index == 0, "it is the place of a maximum")
    return _plain(pool.AdaptiveMaxPool.model_validate({"size": _pair(size)}), x)


@reads(aten.mean.dim)
def _mean(x: Data, dims: list[int] | None, keep: bool, dtype: Any) -> Reading:
    return _over_map(pool.GlobalAvgPool(), x, dims, keep)


@reads(aten.amax.default)
def _amax(x: Data, dims: list[int], keep: bool) -> Reading:
    return _over_map(pool.GlobalMaxPool(), x, dims, keep)


def _over_map(op: Operation, x: Data, dims: list[int] | None, keep: bool) -> Reading:
    whole = dims is not None and {_axis(x, dim) for dim in dims} == {2, 3}
    _need(whole, "it is not over height and width")
    return Reading((op,) if keep else (op, shape.Flatten()), (x,))


# -- activations ----------------------------------------------------------------------------------

_WITHOUT_SETTINGS: dict[Any, Operation] = {
    aten.relu.default: activation.Relu(),
    aten.silu.default: activation.Silu(),
    aten.mish.default: activation.Mish(),
    aten.sigmoid.default: activation.Sigmoid(),
    aten.hardsigmoid.default: activation.HardSigmoid(),
    aten.hardswish.default: activation.HardSwish(),
    aten.tanh.default: activation.Tanh(),
}
for _target, _op in _WITHOUT_SETTINGS.items():
    reads(_target)(lambda x, op=_op: _plain(op, x))


@reads(aten.hardtanh.default, aten.clamp.default)
def _clamp(x: Data, least: Any, most: Any) -> Reading:
    known = {(0, None): activation.Relu(), (0, 6): activation.Relu6()}
    _need((least, most) in known, "it cuts off elsewhere than ReLU and ReLU6")
    return _plain(known[least, most], x)


@reads(aten.clamp_min.default)
def _clamp_min(x: Data, least: Any) -> Reading:
    return _clamp(x, least, None)


@reads(aten.gelu.default)
def _gelu(x: Data, approximate: str) -> Reading:
    return _plain(activation.Gelu.model_validate({"approximate": approximate}), x)


@reads(aten.leaky_relu.default)
def _leaky_relu(x: Data, slope: float) -> Reading:
    return _plain(activation.LeakyRelu(slope=_number(slope)), x)


@reads(aten.elu.default)
def _elu(x: Data, alpha: float, scale: float, input_scale: float) -> Reading:
    _need(scale == input_scale == 1, "it is scaled")
    return _plain(activation.Elu(alpha=_number(alpha)), x)


@reads(aten.softplus.default)
def _softplus(x: Data, beta: float, threshold: float) -> Reading:
    _need((beta, threshold) == (1, 20), "it is scaled")
    return _plain(activation.Softplus(), x)


@reads(aten._prelu_kernel.default)
def _prelu(x: Data, slope: Any) -> Reading:
    _need(isinstance(slope, Constant), "its weights depend on data")
    return Reading((activation.Prelu(),), (x,), {"weight": _channels(x, slope)})


@reads(aten._softmax.default)
def _softmax(x: Data, dim: int, half_to_float: bool) -> Reading:
    return _plain(activation.Softmax(over=_name(x, dim)), x)


@reads(aten._log_softmax.default)
def _log_softmax(x: Data, dim: int, half_to_float: bool) -> Reading:
    return _plain(activation.LogSoftmax(over=_name(x, dim)), x)


# -- sums and products ----------------------------------------------------------------------------


@reads(aten.cat.default)
def _cat(parts: list[Any], dim: int) -> Reading:
    _need(all(isinstance(part, Data) for part in parts), "it joins data and constants")
    _need(all(_axis(part, dim) == 1 for part in parts), "it does not join channels")
    return _plain(merge.Concat(), *parts)


@reads(aten.add.Tensor, aten.add.Scalar)
def _add(x: Any, y: Any, alpha: float) -> Reading:
    if isinstance(x, Constant) and alpha == 1:
        x, y = y, x
    if isinstance(y, Constant):
        bias = _channels(x, y, lambda tensor: tensor * alpha)
        return Reading((norm.Affine(scale=False),), (x,), {"bias": bias})
    if not isinstance(y, Data):
        return _plain(shape.Scale(offset=_number(y) * _number(alpha)), x)
    _need(alpha == 1, "it scales a term")
    return _plain(merge.Add(), x, y)


@reads(aten.sub.Tensor, aten.sub.Scalar)
def _sub(x: Any, y: Any, alpha: float) -> Reading:
    _need(isinstance(x, Data) and not isinstance(y, Data), "it subtracts data")
    return _add(x, y, -_number(alpha))


@reads(aten.rsub.Scalar)
def _rsub(x: Data, y: Any, alpha: float) -> Reading:
    return _plain(shape.Scale(factor=-_number(alpha), offset=_number(y)), x)


@reads(aten.neg.default)
def _neg(x: Data) -> Reading:
    return _plain(shape.Scale(factor=-1.0), x)


@reads(aten.mul.Tensor, aten.mul.Scalar)
def _mul(x: Any, y: Any) -> Reading:
    if isinstance(x, Constant):
        x, y = y, x
    if isinstance(y, Constant):
        return _factor(x, y)
    if not isinstance(y, Data):
        return _plain(shape.Scale(factor=_number(y)), x)
    return _plain(merge.Multiply(), x, y)


@reads(aten.div.Tensor, aten.div.Scalar)
def _div(x: Any, y: Any) -> Reading:
    _need(isinstance(x, Data) and not isinstance(y, Data), "it divides by data")
    if isinstance(y, Constant):
        return _factor(x, y, lambda tensor: 1 / tensor.double())
    _need(y != 0, "it divides by zero")
    return _plain(shape.Scale(factor=1 / _number(y)), x)


def _factor(x: Data, y: Constant, make: Make = _same) -> Reading:
    return Reading((norm.Affine(shift=False),), (x,), {"weight": _channels(x, y, make)})


# -- what only moves numbers ----------------------------------------------------------------------


@reads(aten.clone.default)
def _clone(x: Data, memory_format: Any) -> Reading:
    return _plain(shape.Identity(), x)


@reads(aten.alias.default, aten.detach.default)
def _alias(x: Data) -> Reading:
    return _plain(shape.Identity(), x)


@reads(aten.view.default, aten._unsafe_view.default)
def _view(x: Data, size: Any) -> Reading:
    wanted = tuple("rest" if extent == -1 else extent for extent in size[1:])
    if wanted == x.shape:
        return _plain(shape.Identity(), x)
    if len(wanted) == 1:
        return _plain(shape.Flatten(), x)
    names = extent_names(len(wanted) - 1)
    return _plain(reshape.Reshape.model_validate(dict(zip(names, wanted, strict=True))), x)


@reads(aten.as_strided.default)
def _as_strided(x: Data, size: Any, stride: Any, offset: Any) -> Reading:
    """What torch makes of a pool to one pixel with channels last: the same numbers in order."""
    in_order = len(size) == x.tensor.dim() and tuple(stride[:2]) == (x.shape[0], 1)
    _need(in_order and x.shape[1:] == (1, 1) and not offset, "its place in memory is read")
    return _plain(shape.Identity(), x)


@reads(aten.constant_pad_nd.default)
def _pad(x: Data, pixels: list[int], number: Any) -> Reading:
    left, right, top, bottom = [*pixels, 0, 0, 0, 0][:4]
    _need(not any(pixels[4:]), "it pads channels or samples")
    border = {"border": (top, bottom, left, right), "value": _number(number)}
    return _plain(shape.Pad.model_validate(border), x)


@reads(aten.slice.Tensor)
def _slice(x: Data, dim: int, start: Any, stop: Any, step: int) -> Reading:
    axis = _axis(x, dim)
    if axis == 0:  # that the rest is there: read()
        _need(start in (None, 0) and step == 1, "it takes some of the samples")
        return _plain(shape.Identity(), x)
    extent = x.shape[axis - 1]
    first, last, _ = slice(start, stop).indices(extent)
    if step > 1:
        return _plain(arrange.Slice(over=_name(x, dim), start=first, stop=last, step=step), x)
    if axis == 1:
        return _plain(shape.Channels(start=first, stop=last), x)
    edges = [0, 0, 0, 0]
    edges[2 * axis - 4 : 2 * axis - 2] = first, extent - last
    return _plain(shape.Crop.model_validate({"border": edges}), x)


@reads_both(aten.unsqueeze.default, aten.select.int)
def _select(place: int, x: Data, dim: int, index: int) -> Reading:
    _need(place in (1, -3) and _axis(x, dim) == 1, "it does not take a channel")
    first = index % x.shape[0]
    return _plain(shape.Channels(start=first, stop=first + 1), x)


@reads_both(operator.getitem, aten.split.Tensor)
def _split(index: int, x: Data, size: int, dim: int) -> Reading:
    _need(_axis(x, dim) == 1, "it does not split channels")
    stop = min((index + 1) * size, x.shape[0])
    return _plain(shape.Channels(start=index * size, stop=stop), x)


@reads_both(operator.getitem, aten.split_with_sizes.default)
def _split_with_sizes(index: int, x: Data, sizes: list[int], dim: int) -> Reading:
    _need(_axis(x, dim) == 1, "it does not split channels")
    start = sum(sizes[:index])
    return _plain(shape.Channels(start=start, stop=start + sizes[index]), x)
