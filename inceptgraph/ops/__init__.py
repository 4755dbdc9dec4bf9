"""The operations, and how a name in a spec finds one.

A new operation is a class in one of these files. A package of its own adds one through the
entry-point group ``inceptgraph.operations``; the entry point's name is the word that specs use.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from inceptgraph import plugins
from inceptgraph.diagnostics import Code, Diagnostic, SpecError, closest, did_you_mean
from inceptgraph.ops import (
    activation,
    arrange,
    conv,
    conv_transpose,
    linear,
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
)
from inceptgraph.ops._base import Operation, Weight, need_feature_map
from inceptgraph.ops._extent import Axis, Extent
from inceptgraph.ops._reach import HERE, Reach, Reaches
from inceptgraph.ops._window import Sides, pairs, same_padding, sides
from inceptgraph.ops._window import along as along
from inceptgraph.ops._window import format_size as format_size
from inceptgraph.ops.losses import DEFAULT_LOSS, LOSSES, Loss, Target
from inceptgraph.ops.preprocessing import Preprocessing
from inceptgraph.ops.shape import FAR, Input

__all__ = [
    "BUILT_IN",
    "DEFAULT_LOSS",
    "ENTRY_POINTS",
    "FAR",
    "HERE",
    "LOSSES",
    "Axis",
    "Extent",
    "Input",
    "Loss",
    "Operation",
    "Preprocessing",
    "Reach",
    "Reaches",
    "Sides",
    "Target",
    "Weight",
    "find",
    "hint",
    "installed",
    "names",
    "need_feature_map",
    "pairs",
    "same_padding",
    "sides",
]

ENTRY_POINTS = "inceptgraph.operations"

_FAMILIES = (
    conv,
    conv_transpose,
    linear,
    norm,
    sample_norm,
    pool,
    reduce,
    activation,
    pointwise,
    merge,
    product,
    shape,
    reshape,
    arrange,
    resample,
)
"""The files of operations, in the order in which the documentation has them."""

BUILT_IN: dict[str, type[Operation]] = {
    kind.op: kind
    for family in _FAMILIES
    for kind in vars(family).values()
    # a base of several operations has no word, and `input:` declares what the spec takes
    if isinstance(kind, type) and issubclass(kind, Operation) and "op" in vars(kind)
    if kind.__module__ == family.__name__ and kind is not Input
}
"""Every operation of those files, by the word that specs use."""


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
    kind = plugins.load(point, "operation", made=False)
    if not (isinstance(kind, type) and issubclass(kind, Operation)):
        raise plugins.refusal(point, "operation", "it is not a class of `Operation`")
    if (word := getattr(kind, "op", None)) != name:
        raise plugins.refusal(point, "operation", f"its `op` is `{word}`, not `{name}`")
    return kind


@cache
def names() -> tuple[str, ...]:
    """Every name that :func:`find` knows, built-in ones first."""
    return tuple(dict.fromkeys((*BUILT_IN, *plugins.points(ENTRY_POINTS))))


def installed() -> tuple[type[Operation], ...]:
    """Every operation, built-in ones first.

    Raises:
        SpecError: a package's cannot be loaded, or has the name of one that is built in, which
            specs go on to mean by it.
    """
    if taken := BUILT_IN.keys() & plugins.points(ENTRY_POINTS).keys():
        name = min(taken)
        dist = plugins.points(ENTRY_POINTS)[name].dist
        message = f"{plugins.package(dist)} offers an operation `{name}`, which is built in"
        hint = "uninstall it, or give its operation another name"
        raise SpecError([Diagnostic(Code.CLASHING_PLUGINS, message, help=hint)])
    return tuple(kind for name in names() if (kind := find(name)) is not None)


def hint(word: str, more: Iterable[str] = ()) -> str | None:
    """The hint on what a word that names no operation stands for: another name of one, or a slip.

    Args:
        word: as it was written.
        more: other words that could stand there.

    >>> hint("swish"), hint("max_pol"), hint("nn.Conv2d"), hint("nonsense")
    ('did you mean `silu`?', 'did you mean `max_pool`?', 'did you mean `conv2d`?', None)
    """
    word = word.rpartition(".")[2] or word  # torch.nn.Conv2d
    other = {name: kind.op for kind in BUILT_IN.values() for name in kind.other_names}
    if word in other or word in BUILT_IN:
        return f"did you mean `{other.get(word, word)}`?"
    if found := did_you_mean(word, (*more, *names())):
        return found
    close = closest(word, other)
    return f"did you mean `{other[close[0]]}`?" if close else None
