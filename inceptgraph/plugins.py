"""What installed packages offer through entry points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeGuard, TypeVar

from inceptgraph.diagnostics import Code, Diagnostic, SpecError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["loaded", "points"]

T = TypeVar("T")


def points(group: str) -> Mapping[str, EntryPoint]:
    """The entry points of a group by their names, sorted."""
    from importlib.metadata import entry_points  # most commands need none

    found = {point.name: point for point in entry_points(group=group)}
    return dict(sorted(found.items()))


def loaded(point: EntryPoint, fits: Callable[[object], TypeGuard[T]], noun: str, need: str) -> T:
    """What an entry point offers; where that is a class, an object of it.

    Args:
        point: the entry point.
        fits: whether something is what it should be.
        noun: what it should be, with its article left out: "backend".
        need: what one has, after "it lacks".

    Raises:
        SpecError: it cannot be loaded, or is something else.
    """
    try:
        offered = point.load()
        found = offered() if isinstance(offered, type) else offered
    except SpecError:
        raise
    except Exception as error:  # a plug-in may fail in any way
        message = f"the {noun} `{point.name}` cannot be loaded: {type(error).__name__}: {error}"
        missing = error.name if isinstance(error, ModuleNotFoundError) else None
        needs = f"what it needs (`pip install {missing}`)" if missing else "what it needs"
        hint = f"install {needs}, or mend the package that offers `{point.value}`"
        raise SpecError([Diagnostic(Code.BROKEN_PLUGIN, message, help=hint)]) from error
    if not fits(found):
        message = f"`{point.value}` is offered as the {noun} `{point.name}`: it lacks {need}"
        raise SpecError([Diagnostic(Code.BROKEN_PLUGIN, message)])
    return found
