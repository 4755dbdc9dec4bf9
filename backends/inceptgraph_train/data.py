"""Data: images with their labels, wherever they lie, as a map-style dataset of torch's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor
from torch.utils.data import Dataset

from inceptgraph_train.images import BrokenImage, decode

__all__ = ["Images", "Listing", "Sample", "Transform"]

Transform = Callable[[Tensor], Any]
"""From an image in ``uint8``, of shape (channels, height, width), to what is learnt from."""


class Sample(NamedTuple):
    """An image that was found, and where its bytes are.

    Attributes:
        name: as messages and tables call it.
        label: the index of its class.
        path: of the file that holds it.
        offset: of its first byte in that file.
        size: in bytes; None for the rest of the file.
    """

    name: str
    label: int
    path: str
    offset: int = 0
    size: int | None = None

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            OSError: the file cannot be read.
        """
        with open(self.path, "rb") as file:
            file.seek(self.offset)
            return file.read(-1 if self.size is None else self.size)


class Listing(NamedTuple):
    """What was found at a place.

    Attributes:
        samples: the images.
        classes: the names that their labels count; None where labels are numbers from the start.
    """

    samples: Sequence[Sample]
    classes: tuple[str, ...] | None


class Images(Dataset[tuple[Any, int]]):
    """Images and the indices of their classes, decoded when they are asked for.

    Item ``i`` is what ``transform`` makes of the image, and its label.

    Attributes:
        samples: the images, in their order.
        classes: the names that labels count; None where labels were numbers from the start.
        transform: None gives the image itself, a tensor (channels, height, width) in ``uint8``.
        channels: 3 for colours, 1 for grey.
    """

    def __init__(
        self, listing: Listing, transform: Transform | None = None, *, channels: int = 3
    ) -> None:
        self.samples, self.classes = listing
        self.transform, self.channels = transform, channels

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """An image and its label.

        Raises:
            BrokenImage: it cannot be read.
        """
        sample = self.samples[index]
        try:
            image = decode(sample.read(), self.channels)
        except OSError as error:
            raise BrokenImage(error.strerror or str(error)) from error
        return self.transform(image) if self.transform else image, sample.label

    def name(self, index: int) -> str:
        """What messages and tables call an image."""
        return self.samples[index].name

    def labels(self) -> int:
        """How many labels there are; of numbers, one more than the largest."""
        if self.classes is not None:
            return len(self.classes)
        return 1 + max(sample.label for sample in self.samples)

    def digest(self) -> str:
        """The SHA-256 of the list, names and labels in their order; images are not read."""
        found = hashlib.sha256()
        for sample in self.samples:
            found.update(f"{sample.label} {sample.name}\0".encode())
        return found.hexdigest()
