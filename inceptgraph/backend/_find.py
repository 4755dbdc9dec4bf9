"""Backends by their names, and by what they can do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar, cast

from inceptgraph import plugins
from inceptgraph.backend._protocols import (
    Backend,
    ExportBackend,
    ModelBackend,
    ReadingBackend,
    WeightsBackend,
)
from inceptgraph.diagnostics import Code, Diagnostic, SpecError, did_you_mean

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = [
    "ENTRY_POINTS",
    "MODEL",
    "find",
    "find_able",
    "find_export",
    "find_model",
    "find_reader",
    "find_weights",
    "names",
]

B = TypeVar("B")

ENTRY_POINTS = "inceptgraph.backends"

MODEL = "torch"
"""The backend that makes models, and whose engines and lab are measured with."""


def names() -> tuple[str, ...]:
    """The installed backends."""
    return tuple(plugins.points(ENTRY_POINTS))


def find(name: str) -> Backend:
    """The backend of this name.

    Raises:
        SpecError: no installed package offers it, or several do, or the one that does cannot be
            loaded.
    """
    point = _offered(name)
    found = plugins.load(point, "backend")
    if plugins.missing_members(found, Backend) and isinstance(found, ReadingBackend):
        message = f"the backend `{name}` reads networks, and makes nothing of them"
        hint = f'use `inceptgraph.read(…, backend="{name}")`'
        raise SpecError([Diagnostic(Code.UNKNOWN_BACKEND, message, help=hint)])
    return plugins.checked(found, point, Backend, "backend")


def find_model(name: str) -> ModelBackend:
    """The backend of this name, which keeps models in directories.

    Raises:
        SpecError: there is none, or it does not.
    """
    return find_able(name, ModelBackend, "save models")


def find_export(name: str) -> ExportBackend:
    """The backend of this name, which exports to files of other programs.

    Raises:
        SpecError: there is none, or it does not, or what it needs is not installed.
    """
    return find_able(name, ExportBackend, "export files")


def find_weights(name: str) -> WeightsBackend:
    """The backend of this name, which reads files of weights.

    Raises:
        SpecError: there is none, or it does not.
    """
    return find_able(name, WeightsBackend, "read files of weights")


def find_reader(name: str) -> ReadingBackend:
    """The backend of this name, which reads networks.

    Raises:
        SpecError: there is none, or it does not, or what it needs is not installed.
    """
    return find_able(name, ReadingBackend, "read networks")


def find_able(name: str, kind: Callable[..., B], ability: str) -> B:
    """The backend of this name, which can do more, or something else, than lower a graph.

    Args:
        name: of the backend.
        kind: the protocol of what can do it.
        ability: what it can do, after "cannot".

    Raises:
        SpecError: there is none, or it cannot; the finding names what it does not implement.
    """
    found = plugins.load(_offered(name), "backend")
    if missing := plugins.missing_members(found, kind):
        message = f"the backend `{name}` cannot {ability}: it does not implement {missing}"
        raise SpecError([Diagnostic(Code.UNKNOWN_BACKEND, message)])
    return cast("B", found)


def _offered(name: str) -> EntryPoint | plugins.Clash:
    offered = plugins.points(ENTRY_POINTS)
    if name in offered:
        return offered[name]
    hint = did_you_mean(name, offered) or f"installed: {', '.join(offered) or 'none'}"
    message = f"there is no backend `{name}`"
    raise SpecError([Diagnostic(Code.UNKNOWN_BACKEND, message, help=hint)])
