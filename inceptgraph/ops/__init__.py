"""The operations, and how a name in a spec finds one.

A new operation is a class in one of these files and one name in ``BUILT_IN``. A package of its own
adds one through the entry-point group ``inceptgraph.operations``; the entry point's name is the
word that specs use.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from inceptgraph import plugins
from inceptgraph.diagnostics import Code, Diagnostic, SpecError, closest, did_you_mean
from inceptgraph.ops import activation, conv, linear, merge, norm, pool, shape
from inceptgraph.ops._base import Operation, Weight, need_feature_map
from inceptgraph.ops._reach import HERE, Plane
from inceptgraph.ops._window import Sides, same_padding, sides
from inceptgraph.ops._window import format_size as format_size
from inceptgraph.ops.shape import Input

__all__ = [
    "BUILT_IN",
    "ENTRY_POINTS",
    "HERE",
    "Input",
    "Operation",
    "Plane",
    "Sides",
    "Weight",
    "find",
    "names",
    "need_feature_map",
    "same_padding",
    "sides",
]

ENTRY_POINTS = "inceptgraph.operations"

BUILT_IN: dict[str, type[Operation]] = {
    kind.op: kind
    for kind in (
        conv.Conv2d,
        conv.DepthwiseConv2d,
        linear.Linear,
        norm.BatchNorm,
        norm.Lrn,
        norm.Affine,
        pool.MaxPool,
        pool.AvgPool,
        pool.AdaptiveAvgPool,
        pool.AdaptiveMaxPool,
        pool.GlobalAvgPool,
        pool.GlobalMaxPool,
        activation.Relu,
        activation.Relu6,
        activation.LeakyRelu,
        activation.Prelu,
        activation.Elu,
        activation.Gelu,
        activation.Silu,
        activation.Mish,
        activation.Sigmoid,
        activation.HardSigmoid,
        activation.HardSwish,
        activation.Softplus,
        activation.Tanh,
        activation.Softmax,
        activation.LogSoftmax,
        merge.Concat,
        merge.Add,
        merge.Multiply,
        shape.Identity,
        shape.Flatten,
        shape.Dropout,
        shape.Scale,
        shape.Pad,
        shape.Crop,
        shape.Channels,
    )
}


@cache
def find(name: str) -> type[Operation] | None:
    """The operation of this name: built in, or brought by an installed package.

    Raises:
        SpecError: a package names it but cannot be loaded.
    """
    built_in = BUILT_IN.get(name)
    if built_in is not None:
        return built_in
    # Reading the metadata of every installed package costs milliseconds: only now is it needed.
    point = plugins.points(ENTRY_POINTS).get(name)
    if point is None:
        return None
    try:
        kind = point.load()
    except Exception as error:  # a plug-in may fail in any way
        raise SpecError([_broken(point.value, name, f"{type(error).__name__}: {error}")]) from error
    if not (isinstance(kind, type) and issubclass(kind, Operation) and kind.op == name):
        raise SpecError([_broken(point.value, name, "it is not an Operation of that name")])
    return kind


@cache
def names() -> tuple[str, ...]:
    """Every name that :func:`find` knows, built-in ones first."""
    return tuple(dict.fromkeys((*BUILT_IN, *plugins.points(ENTRY_POINTS))))


def hint(word: str, more: Iterable[str] = ()) -> str | None:
    """The hint on what a word that names no operation stands for: another name of one, or a slip.

    Args:
        word: as it was written.
        more: other words that could stand there.

    >>> hint("swish"), hint("max_pol"), hint("nonsense")
    ('did you mean `silu`?', 'did you mean `max_pool`?', None)
    """
    other = {name: kind.op for kind in BUILT_IN.values() for name in kind.other_names}
    if word in other:
        return f"did you mean `{other[word]}`?"
    if found := did_you_mean(word, (*more, *names())):
        return found
    close = closest(word, other)
    return f"did you mean `{other[close[0]]}`?" if close else None


def _broken(value: str, name: str, reason: str) -> Diagnostic:
    message = f"the plug-in `{value}` that provides the operation `{name}` cannot be used: {reason}"
    return Diagnostic(
        Code.BROKEN_PLUGIN, message, help="mend or uninstall the package that adds it"
    )
