"""The kernel that computes each operation: the one place that knows both vocabularies.

A package that adds an operation offers its rule through the entry-point group
``inceptgraph_native.rules``, under the operation's name. Such a rule may bring C++ of its own; see
:meth:`inceptgraph_native.codegen.emit.Emitter.define`.
"""

from __future__ import annotations

from functools import singledispatch

import numpy as np

from inceptgraph.backend import has_rule_in
from inceptgraph.ops import (
    Input,
    Operation,
    Sides,
    arrange,
    merge,
    norm,
    pointwise,
    pool,
    product,
    reduce,
    resample,
    reshape,
    sample_norm,
    shape,
    sides,
)
from inceptgraph.ops import activation as act
from inceptgraph.ops.axes import OverAxes
from inceptgraph.ops.conv import Conv, Conv2d, DepthwiseConv, DepthwiseConv2d
from inceptgraph.ops.conv_transpose import ConvTranspose
from inceptgraph.ops.linear import Linear
from inceptgraph_native.codegen.conv import convolution
from inceptgraph_native.codegen.emit import Emitter, braces, number
from inceptgraph_native.codegen.fusion import Fuses, Unit, fuses, fusing
from inceptgraph_native.codegen.resampling import taps

__all__ = ["ABSENT", "ENTRY_POINTS", "can_fuse", "has_rule", "rule"]

ENTRY_POINTS = "inceptgraph_native.rules"


@singledispatch
def rule(op: Operation, unit: Unit, emit: Emitter) -> None:
    """Write the call that computes a unit.

    Args:
        op: of the unit's first step.
        unit: what is computed.
        emit: where to write.

    Raises:
        NotImplementedError: there is no kernel.
    """
    if not has_rule_in(
        rule, type(op), ENTRY_POINTS
    ):  # which registers the rule that a package offers
        raise NotImplementedError(f"there is no kernel for {op.op}")
    rule(op, unit, emit)


def has_rule(kind: type[Operation]) -> bool:
    """Whether there is a kernel for an operation, here or in an installed package, or none is
    needed."""
    return kind.random or kind in _WITHOUT or has_rule_in(rule, kind, ENTRY_POINTS)


def can_fuse(kind: type[Operation]) -> Fuses:
    """What the kernel of an operation that has a rule fuses."""
    return fuses(rule.dispatch(kind))


_WITHOUT = (Input, merge.Concat, shape.Identity, shape.Channels, Conv, DepthwiseConv)
"""Operations that are a matter of where values lie (see layout.py), or are not there: on images
convolutions of any rank are the 2-D ones."""


ABSENT: frozenset[type[Operation]] = frozenset({ConvTranspose, product.MatMul})
"""Operations without a kernel, on purpose: a network that has one is refused, and ``auto`` takes
another engine. A test holds this to be all that lacks one."""


@rule.register(Conv2d)
@rule.register(Linear)
@fusing(Fuses.BOUNDS | Fuses.SUM | Fuses.CUTS)
def _(op: Conv2d | Linear, unit: Unit, emit: Emitter) -> None:
    convolution(unit, emit)


@rule.register
@fusing(Fuses.BOUNDS)
def _(op: DepthwiseConv2d, unit: Unit, emit: Emitter) -> None:
    convolution(unit, emit)


# -- pools ---------------------------------------------------------------------------------------


def _pool(
    unit: Unit,
    emit: Emitter,
    average: bool,
    axes: tuple[str, str],
    counts: bool = False,
) -> None:
    source, target = emit.place(unit.node.inputs[0]), emit.place(unit.end)
    scale = shift = None
    if unit.affine:
        scale = emit.arrays.get(f"{unit.affine.name}.weight")
        shift = emit.arrays.get(f"{unit.affine.name}.bias")
    kernel = f"pool<{'Sum' if average else 'Max'}>"
    emit.need_scratch(4 * source.buffer.width * emit.processor.lanes)
    flags = ["true" if each else "false" for each in (average, counts)]
    affine = emit.affine(scale, shift)
    maps = emit.map(source), emit.map(target)
    emit.call(
        unit.end,
        kernel,
        *(maps[0], *axes, *flags, affine, emit.bounds(unit), maps[1]),
        reads=[source],
        writes=[target],
    )


def _sliding(op: pool.MaxPool | pool.AvgPool, border: Sides) -> tuple[str, str]:
    top, bottom, left, right = border
    rows = (op.kernel[0], op.stride[0], top, bottom)
    columns = (op.kernel[1], op.stride[1], left, right)
    return "Axis" + braces(*rows, "false"), "Axis" + braces(*columns, "false")


@rule.register(pool.MaxPool)
@rule.register(pool.AvgPool)
@fusing(Fuses.BOUNDS | Fuses.AFFINE)
def _(op: pool.MaxPool | pool.AvgPool, unit: Unit, emit: Emitter) -> None:
    border = sides(op.padding, emit.extents(unit.node.inputs[0]), op.kernel, op.stride)
    counts = isinstance(op, pool.AvgPool) and op.count_include_pad
    _pool(unit, emit, isinstance(op, pool.AvgPool), _sliding(op, border), counts)


