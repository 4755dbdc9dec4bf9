"""Plug-ins: what installed packages offer through entry points, and what is wrong with it."""

from __future__ import annotations

import inspect
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar, cast

if TYPE_CHECKING:
    from importlib.metadata import Distribution, EntryPoint, EntryPoints

    from inceptgraph.diagnostics import Code, SpecError

__all__ = [
    "Clash",
    "checked",
    "load",
    "loaded",
    "missing_members",
    "named",
    "package",
    "points",
    "refusal",
]

T = TypeVar("T")

_OURS = "inceptgraph"
"""The distribution that nobody is told to uninstall."""


@dataclass(frozen=True)
class Clash:
    """Entry points of one name in a group: nobody knows which is meant, so none of them is used.

    It stands in their place, and refuses when it is loaded. So a clash disturbs only those who ask
    for the name.

    Attributes:
        group: of the entry points.
        name: that they share.
        points: two or more.
    """

    group: str
    name: str
    points: tuple[EntryPoint, ...]
    dist: None = None

    @property
    def value(self) -> str:
        """What is offered, and by which packages."""
        return " and ".join(f"{package(p.dist)} (`{p.value}`)" for p in self.points)

    def load(self) -> NoReturn:
        """Refuse the name.

        Raises:
            SpecError: always; it names the packages.
        """
        from inceptgraph.diagnostics import Code

        message = f"`{self.name}` of `{self.group}` is offered by {self.value}"
        names = sorted({p.dist.name for p in self.points if p.dist} - {_OURS})
        how = f": `pip uninstall {names[-1]}`" if names else ""
        hint = f"keep one, and uninstall what else offers it{how}"
        raise _error(Code.CLASHING_PLUGINS, message, hint)


def package(dist: Distribution | None) -> str:
    """A package as a message names it: ``inceptgraph-shuffle 0.1.0``."""
    return f"{dist.name} {dist.version}" if dist else "a package without metadata"


def points(group: str) -> Mapping[str, EntryPoint | Clash]:
    """The entry points of a group by their names, sorted.

    A package that is found twice, such as in place and as a copy, is no clash.
    """
    found: defaultdict[str, dict[Any, EntryPoint]] = defaultdict(dict)
    for point in _installed(group, tuple(map(_as_it_is, sys.path))):
        found[point.name].setdefault((point.dist and point.dist.name, point.value), point)
    offered = {name: tuple(each.values()) for name, each in sorted(found.items())}
    return {n: p[0] if len(p) == 1 else Clash(group, n, p) for n, p in offered.items()}


@lru_cache(32)
def _installed(group: str, places: tuple[tuple[str, int], ...]) -> EntryPoints:
    """Entry points, read anew once anything is installed: to read a group's takes 20 ms."""
    from importlib.metadata import entry_points  # most commands need none

    return entry_points(group=group)


def _as_it_is(place: str) -> tuple[str, int]:
    """A place where packages are looked for, and when something was last put there."""
    with suppress(OSError, ValueError):
        return place, os.stat(place or os.curdir).st_mtime_ns
    return place, 0


def load(point: EntryPoint | Clash, noun: str, *, made: bool = True) -> object:
    """The object that an entry point offers; where that is a class, an object of it.

    Args:
        point: the entry point.
        noun: what it should be, in a word: "backend".
        made: False leaves a class as it is.

    Raises:
        SpecError: it cannot be loaded, or several packages offer it.
    """
    from inceptgraph.diagnostics import Code, SpecError

    try:
        offered = point.load()
        return offered() if made and isinstance(offered, type) else offered
    except SpecError:
        raise
    except Exception as error:  # a plug-in may fail in any way
        message = f"the {noun} `{point.name}` cannot be loaded: {type(error).__name__}: {error}"
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        needs = f"what it needs (`pip install {missing}`)" if missing else "what it needs"
        hint = f"install {needs}, or mend the package that offers `{point.value}`"
        raise _error(Code.BROKEN_PLUGIN, message, hint) from error


def loaded(point: EntryPoint | Clash, kind: Callable[..., T], noun: str) -> T:
    """What an entry point offers, if it is what it should be.

    Args:
        point: the entry point.
        kind: the protocol, or the class, of what it should be.
        noun: the same in a word: "backend".

    Raises:
        SpecError: it cannot be loaded, or several packages offer it, or it is something else; the
            finding names the members of a protocol that it lacks.
    """
    return checked(load(point, noun), point, kind, noun)


def named(group: str, name: str, kind: Callable[..., T], noun: str) -> T:
    """What a group of InceptGraph's own offers under a name; see :func:`loaded`.

    Raises:
        SpecError: no installed package offers it, or as there.
    """
    from inceptgraph.diagnostics import Code

    offered = points(group)
    if name not in offered:
        message = f"there is no {noun} `{name}`"
        raise _error(Code.UNKNOWN_BACKEND, message, "install inceptgraph again")
    return loaded(offered[name], kind, noun)


def checked(found: object, point: EntryPoint | Clash, kind: Callable[..., T], noun: str) -> T:
    """The object that was loaded, if it is what it should be; see :func:`loaded`."""
    if getattr(kind, "_is_protocol", False):
        missing = missing_members(found, kind)
        wrong = f"it does not implement {missing}" if missing else None
    else:
        is_one = isinstance(found, cast("type[T]", kind))
        wrong = None if is_one else f"it is a `{type(found).__name__}`, not a `{kind.__name__}`"
    if wrong:
        raise refusal(point, noun, wrong)
    return cast("T", found)


def refusal(point: EntryPoint | Clash, noun: str, wrong: str) -> SpecError:
    """The error that what an entry point offers is not what it should be.

    Args:
        point: the entry point.
        noun: what it should be, in a word: "backend".
        wrong: what is wrong with it: "it is a `str`, not a `Pass`".
    """
    from inceptgraph.diagnostics import Code

    message = f"`{point.value}` is offered as the {noun} `{point.name}`: {wrong}"
    return _error(Code.BROKEN_PLUGIN, message, f"mend it, or uninstall {package(point.dist)}")


def _error(code: Code, message: str, help: str) -> SpecError:
    from inceptgraph.diagnostics import Diagnostic, SpecError  # `--help` does without these

    return SpecError([Diagnostic(code, message, help=help)])


def missing_members(found: object, protocol: Callable[..., Any]) -> str:
    """The members of a protocol that an object lacks, in the order of their declaration; empty
    where it has all.

    >>> from inceptgraph.backend import Backend
    >>> missing_members(3, Backend)
    '`name`, `supports`, `lower`'
    """
    members: dict[str, None] = {}
    for base in reversed(inspect.getmro(cast("type", protocol))):
        if getattr(base, "_is_protocol", False):
            members |= dict.fromkeys([*inspect.get_annotations(base), *vars(base)])
    wanted = (name for name in members if not name.startswith("_") or name == "__call__")
    return ", ".join(f"`{name}`" for name in wanted if not hasattr(found, name))
