"""The samples of a training: images made into what the network takes, labels into its classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from inceptgraph.diagnostics import Source
from inceptgraph.evaluation import Model, fit_classes
from inceptgraph.pipeline import analyze
from inceptgraph.training import Job, Recipe
from inceptgraph_train.augmenting import Augmented
from inceptgraph_train.data import Others
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
    if isinstance(data, str) and Path(data).is_dir():
        folder = Path(data)
        if validation is None and part_of(folder, "train") is not None:
            validation = part_of(folder, "val")
        data = part_of(folder, "train") or folder
    return _opened(job, data, recipe), _opened(job, validation, None)


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


def _opened(job: Job, where: Any, recipe: Recipe | None) -> Any:
    """The samples at a place, changed as a recipe says, or as for evaluation."""
    if not isinstance(where, str | Path):
        return where
    model = Model(job.graph.name, job.graph)
    data = open_data(where, model.channels if model.refusal is None else 3)
    if model.refusal is not None and isinstance(data, Others):
        return data.dataset
    how = model.check().preprocessing
    data.transform = Prepared(how) if recipe is None else Augmented(how, recipe.augment)
    data.indices = fit_classes(data.classes, data.labels(), job.graph, model.classes)
    return data
