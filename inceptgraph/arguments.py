"""Types of arguments: a value of the wrong type is refused by its name, before anything runs."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

__all__ = ["FLAG", "FUNCTION", "NAME", "NUMBER", "PATH", "TEXTS", "Kind", "check"]


@dataclass(frozen=True)
class Kind:
    """The values that an argument takes.

    Attributes:
        told: it, in words, after "must be".
        types: of Python.
        named: types that cannot be imported here, such as ``torch.dtype``, by module and name.
        but: of ``types`` those that it does not take all the same.
        optional: None stands for what is not given.
    """

    told: str
    types: tuple[type, ...]
    named: tuple[str, ...] = ()
    but: tuple[type, ...] = ()
    optional: bool = False

    def takes(self, value: object) -> bool:
        if value is None or isinstance(value, self.but):
            return value is None and self.optional
        known = {f"{each.__module__}.{each.__qualname__}" for each in type(value).__mro__}
        return isinstance(value, self.types) or not known.isdisjoint(self.named)


FLAG = Kind("True or False", (bool,))
FUNCTION = Kind("a function", (Callable,))  # type: ignore[arg-type]
NAME = Kind("a string", (str,))
NUMBER = Kind("a whole number", (Integral,), but=(bool,))
PATH = Kind("a path", (str, os.PathLike))
TEXTS = Kind("a list of strings", (Iterable,), but=(str, bytes))


def check(kinds: Mapping[str, Kind], given: Mapping[str, Any]) -> None:
    """Refuse values of the wrong type.

    Args:
        kinds: what arguments take, by name.
        given: values by name; those of other names are none of ours.

    Raises:
        TypeError: one has another type; it says which, what it takes and what was given.
    """
    for name, kind in kinds.items():
        if name in given and not kind.takes(given[name]):
            raise TypeError(f"`{name}` must be {kind.told}, got {reprlib.repr(given[name])}")