@rule.register(pool.AdaptiveAvgPool)
@rule.register(pool.GlobalAvgPool)
@rule.register(pool.AdaptiveMaxPool)
@rule.register(pool.GlobalMaxPool)
@fusing(Fuses.BOUNDS | Fuses.AFFINE)
def _(op: Operation, unit: Unit, emit: Emitter) -> None:
    average = isinstance(op, pool.AdaptiveAvgPool | pool.GlobalAvgPool)
    axis = "Axis{0, 0, 0, 0, true}"
    _pool(unit, emit, average, (axis, axis))


# -- pixel by pixel ------------------------------------------------------------------------------


def _plain(unit: Unit, emit: Emitter, kernel: str, *settings: str) -> None:
    """A call from one map to another: ``kernel(r, in, settings, out)``."""
    source, target = emit.place(unit.node.inputs[0]), emit.place(unit.end)
    arguments = (emit.map(source), *settings, emit.map(target))
    emit.call(unit.end, kernel, *arguments, reads=[source], writes=[target])


_FUNCTIONS: dict[type[Operation], str] = {
    act.Sigmoid: "Sigmoid{}",
    act.Silu: "Silu{}",
    act.Mish: "Mish{}",
    act.Tanh: "Tanh{}",
    act.Softplus: "Softplus{}",
    act.HardSigmoid: "HardSigmoid{}",
    act.HardSwish: "HardSwish{}",
    pointwise.Abs: "Abs{}",
}
for _kind, _function in _FUNCTIONS.items():
    rule.register(
        _kind, lambda op, unit, emit, name=_function: _plain(unit, emit, "activate", name)
    )


@rule.register
def _(op: pointwise.Power, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "activate", "Power" + braces(number(op.exponent)))


@rule.register
def _(op: act.LeakyRelu, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "activate", "LeakyRelu" + braces(number(op.slope)))


@rule.register
def _(op: act.Elu, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "activate", "Elu" + braces(number(op.alpha)))


@rule.register
def _(op: act.Gelu, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "activate", "Gelu{}" if op.approximate == "none" else "GeluTanh{}")


@rule.register
def _(op: act.Prelu, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "prelu", emit.vector(emit.arrays[f"{unit.node.name}.weight"]))


@rule.register
def _(op: act.Relu, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "affine", "Affine{}", "Bounds{0.f, INFINITY}")


@rule.register
def _(op: act.Relu6, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "affine", "Affine{}", "Bounds{0.f, 6.f}")


@rule.register
@fusing(Fuses.BOUNDS)
def _(op: norm.Affine, unit: Unit, emit: Emitter) -> None:
    both = (emit.arrays.get(f"{unit.node.name}.{name}") for name in ("weight", "bias"))
    _plain(unit, emit, "affine", emit.affine(*both), emit.bounds(unit))


@rule.register
@fusing(Fuses.BOUNDS)
def _(op: shape.Scale, unit: Unit, emit: Emitter) -> None:
    channels = emit.place(unit.end).channels
    both = (np.full(channels, value, np.float32) for value in (op.factor, op.offset))
    _plain(unit, emit, "affine", emit.affine(*both), emit.bounds(unit))


@rule.register
@fusing(Fuses.BOUNDS)
def _(op: norm.BatchNorm, unit: Unit, emit: Emitter) -> None:
    """What no pass folded: s·x + t with s = γ / √(σ² + ε) and t = β - μ·s."""
    own = {name: emit.arrays[f"{unit.node.name}.{name}"] for name in emit.graph.weights(unit.node)}
    scale = own.get("weight", 1.0) / np.sqrt(own["running_var"].astype(np.float64) + op.eps)
    shift = own.get("bias", 0.0) - own["running_mean"] * scale
    _plain(unit, emit, "affine", emit.affine(scale, shift), emit.bounds(unit))


@rule.register
def _(op: norm.Lrn, unit: Unit, emit: Emitter) -> None:
    room = emit.place(unit.end).channels + op.size + 2 * emit.processor.lanes
    emit.need_scratch(4 * room)
    settings = (str(op.size), *map(number, (op.alpha, op.beta, op.k)))
    _plain(unit, emit, "lrn", *settings)


@rule.register(act.Softmax)
@rule.register(act.LogSoftmax)
def _(op: act.Softmax | act.LogSoftmax, unit: Unit, emit: Emitter) -> None:
    axis = op.axis(emit.graph.shape(unit.node.inputs[0]))
    logarithm = "true" if isinstance(op, act.LogSoftmax) else "false"
    _plain(unit, emit, "softmax", str(axis), logarithm)


def _along(op: OverAxes, unit: Unit, emit: Emitter) -> str:
    """Whether an operation looks along the channels, the rows and the columns, as C++."""
    found = op.axes(emit.graph.shape(unit.node.inputs[0]))
    return "Along" + braces(*("true" if axis in found else "false" for axis in range(3)))


