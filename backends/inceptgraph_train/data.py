"""Data: images with their labels, wherever they lie, as a map-style dataset of torch's."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.utils.data import Dataset

from inceptgraph.report import counted
from inceptgraph_train.errors import refused
from inceptgraph_train.images import BrokenImage, decode, from_pillow, require_decoder

__all__ = ["Images", "Listing", "Others", "Sample", "Transform"]

Transform = Callable[[Tensor], Any]
"""From an image of shape (channels, height, width) to what is learnt from."""


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


class _Labelled(Dataset[tuple[Any, int]]):
    """Images and the indices of their classes, by their places.

    Item ``i`` is what ``transform`` makes of the image, and its label, or what ``indices`` has at
    its place.

    Attributes:
        classes: the names that labels count; None where labels were numbers from the start.
        channels: 3 for colours, 1 for grey.
        transform: None gives the image itself, a tensor (channels, height, width) in ``uint8``.
        indices: of a network's classes, by the labels; None leaves these as they are.
    """

    def __init__(
        self, classes: tuple[str, ...] | None, transform: Transform | None, channels: int
    ) -> None:
        self.classes, self.transform, self.channels = classes, transform, channels
        self.indices: Sequence[int] | None = None

    def _item(self, image: Tensor, label: int) -> tuple[Any, int]:
        index = label if self.indices is None else self.indices[label]
        if self.transform is None:
            return image, index
        threads = torch.get_num_threads()
        torch.set_num_threads(1)  # to share out so little costs more than it saves
        try:
            return self.transform(image), index
        finally:
            torch.set_num_threads(threads)


class Images(_Labelled):
    """Images in files, decoded when they are asked for; see :class:`_Labelled`.

    Attributes:
        samples: the images, in their order.

    Raises:
        SpecError: nothing is installed that decodes them.
    """

    def __init__(
        self, listing: Listing, transform: Transform | None = None, *, channels: int = 3
    ) -> None:
        super().__init__(listing.classes, transform, channels)
        require_decoder()
        self.samples = listing.samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """An image and its label.

        Raises:
            BrokenImage: it is no image.
            OSError: its file cannot be read.
        """
        sample = self.samples[index]
        return self._item(decode(sample.read(), self.channels), sample.label)

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


class Others(_Labelled):
    """A dataset that somebody else made; see :class:`_Labelled`.

    Its images are Pillow's, or tensors or arrays of shape (channels, height, width), or (height,
    width, channels) as long as that is clear: in ``uint8``, or finished in floating-point numbers.

    Attributes:
        dataset: of images and labels.

    Raises:
        SpecError: it is not map-style.
    """

    def __init__(self, dataset: Any, where: str, *, channels: int = 3) -> None:
        classes = getattr(dataset, "classes", None)
        super().__init__(None if classes is None else tuple(map(str, classes)), None, channels)
        self.dataset, self._where = dataset, where
        for method in ("__len__", "__getitem__"):
            if not hasattr(dataset, method):
                kind = type(dataset).__name__
                message = f"`{where}` gives a `{kind}`, which has no `{method}`"
                raise refused(message, "give a map-style dataset of torch's")

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        """An image and its label.

        Raises:
            BrokenImage: there is no class of its label.
            OSError: the dataset cannot read it.
        """
        image, label = self.dataset[index]
        if self.indices is not None and not 0 <= int(label) < len(self.indices):
            told = f"its label is {int(label)}, of {counted(len(self.indices), 'class')}"
            raise BrokenImage(told)
        return self._item(self._pixels(image), int(label))

    def name(self, index: int) -> str:
        """What messages and tables call an image."""
        return f"{self._where}[{index}]"

    def labels(self) -> int | None:
        """How many labels there are; None where nobody says."""
        return None if self.classes is None else len(self.classes)

    def _pixels(self, image: Any) -> Tensor:
        if hasattr(image, "convert"):
            return from_pillow(image, self.channels)
        pixels = torch.as_tensor(image)
        if pixels.ndim == 2:
            pixels = pixels[None]
        if pixels.shape[0] not in (1, 3) and pixels.shape[-1] in (1, 3):
            pixels = pixels.permute(2, 0, 1)
        return pixels
