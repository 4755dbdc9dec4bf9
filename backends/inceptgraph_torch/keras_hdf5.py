"""Keras's files to arrays: ``.h5`` of any version, ``.weights.h5`` and ``.keras``.

HDF5 is read by h5py. Links to other files are not followed, and numbers that stand in other files,
or are packed, are refused: Keras writes neither.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inceptgraph.weights import refuse
from inceptgraph_torch.arrays import Array, native
from inceptgraph_torch.keras_variables import kinds_of, numbered, of_name, placed, tensor_of

__all__ = ["read"]

Variables = list[tuple[str, Any]]
"""Of a layer: what each is, and its dataset."""

_WEIGHTS = "model.weights.h5"
"""Of a ``.keras`` archive."""

_LAYERS = ("layers", "_layer_checkpoint_dependencies")
"""Where a model of Keras 3 keeps its layers; elsewhere it keeps what training needs."""
_BROKEN = (
    *(OSError, RuntimeError, ValueError, KeyError, TypeError, AttributeError, MemoryError),
    *(EOFError, zipfile.BadZipFile, zlib.error),
)
"""What h5py and zipfile raise of a broken file."""


def read(path: Path) -> dict[str, Array]:
    """The variables of a model's layers, in torch's terms and order of axes: ``layer.weight``,
    ``layer.bias``, ``layer.running_mean``, ``layer.running_var``, ``layer/depthwise.weight``.

    Layers that Keras has named are called as in a new session (``conv2d``, ``conv2d_1``, …), those
    of a model in the model with its name and a dot before theirs.

    Raises:
        SpecError: the file is broken or none of Keras, does not name its layers, or the package
            h5py is not installed.
    """
    try:
        import h5py
    except ImportError:
        hint = 'install it: pip install "inceptgraph[keras]"'
        refuse(path, "holds HDF5, as Keras writes it, for which the package h5py is missing", hint)
    try:
        with h5py.File(_opened(path), "r") as file:
            return _tensors(path, _layers(path, h5py, file))
    except _BROKEN as error:
        reason = str(error).strip("'\"")[:200]
        refuse(path, f"is an HDF5 file that is broken: {reason}", "download or save it again")


def _opened(path: Path) -> Path | io.BytesIO:
    """The file, or of a ``.keras`` archive its weights."""
    with path.open("rb") as file:
        if file.read(2) != b"PK":
            return path
    with zipfile.ZipFile(path) as archive:
        member = archive.getinfo(_WEIGHTS)
        if member.compress_type != zipfile.ZIP_STORED:
            refuse(path, "holds packed weights, which no file of Keras does: refused")
        return io.BytesIO(archive.read(member))


def _layers(path: Path, h5py: Any, file: Any) -> dict[str, Variables]:
    """The variables of each layer, by its name."""
    objects: dict[str, Any] = {}
    file.visititems(objects.__setitem__)  # each once, and no link is followed
    root = "model_weights/" if "model_weights" in objects else ""  # of a whole model
    named = _strings(objects[root[:-1]] if root else file, "layer_names")
    if named is not None:
        return dict(_named(path, root, named, objects))
    return _counted(path, objects, h5py.Dataset)


def _strings(group: Any, name: str) -> list[str] | None:
    """A list among a group's attributes, which may stand in several of them; None where it is not
    there."""
    if name in group.attrs:
        parts = [group.attrs[name]]
    else:
        parts = []
        while f"{name}{len(parts)}" in group.attrs:
            parts.append(group.attrs[f"{name}{len(parts)}"])
        if not parts:
            return None
    return [
        each.decode() if isinstance(each, bytes) else str(each) for part in parts for each in part
    ]


def _named(
    path: Path, root: str, names: list[str], objects: dict[str, Any]
) -> Iterator[tuple[str, Variables]]:
    """The layers of a file that lists them. A layer that is a model has variables of several."""
    for name in names:
        variables = _strings(_listed(path, f"{root}{name}", objects), "weight_names") or ()
        parts = defaultdict[str, Variables](list)
        for variable in variables:
            dataset = _listed(path, f"{root}{name}/{variable}", objects)
            parent, _, last = variable.rpartition("/")
            parts[parent].append((of_name(last) or last, dataset))
        for parent, own in parts.items():
            yield (name if len(parts) == 1 else f"{name}.{parent.replace('/', '.')}"), own


def _listed(path: Path, name: str, objects: dict[str, Any]) -> Any:
    if name not in objects:
        why = f"lists `{name[:120]}`, and does not hold it"
        refuse(path, why, "download or save it again")
    return objects[name]


def _counted(path: Path, objects: dict[str, Any], dataset: type) -> dict[str, Variables]:
    """The layers of a file that counts them by class: ``layers/conv2d_1/vars/0`` is a variable.

    What they are called stands beside the variables, since Keras 3.6.
    """
    found = defaultdict[str, dict[int, Any]](dict)
    for title, each in objects.items():
        match = re.fullmatch(r"(.+)/vars/(\d{1,4})", title)
        if match and title.partition("/")[0] in _LAYERS and isinstance(each, dataset):
            found[match[1]][int(match[2])] = each
    layers: dict[str, Variables] = {}
    for place, numbers in found.items():
        if any(each.dtype.kind != "f" for each in numbers.values()):
            continue  # a seed, or another count
        name = _name(path, place, objects)
        if name in layers:
            refuse(path, f"holds two layers with weights that are called `{name[:60]}`")
        order = sorted(numbers)
        kinds = kinds_of(place.rpartition("/")[2], len(order))
        kinds = kinds if len(kinds) == len(order) else list(map(str, order))
        layers[name] = [(kind, numbers[n]) for kind, n in zip(kinds, order, strict=True)]
    if not layers:
        refuse(path, "is an HDF5 file without layers of a Keras model", "is it one of Keras?")
    return layers


def _name(path: Path, place: str, objects: dict[str, Any]) -> str:
    """What a layer is called, behind the models that it is in."""
    parts = place.split("/")
    ends = [end for end in range(1, len(parts)) if parts[end] not in _LAYERS]
    names = []
    for end in ends:
        group = objects.get("/".join((*parts[: end + 1], "vars")))
        name = group.attrs.get("name") if group is not None else None
        if name is None and end == ends[-1]:
            why = "does not name its layers, as those of Keras before 3.6"
            refuse(path, why, 'read it with Keras, and save the model: `model.save("model.h5")`')
        names.append(str(name or parts[end]))
    return ".".join(names)


def _tensors(path: Path, layers: dict[str, Variables]) -> dict[str, Array]:
    names = numbered(layers)
    found: dict[str, Array] = {}
    for layer, variables in layers.items():
        for kind, dataset in variables:
            name = tensor_of(names[layer], kind)
            if name in found:
                refuse(path, f"holds two tensors that are called `{name[:60]}`")
            found[name] = native(placed(_array(path, name, dataset), kind))
    return found


def _array(path: Path, name: str, dataset: Any) -> Array:
    """The numbers of a dataset that stand in the file, one behind the other."""
    elsewhere = dataset.is_virtual or dataset.external
    if elsewhere or dataset.id.get_storage_size() != dataset.nbytes:
        why = f"keeps the numbers of `{name[:60]}` in another file, or packed: refused"
        refuse(path, why, "save it with Keras")
    array: Array = dataset[()]
    return array
