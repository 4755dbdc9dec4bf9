"""The backend: options in, a picture or its text out."""

from __future__ import annotations

from typing import Any, Final, Literal, get_args

from inceptgraph.graph import Graph
from inceptgraph.ops import Operation
from inceptgraph_graphviz.blocks import make_picture
from inceptgraph_graphviz.dot import Direction, Look, write
from inceptgraph_graphviz.style import DARK, LIGHT, Heat, ThemeName

__all__ = ["FORMATS", "Format", "Graphviz", "to_dot"]

Format = Literal["svg", "png", "pdf", "dot", "mermaid"]
FORMATS: Final[tuple[str, ...]] = get_args(Format)


class Graphviz:
    """Draws graphs."""

    name = "graphviz"

    def supports(self, operation: type[Operation]) -> bool:
        """Every operation has a label and a family, which is all that a diagram needs."""
        return True

    def lower(self, graph: Graph, *, format: Format = "svg", **options: Any) -> str | bytes:
        """Draw a graph.

        Args:
            graph: with shapes; both phases.
            format: one of :data:`FORMATS`.
            options: those of :func:`to_dot`; of them Mermaid heeds ``direction`` alone.

        Returns:
            Text for ``dot``, ``mermaid`` and ``svg``; bytes for ``png`` and ``pdf``.

        Raises:
            SpecError: no renderer is installed, or it failed (never for DOT and Mermaid).
            ValueError: an option has a value that it does not know.
        """
        _check("format", format, FORMATS)
        if format == "mermaid":
            from inceptgraph_graphviz.mermaid import write as write_mermaid

            return write_mermaid(make_picture(graph), direction=_look(**options).direction)
        dot = to_dot(graph, **options)
        if format == "dot":
            return dot
        from inceptgraph_graphviz.render import render

        drawn = render(dot, format)
        if format != "svg":
            return drawn
        from inceptgraph_graphviz.svg import polish

        return polish(drawn.decode(), title=graph.name, auto=options.get("theme", "auto") == "auto")


def to_dot(
    graph: Graph,
    *,
    depth: int = 2,
    fold: bool | int = True,
    heat: Heat = "macs",
    direction: Direction = "TB",
    theme: ThemeName = "auto",
    legend: bool = True,
) -> str:
    """The diagram of a graph in the language DOT.

    Args:
        graph: with shapes; both phases.
        depth: 1 for a box a stage, 2 for the operations an author would name, 3 for all of them.
        fold: columns: True for as many as suit a page, False for one, or how many at most.
        heat: what tints the blocks: ``macs``, ``params``, ``memory`` (the elements of their
            activations) or ``none``.
        direction: ``TB`` runs down, ``LR`` to the right.
        theme: ``light``, ``dark``, or ``auto`` for an SVG that follows its viewer (else light).
        legend: caption the picture with the network's name and cost, and explain the colours.

    Raises:
        ValueError: an option has a value that it does not know.
    """
    look = _look(depth, fold, heat, direction, theme, legend)
    return write(make_picture(graph, fuse=depth < 3, by_stage=depth == 1), look)


def _look(
    depth: int = 2,
    fold: bool | int = True,
    heat: Heat = "macs",
    direction: Direction = "TB",
    theme: ThemeName = "auto",
    legend: bool = True,
) -> Look:
    """The options of :func:`to_dot`, checked."""
    _check("depth", depth, (1, 2, 3))
    _check("heat", heat, get_args(Heat))
    _check("direction", direction, get_args(Direction))
    _check("theme", theme, get_args(ThemeName))
    return Look(DARK if theme == "dark" else LIGHT, depth, fold, heat, direction, legend)


def _check(option: str, value: object, known: tuple[object, ...]) -> None:
    if value not in known:
        words = ", ".join(map(str, known))
        raise ValueError(f"{option} is one of {words}, not {value!r}")
