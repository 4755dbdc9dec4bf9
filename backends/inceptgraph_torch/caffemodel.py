"""Caffe's ``.caffemodel`` to arrays: the blobs of a ``NetParameter``, by layer.

Field numbers are those of ``src/caffe/proto/caffe.proto`` in BVLC/caffe 1.0; what is not needed is
left out, and protobuf skips it. Files from before 2015 hold ``layers`` (``V1LayerParameter``) and
blobs of four axes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from inceptgraph.weights import refuse

__all__ = ["read"]

Array = np.ndarray[Any, np.dtype[np.float32]]

_BLOBS = {"BatchNorm": ("running_mean", "running_var", "factor")}
"""What the blobs of a type of layer are, in order; else a weight and a bias."""

_AXES = ("num", "channels", "height", "width")
"""Of a blob in files from before 2015."""

_MESSAGES = {
    "BlobShape": {"dim": (1, "repeated", "int64")},
    "BlobProto": {
        **{name: (i, "optional", "int32") for i, name in enumerate(_AXES, start=1)},
        # packed floats look like bytes on the wire, and as bytes they are one array at once
        "data": (5, "repeated", "bytes"),
        "shape": (7, "optional", "BlobShape"),
        "double_data": (8, "repeated", "bytes"),
    },
    "LayerParameter": {
        "name": (1, "optional", "bytes"),
        "type": (2, "optional", "bytes"),
        "blobs": (7, "repeated", "BlobProto"),
    },
    "V1LayerParameter": {
        "name": (4, "optional", "bytes"),
        "blobs": (6, "repeated", "BlobProto"),
    },
    "NetParameter": {
        "layers": (2, "repeated", "V1LayerParameter"),
        "layer": (100, "repeated", "LayerParameter"),
    },
}


@cache
def _net_parameter() -> Any:
    """The message class of a file."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="inceptgraph/caffe.proto", package="inceptgraph.caffe", syntax="proto2"
    )
    for message, fields in _MESSAGES.items():
        descriptor = file.message_type.add(name=message)
        for name, (number, label, kind) in fields.items():
            added = descriptor.field.add(
                name=name, number=number, label=getattr(field, f"LABEL_{label.upper()}")
            )
            if kind in _MESSAGES:
                added.type = field.TYPE_MESSAGE
                added.type_name = f".{file.package}.{kind}"
            else:
                added.type = getattr(field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(
        pool.FindMessageTypeByName(f"{file.package}.NetParameter")
    )


def read(path: Path) -> dict[str, Array]:
    """The blobs of a file, as ``layer.weight`` and ``layer.bias``.

    A BatchNorm layer's are ``layer.running_mean`` and ``layer.running_var``, divided by the factor
    that Caffe keeps beside them.

    Raises:
        SpecError: the file is broken, or the package protobuf is not installed.
    """
    try:
        from google.protobuf.message import DecodeError

        kind = _net_parameter()
    except ImportError:
        hint = 'install it: pip install "inceptgraph[caffe]"'
        refuse(path, "is a Caffe model, for which the package protobuf is missing", hint)
    try:
        net = kind.FromString(path.read_bytes())
        layers = [(layer.name.decode(), layer.type.decode(), layer.blobs) for layer in net.layer]
        layers += [(layer.name.decode(), "", layer.blobs) for layer in net.layers]
    except (DecodeError, ValueError, MemoryError) as error:
        refuse(path, f"is no Caffe model, or a broken one: {error}", "download it again")
    found: dict[str, Array] = {}
    for name, layer_type, blobs in layers:
        for tensor, array in _tensors(path, name, layer_type, blobs):
            if tensor in found:
                refuse(path, f"holds two layers with weights that are called `{name[:60]}`")
            found[tensor] = array
    return found


def _tensors(path: Path, layer: str, kind: str, blobs: Any) -> Iterator[tuple[str, Array]]:
    names = _BLOBS.get(kind, ("weight", "bias"))
    arrays = {}
    for index, blob in enumerate(blobs):
        name = names[index] if index < len(names) else f"blob{index}"
        arrays[name] = _array(path, f"{layer}.{name}", blob)
    factor = arrays.pop("factor", None)
    if factor is not None:
        scale = 1 / factor.flat[0] if factor.size and factor.flat[0] else 0
        arrays = {name: array * np.float32(scale) for name, array in arrays.items()}
    for name, array in arrays.items():
        yield f"{layer}.{name}", array


def _array(path: Path, name: str, blob: Any) -> Array:
    shape = tuple(blob.shape.dim)
    if not blob.HasField("shape"):
        shape = tuple(getattr(blob, axis) for axis in _AXES)
    data = b"".join(blob.double_data if blob.double_data else blob.data)
    kind = np.dtype("<f8" if blob.double_data else "<f4")
    if any(extent < 0 for extent in shape) or math.prod(shape) * kind.itemsize != len(data):
        numbers = len(data) // kind.itemsize
        refuse(path, f"is broken: `{name[:60]}` has the shape {shape} but {numbers:,} numbers")
    return np.frombuffer(data, kind).astype(np.float32).reshape(shape)
