"""What is recorded of a reference: its layers, and what it computes from made-up weights."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
from places import DATA

from references import values

__all__ = ["FOLDER", "TENSORS", "Layer", "Record", "Run", "Summary", "names"]

FOLDER = DATA / "references"

TENSORS = {"w": "weight", "b": "bias", "m": "running_mean", "v": "running_var"}
SAMPLES = 48


class Layer(NamedTuple):
    """A layer with weights.

    Attributes:
        name: the reference's own.
        tensors: initials of what it has (:data:`TENSORS`): ``w``, ``wb``, ``wbmv``, ``bmv``.
        shape: of its weight in torch's layout: (out, in / groups, height, width), (out, in), or
            (channels,) of a normalisation.
    """

    name: str
    tensors: str
    shape: tuple[int, ...]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shape of each tensor, by its name in the layer."""
        return {
            TENSORS[initial]: self.shape if initial == "w" else self.shape[:1]
            for initial in self.tensors
        }

    def values(self) -> dict[str, values.Array]:
        """What the reference was given, by name in the layer."""
        return {
            kind: values.tensor(f"{self.name}.{kind}", shape)
            for kind, shape in self.shapes().items()
        }


@dataclass(frozen=True)
class Summary:
    """An output in short.

    Attributes:
        shape: with the batch first.
        largest: the largest magnitude.
        sum, squares: over all elements, of themselves and of their squares.
        sample: every n-th element in C order, n = max(1, elements // 48).
    """

    shape: tuple[int, ...]
    largest: float
    sum: float
    squares: float
    sample: tuple[float, ...]

    @classmethod
    def of(cls, output: Any) -> Summary:
        """Of an array of float64 or float32."""
        flat = np.asarray(output, dtype=np.float64).ravel()
        return cls(
            shape=tuple(int(extent) for extent in output.shape),
            largest=float(np.abs(flat).max()),
            sum=math.fsum(flat),
            squares=math.fsum(flat * flat),
            sample=tuple(float(value) for value in flat[:: max(1, flat.size // SAMPLES)]),
        )

    def distance(self, other: Summary) -> float:
        """A bound from below on the largest difference of elements, relative to :attr:`largest`.

        Elements that differ by at most d·largest have sums that differ by n·d·largest at most, and
        sums of squares by n·d·(2 + d)·largest².
        """
        if self.shape != other.shape:
            return math.inf
        count = math.prod(self.shape)
        pairs = zip(self.sample, other.sample, strict=True)
        sampled = max(abs(ours - theirs) for ours, theirs in pairs) / self.largest
        summed = abs(self.sum - other.sum) / (count * self.largest)
        squared = abs(self.squares - other.squares) / (count * self.largest**2)
        largest = abs(self.largest - other.largest) / self.largest
        return max(sampled, summed, math.sqrt(1 + squared) - 1, largest)


@dataclass(frozen=True)
class Run:
    """One pass: the shape of ``values.image`` that went in, and the outputs in canonical order."""

    input: tuple[int, ...]
    outputs: Mapping[str, Summary]


@dataclass(frozen=True)
class Record:
    """A reference, its weights by name, and its outputs.

    Attributes:
        specs: our specs of the same network.
        call: how the reference is made.
        versions: of the packages that took part.
        layers: by output, in canonical order (``order.py``): first what the network's output needs,
            then what each auxiliary head adds.
        evaluation: batch normalisation with running statistics.
        training: with those of the batch; dropout is off.
        overrides: arguments of our operations that the reference has otherwise than the spec.
    """

    specs: tuple[str, ...]
    call: str
    versions: Mapping[str, str]
    layers: Mapping[str, tuple[Layer, ...]]
    evaluation: Run
    training: Run
    overrides: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @classmethod
    def load(cls, name: str) -> Record:
        data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        data["specs"] = tuple(data["specs"])
        data["layers"] = {
            output: tuple(Layer(name, tensors, tuple(shape)) for name, tensors, shape in layers)
            for output, layers in data["layers"].items()
        }
        for mode in ("evaluation", "training"):
            data[mode] = _run(data[mode])
        return cls(**data)

    def save(self, name: str) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        text = "\n".join(_lines(asdict(self) | {"layers": self.layers}))
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def names() -> list[str]:
    """The records on disk."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def _run(data: Mapping[str, Any]) -> Run:
    outputs = {
        name: Summary(**{k: tuple(v) if isinstance(v, list) else v for k, v in fields.items()})
        for name, fields in data["outputs"].items()
    }
    return Run(tuple(data["input"]), outputs)


def _lines(value: Any, indent: str = "", key: str = "", end: str = "") -> Iterable[str]:
    """JSON with a line for each layer and each list of numbers."""
    nested = isinstance(value, Mapping) or (
        isinstance(value, tuple) and value and isinstance(value[0], Layer)
    )
    if not nested or not value:
        yield f"{indent}{key}{json.dumps(value)}{end}"
        return
    mapping = isinstance(value, Mapping)
    items = [(f'"{k}": ', v) for k, v in value.items()] if mapping else [("", v) for v in value]
    yield f"{indent}{key}{'{' if mapping else '['}"
    for index, (name, item) in enumerate(items):
        yield from _lines(item, indent + " ", name, "," if index < len(items) - 1 else "")
    yield f"{indent}{'}' if mapping else ']'}{end}"
