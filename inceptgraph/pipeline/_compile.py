"""The whole flow: source → spec → graph → passes → backend, or engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inceptgraph import backend as backends
from inceptgraph.arguments import check
from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph
from inceptgraph.pipeline._analyze import graph_of
from inceptgraph.pipeline._kinds import KINDS

if TYPE_CHECKING:
    from inceptgraph.passes import Optimize
    from inceptgraph.weights import WeightsFile
    from inceptgraph.weights.recipe_values import Tensors

__all__ = ["Pass", "check_verify", "compile", "run"]

Pass = Callable[[Graph], Graph]
"""Rewrites a graph; the result is verified."""


def compile(
    spec: str | Path | Source | Graph,
    backend: str = backends.MODEL,
    *,
    set: Mapping[str, Any] | None = None,
    passes: Iterable[Pass] = (),
    optimize: Optimize | None = None,
    engine: str | None = None,
    verify: bool = False,
    weights: str | Path | WeightsFile | None = None,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
    **options: Any,
) -> Any:
    """Compile a spec with a backend, or for an engine that runs it fast.

    Args:
        spec: a path, ``-``, a shipped spec's name, a :class:`Source`, or a graph.
        backend: the name of an installed backend.
        set: values of the spec to replace, by path: ``{"classes": 10}``.
        passes: rewrites of the graph, applied in order and verified after each.
        optimize: make it the network of evaluation, rewritten for speed; a
            :class:`~inceptgraph.passes.Target` says what it is to run on. The result has the same
            outputs and takes the same weights, but is not to be trained. Where there is an engine
            it is done unless False. A list of names runs just these passes, in this order:
            ``["drop-training", "fold-norm"]``.
        engine: what is to run it: ``auto``, or the name of an installed one such as ``eager``,
            ``inductor``, ``onnxruntime`` or ``openvino``; see :mod:`inceptgraph.engine`.
        verify: with an engine, run what it made on one random batch before it is handed out, and
            refuse it where its outputs are not those of the plain module.
        weights: a file to start from: safetensors, PyTorch's or Caffe's; or a
            :class:`inceptgraph.weights.WeightsFile`, which says how it is to be read. Numbers in it
            that are NaN or infinite are warned of, by the logger ``inceptgraph``.
        remap: the table of what its names become: a shipped one's name, or a path (default: the
            shipped one that fits, if any).
        allow: what need not fit: ``missing:``, ``unexpected:`` or ``shape:`` and a pattern each.
        options: the backend's own, such as ``device``, ``dtype`` and ``seed`` of ``torch``; with an
            engine ``seed``, and those of :class:`~inceptgraph.engine.Setting`: ``device``,
            ``dtype``, ``batch``, ``train``, ….

    Returns:
        What the backend makes; ``torch`` makes a ``torch.fx.GraphModule``. With an engine, a
        ``torch.nn.Module``; see :meth:`inceptgraph.engine.Engine.prepare`. Its ``choice`` says
        which engine was picked, and why.

    Raises:
        SpecError: the spec has errors, or the backend or the engine is missing or cannot run it, or
            gives wrong numbers where ``verify`` looks, or the weights cannot be read or do not fit,
            or passes cannot run as they are listed.
        InvalidGraph: a pass broke the graph.
        TypeError: an argument has the wrong type, or ``set`` is given with a graph, whose values
            are settled, or an engine with a backend or with an option that it does not have.
        ValueError: an item of ``allow`` has no such form.

    >>> compile("lenet5", seed=0).training
    True
    >>> compile("lenet5", "graphviz", format="dot").partition(" ")[0]
    'digraph'
    """
    # Any: the core names no class of torch's, and another backend's result is known to it alone.
    # `inceptgraph_torch.lower` gives a graph's module with its type.
    given = {"backend": backend, "passes": passes, "optimize": optimize, "engine": engine}
    check(KINDS, given | {"weights": weights, "remap": remap, "allow": allow, "verify": verify})
    _check_options(engine, backend, options)
    check_verify(verify, engine)
    network = graph_of(spec, set)
    for rewrite in passes:
        check(KINDS, {"pass": rewrite})
        network = rewrite(network).verify()
    start: dict[str, Any] = {}
    if weights is not None:
        from inceptgraph.weights import load as load_weights  # `check` need not wait for these

        start["weights"] = load_weights(network, weights, remap=remap, allow=allow)
    if engine is not None:
        start["seed"] = options.pop("seed", None)
        model = backends.find_weights if weights is not None else backends.find_model
        source = model(backend)
        tensors = partial(source.initial, network, **start)
        return run(network, engine, tensors, optimize, verify, options)
    target = backends.find(backend) if weights is None else backends.find_weights(backend)
    if optimize:
        from inceptgraph import passes as optimizer

        place, only = optimizer.asked(optimize)
        network = optimizer.optimize(network, place, only=only)
    backends.check_support(target, network)
    return target.lower(network, **start, **options)


def _check_options(engine: str | None, backend: str, options: Iterable[str]) -> None:
    """Refuse what is said to an engine without one, and a backend beside one."""
    if engine is not None and backend != backends.MODEL:
        raise TypeError("an engine runs the network itself: it takes no `backend`")
    if engine is not None or backend != backends.MODEL:  # other backends have options of their own
        return
    from inceptgraph.engine import Setting

    for name in options:
        if name in {each.name for each in fields(Setting)} - {"device", "dtype"}:
            raise TypeError(f'`{name}` is an engine option: pass `engine="auto"`')


def check_verify(verify: bool, engine: str | None) -> None:
    """Refuse to compare where there is nothing but the plain module."""
    if verify and engine is None:
        raise TypeError(
            '`verify` holds an engine to plain torch: name one, such as `engine="auto"`'
        )


def run(
    network: Graph,
    engine: str,
    tensors: Callable[[], Tensors],
    optimize: Optimize | None,
    verify: bool,
    options: Mapping[str, Any],
) -> Any:
    """What an engine makes of a network, with the choice of the engine."""
    from inceptgraph.engine import Setting, prepare

    wanted = True if optimize is None else optimize
    return prepare(engine, network, tensors, Setting.of(**options), wanted, verify=verify)
