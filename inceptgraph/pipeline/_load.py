"""Models that ``inceptgraph build`` wrote."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inceptgraph import backend as backends
from inceptgraph.arguments import check
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.pipeline._analyze import to_graph
from inceptgraph.pipeline._compile import check_verify, run
from inceptgraph.pipeline._kinds import KINDS

if TYPE_CHECKING:
    from inceptgraph.passes import Optimize

__all__ = ["load"]


def load(
    folder: str | Path,
    *,
    engine: str | None = None,
    optimize: Optimize | None = None,
    verify: bool = False,
    **options: Any,
) -> Any:
    """The model in a directory that ``inceptgraph build`` wrote.

    Args:
        folder: the directory.
        engine: what is to run it, ``optimize`` whether to rewrite it for that, and ``verify``
            whether to compare it with the plain module; as in :func:`compile`.
        options: the torch backend's, such as ``device`` and ``dtype``; with an engine, those of
            :class:`~inceptgraph.engine.Setting`.

    Returns:
        A ``torch.fx.GraphModule`` with the weights of the directory, in training mode; with an
        engine, what :func:`compile` returns.

    Raises:
        SpecError: the directory is not a build, or its parts do not fit together, or the engine is
            missing or cannot run it.
        TypeError: an argument has the wrong type, or ``optimize`` is given without an engine, or
            there is no such option.

    >>> from tempfile import TemporaryDirectory
    >>> from inceptgraph.builder import build
    >>> from inceptgraph.pipeline import analyze
    >>> with TemporaryDirectory() as folder:
    ...     net = load(build(analyze("lenet5"), f"{folder}/model"))
    >>> net.training
    True
    """
    check(KINDS, {"folder": folder, "engine": engine, "optimize": optimize, "verify": verify})
    check_verify(verify, engine)
    if optimize and engine is None:
        raise TypeError('`optimize` rewrites for an engine: name one, such as `engine="auto"`')
    place = Path(folder)
    if not (place / "spec.yaml").is_file():
        message = f"`{place}` is not a directory that `inceptgraph build` or `train` wrote"
        hint = "it has no spec.yaml: build one with `inceptgraph build googlenet -o model`, or name"
        hint += " a run itself and nothing in it"
        raise SpecError([Diagnostic(Code.OUTPUT, message, help=hint)])
    model_backend = backends.find_model(backends.MODEL)
    network = to_graph(place / "spec.yaml")
    if engine is not None:
        tensors = partial(model_backend.tensors, network, place)
        return run(network, engine, tensors, optimize, verify, options)
    return model_backend.load(network, place, **options)
