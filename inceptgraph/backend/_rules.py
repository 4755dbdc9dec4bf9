"""Rules of backends for operations: which there are, and what is said where one is missing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from inceptgraph import plugins
from inceptgraph.backend._protocols import Backend
from inceptgraph.diagnostics import Code, Diagnostic, Label, SpecError
from inceptgraph.graph import Graph
from inceptgraph.ops import Input, Operation

__all__ = ["check_support", "find_rule", "has_rule_in"]


def has_rule_in(rules: Any, kind: type[Operation], group: str) -> bool:
    """True where a backend has a rule for an operation, its own or an installed package's.

    Args:
        rules: a ``functools.singledispatch`` over operations; a package's rule is registered in it.
        kind: the operation.
        group: of the entry points, named after operations, through which packages offer rules.

    Raises:
        SpecError: a package's cannot be loaded, or is none, or several offer it.
    """
    if rules.dispatch(kind) is not rules.dispatch(object):
        return True
    rule = find_rule(kind.op, group)
    if rule is not None:
        rules.register(kind, rule)
    return rule is not None


def find_rule(name: str, group: str) -> Callable[..., Any] | None:
    """The rule that an installed package offers, if one does.

    Args:
        name: what it is for: an operation, or an operator that a front end reads.
        group: of the entry points.

    Raises:
        SpecError: it cannot be loaded, or cannot be called, or several packages offer it.
    """
    point = plugins.points(group).get(name)
    return None if point is None else plugins.loaded(point, _Rule, "rule")


class _Rule(Protocol):
    def __call__(self, *args: Any, **kwargs: Any) -> Any: ...


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
