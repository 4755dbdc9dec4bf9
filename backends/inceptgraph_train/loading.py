"""Batches of data by torch's DataLoader, in which a broken image is told and not raised."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_collate

from inceptgraph.backend import Progress
from inceptgraph.diagnostics import SpecError
from inceptgraph_train.errors import refused
from inceptgraph_train.images import BrokenImage

__all__ = ["Batch", "Broken", "BrokenImages", "loader", "read_sample"]


class Broken(NamedTuple):
    """An image that could not be read.

    Attributes:
        name: of the image.
        reason: why not.
    """

    name: str
    reason: str

    @property
    def told(self) -> str:
        """It in a sentence."""
        return f"the image `{self.name}` cannot be read: {self.reason}"

    def refusal(self, how: str) -> SpecError:
        """The error that it ends a run; ``how`` has it skipped, after "or"."""
        return refused(self.told, f"mend it or take it out, or {how}")


def read_sample(data: Any, place: int) -> tuple[Any, Any] | Broken:
    """A sample, or what is told of one that cannot be read. It is not raised: a worker's error
    would come without a name."""
    try:
        value, label = data[place]
        return value, label
    except BrokenImage as error:
        reason = str(error)
    except OSError as error:
        reason = error.strerror or str(error)
    name = data.name(place) if hasattr(data, "name") else f"{type(data).__name__}[{place}]"
    return Broken(name, reason)


class Batch(NamedTuple):
    """Samples to be taken at once.

    Attributes:
        images: what the data's transform made of them, stacked; None where all were broken.
        labels: the indices of their classes, of shape (samples,).
        places: their indices in the data, of shape (samples,).
        broken: those that are left out.
    """

    images: Any
    labels: Tensor
    places: Tensor
    broken: tuple[Broken, ...]


def loader(data: Any, **options: Any) -> DataLoader[Batch]:
    """Torch's DataLoader over data, which gives a :class:`Batch` at a time.

    Args:
        data: map-style, of images and labels; ``name(index)`` says what one is called.
        options: the DataLoader's own, such as ``batch_size``, ``sampler`` and ``num_workers``.
    """
    return DataLoader(_Guarded(data), collate_fn=_collated, **options)


@dataclass
class BrokenImages:
    """The broken images of a run: fatal, or skipped, named and counted.

    Attributes:
        skip: skip them; else the first one ends the run.
        tell: is told of each that is skipped.
        how: to have them skipped, after "or".
        found: those so far.
    """

    skip: bool = False
    tell: Progress = lambda text: None
    how: str = "let broken images be skipped"
    found: list[Broken] = field(default_factory=list)

    def without(self, batches: Iterable[Batch]) -> Iterator[Batch]:
        """The batches, but for those of which nothing is left.

        Raises:
            SpecError: an image is broken, and not to be skipped.
        """
        for batch in batches:
            for each in batch.broken:
                if not self.skip:
                    raise each.refusal(self.how)
                self.tell(f"skipped: {each.told}")
            self.found += batch.broken
            if batch.images is not None:
                yield batch


class _Guarded(Dataset[Any]):
    """Data whose broken images are returned."""

    def __init__(self, data: Any) -> None:
        self._data = data

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, index: int) -> tuple[Any, int, int] | Broken:
        found = read_sample(self._data, index)
        return found if isinstance(found, Broken) else (*found, index)


def _collated(items: Sequence[tuple[Any, int, int] | Broken]) -> Batch:
    broken = tuple(each for each in items if isinstance(each, Broken))
    sound = [each for each in items if not isinstance(each, Broken)]
    if not sound:
        nothing = torch.empty(0, dtype=torch.int64)
        return Batch(None, nothing, nothing, broken)
    images, labels, places = default_collate(sound)
    return Batch(images, labels, places, broken)
