"""Networks shown images by torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inceptgraph.backend import Progress
from inceptgraph.diagnostics import did_you_mean
from inceptgraph.evaluation import Answers, Model, Plan, View, views
from inceptgraph.ops.activation import LogSoftmax, Softmax
from inceptgraph.source import names_in
from inceptgraph_train.data import Images, Listing, Others, Sample
from inceptgraph_train.errors import refused
from inceptgraph_train.loading import BrokenImages, loader
from inceptgraph_train.opening import open_data
from inceptgraph_train.preparing import Shown, normalised

__all__ = ["TorchEvaluator"]


class TorchEvaluator:
    """See :class:`inceptgraph.evaluation.Evaluator`."""

    def open(self, where: str, channels: int) -> Images | Others:
        return open_data(where, channels=channels)

    def pictures(self, paths: Sequence[str], channels: int) -> Images:
        for path in paths:
            if Path(path).is_dir():
                raise refused(f"`{path}` is a directory, not an image", f"name files: {path}/*.jpg")
            if not Path(path).is_file():
                hint = did_you_mean(Path(path).name, names_in(Path(path).parent))
                raise refused(f"there is no image `{path}`", hint or "name files, JPEG or PNG")
        samples = [Sample(path, 0, path) for path in paths]
        return Images(Listing(samples, None), channels=channels)

    def show(
        self,
        data: Images | Others,
        models: Sequence[Model],
        ways: Sequence[int],
        plan: Plan,
        tell: Progress,
    ) -> Iterator[Answers]:
        wanted = []
        for model in models:
            tell(f"preparing {model.name}")  # which may compile
            wanted.append(_Wanted(model, ways, plan.batch))
        hows = [model.preprocessing for model in models]
        data.transform = Shown(hows, [each.views for each in wanted])
        images = max(1, plan.batch // max(len(each.views) for each in wanted))
        batches = loader(data, batch_size=images, num_workers=plan.workers)
        watch = BrokenImages(plan.skip_broken, tell, "say --skip-broken")
        for batch in watch.without(batches):
            pairs = zip(wanted, batch.images, strict=True)
            yield Answers(
                batch.places.numpy(),
                batch.labels.numpy(),
                [each.probabilities(shown) for each, shown in pairs],
            )


class _Wanted:
    """The views that a network is shown, each once, and which of them make up each way.

    Args:
        model: the network.
        ways: of looking.
        batch: views at a time.
    """

    def __init__(self, model: Model, ways: Sequence[int], batch: int) -> None:
        assert model.make is not None
        self.model, self.module, self.batch = model, model.make(), batch
        each = [views(way, model.crop) for way in ways]
        self.views: list[View] = list(dict.fromkeys(view for way in each for view in way))
        places = {view: place for place, view in enumerate(self.views)}
        self.ways = [torch.tensor([places[view] for view in way]) for way in each]

    def probabilities(self, shown: Tensor) -> list[Any]:
        """The mean over the views of each way, of shape (images, classes) in float64.

        Args:
            shown: of shape (images, views, channels, height, width), in ``uint8``.
        """
        parts = torch.split(shown.flatten(0, 1), self.batch)
        found = torch.cat([self._of(part) for part in parts])
        found = found.reshape(*shown.shape[:2], -1)
        return [found[:, way].mean(1).numpy() for way in self.ways]

    def _of(self, shown: Tensor) -> Tensor:
        """The probabilities of classes, of shape (views, classes)."""
        weight = next(self.module.parameters(), shown)  # bytes travel, and no numbers
        with torch.inference_mode():
            images = normalised(shown.to(weight.device), self.model.preprocessing)
            found = self.module(images)
        if isinstance(found, Mapping):
            found = found[self.model.output.name]
        numbers: Tensor = found.double().cpu()
        if self.model.gives is Softmax:
            return numbers
        return numbers.exp() if self.model.gives is LogSoftmax else numbers.softmax(1)
