"""Caffe models as bytes, by the rules of protobuf's wire format and nothing else.

https://protobuf.dev/programming-guides/encoding: a field is a varint of ``number << 3 | type``,
then a varint (type 0), or a length and as many bytes (type 2). Field numbers are those of
caffe.proto.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

__all__ = ["blob", "field", "layer", "legacy_blob", "net", "v1_layer", "varint"]


def varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*found, number])


def field(number: int, value: int | bytes | str) -> bytes:
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(data)) + data


def blob(array: np.ndarray, *, packed: bool = True) -> bytes:
    """A BlobProto with its shape (7) and floats (5)."""
    dims = b"".join(map(varint, array.shape))
    shape = field(1, dims) if packed else b"".join(field(1, extent) for extent in array.shape)
    return field(5, array.astype("<f4").tobytes()) + field(7, shape)


def legacy_blob(array: np.ndarray) -> bytes:
    """A BlobProto of four axes: num, channels, height, width (1 to 4)."""
    axes = (1,) * (4 - array.ndim) + array.shape
    sizes = b"".join(field(number, extent) for number, extent in enumerate(axes, start=1))
    return sizes + field(5, array.astype("<f4").tobytes())


def layer(name: str, kind: str, blobs: Sequence[bytes]) -> bytes:
    """A LayerParameter: name (1), type (2), a bottom (3), blobs (7)."""
    parts = field(1, name) + field(2, kind) + field(3, "data")
    return parts + b"".join(field(7, one) for one in blobs)


def v1_layer(name: str, kind: int, blobs: Sequence[bytes]) -> bytes:
    """A V1LayerParameter: name (4), type (5), blobs (6)."""
    return field(4, name) + field(5, kind) + b"".join(field(6, one) for one in blobs)


def net(layers: Sequence[bytes] = (), v1_layers: Sequence[bytes] = ()) -> bytes:
    """A NetParameter: name (1), layers (2), layer (100)."""
    old = b"".join(field(2, one) for one in v1_layers)
    return field(1, "Net") + old + b"".join(field(100, one) for one in layers)
