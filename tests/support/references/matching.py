"""Which of our tensors is which of a reference's: by place in canonical order, checked by shape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from references.records import Layer
from references.values import Array

__all__ = ["Mismatch", "match", "weights"]


class Mismatch(Exception):
    """Two networks that do not consist of the same layers."""


def match(
    theirs: Mapping[str, Sequence[Layer]], ours: Sequence[Sequence[Layer]]
) -> Iterator[tuple[Layer, Layer]]:
    """Pairs of the same layer, theirs and ours.

    Args:
        theirs: by output, in canonical order.
        ours: likewise, for each of our outputs.

    Raises:
        Mismatch: another number of outputs, or of layers, or a layer of another shape or with other
            tensors.
    """
    if len(theirs) != len(ours):
        raise Mismatch(f"the reference returns {', '.join(theirs)}, the spec {len(ours)} values")
    for (output, reference), own in zip(theirs.items(), ours, strict=True):
        for place, pair in enumerate(zip(reference, own, strict=False)):
            if not _same(*pair):
                raise Mismatch(f"layer {place} of `{output}`: theirs is {pair[0]}, ours {pair[1]}")
            yield pair
        if len(reference) != len(own):
            raise Mismatch(f"`{output}` has {len(reference)} layers there, {len(own)} here")


def weights(their: Layer, our: Layer) -> Iterator[tuple[str, Array]]:
    """Our tensors by name with the values that the reference's have.

    A reference may have no scale in its normalisations, as TF-slim: then ours is 1.
    """
    found = their.values()
    for kind, shape in our.shapes().items():
        value = found[kind] if kind in found else np.ones(shape)
        yield f"{our.name}.{kind}", value.reshape(shape)


def _same(their: Layer, our: Layer) -> bool:
    normalises = "m" in their.tensors and "m" in our.tensors
    tensors = their.tensors == our.tensors or (normalises and f"w{their.tensors}" == our.tensors)
    return tensors and _flat(their.shape) == _flat(our.shape)


def _flat(shape: tuple[int, ...]) -> tuple[int, ...]:
    """A linear layer may be written as a convolution of one pixel."""
    return shape[:2] if set(shape[2:]) == {1} else shape
