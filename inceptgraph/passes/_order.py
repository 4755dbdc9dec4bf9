"""The order in which passes run, and running them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from math import inf

from inceptgraph import plugins
from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean
from inceptgraph.graph import Graph
from inceptgraph.passes._base import Pass, Property, Step, Target, run
from inceptgraph.passes._cse import cse
from inceptgraph.passes._drop_training import drop_training
from inceptgraph.passes._flatten_concat import flatten_concat
from inceptgraph.passes._fold_constants import fold_constants
from inceptgraph.passes._fold_norm import fold_norm
from inceptgraph.passes._fold_scale import fold_scale
from inceptgraph.passes._fuse_siblings import fuse_siblings
from inceptgraph.passes._join_cuts import join_cuts
from inceptgraph.passes._merge_pad import merge_pad
from inceptgraph.passes._project_before_average import project_before_average
from inceptgraph.passes._relu_after_max_pool import relu_after_max_pool
from inceptgraph.passes._widen_kernel import widen_kernel

__all__ = ["BUILT_IN", "ENTRY_POINTS", "chosen", "in_order", "installed", "optimize"]

ENTRY_POINTS = "inceptgraph.passes"

BUILT_IN = (
    drop_training,
    cse,
    fold_constants,
    merge_pad,
    fold_norm,
    fold_scale,
    flatten_concat,
    project_before_average,
    relu_after_max_pool,
    widen_kernel,
    fuse_siblings,
    join_cuts,
)
"""In the order in which they help one another."""


def optimize(
    graph: Graph,
    target: Target | None = None,
    observe: Callable[[Step], None] = lambda step: None,
    *,
    train: bool = False,
    only: Iterable[str] | None = None,
) -> Graph:
    """The network rewritten for speed: as it runs in evaluation, unless it is to be trained.

    Args:
        graph: with shapes.
        target: what it is to run on; torch on a CPU, a sample at a time, unless given.
        observe: told of each pass.
        train: run only the passes that are exact in training; the weights stay as they are.
        only: run just these passes, by name, in this order.

    Returns:
        A graph with the same outputs that loads the same weights; see
        :mod:`inceptgraph.graph.recipes`.

    Raises:
        InvalidGraph: a pass broke the graph.
        SpecError: an installed package's pass cannot be loaded, or has no place in the order; or
            ``only`` names one that is not there, or is not exact in training, or needs another
            before it.

    >>> import inceptgraph
    >>> graph = inceptgraph.to_graph("googlenet_bn")
    >>> len(graph.nodes), len(optimize(graph).nodes)
    (216, 131)
    """
    if only is not None:
        passes = chosen(only, train=train)
    else:
        passes = tuple(each for each in installed() if each.in_training or not train)
    return run(passes, graph, target or Target(), observe)


def installed() -> tuple[Pass, ...]:
    """All passes in the order in which they run: those that are built in, and those of installed
    packages where they say that they belong, or last, by name.

    Raises:
        SpecError: a package's cannot be loaded, is no pass, has a name that is taken, or names a
            place that there is not.
    """
    passes = list(BUILT_IN)
    for point in plugins.points(ENTRY_POINTS).values():
        each = plugins.loaded(point, Pass, "pass")
        if each.name != point.name:
            raise plugins.refusal(point, "pass", f"its name is `{each.name}`")
        if any(each.name == built_in.name for built_in in BUILT_IN):
            raise _error(
                Code.CLASHING_PLUGINS,
                f"{plugins.package(point.dist)} offers a pass `{each.name}`, which is built in",
                "uninstall it, or give its pass another name",
            )
        passes.append(each)
    return in_order(passes)


def in_order(passes: Sequence[Pass]) -> tuple[Pass, ...]:
    """Passes in the order that they ask for.

    A pass runs right behind the last one that it is to run after; one that says only what it is to
    run before, right before that. The others keep their order.

    Args:
        passes: in the order in which they run where none says otherwise, the built-in ones first.

    Raises:
        SpecError: one names a pass that is not there, or several wait for one another.
    """
    import networkx

    by_name = {each.name: each for each in passes}
    order: networkx.DiGraph[str] = networkx.DiGraph()
    order.add_nodes_from(by_name)
    names = [each.name for each in BUILT_IN if each.name in by_name]
    order.add_edges_from(pairwise(names))
    for each in passes:
        for other in (*each.after, *each.before):
            if other not in by_name:
                message = f"the pass `{each.name}` is to run next to `{other}`, which is no pass"
                hint = did_you_mean(other, by_name) or f"the passes are {', '.join(by_name)}"
                raise _error(Code.BAD_PASSES, message, hint)
        order.add_edges_from((other, each.name) for other in each.after)
        order.add_edges_from((each.name, other) for other in each.before)
    if not networkx.is_directed_acyclic_graph(order):
        circle = [name for name, _ in networkx.find_cycle(order)]
        told = " before ".join(f"`{name}`" for name in [*circle, circle[0]])
        message = f"passes wait for one another: {told}"
        raise _error(Code.BAD_PASSES, message, "uninstall a package that offers one of them")
    given = {each.name: index for index, each in enumerate(passes)}
    place: dict[str, float] = {}
    waiting = list(networkx.topological_sort(order))
    for name in reversed(waiting):
        ahead = min((place[other] for other in by_name[name].before), default=inf) - 0.5
        place[name] = given[name] if name in names else ahead
    for name in waiting:
        if name not in names and by_name[name].after:
            place[name] = max(place[other] for other in by_name[name].after)
    ordered = networkx.lexicographical_topological_sort(
        order, key=lambda name: (place[name], given[name])
    )
    return tuple(by_name[name] for name in ordered)


def chosen(only: Iterable[str], *, train: bool = False) -> tuple[Pass, ...]:
    """The passes of some names, in the order given.

    Args:
        only: their names.
        train: refuse what is not exact in training.

    Raises:
        SpecError: there is no pass of a name, or one is not exact in training, or one requires what
            none before it ensures; the finding says what to put before it.
    """
    known = {each.name: each for each in installed()}
    passes: list[Pass] = []
    ensured: set[Property] = set()
    for name in only:
        if name not in known:
            hint = did_you_mean(name, known) or f"the passes are {', '.join(known)}"
            raise _error(Code.BAD_PASSES, f"there is no pass `{name}`", hint)
        each = known[name]
        if train and not each.in_training:
            exact = ", ".join(n for n, other in known.items() if other.in_training)
            message = f"the pass `{name}` is not exact in training"
            raise _error(Code.BAD_PASSES, message, f"those that are: {exact}")
        for lacking in sorted(each.requires - ensured):
            makers = [f"`{n}`" for n, other in known.items() if lacking in other.ensures]
            message = f"the pass `{name}` requires a graph with: {lacking}"
            hint = f"put {' or '.join(makers)} before it" if makers else "no pass ensures that"
            raise _error(Code.BAD_PASSES, message, hint)
        ensured |= each.ensures
        passes.append(each)
    return tuple(passes)


def _error(code: Code, message: str, help: str) -> SpecError:
    return SpecError([Diagnostic(code, message, help=help)])
