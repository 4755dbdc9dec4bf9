"""The classes of data held to those of a network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean
from inceptgraph.graph import Graph
from inceptgraph.report import counted

__all__ = ["fit_classes"]


def fit_classes(
    names: Sequence[str] | None, labels: int | None, graph: Graph, outputs: int
) -> list[int]:
    """The index of the network's class for each label of some data.

    By their names where both have them, and else by their order. A background is no data's class.

    Args:
        names: what the labels of the data count; None where they are numbers from the start.
        labels: how many there are; of numbers, one more than the largest; None where nobody knows.
        graph: of the network.
        outputs: how many classes it tells apart, the background with them.

    Raises:
        SpecError: they are not the same classes.
    """
    first = 1 if graph.background else 0
    known = None if graph.classes is None else graph.classes[first:]
    if names is not None and known is not None and set(names) & set(known):
        return _by_name(names, known, first, graph.name)
    there = outputs - first
    labels = there if labels is None else labels
    if names is not None and labels != there:
        message = (
            f"the data has {counted(labels, 'class')}, and `{graph.name}` tells {there:,} apart"
        )
        told = f"; the data's first are {', '.join(names[:3])}"
        help = f"a spec that has a parameter for it takes `--set classes={labels}`"
        help += f"{told}, the network's {', '.join(known[:3])}" if known else ""
        raise _refused(message, help)
    if labels > there:
        message = f"a label of the data is {labels - 1:,}, and `{graph.name}` tells {there:,} apart"
        raise _refused(message, "labels count from 0")
    return [label + first for label in range(labels)]


def _by_name(names: Sequence[str], known: Sequence[str], first: int, network: str) -> list[int]:
    places = {name: place for place, name in enumerate(known, first)}
    often = Counter(known)
    for name in names:
        if name not in places:
            message = f"`{name}`, a class of the data, is none of `{network}`"
            raise _refused(message, did_you_mean(name, known) or "call it as the network does")
        if often[name] > 1:
            message = f"`{network}` has {often[name]} classes `{name}`, and the data has one"
            raise _refused(message, "tell them apart in the network's `classes`")
    return [places[name] for name in names]


def _refused(message: str, help: str) -> SpecError:
    return SpecError([Diagnostic(Code.BAD_DATA, message, help=help)])
