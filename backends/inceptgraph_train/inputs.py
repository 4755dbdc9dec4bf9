"""The samples of a training: images made into what the network takes, labels into its classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inceptgraph.diagnostics import Source, did_you_mean
from inceptgraph.evaluation import Model, fit_classes
from inceptgraph.graph import Graph
from inceptgraph.pipeline import analyze
from inceptgraph.training import Job, Recipe
from inceptgraph_train.augmenting import Augmented
from inceptgraph_train.data import Images, Others
from inceptgraph_train.errors import reading, refused
from inceptgraph_train.folders import part_of
from inceptgraph_train.opening import open_data
from inceptgraph_train.preparing import Prepared

__all__ = ["open_samples", "with_classes"]


def open_samples(job: Job, recipe: Recipe) -> tuple[Any, Any]:
    """The samples to train on, and those to validate with, None without such.

    Of a folder with the folders ``train`` and ``val``, these are the two. A dataset from Python has
    to give what the network takes, as does that of ``package:callable`` for a network of no images.

    Raises:
        SpecError: there are none, or they are not of the network's classes.
    """
    data, validation = job.data, job.validation
    with reading(data):
        if isinstance(data, str) and Path(data).is_dir():
            folder = Path(data)
            if validation is None and part_of(folder, "train") is not None:
                validation = part_of(folder, "val")
            data = part_of(folder, "train") or folder
    opened = _opened(job, data, recipe)
    return opened, _opened(job, validation, None, opened)


def with_classes(spec: str, data: Any) -> str:
    """A spec's text that names the classes of some data, unless it names classes already.

    It stays as it is where it cannot be added to, as a text in braces.
    """
    names = getattr(data, "classes", None)
    if not names:
        return spec
    added = f"{spec.rstrip()}\n\nclasses: {json.dumps(names, ensure_ascii=False)}\n"
    graph = analyze(Source("spec.yaml", added)).graph
    return added if graph is not None and graph.classes == tuple(names) else spec


def _opened(job: Job, where: Any, recipe: Recipe | None, trained: Any = None) -> Any:
    """The samples at a place, changed as a recipe says, or as for evaluation; their classes are
    those of what is trained on, where there is such."""
    if not isinstance(where, str | Path):
        return where
    model = Model(job.graph.name, job.graph)
    data = open_data(where, model.channels if model.refusal is None else 3)
    if model.refusal is not None and isinstance(data, Others):
        return data.dataset
    how = model.check().preprocessing
    data.transform = Prepared(how) if recipe is None else Augmented(how, recipe.augment)
    data.indices = _as_trained(data, trained, job.graph)
    if data.indices is None:
        data.indices = fit_classes(data.classes, data.labels(), job.graph, model.classes)
    return data


def _as_trained(data: Images | Others, trained: Any, graph: Graph) -> list[int] | None:
    """The index of the network's class for each label of some data, by the names of what is trained
    on; None where that has none, or the network's own names count.

    Raises:
        SpecError: a class is none of what is trained on.
    """
    if not isinstance(trained, Images | Others) or not trained.classes or not data.classes:
        return None
    if graph.classes is not None and set(trained.classes) & set(graph.classes):
        return None
    assert trained.indices is not None
    places = dict(zip(trained.classes, trained.indices, strict=True))
    for name in data.classes:
        if name not in places:
            message = f"`{name}`, a class of the data for validation, is none of that to train on"
            raise refused(message, did_you_mean(name, places) or "call it as there")
    return [places[name] for name in data.classes]
