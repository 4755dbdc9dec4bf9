"""Networks shown all images of some data, and the classes that they find in pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from inceptgraph.backend import Progress
from inceptgraph.diagnostics import Code, Diagnostic, SpecError
from inceptgraph.evaluation._classes import fit_classes
from inceptgraph.evaluation._evaluator import Answers, Evaluator, Plan, find_evaluator
from inceptgraph.evaluation._model import Model
from inceptgraph.evaluation._report import Found, Report, Row
from inceptgraph.evaluation._scores import FEW, Array, Details, Errors, likeliest
from inceptgraph.evaluation._views import WAYS, views
from inceptgraph.report import counted

__all__ = ["evaluate", "predict"]

_PLAN = Plan()
Watch = Callable[[Iterable[Answers], int], Iterator[Answers]]
"""Passes on what comes, and may tell how far it is; it also takes how many images there are."""


def _unwatched(answers: Iterable[Answers], images: int) -> Iterator[Answers]:
    yield from answers


def evaluate(
    models: Sequence[Model],
    where: str,
    plan: Plan = _PLAN,
    *,
    tell: Progress = lambda text: None,
    watch: Watch = _unwatched,
    evaluator: Evaluator | None = None,
) -> Report:
    """Show networks all images of some data, and compare what they say with the labels.

    The probabilities are the softmax, averaged over the views of an image and over the networks
    (Szegedy et al. 2014, section 7). Fewer views and single networks are counted beside.

    Args:
        models: one, or several that answer together.
        where: the data; see :meth:`Evaluator.open`.
        plan: how.
        tell: is told what takes long, and of each broken image that is left out.
        watch: passes on the answers, and may tell how far it is.
        evaluator: reads images and runs networks (default: torch's).

    Raises:
        SpecError: the data cannot be used, or has other classes than the networks, or these differ.
    """
    ways = _ways(models, plan)
    evaluator = evaluator or find_evaluator()
    data = evaluator.open(where, models[0].channels)
    model, *others = models
    fitted = fit_classes(data.classes, data.labels(), model.graph, model.classes)
    for each in others:
        if fit_classes(data.classes, data.labels(), each.graph, each.classes) != fitted:
            raise _refused("the networks have classes in different orders", "evaluate each")
    counts = _Counts(np.array(fitted), len(models), len(ways), model.classes)
    for found in watch(evaluator.show(data, models, ways, plan, tell), len(data)):
        counts.add(found)
    if not counts.images:
        raise _refused(f"no image of `{where}` can be read", "mend them")
    best = counts.best
    rows = [Row(1, way, errors) for way, errors in zip(ways, counts.singly[best], strict=True)]
    if others:
        pairs = zip(ways, counts.together, strict=True)
        rows += [Row(len(models), way, errors) for way, errors in pairs]
    return Report(
        models=models,
        data=where,
        names=data.name,
        labels=_labels(model, data.classes, fitted),
        broken=len(data) - counts.images,
        rows=rows,
        single=models[best].name,
        details=counts.details,
    )


def _labels(model: Model, names: Sequence[str] | None, fitted: Sequence[int]) -> list[str]:
    """What the classes are called: by the network, else by the data, else by their numbers."""
    found = [model.label(index) for index in range(model.classes)]
    if model.graph.classes is None:
        for index, name in zip(fitted, names or (), strict=False):
            found[index] = name
    return found


class _Counts:
    """What is counted of all answers.

    Args:
        labels: the class of each label of the data.
        models: how many networks answer.
        ways: how many ways of looking there are.
        classes: how many classes.

    Attributes:
        singly: the errors of each network, for each way.
        together: those of all networks as one.
        details: of these, in the last way.
    """

    def __init__(self, labels: Array, models: int, ways: int, classes: int) -> None:
        self._labels = labels
        self.singly = [[Errors() for _ in range(ways)] for _ in range(models)]
        self.together = [Errors() for _ in range(ways)]
        self.details = Details(np.zeros((classes, classes), np.int64))

    def add(self, found: Answers) -> None:
        """Count some images.

        Raises:
            SpecError: one has a label of no class.
        """
        for label in (int(found.labels.min()), int(found.labels.max())):
            if not 0 <= label < len(self._labels):
                told = f"a label of the data is {label}, of {counted(len(self._labels), 'class')}"
                raise _refused(told, "labels count from 0")
        labels = self._labels[found.labels]
        together = [np.mean(each, axis=0) for each in zip(*found.probabilities, strict=True)]
        answers = [*found.probabilities, together]
        for sums, each in zip([*self.singly, self.together], answers, strict=True):
            for errors, probabilities in zip(sums, each, strict=True):
                errors.add(probabilities, labels)
        self.details.add(found.places, together[-1], labels)

    @property
    def images(self) -> int:
        return self.together[0].samples

    @property
    def best(self) -> int:
        """The network that the paper would take by itself: of the lowest top-1 error, at one
        view."""
        errors = [sums[0].first for sums in self.singly]
        return errors.index(min(errors))


def predict(
    model: Model,
    paths: Sequence[str],
    plan: Plan = _PLAN,
    *,
    top: int = FEW,
    tell: Progress = lambda text: None,
    evaluator: Evaluator | None = None,
) -> Iterator[Found]:
    """The likeliest classes of pictures, one after another.

    Args:
        model: a network.
        paths: of the pictures.
        plan: how.
        top: how many classes of each.
        tell: is told what takes long, and of each broken image that is left out.
        evaluator: reads images and runs networks (default: torch's).

    Raises:
        SpecError: a path leads nowhere, or an image is broken and not to be skipped.
    """
    ways = _ways([model], plan)[-1:]
    evaluator = evaluator or find_evaluator()
    data = evaluator.pictures(paths, model.channels)
    for answers in evaluator.show(data, [model], ways, plan, tell):
        best, shares = likeliest(answers.probabilities[0][0], top)
        for place, classes, own in zip(answers.places, best, shares, strict=True):
            pairs = zip(classes.tolist(), own.tolist(), strict=True)
            yield Found(data.name(int(place)), tuple(pairs))


def _ways(models: Sequence[Model], plan: Plan) -> list[int]:
    """The ways of looking up to the one that is asked for.

    Raises:
        SpecError: one of the networks cannot be shown so many views, or they do not fit together.
    """
    kinds: dict[str, set[Any]] = {
        "numbers of classes": {each.classes for each in models},
        "numbers of channels": {each.channels for each in models},
        "names of classes": {each.graph.classes for each in models},
    }
    for what, values in kinds.items():
        if len(values) > 1:
            told = f": {', '.join(sorted(map(str, values)))}" if what.startswith("numbers") else ""
            raise _refused(f"the networks have different {what}{told}", "evaluate each by itself")
    for each in models:
        try:
            views(plan.crops, each.crop)
        except ValueError as error:
            raise _refused(f"`{each.name}`: {error}", "evaluate it with --crops 1") from error
    return [way for way in WAYS if way <= plan.crops]


def _refused(message: str, help: str) -> SpecError:
    return SpecError([Diagnostic(Code.BAD_OPTION, message, help=help)])
