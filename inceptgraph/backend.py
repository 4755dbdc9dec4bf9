"""What a backend is, and how one is found.

A backend turns a graph into something else: a model, a drawing, a file. A package offers one
through the entry-point group ``inceptgraph.backends``; the entry point's name is the backend's.
"""

from __future__ import annotations

from typing import Any, Protocol, runtime_checkable

from inceptgraph.errors import Code, Diagnostic, Label, SpecError, did_you_mean
from inceptgraph.graph import Graph
from inceptgraph.ops import Input, Operation

__all__ = ["ENTRY_POINTS", "Backend", "check_support", "find", "names"]

ENTRY_POINTS = "inceptgraph.backends"


@runtime_checkable
class Backend(Protocol):
    """Turns graphs into something else."""

    name: str

    def supports(self, operation: type[Operation]) -> bool:
        """Whether the backend has a rule for this operation."""

    def lower(self, graph: Graph, **options: Any) -> Any:
        """Turn a verified graph with shapes into what the backend makes.

        Args:
            graph: both phases; take ``graph.phase("eval")`` for what runs at inference.
            options: the backend's own.
        """


def names() -> tuple[str, ...]:
    """The installed backends."""
    from importlib.metadata import entry_points

    return tuple(sorted({point.name for point in entry_points(group=ENTRY_POINTS)}))


def find(name: str) -> Backend:
    """The backend of this name.

    Raises:
        SpecError: no installed package offers it, or the one that does cannot be loaded.
    """
    from importlib.metadata import entry_points

    for point in entry_points(group=ENTRY_POINTS, name=name):
        try:
            offered = point.load()
        except Exception as error:  # a plug-in may fail in any way
            message = f"the backend `{name}` cannot be loaded: {type(error).__name__}: {error}"
            hint = f"install what it needs, or mend the package that offers `{point.value}`"
            raise SpecError([Diagnostic(Code.BROKEN_PLUGIN, message, help=hint)]) from error
        backend = offered() if isinstance(offered, type) else offered
        if not isinstance(backend, Backend):
            message = f"`{point.value}` is not a backend: it lacks `name`, `supports` or `lower`"
            raise SpecError([Diagnostic(Code.BROKEN_PLUGIN, message)])
        return backend
    installed = names()
    hint = did_you_mean(name, installed) or f"installed: {', '.join(installed) or 'none'}"
    message = f"there is no backend `{name}`"
    raise SpecError([Diagnostic(Code.UNKNOWN_BACKEND, message, help=hint)])


def check_support(backend: Backend, graph: Graph) -> None:
    """Refuse a graph that holds an operation for which the backend has no rule.

    Raises:
        SpecError: one finding an operation, at the first step that uses it.
    """
    missing: dict[type[Operation], Diagnostic] = {}
    for node in graph.nodes.values():
        kind = type(node.op)
        # inputs are where data enters, not work to be done: no backend needs a rule for them
        if kind is Input or kind in missing or backend.supports(kind):
            continue
        message = f"the backend `{backend.name}` has no rule for `{kind.op}`"
        labels = (Label(node.origin.span, f"`{node.name}` uses it"),) if node.origin else ()
        hint = "use another operation, or install a package that adds the rule"
        missing[kind] = Diagnostic(Code.UNSUPPORTED_OPERATION, message, labels, help=hint)
    if missing:
        raise SpecError(missing.values())
