"""What a network amounts to, from a spec."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inceptgraph.arguments import check
from inceptgraph.diagnostics import Source
from inceptgraph.graph import Graph
from inceptgraph.pipeline._analyze import graph_of
from inceptgraph.pipeline._kinds import KINDS

if TYPE_CHECKING:
    from inceptgraph.analysis import Outline

__all__ = ["summary"]


def summary(
    spec: str | Path | Source | Graph,
    *,
    set: Mapping[str, Any] | None = None,
    depth: int | None = None,
) -> Outline:
    """The outline of a network: its stages and what is in them, with shapes and exact costs.

    Args:
        spec: a path, ``-``, a shipped spec's name, a :class:`Source`, or a graph.
        set: values of the spec to replace, by path.
        depth: levels of parts: 1 for the stages alone, None for all.

    Returns:
        What :func:`inceptgraph.analysis.to_text` and :func:`inceptgraph.analysis.to_json` write.

    Raises:
        SpecError: the spec has errors; it holds all findings.
        TypeError: an argument has the wrong type, or ``set`` is given with a graph.
        ValueError: the depth is less than 1.

    >>> network = summary("googlenet")
    >>> network.cost.macs, network.stages[0].path, network.stages[0].out
    (1582671872, 'conv1', (64, 112, 112))
    """
    from inceptgraph.analysis import outline  # `check` need not wait for it

    check(KINDS, {"depth": depth})
    return outline(graph_of(spec, set), depth)
