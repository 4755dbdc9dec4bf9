"""A whole bench: all that a plan leaves open is settled, then it is run."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from inceptgraph import backend as backends
from inceptgraph import engine
from inceptgraph.backend import MODEL, Progress
from inceptgraph.bench._lab import BenchLab, find_bench_lab
from inceptgraph.bench._peers import find_peer
from inceptgraph.bench._plan import Plan
from inceptgraph.bench._probe import probe
from inceptgraph.bench._results import Report
from inceptgraph.bench._run import bench
from inceptgraph.diagnostics import Code, Diagnostic, Source, SpecError
from inceptgraph.graph import Graph
from inceptgraph.pipeline import to_graph
from inceptgraph.weights import WeightsFile, load
from inceptgraph.weights.recipe_values import Tensors

__all__ = ["run_plan"]

CACHES = ("XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "INCEPTGRAPH_CACHE")
"""Where compilers keep what they made; empty ones make every first result a cold one."""


def run_plan(
    spec: str | Path | Source | Graph,
    plan: Plan | None = None,
    *,
    weights: str | Path | WeightsFile | None = None,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
    progress: Progress = lambda step: None,
) -> Report:
    """Run a whole bench, as ``inceptgraph bench`` does.

    The environment variables in :data:`CACHES` name an empty folder meanwhile. Where the plan
    measures memory, processes are spawned: a script that calls this does so under
    ``if __name__ == "__main__"``.

    Args:
        spec: a path, a shipped spec's name, a :class:`~inceptgraph.diagnostics.Source`, or a graph
            with shapes.
        plan: what to measure; all installed engines, one sample at a time in float32 unless given.
        weights: a file of them, or how one is to be read; random ones, under which all activations
            are of order 1, unless given.
        remap: the table that renames the file's tensors, and ``allow`` what need not fit; as in
            :func:`inceptgraph.compile`.
        progress: is told what is being done, and how the weights fit.

    Returns:
        The report. An interrupt ends the bench early; the report says so.

    Raises:
        SpecError: the spec has errors, an engine or a peer of the plan is not there, the weights do
            not fit, or nothing can run in one of the plan's settings.
        ValueError: an item of ``allow`` has no such form.
    """
    graph = spec if isinstance(spec, Graph) else to_graph(spec)
    plan, missing = _with_engines(plan or Plan())
    for peer in plan.peers:
        find_peer(peer)  # before anything takes long
    lab = find_bench_lab()
    tensors = _weights(lab, graph, weights, remap, allow, progress)
    prober = partial(probe, MODEL, graph=graph, tensors=tensors) if plan.memory else None
    with _empty_caches():
        report = bench(graph, tensors, plan, lab, prober=prober, progress=progress)
    return replace(report, missing=missing)


def _with_engines(plan: Plan) -> tuple[Plan, Mapping[str, str]]:
    """A plan that names its engines, and what installs each engine that is not here.

    Raises:
        SpecError: an engine that was asked for is not here.
    """
    if plan.engines is None:
        found = {each.name: each.missing() for each in engine.installed()}
        missing = {name: command for name, command in found.items() if command}
        return replace(plan, engines=[name for name in found if name not in missing]), missing
    if engine.AUTO in plan.engines:
        message = f"`{engine.AUTO}` is no engine of its own"
        hint = f"name engines, or leave them out: the one that `{engine.AUTO}` takes has a *"
        raise SpecError([Diagnostic(Code.UNKNOWN_ENGINE, message, help=hint)])
    return replace(plan, engines=[engine.find(name).name for name in plan.engines]), {}


def _weights(
    lab: BenchLab,
    graph: Graph,
    file: str | Path | WeightsFile | None,
    remap: str | Path | None,
    allow: Iterable[str],
    progress: Progress,
) -> Tensors:
    """Those of a file that fits, or random ones."""
    fitted = None
    if file is not None:
        fitted = load(graph, file, remap=remap, allow=allow, tell=progress)
    backends.check_support(backends.find(MODEL), graph)
    progress("weights: drawing" if fitted is None else f"weights: {fitted.name}")
    return lab.weights(graph, fitted, seed=0)


@contextmanager
def _empty_caches() -> Iterator[None]:
    """Caches of compilers that are empty, and the user's own again after that."""
    before = {name: os.environ.get(name) for name in CACHES}
    with tempfile.TemporaryDirectory(prefix="inceptgraph-bench-") as folder:
        os.environ |= dict.fromkeys(CACHES, folder)
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
