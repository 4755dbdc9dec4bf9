"""Models by what a user names: a directory, or a spec with weights."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inceptgraph import pipeline
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.evaluation._model import Model

if TYPE_CHECKING:
    from inceptgraph.weights import WeightsFile

__all__ = ["is_spec", "open_model"]


def is_spec(where: str) -> bool:
    """True of what is a spec, which needs weights, and no directory."""
    return not Path(where).is_dir()


def open_model(
    where: str,
    *,
    engine: str = "eager",
    weights: str | Path | WeightsFile | None = None,
    set: Mapping[str, Any] | None = None,
    remap: str | Path | None = None,
    allow: Iterable[str] = (),
    **options: Any,
) -> Model:
    """A network with its weights, run by an engine in evaluation.

    Args:
        where: a directory that ``inceptgraph build`` or ``inceptgraph train`` wrote, or a spec.
        engine: that runs it.
        weights: of a spec; ``set``, ``remap`` and ``allow`` as in :func:`inceptgraph.compile`.
        options: those of :class:`~inceptgraph.engine.Setting`.

    Raises:
        SpecError: there is none, or it has no weights, or is no network of images, or there is no
            such engine, or it cannot run it. What is wrong with the weights is found once it is
            made to run.
    """
    if not is_spec(where):
        make = partial(pipeline.load, where, engine=engine, **options)
        spec = Path(where) / "spec.yaml"
        if not spec.is_file():
            make()  # refuses, and says why
        return _checked(Model(where, pipeline.to_graph(spec), make), engine, options)
    graph = pipeline.to_graph(where, set=set)
    if weights is None:
        message = f"`{where}` is a spec, and has no weights"
        hint = "give a file of them with --weights, or name a directory that was built or trained"
        raise SpecError([Diagnostic(Code.BAD_OPTION, message, help=hint)])
    start: dict[str, Any] = {"weights": weights, "remap": remap, "allow": allow}
    make = partial(pipeline.compile, graph, engine=engine, **start, **options)
    model = Model(f"{where} ({getattr(weights, 'path', weights)})", graph, make)
    return _checked(model, engine, options)


def _checked(model: Model, engine: str, options: Mapping[str, Any]) -> Model:
    """A model that an engine can run, as far as can be told before it does."""
    from inceptgraph.engine import AUTO, Setting, choose

    setting = Setting.of(**options)
    if engine != AUTO:  # which looks at all engines, and does so once
        choose(engine, model.graph, setting)
    return model.check()