@rule.register(reduce.Mean)
@rule.register(reduce.Sum)
@rule.register(reduce.Max)
@rule.register(reduce.L2Norm)
def _(op: OverAxes, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, f"reduce<{type(op).__name__}Over>", _along(op, unit, emit))


@rule.register
def _(op: reduce.L2Normalize, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "normalize", _along(op, unit, emit), number(op.eps))


@rule.register(sample_norm.GroupNorm)
@rule.register(sample_norm.InstanceNorm)
@rule.register(sample_norm.LayerNorm)
@rule.register(sample_norm.RmsNorm)
def _(op: Operation, unit: Unit, emit: Emitter) -> None:
    shape, groups, whole, centred = emit.graph.shape(unit.end), 1, True, True
    weights_of_all = False
    match op:
        case sample_norm.GroupNorm():
            groups = op.groups
        case sample_norm.InstanceNorm():
            groups = shape[0]
        case sample_norm.LayerNorm() | sample_norm.RmsNorm():
            weights_of_all = whole = op.is_whole(shape)
            centred = isinstance(op, sample_norm.LayerNorm)
    flags = ("true" if each else "false" for each in (whole, centred, weights_of_all))
    both = (emit.arrays.get(f"{unit.node.name}.{name}") for name in ("weight", "bias"))
    pointers = ("nullptr" if each is None else emit.vector(each.ravel()) for each in both)
    eps = number(op.eps)  # type: ignore[attr-defined]
    _plain(unit, emit, "standardize", str(groups), *flags, eps, *pointers)


@rule.register
def _(op: resample.Resize, unit: Unit, emit: Emitter) -> None:
    source, target = emit.place(unit.node.inputs[0]), emit.place(unit.end)
    count, *tables = taps(op, *emit.graph.operands(unit.node))
    pointers = (emit.vector(table.ravel()) for pair in tables for table in pair)
    maps = emit.map(source), emit.map(target)
    emit.call(
        unit.end,
        "resample",
        *(maps[0], str(count), *pointers, maps[1]),
        reads=[source],
        writes=[target],
    )


@rule.register(resample.PixelShuffle)
@rule.register(resample.PixelUnshuffle)
def _(op: resample.PixelShuffle | resample.PixelUnshuffle, unit: Unit, emit: Emitter) -> None:
    inverse = isinstance(op, resample.PixelUnshuffle)
    _plain(unit, emit, "pixel_unshuffle" if inverse else "pixel_shuffle", str(op.factor))


@rule.register(merge.Add)
@rule.register(merge.Multiply)
@rule.register(merge.Subtract)
@rule.register(merge.Divide)
@rule.register(merge.Maximum)
@rule.register(merge.Minimum)
@fusing(Fuses.BOUNDS)
def _(op: Operation, unit: Unit, emit: Emitter) -> None:
    operands, target = [emit.place(name) for name in unit.node.inputs], emit.place(unit.end)
    emit.call(
        unit.end,
        f"join<{type(op).__name__}>",
        braces(*map(emit.map, operands)),
        emit.bounds(unit),
        emit.map(target),
        reads=operands,
        writes=[target],
    )


@rule.register
def _(op: shape.Flatten, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "flatten")


@rule.register
def _(op: reshape.Reshape, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "reshape")


@rule.register
def _(op: arrange.Transpose, unit: Unit, emit: Emitter) -> None:
    axes = op.axes(emit.graph.shape(unit.node.inputs[0]))
    _plain(unit, emit, "transpose", *map(str, axes))


@rule.register
def _(op: arrange.Slice, unit: Unit, emit: Emitter) -> None:
    operand = emit.graph.shape(unit.node.inputs[0])
    first, _ = op.taken(operand)
    _plain(unit, emit, "slice", *map(str, (op.axis(operand), first, op.step)))


@rule.register
def _(op: product.Dot, unit: Unit, emit: Emitter) -> None:
    operands, target = [emit.place(name) for name in unit.node.inputs], emit.place(unit.end)
    maps, along = map(emit.map, operands), _along(op, unit, emit)
    emit.call(unit.end, "dot", *maps, along, emit.map(target), reads=operands, writes=[target])


@rule.register
def _(op: shape.Pad, unit: Unit, emit: Emitter) -> None:
    top, _, left, _ = op.border
    if op.mode == "constant":
        _plain(unit, emit, "pad", str(top), str(left), number(op.value))
    else:
        _plain(unit, emit, f"pad_by<{op.mode.capitalize()}>", str(top), str(left))


@rule.register
def _(op: shape.ChannelShuffle, unit: Unit, emit: Emitter) -> None:
    _plain(unit, emit, "channel_shuffle", str(op.groups))


@rule.register
def _(op: shape.Crop, unit: Unit, emit: Emitter) -> None:
    top, _, left, _ = op.border
    _plain(unit, emit, "pad", str(-top), str(-left), "0.f")
