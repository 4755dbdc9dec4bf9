"""Tar shards in WebDataset's form: a sample is the files of one name, image and label by suffix.

They are read by place: an index says where in which shard an image's bytes are. So any sampler of
torch's works, and an order does not depend on how samples lie in shards.
"""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

from inceptgraph_train.data import Listing, Sample
from inceptgraph_train.errors import refused
from inceptgraph_train.images import SUFFIXES as IMAGES
from inceptgraph_train.tables import labelled

__all__ = ["find_shards", "list_shards"]

_LABEL, _RECORD = "cls", "json"
_KEYS = ("label", "cls", "class")
"""What a label may be called in a record."""
_COUNTED = re.compile(r"\{(\d+)\.\.(\d+)\}")


class _Member(NamedTuple):
    """A file in a shard."""

    offset: int
    size: int


def find_shards(where: str) -> list[Path]:
    """The shards that a pattern means: ``a-{000..012}.tar``, ``a-*.tar``, a folder of them, one.

    Those that a range counts are named whether they are there or not.
    """
    path = Path(where)
    if path.is_dir():
        return sorted(path.glob("*.tar"))
    if counted := _COUNTED.search(where):
        low, high = counted.groups()
        numbers = range(int(low), int(high) + 1)
        before, behind = where[: counted.start()], where[counted.end() :]
        return [Path(f"{before}{number:0{len(low)}d}{behind}") for number in numbers]
    if "*" in path.name and path.parent.is_dir():
        return sorted(path.parent.glob(path.name))
    return [path] if path.suffix == ".tar" and path.is_file() else []


def list_shards(shards: Sequence[Path]) -> Listing:
    """The images in shards, in the order in which they lie, with names or numbers of classes.

    Raises:
        SpecError: one is not there, or no tar, or compressed, or holds a sample without a label, or
            none holds a sample.
    """
    found = [each for shard in shards for each in _samples(shard)]
    if not found:
        raise refused(f"`{shards[0].parent}` holds no image in its shards", _FORM)
    places = [f"the image `{sample.name}`" for sample, _ in found]
    labels, classes = labelled([label for _, label in found], places)
    samples = [s._replace(label=label) for (s, _), label in zip(found, labels, strict=True)]
    return Listing(samples, classes)


_FORM = "a sample is an image and its label: `0001.jpg` and `0001.cls`, or `0001.json`"


def _samples(shard: Path) -> Iterator[tuple[Sample, str]]:
    """Each image of a shard, with the text of its label."""
    try:
        # a tar that is compressed can be read from its beginning alone
        with tarfile.open(shard, "r:") as archive:
            files: dict[str, dict[str, _Member]] = {}
            for member in archive:
                if member.isfile():
                    name, suffix = _split(member.name)
                    parts = files.setdefault(name, {})
                    parts[suffix] = _Member(member.offset_data, member.size)
    except FileNotFoundError as error:
        raise refused(f"there is no shard `{shard}`", "name those that there are") from error
    except tarfile.TarError as error:
        told = f"`{shard}` is no tar that can be read: {error}"
        raise refused(told, "a shard is not compressed; unpack it") from error
    with shard.open("rb") as file:
        for name, parts in files.items():
            image = next((suffix for suffix in parts if f".{suffix}" in IMAGES), None)
            if image is None:
                continue
            label = _label(file, parts)
            if label is None:
                raise refused(f"the image `{name}.{image}` of `{shard}` has no label", _FORM)
            offset, size = parts[image]
            yield Sample(f"{shard.name}/{name}.{image}", 0, str(shard), offset, size), label


def _split(name: str) -> tuple[str, str]:
    """Its name up to the first dot behind the last slash, and what follows."""
    folder, slash, last = name.rpartition("/")
    stem, _, suffix = last.partition(".")
    return folder + slash + stem, suffix.lower()


def _label(file: BinaryIO, parts: Mapping[str, _Member]) -> str | None:
    """The text of a sample's label; None where it has none."""

    def content(suffix: str) -> bytes:
        offset, size = parts[suffix]
        file.seek(offset)
        return file.read(size)

    if _LABEL in parts:
        return content(_LABEL).decode(errors="replace").strip() or None
    if _RECORD not in parts:
        return None
    try:
        record = json.loads(content(_RECORD))
    except ValueError:
        return None
    known = (record[key] for key in _KEYS if key in record) if isinstance(record, dict) else ()
    return next((str(label) for label in known), None)
