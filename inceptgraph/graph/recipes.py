"""Where the weights of a rewritten step come from: expressions over the tensors of the original.

A pass that folds or fuses steps changes no numbers; it says how the new step's tensors are made of
those that the network had before, by their names in its ``state_dict``. A backend evaluates that
when it has the numbers, so an optimised graph loads the weights of the original. Arithmetic
broadcasts as in NumPy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from math import prod
from typing import Any

__all__ = [
    "Cut",
    "Difference",
    "Full",
    "InverseRoot",
    "Join",
    "Original",
    "Padded",
    "Product",
    "Recipe",
    "Reshaped",
    "Sum",
    "Total",
    "along",
    "from_plain",
    "originals",
    "to_plain",
]

Extents = tuple[int, ...]


class Recipe:
    """An expression whose value is a tensor."""

    __slots__ = ()

    @property
    def shape(self) -> Extents:
        """Shape of the tensor."""
        raise NotImplementedError

    @property
    def operands(self) -> tuple[Recipe, ...]:
        """The expressions that it is made of."""
        found: list[Recipe] = []
        for field in fields(self):  # type: ignore[arg-type]
            value = getattr(self, field.name)
            found += [value] if isinstance(value, Recipe) else []
            found += value if isinstance(value, tuple) and field.name == "parts" else []
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Original(Recipe):
    """A tensor of the original network."""

    name: str
    extents: Extents

    @property
    def shape(self) -> Extents:
        return self.extents

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Full(Recipe):
    """A tensor of one value."""

    extents: Extents
    value: float

    @property
    def shape(self) -> Extents:
        return self.extents

    def __str__(self) -> str:
        return f"{self.value:g}"


@dataclass(frozen=True, slots=True)
class Join(Recipe):
    """Tensors side by side along an axis."""

    parts: tuple[Recipe, ...]
    axis: int

    @property
    def shape(self) -> Extents:
        first = self.parts[0].shape
        total = sum(part.shape[self.axis] for part in self.parts)
        return (*first[: self.axis], total, *first[self.axis + 1 :])

    def __str__(self) -> str:
        return f"join({', '.join(map(str, self.parts))}; axis {self.axis})"


@dataclass(frozen=True, slots=True)
class Cut(Recipe):
    """The elements ``start`` to ``stop`` of an axis, without the last."""

    of: Recipe
    axis: int
    start: int
    stop: int

    @property
    def shape(self) -> Extents:
        before = self.of.shape
        return (*before[: self.axis], self.stop - self.start, *before[self.axis + 1 :])

    def __str__(self) -> str:
        return f"cut({self.of}; axis {self.axis}, {self.start} to {self.stop})"


@dataclass(frozen=True, slots=True)
class Padded(Recipe):
    """A tensor with zeros around it: pixels before and after each axis."""

    of: Recipe
    borders: tuple[tuple[int, int], ...]

    @property
    def shape(self) -> Extents:
        pairs = zip(self.of.shape, self.borders, strict=True)
        return tuple(extent + before + after for extent, (before, after) in pairs)

    def __str__(self) -> str:
        return f"padded({self.of}; {self.borders})"


@dataclass(frozen=True, slots=True)
class Reshaped(Recipe):
    """The same elements in another shape."""

    of: Recipe
    extents: Extents

    @property
    def shape(self) -> Extents:
        return self.extents

    def __str__(self) -> str:
        return str(self.of)


@dataclass(frozen=True, slots=True)
class _Binary(Recipe):
    left: Recipe
    right: Recipe

    @property
    def shape(self) -> Extents:
        left, right = self.left.shape, self.right.shape
        rank = max(len(left), len(right))
        left, right = (1,) * (rank - len(left)) + left, (1,) * (rank - len(right)) + right
        return tuple(max(a, b) for a, b in zip(left, right, strict=True))


@dataclass(frozen=True, slots=True)
class Product(_Binary):
    """Element by element."""

    def __str__(self) -> str:
        return f"({self.left} * {self.right})"


@dataclass(frozen=True, slots=True)
class Sum(_Binary):
    """Element by element."""

    def __str__(self) -> str:
        return f"({self.left} + {self.right})"


@dataclass(frozen=True, slots=True)
class Difference(_Binary):
    """Element by element, left minus right."""

    def __str__(self) -> str:
        return f"({self.left} - {self.right})"


@dataclass(frozen=True, slots=True)
class InverseRoot(Recipe):
    """1 / √(x + eps)."""

    of: Recipe
    eps: float

    @property
    def shape(self) -> Extents:
        return self.of.shape

    def __str__(self) -> str:
        return f"rsqrt({self.of} + {self.eps:g})"


@dataclass(frozen=True, slots=True)
class Total(Recipe):
    """The sum over all axes but the first."""

    of: Recipe

    @property
    def shape(self) -> Extents:
        return self.of.shape[:1]

    def __str__(self) -> str:
        return f"total({self.of})"


def along(vector: Recipe, axis: int, rank: int) -> Recipe:
    """A vector laid along one axis of a tensor, to be multiplied with it or added to it.

    Args:
        vector: of one axis.
        axis: of the tensor.
        rank: how many axes the tensor has.
    """
    extents = tuple(prod(vector.shape) if index == axis else 1 for index in range(rank))
    return Reshaped(vector, extents)


def originals(recipe: Recipe) -> Iterator[str]:
    """The names of the original tensors in an expression."""
    pending = [recipe]
    while pending:
        current = pending.pop()
        if isinstance(current, Original):
            yield current.name
        pending.extend(current.operands)


_KINDS: dict[str, type[Recipe]] = {
    kind.__name__.lower(): kind
    for kind in (
        Original,
        Full,
        Join,
        Cut,
        Padded,
        Reshaped,
        Product,
        Sum,
        Difference,
        InverseRoot,
        Total,
    )
}


def to_plain(recipe: Recipe) -> dict[str, Any]:
    """An expression as JSON has it; :func:`from_plain` reads it back."""
    plain: dict[str, Any] = {"kind": type(recipe).__name__.lower()}
    for field in fields(recipe):  # type: ignore[arg-type]
        value = getattr(recipe, field.name)
        if isinstance(value, Recipe):
            value = to_plain(value)
        elif field.name == "parts":
            value = [to_plain(part) for part in value]
        plain[field.name] = value
    return plain


def from_plain(plain: Mapping[str, Any]) -> Recipe:
    """The recipe that :func:`to_plain` wrote.

    Raises:
        KeyError: there is no such kind of expression.
    """
    arguments: dict[str, Any] = {}
    for name, value in plain.items():
        if isinstance(value, Mapping):
            value = from_plain(value)
        elif name == "parts":
            value = tuple(from_plain(part) for part in value)
        elif isinstance(value, list | tuple):
            value = tuple(tuple(v) if isinstance(v, list | tuple) else v for v in value)
        arguments[name] = value
    return _KINDS[arguments.pop("kind")](**arguments)
